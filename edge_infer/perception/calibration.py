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

"""A camera's calibration from a file, as ROS's camera_calibration writes it."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from edge_infer.domain import DISTORTION_MODELS, CameraModel
from edge_infer.errors import FrameError


def load_calibration(url: str) -> CameraModel:
    """The camera of a YAML file.

    Args:
        url: as camera drivers take it: a path, ``file://PATH`` or ``package://PACKAGE/PATH``.

    Raises:
        FrameError: the file is not there, or is no calibration.
    """
    path = _path(url)
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise FrameError(
            f"the calibration {path} cannot be read", "correct camera_info_url"
        ) from error
    return parse_calibration(text, str(path))


def parse_calibration(text: str, name: str) -> CameraModel:
    """The camera that a calibration states; raises FrameError, which names the file."""
    try:
        found = yaml.safe_load(text)
        fx, _, cx, _, fy, cy, *_ = _numbers(found["camera_matrix"])
        model = str(found.get("distortion_model") or found.get("camera_model") or "plumb_bob")
        lens = _numbers(found.get("distortion_coefficients") or {"data": []})
        width, height = int(found["image_width"]), int(found["image_height"])
    except (yaml.YAMLError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise FrameError(
            f"{name} is no calibration as camera_calibration writes it",
            "give it image_width, image_height and camera_matrix",
        ) from error
    if min(fx, fy, width, height) <= 0:
        raise FrameError(f"{name} has no usable focal length or size", "calibrate the camera")
    if len(lens) > DISTORTION_MODELS.get(model, -1):
        raise FrameError(
            f"{name} has the distortion model {model!r} with {len(lens)} coefficients",
            f"calibrate with one of {', '.join(DISTORTION_MODELS)}",
        )
    return CameraModel(width, height, fx, fy, cx, cy, tuple(lens), model)


def _numbers(matrix: Any) -> list[float]:
    values = [float(value) for value in matrix["data"]]
    if not all(map(math.isfinite, values)):
        raise ValueError("not finite")
    return values


def _path(url: str) -> Path:
    if url.startswith("package://"):
        package, _, rest = url.removeprefix("package://").partition("/")
        for share in _shares():
            if (share / package / rest).is_file():
                return share / package / rest
        raise FrameError(f"no sourced package {package!r} has {rest}", "source it, or give a path")
    return Path(url.removeprefix("file://")).expanduser()


def _shares() -> Iterator[Path]:
    """Where a sourced ROS 2 has the packages' files."""
    for prefix in os.environ.get("AMENT_PREFIX_PATH", "").split(os.pathsep):
        if prefix:
            yield Path(prefix) / "share"
