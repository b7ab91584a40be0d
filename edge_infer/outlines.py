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

"""Outlines of things in pictures: four corners each, numpy only.

An outline is (4, 2) x and y in continuous pixel coordinates (the left edge of the
first pixel is 0), clockwise as seen in the picture: top left, top right, bottom
right, bottom left of an upright thing. It may reach outside the picture.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Outlines = NDArray[np.float32]
"""(n, 4, 2)"""


def of_boxes(xyxy: NDArray[np.float32]) -> Outlines:
    """The corners of (n, 4) boxes."""
    return np.asarray(xyxy[:, [0, 1, 2, 1, 2, 3, 0, 3]].reshape(-1, 4, 2))


def bounds(outlines: Outlines) -> NDArray[np.float32]:
    """(n, 4) xyxy of the smallest boxes around them."""
    return np.concatenate([outlines.min(axis=1), outlines.max(axis=1)], axis=1)


def sizes(outlines: Outlines) -> NDArray[np.float32]:
    """(n,) sides of the squares that are as large as their bounds."""
    return np.asarray(np.sqrt(np.ptp(outlines, axis=1).prod(axis=1)))


def from_top_left(outlines: Outlines) -> Outlines:
    """The same outlines, each begun at its corner with the least x + y."""
    return _begun_at(outlines, outlines.sum(axis=2).argmin(axis=1))


def clockwise(outlines: Outlines) -> Outlines:
    """The same outlines, those turned round that were drawn the other way."""
    x, y = outlines[..., 0], outlines[..., 1]
    twice_area = (x * np.roll(y, -1, axis=1) - np.roll(x, -1, axis=1) * y).sum(axis=1)
    return np.where((twice_area < 0)[:, None, None], outlines[:, ::-1], outlines)


def short_side_up(outlines: Outlines) -> Outlines:
    """The same outlines, each begun so that its first side is no longer than its second."""
    sides = np.linalg.norm(outlines[:, 1:3] - outlines[:, :2], axis=2)
    return _begun_at(outlines, (sides[:, 0] > sides[:, 1]).astype(np.int64))


def _begun_at(outlines: Outlines, first: NDArray[np.int64]) -> Outlines:
    corner = (first[:, None] + np.arange(4)) % 4
    return np.take_along_axis(outlines, corner[:, :, None], axis=1)
