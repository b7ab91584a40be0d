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

"""Points near a point, exactly: a hash grid over whole millimetres, and one over time as well.

Distances are horizontal and compared as integers (dx² + dy² <= reach²), so two
machines never disagree about a pair that lies just at the edge. Height and what
the points mean are not here.
"""

from __future__ import annotations

from typing import Generic, Protocol, TypeVar

_COLUMN = 1 << 24
"""Cells per column of the grid, in the numbering of cells. Cells that many rows
apart share a number; the distance decides, so that costs time and nothing else."""


class Located(Protocol):
    """Something with a place in the fleet frame."""

    @property
    def x_mm(self) -> int:
        """East."""

    @property
    def y_mm(self) -> int:
        """North."""


class Passing(Located, Protocol):
    """Something with a place at a time."""

    @property
    def stamp_ns(self) -> int:
        """When."""


PointT = TypeVar("PointT", bound=Located)
PassingT = TypeVar("PassingT", bound=Passing)


class HashGrid(Generic[PointT]):
    """A set of points that finds those near a place without looking at the others.

    Args:
        radius_mm: the usual reach of a question. A cell's side is twice as long,
            so that such a question meets four cells at most.
    """

    def __init__(self, radius_mm: int) -> None:
        self._radius_mm = radius_mm
        self._side = max(1, 2 * radius_mm)
        self._cells: dict[int, list[PointT]] = {}

    def __bool__(self) -> bool:
        return bool(self._cells)

    def insert(self, point: PointT) -> None:
        """Add a point; it must not be in the grid."""
        self._cells.setdefault(self._cell(point), []).append(point)

    def remove(self, point: PointT) -> None:
        """Take out a point that is in the grid."""
        cell = self._cell(point)
        points = self._cells[cell]
        points.remove(point)
        if not points:
            del self._cells[cell]

    def within(self, x_mm: int, y_mm: int, reach_mm: int) -> list[PointT]:
        """The points no farther than ``reach_mm`` from a place, in no set order."""
        side, cells = self._side, self._cells
        reach2 = reach_mm * reach_mm
        west, south = (x_mm - reach_mm) // side, (y_mm - reach_mm) // side
        columns = (x_mm + reach_mm) // side - west
        rows = (y_mm + reach_mm) // side - south + 1
        first = west * _COLUMN + south
        found = []
        for bottom in range(first, first + columns * _COLUMN + 1, _COLUMN):
            for cell in range(bottom, bottom + rows):
                if cell in cells:
                    for point in cells[cell]:
                        dx = point.x_mm - x_mm
                        dy = point.y_mm - y_mm
                        if dx * dx + dy * dy <= reach2:
                            found.append(point)
        return found

    def around(self, point: Located, times: int) -> list[PointT]:
        """The points no farther from a point than so many times the usual reach."""
        return self.within(point.x_mm, point.y_mm, times * self._radius_mm)

    def _cell(self, point: PointT) -> int:
        return point.x_mm // self._side * _COLUMN + point.y_mm // self._side


class SlabGrid(Generic[PassingT]):
    """Points that pass: a hash grid for each slab of time.

    A thing that is watched for an hour leaves as many points in one cell as there
    are windows in the hour; a question looks at those of its own time alone.

    Args:
        radius_mm: the usual reach of a question.
        window_ns: its usual reach in time, 1 or more. A slab is twice as long.
    """

    def __init__(self, radius_mm: int, window_ns: int) -> None:
        self._radius_mm = radius_mm
        self._window_ns = window_ns
        self._slabs: dict[int, HashGrid[PassingT]] = {}

    def insert(self, point: PassingT) -> None:
        """Add a point; it must not be in the grid."""
        slab = self._slab(point.stamp_ns)
        if slab not in self._slabs:
            self._slabs[slab] = HashGrid(self._radius_mm)
        self._slabs[slab].insert(point)

    def remove(self, point: PassingT) -> None:
        """Take out a point that is in the grid."""
        slab = self._slab(point.stamp_ns)
        self._slabs[slab].remove(point)
        if not self._slabs[slab]:
            del self._slabs[slab]

    def around(self, point: Passing, times: int) -> list[PassingT]:
        """The points no farther from a point than so many times the usual reach, in no set order.

        They lie within it in space; in time some may lie a slab farther off.
        """
        span_ns = times * self._window_ns
        first, last = self._slab(point.stamp_ns - span_ns), self._slab(point.stamp_ns + span_ns)
        slabs = (self._slabs.get(slab) for slab in range(first, last + 1))
        return [near for grid in slabs if grid for near in grid.around(point, times)]

    def _slab(self, stamp_ns: int) -> int:
        return stamp_ns // (2 * self._window_ns)
