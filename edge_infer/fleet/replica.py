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

"""What one coordinator knows: a log of sightings, floors and records, merged in any order.

``log[(source, boot)][sequence] = sighting`` above ``floor[(source, boot)]`` is a
join-semilattice (Shapiro et al., "Conflict-free replicated data types", SSS
2011): floors only rise, a sighting comes once, and one below the floor is garbage
whether it was known or comes late. So replicas that got the same, in whatever
order and however often, hold the same state and show the same digest
(``fingerprint.py``).

Who asks whom for what is missing is decided in ``gossip.py``, who raises a floor
when in ``floors.py``.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator

from edge_infer.domain import Sighting, SightingId
from edge_infer.errors import FleetError, IdentityConflictError
from edge_infer.fleet.fingerprint import digest_of, fingerprint, quoted
from edge_infer.fleet.floors import Floor
from edge_infer.fleet.ranges import (
    Log,
    LogRange,
    Span,
    add_number,
    common,
    cut_below,
    head,
    minus,
    to_ranges,
)
from edge_infer.fleet.records import Records

__all__ = ["LogRange", "Replica", "canonical_bytes"]

_SIGHTING = struct.Struct(">cIIqQdqqqddd")
_FLOOR = struct.Struct(">cII")


class _Log:
    """What one (source, boot) wrote, as far as it is known and not garbage."""

    __slots__ = ("floor", "sightings", "spans")

    def __init__(self) -> None:
        self.floor = 0
        self.sightings: dict[int, Sighting] = {}
        self.spans: list[Span] = []
        """The numbers of the sightings, ordered and disjoint."""


class Replica:
    """A set of sightings, floors below which they are forgotten, and the fleet's records.

    Attributes:
        records: last values and counts.
        conflicts: sightings that were refused because their identity stood for
            another payload here.
        late: sightings that were refused because they are garbage.
        forgotten: sightings that were known and have become garbage.
    """

    def __init__(self, sightings: Iterable[Sighting] = (), floors: Iterable[Floor] = ()) -> None:
        self.records = Records()
        self.conflicts = 0
        self.late = 0
        self.forgotten = 0
        self._logs: dict[Log, _Log] = {}
        self._count = 0
        self._sum = 0
        self.raise_floors(floors)
        self.add_all(sightings)

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[Sighting]:
        for log in self._logs.values():
            yield from log.sightings.values()

    def __contains__(self, identity: SightingId) -> bool:
        log = self._logs.get(identity[:2])
        return log is not None and identity.sequence in log.sightings

    def add(self, sighting: Sighting) -> bool:
        """Take in one sighting; whether it was new. One below the floor is refused and counted.

        Raises:
            IdentityConflictError: its identity is known with another payload. The
                replica stays as it was.
            FleetError: one of its numbers does not fit its field. Likewise.
        """
        conflicts = self.conflicts
        is_new = self._take_in(sighting)
        if self.conflicts > conflicts:
            raise IdentityConflictError(
                f"sighting {sighting.id} arrived with two different payloads",
                f"give each source its own name and boot counter: two call themselves "
                f"{sighting.id.source!r}",
            )
        return is_new

    def add_all(self, sightings: Iterable[Sighting]) -> list[Sighting]:
        """Take in many; returns those that were new. Conflicting ones are refused and counted."""
        return [sighting for sighting in sightings if self._take_in(sighting)]

    def raise_floors(self, floors: Iterable[Floor]) -> list[Sighting]:
        """Take in floors, one's own or another replica's; returns what is forgotten now."""
        gone: list[Sighting] = []
        for floor in floors:
            gone += self._raise(floor)
        self.forgotten += len(gone)
        return gone

    def merge(self, other: Replica) -> list[Sighting]:
        """Take in all that another replica holds; returns what was new.

        What its floors do is not told: ask ``raise_floors`` first to hear of it.
        """
        self.raise_floors(other.floors())
        self.records.merge(other.records)
        return self.add_all(other)

    def digest(self) -> str:
        """64 hexadecimal digits: equal digests mean equal sightings, floors and records."""
        return digest_of(self._count, self._sum + self.records.fingerprint())

    def ranges(self) -> list[LogRange]:
        """What this replica holds, ordered by source, boot, first."""
        return to_ranges({key: log.spans for key, log in self._logs.items()})

    def floors(self) -> list[Floor]:
        """Below which numbers all is garbage, ordered by source, boot; without those at 0."""
        return [Floor(*key, log.floor) for key, log in sorted(self._logs.items()) if log.floor]

    def missing(self, theirs: Iterable[LogRange]) -> list[LogRange]:
        """What they hold and this replica does not, without what is garbage here."""
        theirs = list(theirs)
        known = {key: self._logs[key] for key in {r[:2] for r in theirs} if key in self._logs}
        held = [
            LogRange(*key, first, last)
            for key, log in known.items()
            for first, last in [(0, log.floor - 1), *log.spans]
        ]
        return minus(theirs, held)

    def take(self, ranges: Iterable[LogRange], limit: int) -> list[Sighting]:
        """Of these ranges what this replica holds, the first ``limit`` by identity."""
        return [
            self._logs[source, boot].sightings[sequence]
            for source, boot, first, last in head(common(ranges, self.ranges()), limit)
            for sequence in range(first, last + 1)
        ]

    def _take_in(self, sighting: Sighting) -> bool:
        source, boot, sequence = sighting.id
        log = self._logs.get((source, boot))
        if log is None:
            log = self._logs[source, boot] = _Log()
        if sequence < log.floor:
            self.late += 1
            return False
        known = log.sightings.get(sequence)
        if known is not None:
            self._meet_again(known, sighting)
            return False
        self._sum += fingerprint(canonical_bytes(sighting))
        log.sightings[sequence] = sighting
        add_number(log.spans, sequence)
        self._count += 1
        return True

    def _raise(self, floor: Floor) -> list[Sighting]:
        log = self._logs.setdefault((floor.source, floor.boot), _Log())
        if floor.below <= log.floor:
            return []
        if log.floor:
            self._sum -= fingerprint(_floor_bytes(floor._replace(below=log.floor)))
        self._sum += fingerprint(_floor_bytes(floor))
        log.floor = floor.below
        gone = [
            log.sightings.pop(sequence)
            for first, last in cut_below(log.spans, floor.below)
            for sequence in range(first, last + 1)
        ]
        self._count -= len(gone)
        self._sum -= sum(fingerprint(canonical_bytes(sighting)) for sighting in gone)
        return gone

    def _meet_again(self, known: Sighting, sighting: Sighting) -> None:
        if not _same(known, sighting):
            self.conflicts += 1


def _same(a: Sighting, b: Sighting) -> bool:
    """Whether they say the same; equality would take 0.0 for -0.0, and NaN for nothing."""
    return a is b or canonical_bytes(a) == canonical_bytes(b)


def canonical_bytes(sighting: Sighting) -> bytes:
    """All that a sighting says; the same bytes on every machine.

    An S, the numbers in big-endian order (boot, sequence, stamp, frame, score, x,
    y, z, covariance), then source, class and model version as JSON strings in
    ASCII. Text all through would take four times as long.

    Raises:
        FleetError: a number does not fit its field.
    """
    s = sighting
    source, boot, sequence = s.id
    try:
        numbers = _SIGHTING.pack(
            b"S", boot, sequence, s.stamp_ns, s.frame, s.score,
            s.x_mm, s.y_mm, s.z_mm, *s.covariance_m2,
        )  # fmt: skip
    except struct.error as error:
        raise FleetError(
            f"sighting {s.id} has a number out of range ({error})",
            f"update edge_infer on {source}",
        ) from error
    names = f"{quoted(source)}{quoted(s.class_name)}{quoted(s.model_version)}"
    return numbers + names.encode("ascii")


def _floor_bytes(floor: Floor) -> bytes:
    """An F and a floor, likewise."""
    return _FLOOR.pack(b"F", floor.boot, floor.below) + quoted(floor.source).encode("ascii")
