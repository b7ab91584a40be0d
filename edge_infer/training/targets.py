"""Which place of the network's grid answers for which module; numpy only.

Centre sampling (FCOS, 2019): the places within RADIUS strides of a box's centre
are asked for it, the nearest box first. Around those of a fault is a ring where
nothing is asked: to tell its centre from its neighbour's is no use to anybody.
Faults that are hardly in the picture are nobody's: their places are left out, too.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from edge_infer.datasets.frames import Boxes

RADIUS = 0.8
"""Strides, along each axis: one to four places a box, and always at least one."""

RING = 1.5
"""Strides around a fault's centre within which other places may say what they like."""

ENOUGH_VISIBLE = 0.6
"""Share of a module that must be in the picture for it to be asked for."""

NOTHING, IGNORED = -1, -2
"""Of a place that is to see no fault, and of one that is not asked."""

_STEPS = np.array([(x, y) for y in range(-2, 3) for x in range(-2, 3)])


class Targets(NamedTuple):
    """What each place should say.

    Attributes:
        class_id: (batch, rows, columns) int64; NOTHING or IGNORED where there is no fault.
        xyxy: (batch, rows, columns, 4) float32, input pixels, of the module, healthy or
            not, that the place lies on; zero where there is none.
    """

    class_id: NDArray[np.int64]
    xyxy: NDArray[np.float32]


def assign(boxes: Boxes, batch: int, rows: int, columns: int, stride: int) -> Targets:
    """Hand each box to the places near its centre; ``frame`` counts within the batch."""
    class_id = np.full((batch, rows, columns), NOTHING, np.int64)
    xyxy = np.zeros((batch, rows, columns, 4), np.float32)
    centre = (boxes.xyxy[:, :2] + boxes.xyxy[:, 2:]) / (2 * stride)
    place = np.floor(centre).astype(np.int64)[:, None] + _STEPS
    offset = np.abs(place + 0.5 - centre[:, None]).max(axis=2)
    inside = ((place >= 0) & (place < (columns, rows))).all(axis=2)
    fault = boxes.class_id >= 0

    box, step = np.nonzero(inside & fault[:, None] & (offset <= RING))
    x, y = place[box, step].T
    class_id[boxes.frame[box], y, x] = IGNORED

    box, step = np.nonzero(inside & (offset <= RADIUS))
    # Where two boxes want one place the nearest is written last, and stays.
    order = np.argsort(-offset[box, step], kind="stable")
    box, (x, y) = box[order], place[box, step][order].T
    asked = boxes.visible >= ENOUGH_VISIBLE
    wanted = np.where(fault, np.where(asked, boxes.class_id, IGNORED), NOTHING)
    class_id[boxes.frame[box], y, x] = wanted[box]
    xyxy[boxes.frame[box], y, x] = boxes.xyxy[box]
    return Targets(class_id, xyxy)
