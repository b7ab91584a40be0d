# Copyright 2026 The edge_infer maintainers
#
# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
# You may obtain a copy of the License at
#
#     http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
# See the License for the specific language governing permissions and
# limitations under the License.

"""Image files become camera frames; the only file of this room that reads the disk."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from edge_infer.domain import CameraFrame
from edge_infer.errors import FrameError

IMAGE_SUFFIXES = (".bmp", ".jpeg", ".jpg", ".pgm", ".png", ".tif", ".tiff")


def images_in(folder: str | Path) -> list[Path]:
    """The image files of a folder, by name; raises FrameError when there are none."""
    root = Path(folder)
    if not str(folder) or not root.is_dir():
        raise FrameError(f"{str(folder)!r} is no folder", "name a folder of images")
    files = sorted(file for file in root.iterdir() if file.suffix.lower() in IMAGE_SUFFIXES)
    if not files:
        raise FrameError(
            f"{folder} holds no images", f"put {', '.join(IMAGE_SUFFIXES)} files there"
        )
    return files


def read_image(path: str | Path) -> CameraFrame:
    """Read an image file of any bit depth as mono8 or bgr8.

    Deeper images, such as 16-bit radiometric ones, are stretched from their
    smallest to their greatest value.

    Raises:
        FrameError: the file is absent, or is no image that OpenCV reads.
    """
    file = Path(path)
    if not file.is_file():
        raise FrameError(f"image {file} is not there", "name an image file that exists")
    return decode_image(file.read_bytes(), str(file))


def decode_image(content: bytes, name: str) -> CameraFrame:
    """The same for the bytes of an image file; ``name`` is how errors call it."""
    data = np.frombuffer(content, np.uint8)
    try:
        image = cv2.imdecode(data, cv2.IMREAD_UNCHANGED) if data.size else None
    except cv2.error:
        image = None  # it claims to be larger than OpenCV takes
    if image is None:
        raise FrameError(f"{name} is no readable image", "use a PNG, JPEG or TIFF that is whole")
    if image.dtype != np.uint8:
        image = _stretched(image)
    if image.ndim == 3 and image.shape[2] == 4:
        image = cv2.cvtColor(image, cv2.COLOR_BGRA2BGR)
    if image.ndim == 3 and image.shape[2] == 1:
        image = image[:, :, 0]
    encoding = "mono8" if image.ndim == 2 else "bgr8"
    return CameraFrame(np.asarray(image, np.uint8), encoding, 0, Path(name).name)


def _stretched(image: cv2.typing.MatLike) -> cv2.typing.MatLike:
    values = np.nan_to_num(np.asarray(image, np.float64))
    low, high = float(values.min()), float(values.max())
    return np.asarray((values - low) * (255.0 / max(high - low, 1e-9)) + 0.5).astype(np.uint8)
