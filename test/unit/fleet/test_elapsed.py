"""Time passes as the clock does, but not backwards, and not farther at once than is allowed."""

from __future__ import annotations

import pytest

from edge_infer.fleet.elapsed import Elapsed


@pytest.mark.parametrize(
    ("most_s", "looks", "expected"),
    [
        (float("inf"), [100.0, 101.5, 104.0], [0.0, 1.5, 4.0]),
        (float("inf"), [100.0, 101.0, 40.0, 41.0], [0.0, 1.0, 1.0, 2.0]),
        (2.0, [100.0, 101.0, 200.0, 201.0, 7.0], [0.0, 1.0, 3.0, 4.0, 4.0]),
    ],
)
def test_it_follows_a_clock_that_is_set(
    most_s: float, looks: list[float], expected: list[float]
) -> None:
    elapsed = Elapsed(most_s)
    assert [elapsed.at(clock_s) for clock_s in looks] == expected
    assert elapsed.now_s == expected[-1]
