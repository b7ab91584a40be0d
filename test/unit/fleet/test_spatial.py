"""The hash grid against looking at every point."""

from __future__ import annotations

from typing import NamedTuple

from hypothesis import given
from hypothesis import strategies as st

from edge_infer.fleet.spatial import HashGrid


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
