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

"""Which place of the network's grid answers for which module; numpy only.

Centre sampling (FCOS, 2019): the places within RADIUS strides of a box's centre
are asked for it, the nearest box first. Around them is a ring where nothing is
asked: to tell a centre from its neighbour's is no use to anybody. Modules that are
hardly in the picture are nobody's: their places are left out, too.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edge_infer.datasets.frames import Boxes

RADIUS = 0.8
"""Strides, along each axis: one to four places a box, and always at least one."""

RING = 1.3
"""Strides around a centre within which other places may say what they like."""

ENOUGH_VISIBLE = 0.6
"""Share of a module that must be in the picture for it to be asked for."""

NOTHING, IGNORED = -1, -2
"""Of a place where no module's centre is, and of one that is not asked."""

_STEPS = np.array([(x, y) for y in range(-2, 3) for x in range(-2, 3)])


def assign(boxes: Boxes, batch: int, rows: int, columns: int, stride: int) -> NDArray[np.int64]:
    """Hand each box to the places near its centre.

    Args:
        boxes: whose ``frame`` counts within the batch.
        batch: how many frames.
        rows: of places.
        columns: of places.
        stride: pixels from one place to the next.

    Returns:
        (batch, rows, columns), index of the box whose centre is there; NOTHING or IGNORED
        where there is none.
    """
    grid = np.full((batch, rows, columns), NOTHING, np.int64)
    centre = (boxes.xyxy[:, :2] + boxes.xyxy[:, 2:]) / (2 * stride)
    place = np.floor(centre).astype(np.int64)[:, None] + _STEPS
    offset = np.abs(place + 0.5 - centre[:, None]).max(axis=2)
    inside = ((place >= 0) & (place < (columns, rows))).all(axis=2)
    asked = boxes.visible >= ENOUGH_VISIBLE

    box, step = np.nonzero(inside & (offset <= RING))
    x, y = place[box, step].T
    grid[boxes.frame[box], y, x] = IGNORED

    box, step = np.nonzero(inside & (offset <= RADIUS))
    # Where two boxes want one place the nearest is written last, and stays.
    order = np.argsort(-offset[box, step], kind="stable")
    box, (x, y) = box[order], place[box, step][order].T
    grid[boxes.frame[box], y, x] = np.where(asked[box], box, IGNORED)
    return grid
