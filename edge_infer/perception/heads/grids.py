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

"""The grids of places that dense heads look from: how many, where, and at which stride."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from edge_infer.perception.heads.base import Given

Strides = tuple[int, ...]
"""Input pixels from one place to the next, one number for each grid, in the output's order."""

P5: Strides = (8, 16, 32)
P6: Strides = (8, 16, 32, 64)
P2: Strides = (4, 8, 16, 32)
TINY: Strides = (16, 32)
"""Named as the levels of feature pyramids are: Pn has a stride of two to the n."""


class Grid(NamedTuple):
    """Places of all grids, one after the other, each row by row.

    Attributes:
        cell: (n, 2) float32, column and row.
        stride: (n, 1) float32, input pixels.
    """

    cell: NDArray[np.float32]
    stride: NDArray[np.float32]


def places(width: int, height: int, strides: Strides) -> int:
    """How many there are on an input of this size; a part of a cell is a place too."""
    return sum(-(-width // stride) * -(-height // stride) for stride in strides)


def strides_of(
    count: int | None, width: int, height: int, known: tuple[Strides, ...]
) -> Strides | None:
    """Which of the known sets has so many places; None for none of them."""
    return next((s for s in known if places(width, height, s) == count), None)


def dense(
    given: Given, known: tuple[Strides, ...], each: int = 1, turned: bool = False
) -> Iterator[tuple[str, int]]:
    """Name and channels of each output [1, n, channels] that has ``each`` boxes at each place.

    Args:
        given: of the model.
        known: sets of strides that the head comes with.
        each: how many boxes.
        turned: whether the output is [1, channels, n] instead.
    """
    for spec in given.outputs:
        if len(spec.shape) != 3 or spec.shape[0] not in (1, None):
            continue
        channels, count = spec.shape[1:] if turned else spec.shape[:0:-1]
        if count is None or channels is None or count % each:
            continue
        if strides_of(count // each, given.width, given.height, known):
            yield spec.name, channels


@lru_cache(maxsize=8)
def grid(width: int, height: int, strides: Strides) -> Grid:
    """The places on an input of this size; not to be written to."""
    cells, widths = [], []
    for stride in strides:
        rows, columns = -(-height // stride), -(-width // stride)
        y, x = np.mgrid[:rows, :columns]
        cells.append(np.stack([x.ravel(), y.ravel()], axis=1))
        widths.append(np.full((rows * columns, 1), stride))
    return Grid(np.concatenate(cells).astype(np.float32), np.concatenate(widths).astype(np.float32))
