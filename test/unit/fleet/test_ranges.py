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

"""Ranges of identities against plain sets of numbers."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from edge_infer.fleet.ranges import LogRange, add_number, common, cut_below, head, minus

RANGES = st.lists(
    st.builds(
        LogRange,
        st.sampled_from("ab"),
        st.integers(1, 2),
        st.integers(0, 20),
        st.integers(0, 20),
    ),
    max_size=8,
)


def numbers(ranges: list[LogRange]) -> set[tuple[str, int, int]]:
    return {(r.source, r.boot, k) for r in ranges for k in range(r.first, r.last + 1)}


def is_canonical(ranges: list[LogRange]) -> bool:
    apart = all(a[:2] != b[:2] or a.last + 1 < b.first for a, b in pairwise(ranges))
    return apart and ranges == sorted(ranges) and all(r.first <= r.last for r in ranges)


@given(RANGES, RANGES)
def test_set_arithmetic(a: list[LogRange], b: list[LogRange]) -> None:
    assert numbers(minus(a, b)) == numbers(a) - numbers(b)
    assert numbers(common(a, b)) == numbers(a) & numbers(b)
    assert is_canonical(minus(a, b))
    assert is_canonical(common(a, b))


@given(RANGES, st.integers(0, 30))
def test_head_takes_the_first(ranges: list[LogRange], limit: int) -> None:
    ordered = minus(ranges, [])
    assert numbers(head(ordered, limit)) == set(sorted(numbers(ordered))[:limit])


@given(st.permutations(range(12)), st.integers(0, 12))
def test_numbers_one_by_one(order: list[int], count: int) -> None:
    spans: list[tuple[int, int]] = []
    for number in order[:count]:
        add_number(spans, number)
    as_ranges = [LogRange("a", 1, *span) for span in spans]
    assert numbers(as_ranges) == {("a", 1, number) for number in order[:count]}
    assert is_canonical(as_ranges)


def test_neighbours_become_one_range() -> None:
    parts = [LogRange("a", 1, 4, 5), LogRange("a", 1, 1, 3), LogRange("a", 2, 6, 6)]
    assert minus(parts, []) == [LogRange("a", 1, 1, 5), LogRange("a", 2, 6, 6)]


def test_a_range_as_wide_as_the_numbers_go_costs_nothing() -> None:
    everything = [LogRange("a", 1, 0, 2**32 - 1)]
    assert minus(everything, [LogRange("a", 1, 7, 9)]) == [
        LogRange("a", 1, 0, 6),
        LogRange("a", 1, 10, 2**32 - 1),
    ]


@given(st.sets(st.integers(0, 20)), st.integers(0, 22))
def test_cutting_parts_the_numbers_in_two(held: set[int], number: int) -> None:
    spans: list[tuple[int, int]] = []
    for one in held:
        add_number(spans, one)
    cut = [LogRange("a", 1, *span) for span in cut_below(spans, number)]
    kept = [LogRange("a", 1, *span) for span in spans]
    assert {k for _, _, k in numbers(cut)} == {k for k in held if k < number}
    assert {k for _, _, k in numbers(kept)} == {k for k in held if k >= number}
    assert is_canonical(cut)
    assert is_canonical(kept)
