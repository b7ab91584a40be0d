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

"""A user's own labelled images: a folder in COCO or YOLO form.

Images may have any size and bit depth; a frame is grey, like a thermal camera's.
Nothing is kept in memory but the labels, so a folder may be as large as the disk.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from edge_infer.datasets.annotations import Annotations
from edge_infer.datasets.coco import read_coco, write_coco
from edge_infer.datasets.frames import LabelledFrame, area, cut, scaled, varied
from edge_infer.datasets.pictures import PARTS, SHARES, Part, parts_of
from edge_infer.datasets.yolo import is_yolo, read_yolo
from edge_infer.errors import DatasetError, FrameError
from edge_infer.perception.images import read_image

ZOOM = (0.8, 2.0)
"""Least and greatest scale of a window, against that at which the whole image fits it."""

BORDER = 114
"""Grey level beside an image: the default of the networks' letterbox."""


@dataclass(frozen=True, eq=False)
class LabelledFolder:
    """Labelled images on disk, read one by one.

    Attributes:
        path: the folder or the annotation file that was named.
        annotations: of all images, as the label files have them.
    """

    path: Path
    annotations: Annotations

    @property
    def labels(self) -> tuple[str, ...]:
        """Class names; index is the class id."""
        return self.annotations.labels

    @property
    def paths(self) -> tuple[Path, ...]:
        """Of the images."""
        return self.annotations.paths

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> LabelledFrame:
        """One image and its boxes in pixels; raises DatasetError when it cannot be read."""
        path, boxes = self.paths[index], self.annotations.boxes[index]
        image = _read_grey(path)
        height, width = image.shape
        if self.annotations.relative:
            boxes = boxes.mapped((width, height), (0.0, 0.0))
        xyxy = np.clip(boxes.xyxy, 0, np.array([width, height] * 2, np.float32))
        if (area(xyxy) <= 0).any():
            raise DatasetError(
                f"a box of {path} lies beside its {width}x{height} pixels",
                "correct its labels, or the image",
            )
        return LabelledFrame(image, boxes._replace(xyxy=xyxy))

    def __iter__(self) -> Iterator[tuple[Path, LabelledFrame]]:
        """All images in order; raises DatasetError at one that cannot be read."""
        for index, path in enumerate(self.paths):
            yield path, self[index]

    @cached_property
    def parts(self) -> NDArray[np.int64]:
        """(n,) index into PARTS of each image, by the bytes of its file alone."""
        return parts_of(_bytes(path) for path in self.paths)

    def take(self, part: Part) -> LabelledFolder:
        """The images of one part; raises DatasetError when there are none."""
        rows = np.flatnonzero(self.parts == PARTS.index(part)).tolist()
        if not rows:
            raise DatasetError(
                f"none of the {len(self)} images of {self.path} falls to {part}", "add images"
            )
        paths = tuple(self.paths[row] for row in rows)
        boxes = tuple(self.annotations.boxes[row] for row in rows)
        return LabelledFolder(self.path, self.annotations._replace(paths=paths, boxes=boxes))

    def to_json(self) -> dict[str, Any]:
        """What there is and how it is split: counts, digest of images and labels, the rule."""
        counts = np.bincount(self.parts, minlength=len(PARTS))
        digest = hashlib.sha256(repr(self.labels).encode())
        for path, boxes in zip(self.paths, self.annotations.boxes, strict=True):
            digest.update(hashlib.sha256(_bytes(path)).digest())
            digest.update(boxes.xyxy.tobytes() + boxes.class_id.tobytes())
        return {
            "rule": "first 8 bytes of the SHA-256 of an image's file, as a share of 2**64",
            "ends": dict(zip(PARTS, SHARES, strict=True)),
            "images": dict(zip(PARTS, counts.tolist(), strict=True)),
            "sha256": digest.hexdigest(),
        }


def open_folder(path: str | Path) -> LabelledFolder:
    """Recognise the form of a folder and read its labels.

    Args:
        path: a folder in COCO or YOLO form, or one COCO annotation file.

    Raises:
        DatasetError: there is no such folder, or its labels cannot be used.
    """
    root = Path(path)
    annotations = _annotations(root)
    if not annotations.paths:
        raise DatasetError(f"{path} lists no images", "add labelled images")
    return LabelledFolder(root, annotations)


class FolderSource:
    """Cuts windows out of the images of a folder: a FrameSource.

    Half of them look at a labelled thing, so that things that are rare are still seen.

    Args:
        folder: where the images are.
        width, height: of a window, pixels.
    """

    def __init__(self, folder: LabelledFolder, width: int, height: int) -> None:
        self._folder = folder
        self._size = (width, height)

    def __call__(self, rng: Generator) -> LabelledFrame:
        """See FrameSource; raises DatasetError when an image cannot be read."""
        frame = self._folder[int(rng.integers(len(self._folder)))]
        scale = _fitting(frame, self._size) * np.exp(rng.uniform(*np.log(ZOOM)))
        inner = np.array(frame.image.shape[::-1]) * scale
        middle = rng.random(2) * inner
        if len(frame.boxes.frame) and rng.random() < 0.5:
            box = frame.boxes.xyxy[rng.integers(len(frame.boxes.frame))]
            middle = (box[:2] + box[2:]) / 2 * scale + rng.uniform(-0.4, 0.4, 2) * self._size
        slack = inner - self._size
        corner = np.clip(middle - np.array(self._size) / 2, np.minimum(slack, 0), slack.clip(0))
        return varied(_window(frame, float(scale), corner, self._size), rng)


def fit(frame: LabelledFrame, width: int, height: int) -> LabelledFrame:
    """The whole frame, scaled into the middle of one of another size."""
    scale = _fitting(frame, (width, height))
    corner = (np.array(frame.image.shape[::-1]) * scale - (width, height)) / 2
    return _window(frame, scale, corner, (width, height))


def _annotations(root: Path) -> Annotations:
    if root.is_file() and root.suffix == ".json":
        return read_coco(
            root, root.parent.parent if root.parent.name == "annotations" else root.parent
        )
    if not root.is_dir():
        raise DatasetError(f"{root} is no folder", "name a folder in COCO or YOLO form")
    if is_yolo(root):
        return read_yolo(root)
    files = sorted([*root.glob("*.json"), *(root / "annotations").glob("*.json")])
    if not files:
        raise DatasetError(
            f"{root} holds no labels", "add annotations.json (COCO), or images/ and labels/ (YOLO)"
        )
    if len(files) > 1:
        names = ", ".join(str(file.relative_to(root)) for file in files)
        raise DatasetError(f"{root} holds several annotation files", f"name one of {names}")
    return read_coco(files[0], root)


def _read_grey(path: Path) -> NDArray[np.uint8]:
    try:
        frame = read_image(path)
    except FrameError as error:
        raise DatasetError(
            error.problem, "replace it, or take it and its labels out of the folder"
        ) from error
    if frame.encoding == "mono8":
        return frame.image
    return np.asarray(cv2.cvtColor(frame.image, cv2.COLOR_BGR2GRAY), np.uint8)


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise DatasetError(
            f"{path} cannot be read ({error.strerror})", "check its permissions"
        ) from error


def _fitting(frame: LabelledFrame, size: tuple[int, int]) -> float:
    height, width = frame.image.shape
    return float(min(size[0] / width, size[1] / height))


def _window(
    frame: LabelledFrame, scale: float, corner: NDArray[np.float64], size: tuple[int, int]
) -> LabelledFrame:
    """Scale a frame and cut a window of (width, height) that begins at (x, y) of the result."""
    resized = scaled(frame, scale, cv2.INTER_AREA if scale <= 0.5 else cv2.INTER_LINEAR)
    height, width = resized.image.shape
    left, top = (round(value) for value in corner.tolist())
    before_x, before_y = max(-left, 0), max(-top, 0)
    after_x, after_y = max(left + size[0] - width, 0), max(top + size[1] - height, 0)
    image = cv2.copyMakeBorder(
        resized.image, before_y, after_y, before_x, after_x, cv2.BORDER_CONSTANT, value=BORDER
    )
    boxes = resized.boxes.mapped((1.0, 1.0), (before_x, before_y))
    padded = LabelledFrame(np.asarray(image, np.uint8), boxes)
    return cut(padded, left + before_x, top + before_y, *size)


__all__ = ["FolderSource", "LabelledFolder", "fit", "open_folder", "write_coco"]
