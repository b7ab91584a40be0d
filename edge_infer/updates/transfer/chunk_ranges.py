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

"""Chunk numbers as ranges, as they stand in messages."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

Range = tuple[int, int]
"""First and last, inclusive."""
MOST_RANGES = 256
"""In one list: what does not fit is told when some of the rest has been settled."""


def to_ranges(numbers: Iterable[int]) -> tuple[Range, ...]:
    """Neighbours joined, in order, the first ``MOST_RANGES`` of them."""
    ranges: list[Range] = []
    for number in sorted(numbers):
        if ranges and ranges[-1][1] == number - 1:
            ranges[-1] = ranges[-1][0], number
        else:
            ranges.append((number, number))
    return tuple(ranges[:MOST_RANGES])


def numbers_in(ranges: Iterable[Range], below: int) -> Iterator[int]:
    """All numbers of ranges from anybody, none of ``below`` or more, none twice.

    Ranges that are not in order, as honest ones are, count only as far as they rise.
    """
    least = 0
    for first, last in ranges:
        end = min(last + 1, below)
        yield from range(max(first, least), end)
        least = max(least, end)
