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

"""What must hold at every step of a flight, judged from outside the replicas.

I1 an identity has one payload. I2 nothing comes back. I3 floors only rise. I4
nothing live is lost. I5 the view is a function of the state. Besides: equal
digests mean equal sightings, and equal targets to the byte. The references here
are slow and plain.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from edge_infer.domain import Sighting, SightingId
from edge_infer.fleet.gate import Gate
from edge_infer.fleet.ranges import Log
from edge_infer.fleet.replica import Replica
from edge_infer.fleet.view import from_scratch
from edge_infer.nodes.coordinator.node import CoordinatorNode

RADIUS_MM = 5000

Sightings = Mapping[SightingId, Sighting]
State = tuple[frozenset[SightingId], frozenset[tuple[Log, int]]]
"""Sightings and floors of a replica."""


class Violation(AssertionError):
    """A rule was broken; the sentence begins with the rule's name."""


def require(holds: bool, rule: str, *what: object) -> None:
    """Raise a Violation unless the rule holds."""
    if not holds:
        raise Violation(" ".join([f"{rule}:", *map(str, what)]))


def replica_of(coordinator: CoordinatorNode) -> Replica:
    """The replica of a coordinator at work."""
    return coordinator._replication.replica


def sightings_of(coordinator: CoordinatorNode) -> Sightings:
    """What it holds, by identity."""
    held = list(replica_of(coordinator))
    by_id = {sighting.id: sighting for sighting in held}
    require(len(by_id) == len(held), "I1", "a replica holds an identity twice")
    return by_id


def floors_of(coordinator: CoordinatorNode) -> Mapping[Log, int]:
    """Below these sequence numbers it holds nothing any more."""
    return {(source, boot): below for source, boot, below in replica_of(coordinator).floors()}


class Ledger:
    """Everything that was ever published, and what was ever said of it.

    Args:
        keep_s: how long each source's sightings must be kept; 0 for ever.
        now_s: virtual time.
    """

    def __init__(self, keep_s: Mapping[str, float], now_s: Callable[[], float]) -> None:
        self.published: dict[SightingId, Sighting] = {}
        self.changed_s = 0.0
        """When a writer last published a sighting or raised a floor."""
        self._keep_s = keep_s
        self._now_s = now_s
        self._published_s: dict[SightingId, float] = {}
        self._floors: dict[Log, int] = {}
        self._by_digest: dict[str, State] = {}
        self._targets: dict[str, bytes] = {}

    def publish(self, sighting: Sighting) -> None:
        """A drone publishes a sighting of its own."""
        known = self.published.setdefault(sighting.id, sighting)
        require(known == sighting, "I1", sighting.id, "was given to two sightings")
        self.changed_s = self._now_s()
        self._published_s.setdefault(sighting.id, self.changed_s)

    def write_floors(self, source: str, floors: Mapping[Log, int]) -> None:
        """A drone has these floors; those of its own sightings are its to raise."""
        for log, below in floors.items():
            if log[0] == source and below > self._floors.get(log, 0):
                self._floors[log] = below
                self.changed_s = self._now_s()

    def check_floors(self, name: str, floors: Mapping[Log, int]) -> None:
        """I4: nobody's floor is above its writer's."""
        for log, below in floors.items():
            require(below <= self._floors.get(log, 0), "I4", name, "raised the floor of", log)

    def forget(self, identity: SightingId) -> None:
        """I4: a replica forgets a sighting: it must be old enough."""
        keep_s = self._keep_s[identity.source]
        age_s = self._now_s() - self._published_s[identity]
        require(keep_s > 0 and age_s >= keep_s, "I4", identity, "forgotten at", age_s, "s")

    def hear(self, sighting: Sighting) -> None:
        """A sighting was on the network or is in a replica."""
        require(sighting.id in self.published, "I1", sighting.id, "was never published")
        require(self.published[sighting.id] == sighting, "I1", sighting.id, "has changed")

    def state(self, digest: str, held: Sightings, floors: Mapping[Log, int]) -> None:
        """A replica with this digest holds these."""
        state = frozenset(held), frozenset(floors.items())
        known = self._by_digest.setdefault(digest, state)
        for one, other in zip(known, state, strict=True):
            require(one == other, "digest", "one for two states that differ by", set(one ^ other))

    def targets(self, digest: str, targets: bytes) -> None:
        """A coordinator published targets, as bytes, of the state with this digest."""
        known = self._targets.setdefault(digest, targets)
        require(known == targets, "I5", "one state gave two lists of targets")


@dataclass
class Watch:
    """One coordinator, from its start to its end."""

    name: str
    ledger: Ledger
    known: Sightings = field(default_factory=dict)
    floors: Mapping[Log, int] = field(default_factory=dict)
    gone: set[SightingId] = field(default_factory=set)
    digest: str = ""

    def step(self, coordinator: CoordinatorNode) -> None:
        """Judge what has become of it since the last step."""
        now, floors = sightings_of(coordinator), floors_of(coordinator)
        self.ledger.check_floors(self.name, floors)
        for log, floor in self.floors.items():
            require(floors.get(log, 0) >= floor, "I3", self.name, "lowered its floor of", log)
        fresh = now.keys() - self.known.keys()
        lost = self.known.keys() - now.keys()
        for identity in fresh:
            self.ledger.hear(now[identity])
        back = self.gone & fresh or {i for i in fresh if is_below(i, floors)}
        require(not back, "I2", "to", self.name, "came back", back)
        live = {i for i in lost if not is_below(i, floors)}
        require(not live, "I4", self.name, "lost", live)
        for identity in lost:
            self.ledger.forget(identity)
        self.gone |= lost
        digest = replica_of(coordinator).digest()
        if fresh or lost or digest != self.digest:
            self.ledger.state(digest, now, floors)
            check_view(self.name, coordinator, now)
        self.known, self.floors, self.digest = now, floors, digest


def check_view(name: str, coordinator: CoordinatorNode, sightings: Sightings) -> None:
    """I5: what a coordinator takes for the targets follows from its sightings."""
    targets = coordinator._view.targets()
    expected = from_scratch(list(sightings.values()), Gate(RADIUS_MM))
    require(targets == expected, "I5", name, "has targets that its sightings do not say")


def check_agreement(
    coordinators: Mapping[str, CoordinatorNode], told: Mapping[str, Any], live: set[SightingId]
) -> None:
    """After the last healing: all alike, nothing live lost, nothing doubled.

    Args:
        coordinators: all that run, by name.
        told: the bytes of the targets that each one published last, by name.
        live: what any of them held when the network healed.
    """
    states = {name: sightings_of(coordinator) for name, coordinator in coordinators.items()}
    first, *others = states.items()
    for name, state in others:
        require(state == first[1], "agreement", name, "and", first[0], "differ")
    floors = floors_of(coordinators[first[0]])
    lost = {i for i in live - first[1].keys() if not is_below(i, floors)}
    require(not lost, "I4", "after healing nobody has", lost)
    require(len(set(told.values())) <= 1, "agreement", "the published targets differ")
    for coordinator in coordinators.values():
        _check_doubles(coordinator, first[1])


def _check_doubles(coordinator: CoordinatorNode, sightings: Sightings) -> None:
    targets = coordinator._view.targets()
    require(len({t.id for t in targets}) == len(targets), "doubled", "two targets have one id")
    stood_for = sum(target.sightings for target in targets)
    require(stood_for == len(sightings), "doubled", stood_for, "of", len(sightings), "counted")
    require(len(targets) == len(kept(sightings.values())), "doubled", "not the priority set")


def kept(sightings: Iterable[Sighting]) -> list[Sighting]:
    """The priority set, word for word as it is defined."""
    chosen: list[Sighting] = []
    for one in sorted(sightings, key=lambda s: (-s.score, *s.id)):
        if not any(_conflict(one, other) for other in chosen):
            chosen.append(one)
    return chosen


def _conflict(a: Sighting, b: Sighting) -> bool:
    if (a.id.source, a.id.boot, a.frame) == (b.id.source, b.id.boot, b.frame):
        return False
    return (a.x_mm - b.x_mm) ** 2 + (a.y_mm - b.y_mm) ** 2 <= RADIUS_MM**2


def is_below(identity: SightingId, floors: Mapping[Log, int]) -> bool:
    """Whether a sighting is garbage."""
    return identity.sequence < floors.get((identity.source, identity.boot), 0)
