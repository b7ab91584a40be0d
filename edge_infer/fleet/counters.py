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

"""Counts that the whole fleet agrees on: each start of each source counts for itself.

A grow-only counter (Shapiro et al., "Conflict-free replicated data types", SSS
2011): one number per (source, boot, name), that only its writer raises; merging
takes the higher one, so repeats and disorder change nothing. A boot of its own
is what lets a drone begin at 0 again. What is counted is decided elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from edge_infer.errors import FleetError
from edge_infer.fleet.fingerprint import digest_of, fingerprint, quoted

MOST_COUNT = 2**64 - 1
"""What fits a count's field."""


class Count(NamedTuple):
    """How often something happened in one start of one source."""

    source: str
    boot: int
    name: str
    value: int


class Counters:
    """One replica's counts."""

    def __init__(self, counts: Iterable[Count] = ()) -> None:
        self._values: dict[tuple[str, int, str], int] = {}
        self._sum = 0
        self.merge(counts)

    def __len__(self) -> int:
        return len(self._values)

    def count(self, source: str, boot: int, name: str, by: int = 1) -> Count:
        """Raise an own count; returns what to tell the others.

        Raises:
            ValueError: counts do not fall.
            FleetError: it does not fit its field any more.
        """
        if by < 0:
            raise ValueError(f"{name} cannot be counted by {by}")
        count = Count(source, boot, name, self._values.get((source, boot, name), 0) + by)
        if count.value > MOST_COUNT:
            raise FleetError(
                f"{name!r} of {source}/{boot} would be more than {MOST_COUNT}",
                "start this node again: each start counts for itself",
            )
        self._raise(count)
        return count

    def merge(self, counts: Iterable[Count]) -> list[Count]:
        """Take in what another replica holds or told; returns what rose."""
        risen = []
        for count in counts:
            if count.value > self._values.get(count[:3], -1):
                self._raise(count)
                risen.append(count)
        return risen

    def total(self, name: str) -> int:
        """Of all sources and boots."""
        return sum(value for (*_, known), value in self._values.items() if known == name)

    def counts(self) -> list[Count]:
        """All, ordered by source, boot, name."""
        return [Count(*key, value) for key, value in sorted(self._values.items())]

    def canonical_bytes(self) -> bytes:
        """The state as lines of JSON in ASCII; the same bytes on every machine."""
        return b"".join(map(_line, self.counts()))

    def digest(self) -> str:
        """64 hexadecimal digits of the state."""
        return digest_of(len(self), self._sum)

    def fingerprint(self) -> int:
        """The sum of the counts' fingerprints; 0 of none."""
        return self._sum

    def _raise(self, count: Count) -> None:
        known = self._values.get(count[:3])
        if known is not None:
            self._sum -= fingerprint(b"C" + _line(count._replace(value=known)))
        self._sum += fingerprint(b"C" + _line(count))
        self._values[count[:3]] = count.value


def _line(count: Count) -> bytes:
    source, boot, name, value = count
    return f"[{quoted(source)},{boot},{quoted(name)},{value}]\n".encode("ascii")
