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

"""What was found, drawn into a copy of the frame for people to look at."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_infer.domain import CameraFrame, Detections
from edge_infer.perception.class_colours import class_colour

Image = NDArray[np.uint8]
Colour = tuple[int, int, int]

LINE_SHARE, TEXT_SHARE = 1 / 500, 1 / 900
"""Width of a line in pixels and size of the text, of the image's shorter side."""

LEAST_TEXT, GREATEST_TEXT = 0.35, 2.0
"""Size of the text, in OpenCV's font."""

_FONT = cv2.FONT_HERSHEY_SIMPLEX
_DARK, _LIGHT = (20, 20, 20), (250, 250, 250)
_TO_BGR = {"mono8": cv2.COLOR_GRAY2BGR, "rgb8": cv2.COLOR_RGB2BGR}


def annotated(frame: CameraFrame, found: Detections, labels: Sequence[str]) -> Image:
    """The frame as (height, width, 3) BGR with a box, a name and a score for each find.

    Bright lines lie on dark ones, so both a white and a black picture show them; the
    best find is drawn last.
    """
    code = _TO_BGR.get(frame.encoding)
    image = np.asarray(frame.image.copy() if code is None else cv2.cvtColor(frame.image, code))
    boxes = np.rint(np.nan_to_num(found.xyxy)).astype(int)
    for index in reversed(range(len(found))):
        name = labels[int(found.class_id[index])]
        text = f"{name} {found.confidence[index]:.2f}"
        _draw(image, boxes[index].tolist(), text, colour(name))
    return image


def colour(class_name: str) -> Colour:
    """The BGR colour of a class."""
    red, green, blue = class_colour(class_name)
    return round(255 * blue), round(255 * green), round(255 * red)


def _draw(image: Image, box: Sequence[int], text: str, bright: Colour) -> None:
    left, top, right, bottom = box
    line = max(1, round(min(image.shape[:2]) * LINE_SHARE))
    for shade, width in ((_DARK, line + 2), (bright, line)):
        cv2.rectangle(image, (left, top), (right - 1, bottom - 1), shade, width)
    _write(image, (left, top), text.encode("ascii", "replace").decode(), bright, line)


def _write(image: Image, corner: tuple[int, int], text: str, ground: Colour, line: int) -> None:
    """Text on a ground of the box's colour: above its corner, or inside where there is no room."""
    height, width = image.shape[:2]
    size = min(max(min(height, width) * TEXT_SHARE, LEAST_TEXT), GREATEST_TEXT)
    (text_width, text_height), below = cv2.getTextSize(text, _FONT, size, line)
    full_width, full_height = text_width + 4, text_height + below + 2
    left = max(0, min(corner[0], width - full_width))
    top = corner[1] - full_height if corner[1] >= full_height else max(corner[1], 0)
    cv2.rectangle(image, (left, top), (left + full_width, top + full_height), ground, cv2.FILLED)
    shade = _DARK if _luminance(ground) > 110 else _LIGHT
    at = (left + 2, top + text_height + 1)
    cv2.putText(image, text, at, _FONT, size, shade, line, cv2.LINE_AA)


def _luminance(bgr: Colour) -> float:
    """0..255, as ITU-R BT.601 weighs colours."""
    return 0.114 * bgr[0] + 0.587 * bgr[1] + 0.299 * bgr[2]
