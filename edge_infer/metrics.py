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

"""Durations as histograms that merge across nodes, and counters.

Geometric buckets: a quantile is right to within half a bucket, 2.5 % here,
whatever the distribution, and the histograms of many nodes add up. (The idea
of DDSketch, Masson et al., VLDB 2019.)
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

FIRST_MS = 0.01
GROWTH = 1.05
BUCKETS = 400
"""0.01 ms * 1.05^399 is 47 minutes; what takes longer counts as that."""


@dataclass
class Histogram:
    """Counts of durations in geometric buckets, milliseconds."""

    counts: list[int] = field(default_factory=lambda: [0] * BUCKETS)

    def add(self, duration_ms: float) -> None:
        """Count one duration; a negative one counts as zero."""
        self.counts[self._bucket(duration_ms)] += 1

    def merge(self, counts: Sequence[int]) -> None:
        """Add the counts of another histogram; trailing zeros may be left out."""
        for index, count in enumerate(counts[:BUCKETS]):
            self.counts[index] += int(count)

    def quantile(self, q: float) -> float | None:
        """The duration below which the share ``q`` lies; None when nothing was counted."""
        total = sum(self.counts)
        if total == 0:
            return None
        rank = q * (total - 1)
        seen = 0
        for index, count in enumerate(self.counts):
            seen += count
            if seen > rank:
                return self._middle(index)
        raise AssertionError("rank lies within the total")

    @property
    def total(self) -> int:
        """How many durations were counted."""
        return sum(self.counts)

    def trimmed(self) -> list[int]:
        """The counts without trailing zeros, as they go on the wire."""
        last = max((i for i, count in enumerate(self.counts) if count), default=-1)
        return self.counts[: last + 1]

    @staticmethod
    def _bucket(duration_ms: float) -> int:
        if not duration_ms > FIRST_MS:
            return 0
        index = 1 + int(math.log(duration_ms / FIRST_MS) / math.log(GROWTH))
        return min(index, BUCKETS - 1)

    @staticmethod
    def _middle(index: int) -> float:
        if index == 0:
            return FIRST_MS / 2
        return FIRST_MS * math.pow(GROWTH, index - 0.5)
