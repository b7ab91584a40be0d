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

"""Chunk numbers as ranges, from friends and strangers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_infer.updates.transfer.chunk_ranges import MOST_RANGES, Range, numbers_in, to_ranges


@given(st.sets(st.integers(0, 300)))
def test_there_and_back(numbers: set[int]) -> None:
    assert list(numbers_in(to_ranges(numbers), 301)) == sorted(numbers)


def test_neighbours_are_joined_and_there_are_not_too_many() -> None:
    assert to_ranges([7, 1, 2, 3, 9]) == ((1, 3), (7, 7), (9, 9))
    assert len(to_ranges(range(0, 10_000, 2))) == MOST_RANGES


@pytest.mark.parametrize(
    ("ranges", "expected"),
    [
        ([(0, 2**32 - 1)], [0, 1, 2, 3, 4]),
        ([(3, 1), (9, 12)], []),
        ([(0, 3), (2, 4)], [0, 1, 2, 3, 4]),
        ([(3, 4), (0, 1)], [3, 4]),
        ([(0, 4)] * 1000, [0, 1, 2, 3, 4]),
        ([(-5, 1)], [0, 1]),
    ],
    ids=["endless", "backwards", "overlapping", "out of order", "repeated", "negative"],
)
def test_ranges_of_strangers(ranges: list[Range], expected: list[int]) -> None:
    assert list(numbers_in(ranges, 5)) == expected


@given(st.lists(st.tuples(st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1))))
def test_no_number_comes_twice_or_from_outside(ranges: list[Range]) -> None:
    numbers = list(numbers_in(ranges, 100))
    assert numbers == sorted(set(numbers))
    assert all(0 <= number < 100 for number in numbers)
