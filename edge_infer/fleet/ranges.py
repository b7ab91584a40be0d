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

"""Which sightings, in few words: sets of identities as ranges of sequence numbers.

Ranges, not a highest number, because a crash or a loss leaves gaps. Results are
ordered, disjoint and as few as can be. Nothing here counts through a range, so
a range as wide as the numbers go costs no more than a narrow one.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

Log = tuple[str, int]
"""Source and boot: one numbering of sightings."""

Span = tuple[int, int]
"""First and last number, both included; empty when it ends before it starts."""


class LogRange(NamedTuple):
    """Sightings ``first`` to ``last``, both included, of one (source, boot)."""

    source: str
    boot: int
    first: int
    last: int


def common(ranges: Iterable[LogRange], others: Iterable[LogRange]) -> list[LogRange]:
    """What is in both."""
    ranges = list(ranges)
    return minus(ranges, minus(ranges, others))


def minus(ranges: Iterable[LogRange], others: Iterable[LogRange]) -> list[LogRange]:
    """What is in the ranges and not in the others."""
    logs = _by_log(ranges)
    without = _by_log(other for other in others if (other[0], other[1]) in logs)
    return to_ranges({log: list(_difference(spans, without[log])) for log, spans in logs.items()})


def head(ranges: Iterable[LogRange], limit: int) -> list[LogRange]:
    """The first ``limit`` identities of disjoint ranges."""
    taken = []
    for source, boot, first, last in ranges:
        if limit <= 0:
            break
        taken.append(LogRange(source, boot, first, min(last, first + limit - 1)))
        limit -= last - first + 1
    return taken


def to_ranges(spans: Mapping[Log, list[Span]]) -> list[LogRange]:
    """The ranges of each (source, boot), ordered by source, boot, first."""
    return [LogRange(*log, *span) for log in sorted(spans) for span in spans[log]]


def add_number(spans: list[Span], number: int) -> None:
    """Put a number that is not there into ordered, disjoint spans, in place."""
    if spans and spans[-1][1] == number - 1:  # the next one, as nearly always
        spans[-1] = (spans[-1][0], number)
        return
    at = bisect_right(spans, (number, number))
    first = last = number
    if at < len(spans) and spans[at][0] == number + 1:
        last = spans.pop(at)[1]
    if at > 0 and spans[at - 1][1] == number - 1:
        at -= 1
        first = spans.pop(at)[0]
    spans.insert(at, (first, last))


def cut_below(spans: list[Span], number: int) -> list[Span]:
    """Take the numbers below this one out of ordered, disjoint spans, in place; returns them."""
    at = bisect_right(spans, (number, -1))
    cut = spans[:at]
    del spans[:at]
    if cut and cut[-1][1] >= number:
        first, last = cut[-1]
        cut[-1] = (first, number - 1)
        spans.insert(0, (number, last))
    return cut


def _by_log(ranges: Iterable[LogRange]) -> defaultdict[Log, list[Span]]:
    spans: defaultdict[Log, list[Span]] = defaultdict(list)
    for source, boot, first, last in ranges:
        spans[source, boot].append((first, last))
    return defaultdict(list, {log: _union(given) for log, given in spans.items()})


def _union(spans: list[Span]) -> list[Span]:
    if len(spans) == 1 and spans[0][0] <= spans[0][1]:
        return spans
    merged: list[Span] = []
    for first, last in sorted(span for span in spans if span[0] <= span[1]):
        if merged and first <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(merged[-1][1], last))
        else:
            merged.append((first, last))
    return merged


def _difference(spans: list[Span], without: list[Span]) -> Iterator[Span]:
    at = 0
    for first, last in spans:
        while at < len(without) and without[at][1] < first:
            at += 1
        hole = at
        while hole < len(without) and without[hole][0] <= last:
            if first < without[hole][0]:
                yield first, without[hole][0] - 1
            first = without[hole][1] + 1
            hole += 1
        if first <= last:
            yield first, last
