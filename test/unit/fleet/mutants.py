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

"""Planted faults: what the invariants must notice, one wrong part each.

Most are mistakes that somebody has made before; each converges often enough to
pass a test that only looks at the end. For tests alone: nothing flies with these.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

from fleet_world import Parts

from edge_infer.domain import Sighting, SightingId, Target
from edge_infer.fleet.counters import Count, Counters
from edge_infer.fleet.duplicates import Change
from edge_infer.fleet.fingerprint import digest_of, fingerprint
from edge_infer.fleet.floors import Floor, FloorKeeper
from edge_infer.fleet.fusion import fuse
from edge_infer.fleet.gate import Gate, conflict
from edge_infer.fleet.ranges import LogRange, minus
from edge_infer.fleet.registers import Entry, LastValues
from edge_infer.fleet.replica import Replica, canonical_bytes
from edge_infer.fleet.view import View


class IdWithoutBoot(Replica):
    """An identity is source and sequence."""

    def _take_in(self, sighting: Sighting) -> bool:
        known = any(
            s.id.source == sighting.id.source and s.id.sequence == sighting.id.sequence
            for s in self
        )
        return not known and super()._take_in(sighting)


class HighestNumberDigest(Replica):
    """What is held is told as a highest number."""

    def ranges(self) -> list[LogRange]:
        tops = {(r.source, r.boot): r.last for r in super().ranges()}
        return [LogRange(*log, 0, top) for log, top in tops.items()]

    def missing(self, theirs: Iterable[LogRange]) -> list[LogRange]:
        return minus(theirs, self.ranges())

    def take(self, ranges: Iterable[LogRange], limit: int) -> list[Sighting]:
        held = (s for r in ranges for s in self if s.id[:2] == r[:2])
        return [
            s
            for s in held
            if any(r[:2] == s.id[:2] and r.first <= s.id.sequence <= r.last for r in ranges)
        ][:limit]


class OwnClockTtl(FloorKeeper):
    """Each replica drops what is old by its own clock, and tells nobody."""

    def tick(self, replica: Any, now_s: float) -> list[Floor]:
        for sighting in list(replica):
            if now_s - sighting.stamp_ns / 1e9 > self._keep_s:
                log = replica._logs[sighting.id[:2]]
                del log.sightings[sighting.id.sequence]
                replica._count -= 1
                replica._sum -= fingerprint(canonical_bytes(sighting))
        return []


class EverybodysFloor(FloorKeeper):
    """Each replica raises the floors of all."""

    def _mark(self, replica: Any) -> None:
        self._sources = frozenset(r.source for r in replica.ranges())
        super()._mark(replica)


class AgeByClock(FloorKeeper):
    """A clock that is set ahead makes everything old at once."""

    def __init__(self, keep_s: float, sources: Collection[str]) -> None:
        super().__init__(keep_s, sources, step_s=float("inf"))


class LastWriterFloor(Replica):
    """The floor that came last stands."""

    def _raise(self, floor: Floor) -> list[Sighting]:
        log = self._logs.get(floor[:2])
        if log and floor.below < log.floor:
            log.floor = floor.below
        return super()._raise(floor)


class FloorTooHigh(Replica):
    """The number of the floor itself is forgotten as well."""

    def _raise(self, floor: Floor) -> list[Sighting]:
        return super()._raise(floor._replace(below=floor.below + 1))


class FloorOutsideDigest(Replica):
    """Floors do not count in the digest."""

    def digest(self) -> str:
        return digest_of(len(self), sum(fingerprint(canonical_bytes(s)) for s in self))


class FloorNotTold(Replica):
    """Floors stay with who raised them."""

    def floors(self) -> list[Floor]:
        return []


class GarbageKept(Replica):
    """A floor forgets nothing."""

    def _raise(self, floor: Floor) -> list[Sighting]:
        gone = super()._raise(floor)
        log = self._logs[floor[:2]]
        below, log.floor = log.floor, 0
        self.add_all(gone)
        log.floor = below
        return []


class GarbageComesBack(Replica):
    """What is below the floor is taken in when it comes late."""

    def _take_in(self, sighting: Sighting) -> bool:
        log = self._logs.get(sighting.id[:2])
        below, floor_of = (log.floor, log) if log else (0, None)
        if floor_of:
            floor_of.floor = 0
        try:
            return super()._take_in(sighting)
        finally:
            if floor_of:
                floor_of.floor = below


class GarbageAskedFor(Replica):
    """What peers hold below the floor is asked for."""

    def missing(self, theirs: Iterable[LogRange]) -> list[LogRange]:
        below = {floor[:2]: floor.below for floor in super().floors()}
        garbage = [r for r in theirs if r.first < below.get(r[:2], 0)]
        return [*garbage, *super().missing(theirs)]


class LastPayload(Replica):
    """A second payload replaces the first."""

    def _meet_again(self, known: Sighting, sighting: Sighting) -> None:
        source, boot, sequence = sighting.id
        self._logs[source, boot].sightings[sequence] = sighting


class SilentConflict(Replica):
    """A second payload is refused and not counted."""

    def _meet_again(self, known: Sighting, sighting: Sighting) -> None:
        return


class RepeatsCount(Replica):
    """What comes again counts again."""

    def _meet_again(self, known: Sighting, sighting: Sighting) -> None:
        super()._meet_again(known, sighting)
        self._sum += fingerprint(canonical_bytes(sighting))


class FloatSums(Replica):
    """Fingerprints are added as floats, so that order shows in the last digits."""

    def __init__(self, *args: Any) -> None:
        self._float = 0.0
        super().__init__(*args)

    def _take_in(self, sighting: Sighting) -> bool:
        if not super()._take_in(sighting):
            return False
        self._float += fingerprint(canonical_bytes(sighting)) / 2**256
        return True

    def digest(self) -> str:
        return f"{self._float!r} {super().floors()}"


class LengthAsDigest(Replica):
    """As many sightings, so the same sightings."""

    def digest(self) -> str:
        return f"{len(self)} {self.floors()}"


class ArrivalOrderView(View):
    """What came first is kept, and not what is best."""

    def __init__(self, gate: Gate) -> None:
        super().__init__(gate)
        self._came: dict[SightingId, Sighting] = {}

    def insert(self, sighting: Sighting) -> Change:
        self._came[sighting.id] = sighting
        return Change()

    def discard(self, identity: SightingId) -> Change:
        del self._came[identity]
        return Change()

    def targets(self) -> tuple[Target, ...]:
        groups: list[list[Sighting]] = []
        for one in self._came.values():
            group = next((g for g in groups if conflict(g[0], one, self._known.gate)), None)
            if group is None:
                groups.append([one])
            else:
                group.append(one)
        return tuple(sorted(map(fuse, groups), key=lambda target: target.id))


class ViewThatRemembers(View):
    """What is forgotten stays in the targets."""

    def discard(self, identity: SightingId) -> Change:
        return Change()


class StaleView(View):
    """What a forgotten sighting covered is not decided anew."""

    def _follow(self, change: Change) -> SightingId | None:
        return super()._follow(change._replace(regrouped=()))


class AddedCounters(Counters):
    """Merging adds."""

    def merge(self, counts: Iterable[Count]) -> list[Count]:
        counts = list(counts)
        for *key, value in counts:
            self._values[tuple(key)] = self._values.get(tuple(key), 0) + value
        return counts


class CountersWithoutBoot(Counters):
    """A restart counts on under the old name, from 0."""

    def count(self, source: str, boot: int, name: str, by: int = 1) -> Count:
        return super().count(source, 0, name, by)


class LastHeardValue(LastValues):
    """What came last stands."""

    def add(self, entry: Entry) -> bool:
        is_new = self._entries.get(entry.key) != entry
        self._entries[entry.key] = entry
        return is_new


class ValuesWithoutSource(LastValues):
    """Of two writes with one number the first to come stands."""

    def add(self, entry: Entry) -> bool:
        known = self._entries.get(entry.key)
        return (known is None or entry.stamp.counter > known.stamp.counter) and super().add(entry)


def _same_boot(_boot: int) -> int:
    return 1


MUTANTS = {
    "id without boot": Parts(replica=IdWithoutBoot),
    "highest number as digest": Parts(replica=HighestNumberDigest),
    "time to live by the own clock": Parts(keeper=OwnClockTtl),
    "everybody raises floors": Parts(keeper=EverybodysFloor),
    "age by a clock that jumps": Parts(keeper=AgeByClock),
    "last writer's floor": Parts(replica=LastWriterFloor),
    "floor one too high": Parts(replica=FloorTooHigh),
    "floor outside the digest": Parts(replica=FloorOutsideDigest),
    "floor not told": Parts(replica=FloorNotTold),
    "garbage kept": Parts(replica=GarbageKept),
    "garbage comes back": Parts(replica=GarbageComesBack),
    "garbage asked for": Parts(replica=GarbageAskedFor),
    "conflicting payload accepted": Parts(replica=LastPayload),
    "conflict not counted": Parts(replica=SilentConflict),
    "repeats count": Parts(replica=RepeatsCount),
    "float sums": Parts(replica=FloatSums),
    "length as digest": Parts(replica=LengthAsDigest),
    "boot used again": Parts(next_boot=_same_boot),
    "arrival order": Parts(view=ArrivalOrderView),
    "view that remembers": Parts(view=ViewThatRemembers),
    "stale view": Parts(view=StaleView),
    "counters that add": Parts(counters=AddedCounters),
    "counters without boot": Parts(counters=CountersWithoutBoot),
    "last value heard": Parts(last_values=LastHeardValue),
    "values without source": Parts(last_values=ValuesWithoutSource),
}
"""Each planted fault, by what it gets wrong."""
