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

"""The hash grids against looking at every point."""

from __future__ import annotations

from typing import NamedTuple

from hypothesis import given
from hypothesis import strategies as st

from edge_infer.fleet.spatial import HashGrid, SlabGrid


class Point(NamedTuple):
    x_mm: int
    y_mm: int
    name: int


COORDINATES = st.one_of(st.integers(-30, 30), st.integers(-(2**60), 2**60))
PLACES = st.tuples(COORDINATES, COORDINATES)


@given(st.lists(PLACES, max_size=30), PLACES, st.integers(0, 40), st.integers(0, 15), st.data())
def test_within_finds_exactly_what_is_near(
    places: list[tuple[int, int]],
    centre: tuple[int, int],
    reach_mm: int,
    radius_mm: int,
    data: st.DataObject,
) -> None:
    points = [Point(x, y, name) for name, (x, y) in enumerate(places)]
    grid: HashGrid[Point] = HashGrid(radius_mm)
    for point in points:
        grid.insert(point)
    for point in data.draw(st.sets(st.sampled_from(points))) if points else ():
        grid.remove(point)
        points.remove(point)
    x, y = centre
    near = [p for p in points if (p.x_mm - x) ** 2 + (p.y_mm - y) ** 2 <= reach_mm**2]
    assert sorted(grid.within(x, y, reach_mm)) == sorted(near)


def test_the_edge_belongs_to_it() -> None:
    grid: HashGrid[Point] = HashGrid(5000)
    edge, beyond = Point(3000, 4000, 0), Point(3000, 4001, 1)
    grid.insert(edge)
    grid.insert(beyond)
    assert grid.within(0, 0, 5000) == [edge]
    assert grid.within(0, 0, 5001) == [edge, beyond]
    grid.remove(edge)
    assert grid.within(0, 0, 5000) == []


class Passing(NamedTuple):
    x_mm: int
    y_mm: int
    stamp_ns: int
    name: int


STAMPS = st.one_of(st.integers(0, 40), st.integers(0, 2**62))


@given(
    st.lists(st.tuples(COORDINATES, COORDINATES, STAMPS), max_size=30),
    st.tuples(COORDINATES, COORDINATES, STAMPS),
    st.integers(1, 2),
    st.integers(0, 15),
    st.integers(1, 10),
    st.data(),
)
def test_around_misses_nothing_of_its_time_and_finds_nothing_far_off(
    places: list[tuple[int, int, int]],
    centre: tuple[int, int, int],
    times: int,
    radius_mm: int,
    window_ns: int,
    data: st.DataObject,
) -> None:
    points = [Passing(*place, name) for name, place in enumerate(places)]
    grid: SlabGrid[Passing] = SlabGrid(radius_mm, window_ns)
    for point in points:
        grid.insert(point)
    for point in data.draw(st.sets(st.sampled_from(points))) if points else ():
        grid.remove(point)
        points.remove(point)
    here = Passing(*centre, -1)
    near = [
        p
        for p in points
        if (p.x_mm - here.x_mm) ** 2 + (p.y_mm - here.y_mm) ** 2 <= (times * radius_mm) ** 2
    ]
    found = grid.around(here, times)
    assert len(set(found)) == len(found)
    assert set(found) <= set(near)
    missed = set(near) - set(found)
    assert all(abs(p.stamp_ns - here.stamp_ns) > times * window_ns for p in missed)
    last_ns = (times + 2) * window_ns
    assert all(abs(p.stamp_ns - here.stamp_ns) <= last_ns for p in found)


def test_slabs_that_are_empty_leave_nothing_behind() -> None:
    grid: SlabGrid[Passing] = SlabGrid(10, 5)
    points = [Passing(0, 0, 100 * k, k) for k in range(50)]
    for point in points:
        grid.insert(point)
    for point in points:
        grid.remove(point)
    assert not grid._slabs
