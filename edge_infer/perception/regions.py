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

"""What a finder found, cut out of the picture: upright, and all of one size."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_infer.outlines import Outlines, short_side_up

_MOST_HALVINGS = 2
_IN_FAVOUR_OF_SMALL = 0.35
"""Halvings of the picture are rounded up from this fraction below one half: a region that is
sampled from too large a picture is full of noise, from too small a one a little blurred."""

_MOST_ROWS = 2**15 - 2
"""Of one call to OpenCV, which counts them in 16 bits."""


def cut_out(
    image: NDArray[np.uint8], outlines: Outlines, width: int, height: int
) -> NDArray[np.uint8]:
    """Cut things out.

    Args:
        image: (h, w) grey.
        outlines: (n, 4, 2), pixels of the image; what reaches outside of it is black.
        width: of a region, pixels.
        height: of a region, pixels; a thing that lies is turned by a quarter to stand.

    Returns:
        (n, height, width) uint8; bilinear, from the picture shrunk by 2 or 4 where the
        thing is so much larger.
    """
    upright = short_side_up(outlines)
    halvings = _halvings(upright, width)
    regions = np.empty((len(outlines), height, width), np.uint8)
    at_once = _MOST_ROWS // height
    for halving in np.unique(halvings):
        rows = np.flatnonzero(halvings == halving)
        scale = 0.5 ** int(halving)
        small = image if halving == 0 else _shrunk(image, scale)
        for start in range(0, len(rows), at_once):
            part = rows[start : start + at_once]
            where = _grid(upright[part] * np.float32(scale), width, height)
            regions[part] = _sampled(small, where).reshape(-1, height, width)
    return regions


def _halvings(upright: Outlines, width: int) -> NDArray[np.int64]:
    side = np.linalg.norm(upright[:, 1] - upright[:, 0], axis=1)
    times = np.log2(np.maximum(side, 1.0) / width) + _IN_FAVOUR_OF_SMALL
    return np.asarray(np.clip(np.floor(times), 0, _MOST_HALVINGS), np.int64)


def _grid(upright: Outlines, width: int, height: int) -> NDArray[np.float32]:
    """(n * height, width, 2) where each pixel of each region lies, counted from pixels' centres."""
    across = ((np.arange(width) + 0.5) / width).astype(np.float32)[:, None]
    down = ((np.arange(height) + 0.5) / height).astype(np.float32)[:, None, None]
    corners = (upright - np.float32(0.5)).transpose(1, 0, 2)[:, :, None]
    top_left, top_right, bottom_right, bottom_left = corners
    top = top_left + (top_right - top_left) * across
    bottom = bottom_left + (bottom_right - bottom_left) * across
    # In place: to touch new memory for each sum takes longer than the sums.
    where = (bottom - top)[:, None] * down
    where += top[:, None]
    return np.asarray(where.reshape(-1, width, 2))


def _sampled(image: NDArray[np.uint8], where: NDArray[np.float32]) -> NDArray[np.uint8]:
    return np.asarray(cv2.remap(image, where, None, cv2.INTER_LINEAR, borderValue=0), np.uint8)


def _shrunk(image: NDArray[np.uint8], scale: float) -> NDArray[np.uint8]:
    small = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    return np.asarray(small, np.uint8)
