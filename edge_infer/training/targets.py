"""Which place of the network's grid answers for which module; numpy only.

Centre sampling (FCOS, 2019): the places within RADIUS strides of a box's centre
are asked for it, the nearest box first. Modules that are hardly in the picture
are nobody's fault: their places are left out of the loss.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

RADIUS = 0.8
"""Strides, along each axis: one to four places a box, and always at least one."""

ENOUGH_VISIBLE = 0.6
"""Share of a module that must be in the picture for it to be asked for."""

NOTHING, IGNORED = -1, -2


class Boxes(NamedTuple):
    """The labels of several frames, one row a box.

    Attributes:
        frame: (m,) int64, index of the frame in its batch or data set.
        xyxy: (m, 4) float32, input pixels, cut at the picture's edges.
        class_id: (m,) int64.
        visible: (m,) float32, share of the module in the picture.
    """

    frame: NDArray[np.int64]
    xyxy: NDArray[np.float32]
    class_id: NDArray[np.int64]
    visible: NDArray[np.float32]

    def where(self, rows: NDArray[np.bool_] | NDArray[np.int64]) -> Boxes:
        """The rows that a mask or indices name."""
        return Boxes(self.frame[rows], self.xyxy[rows], self.class_id[rows], self.visible[rows])


class Targets(NamedTuple):
    """What each place should say.

    Attributes:
        class_id: (batch, rows, columns) int64; NOTHING or IGNORED where there is none.
        xyxy: (batch, rows, columns, 4) float32, input pixels; zero where there is none.
    """

    class_id: NDArray[np.int64]
    xyxy: NDArray[np.float32]


def assign(boxes: Boxes, batch: int, rows: int, columns: int, stride: int) -> Targets:
    """Hand each box to the places near its centre; ``frame`` counts within the batch."""
    class_id = np.full((batch, rows, columns), NOTHING, np.int64)
    xyxy = np.zeros((batch, rows, columns, 4), np.float32)
    centre = (boxes.xyxy[:, :2] + boxes.xyxy[:, 2:]) / (2 * stride)
    steps = np.array([(x, y) for y in (-1, 0, 1) for x in (-1, 0, 1)])
    place = np.floor(centre).astype(np.int64)[:, None] + steps
    offset = np.abs(place + 0.5 - centre[:, None]).max(axis=2)
    inside = ((place >= 0) & (place < (columns, rows))).all(axis=2)
    box, step = np.nonzero(inside & (offset <= RADIUS))
    # Where two boxes want one place the nearest is written last, and stays.
    order = np.argsort(-offset[box, step], kind="stable")
    box, (x, y) = box[order], place[box, step][order].T
    asked = boxes.visible >= ENOUGH_VISIBLE
    class_id[boxes.frame[box], y, x] = np.where(asked, boxes.class_id, IGNORED)[box]
    xyxy[boxes.frame[box], y, x] = boxes.xyxy[box]
    return Targets(class_id, xyxy)
