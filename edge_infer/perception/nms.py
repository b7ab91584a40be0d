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

"""Non-maximum suppression: of several boxes around one thing the best stays.

In numpy, because the batched one of OpenCV is missing from releases that robots still have,
and mixes classes where a box reaches left of the picture.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edge_infer.perception.heads.base import strongest


def nms(
    xyxy: NDArray[np.float32],
    score: NDArray[np.float32],
    group: NDArray[np.int32],
    max_iou: float,
) -> NDArray[np.intp]:
    """Greedy suppression within each group, over the best TOP_K boxes.

    Args:
        xyxy: (n, 4) left, top, right, bottom.
        score: (n,)
        group: (n,); boxes of different groups leave each other alone.
        max_iou: intersection over union above which two boxes are one thing.

    Returns:
        Indices of the boxes that stay, best first; equal scores in their order.
    """
    order = best_first(score)
    rival = overlapping(xyxy[order], max_iou)
    rival &= group[order, None] == group[order]
    # A row of the matrix as one whole number: who is suppressed is a single "or" away.
    rows = np.packbits(rival, axis=1, bitorder="little")
    suppressed, kept = 0, []
    for index, row in enumerate(rows):
        if not suppressed >> index & 1:
            suppressed |= int.from_bytes(row.tobytes(), "little")
            kept.append(index)
    return order[kept]


def best_first(score: NDArray[np.float32]) -> NDArray[np.intp]:
    """Indices of the best TOP_K scores, falling; equal ones in their order."""
    chosen = strongest(score, -np.inf)
    return chosen[np.argsort(-score[chosen], kind="stable")]


def overlapping(xyxy: NDArray[np.float32], max_iou: float) -> NDArray[np.bool_]:
    """(n, n) which of (n, 4) boxes share more than this part of their union."""
    x1, y1, x2, y2 = np.ascontiguousarray(xyxy.T)
    shared = _shared(x1, x2)
    height = _shared(y1, y2)
    shared *= height
    area = np.maximum(x2 - x1, 0) * np.maximum(y2 - y1, 0)
    # Not divided by the union: that costs as much as all the rest, and a union may be empty.
    least = np.add(area[:, None], area, out=height)
    least -= shared
    least *= np.float32(max_iou)
    return np.asarray(shared > least)


def _shared(low: NDArray[np.float32], high: NDArray[np.float32]) -> NDArray[np.float32]:
    """(n, n) lengths that intervals have in common."""
    length = np.minimum(high[:, None], high)
    length -= np.maximum(low[:, None], low)
    return np.maximum(length, 0, out=length)
