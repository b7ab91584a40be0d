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

"""A few drones, everything that may go wrong between them, and what must hold all the same.

A world knows what it published, what it handed to whom and who said what may be
forgotten. From that it knows what each replica must hold, and after every step
``check`` demands it:

- I1 an identity has one payload, everywhere and for ever;
- I2 what was forgotten does not come back;
- I3 floors only rise, and no higher than their writers raised them;
- I4 nothing is lost that was handed over, lies above the floor, or is young;
- I5 targets and digest are functions of the state.

Everything goes over the wire as in flight. What the drones are made of is in
``Parts``; the planted faults of ``mutants.py`` exchange one of them.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import wire
from fleet_oracle import GATE, SCORES, sighting

from edge_infer.domain import Sighting, SightingId
from edge_infer.fleet.counters import Counters
from edge_infer.fleet.floors import Floor, FloorKeeper
from edge_infer.fleet.ranges import Log
from edge_infer.fleet.registers import LastValues
from edge_infer.fleet.replica import Replica, canonical_bytes
from edge_infer.fleet.view import View, from_scratch

KEEP_S = 8.0
NAMES = ("a", "b", "c")


def one_more(boot: int) -> int:
    """The boot number after this one."""
    return boot + 1


@dataclass(frozen=True)
class Parts:
    """What a drone is made of."""

    replica: Callable[..., Any] = Replica
    view: Callable[..., Any] = View
    keeper: Callable[..., Any] = FloorKeeper
    next_boot: Callable[[int], int] = one_more
    counters: Callable[..., Any] = Counters
    last_values: Callable[..., Any] = LastValues


@dataclass
class Drone:
    """One drone, and beside it what the world knows that it must hold."""

    name: str
    parts: Parts
    boot: int = 0
    clock_s: float = 0.0
    jumps: int = 0
    expected: set[SightingId] = field(default_factory=set)
    floors: dict[Log, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.start()

    def start(self) -> None:
        self.boot = self.parts.next_boot(self.boot)
        self.sequence = 0
        self.replica = self.parts.replica()
        self.view = self.parts.view(GATE)
        self.keeper = self.parts.keeper(KEEP_S, {self.name})
        self.expected.clear()
        self.floors.clear()

    def take_in(self, sightings: list[Sighting]) -> None:
        for fresh in self.replica.add_all(sightings):
            self.view.insert(fresh)
        self.expected |= {s.id for s in sightings if s.id.sequence >= self.floor(s.id[:2])}

    def raise_floors(self, floors: list[Floor]) -> None:
        for gone in self.replica.raise_floors(floors):
            self.view.discard(gone.id)
        for source, boot, below in floors:
            self.floors[source, boot] = max(below, self.floor((source, boot)))
        self.expected = {i for i in self.expected if i.sequence >= self.floor(i[:2])}

    def floor(self, log: Log) -> int:
        return self.floors.get(log, 0)


class World:
    """All drones, and all that they ever said."""

    def __init__(self, parts: Parts | None = None) -> None:
        self.parts = parts or Parts()
        self.now_s = 0.0
        self.drones = [Drone(name, self.parts) for name in NAMES]
        self.published: list[Sighting] = []
        self.told: list[tuple[Drone, wire.Told]] = []
        self._payloads: dict[SightingId, Sighting] = {}
        self._published_s: dict[SightingId, float] = {}
        self._raised: dict[Log, int] = {}
        self._digests: dict[str, object] = {}

    # --- what may happen -----------------------------------------------------------

    def publish(self, drone: Drone, x_mm: int, score: float, *, heard: bool = True) -> int:
        """A drone sees something; its own coordinator may miss that. Returns the packet's index."""
        drone.sequence += 1
        made = sighting(
            drone.name, drone.boot, drone.sequence, x_mm=x_mm, score=score,
            stamp_ns=round((self.now_s + drone.clock_s) * 1e9),
        )  # fmt: skip
        assert self._payloads.setdefault(made.id, made) == made, f"I1: {made.id} used twice"
        self._published_s[made.id] = self.now_s
        self.published.append(made)
        if heard:
            self.deliver(drone, len(self.published) - 1)
        return len(self.published) - 1

    def deliver(self, drone: Drone, index: int) -> None:
        """A packet arrives: soon, late, again, or out of order."""
        packet = self.published[index % len(self.published)]
        is_garbage = packet.id.sequence < drone.floor(packet.id[:2])
        late = drone.replica.late
        drone.take_in(wire.sightings_carried([packet]))
        assert drone.replica.late == late + is_garbage, "I2: garbage is refused and counted"

    def forge(self, drone: Drone, index: int) -> None:
        """Another payload comes under an identity that the drone knows."""
        known = self.published[index % len(self.published)]
        if known.id in drone.expected:
            conflicts = drone.replica.conflicts
            assert drone.replica.add_all([replace(known, x_mm=known.x_mm + 1)]) == []
            assert drone.replica.conflicts == conflicts + 1, "I1: counted"

    def tell(self, drone: Drone) -> int:
        """A drone says what it holds; returns the digest's index."""
        self.told.append((drone, wire.digest_carried(drone.replica)))
        return len(self.told) - 1

    def hear(self, drone: Drone, index: int) -> bool:
        """A digest arrives, maybe an old one; the teller answers. Whether anything was asked."""
        teller, told = self.told[index % len(self.told)]
        if told.digest == drone.replica.digest():
            return False
        drone.raise_floors(told.floors)
        wanted = drone.replica.missing(told.ranges)
        for source, boot, first, _ in wanted:
            assert first >= drone.floor((source, boot)), "I2: garbage is not asked for"
        drone.take_in(wire.sightings_carried(teller.replica.take(wanted, 1000)))
        return bool(wanted)

    def age(self, seconds: int) -> None:
        """Time goes on, and every drone raises its floors."""
        for _ in range(seconds):
            self.now_s += 1.0
            for drone in self.drones:
                due = drone.keeper.tick(drone.replica, self.now_s + drone.clock_s)
                for floor in due:
                    self._check_may_raise(drone, floor)
                    log = floor[:2]
                    self._raised[log] = max(self._raised.get(log, 0), floor.below)
                drone.raise_floors(due)

    def jump(self, drone: Drone, seconds: float) -> None:
        """A clock is set."""
        drone.clock_s += seconds
        drone.jumps += 1

    def restart(self, drone: Drone) -> None:
        """A drone starts again; its disk has the boot counter and nothing else."""
        drone.start()

    def heal(self) -> None:
        """All hear all until nobody asks: then all hold the same, and nothing live is lost."""
        floors: dict[Log, int] = {}
        for drone in self.drones:
            for log, below in drone.floors.items():
                floors[log] = max(below, floors.get(log, 0))
        live = {
            identity
            for drone in self.drones
            for identity in drone.expected
            if identity.sequence >= floors.get(identity[:2], 0)
        }
        for _ in range(4):
            for teller in self.drones:
                index = self.tell(teller)
                asked = [self.hear(drone, index) for drone in self.drones]
            self.check()
        assert not any(asked), "the talk does not end"
        assert len({drone.replica.digest() for drone in self.drones}) == 1, "they do not agree"
        assert all(drone.expected == live for drone in self.drones), "I4"
        assert all(drone.floors == floors for drone in self.drones), "I3"

    # --- what must hold ----------------------------------------------------------------

    def check(self) -> None:
        """The invariants, of every drone."""
        for drone in self.drones:
            held = sorted(drone.replica, key=lambda s: s.id)
            assert {s.id for s in held} == drone.expected, f"I2, I4: {drone.name}"
            assert len(drone.replica) == len(held), "the count is the count"
            assert all(s == self._payloads[s.id] for s in held), f"I1: {drone.name}"
            floors = [Floor(*log, below) for log, below in sorted(drone.floors.items())]
            assert drone.replica.floors() == floors, f"I3: {drone.name}"
            assert all(floor.below <= self._raised[floor[:2]] for floor in floors), "I3: writer"
            assert drone.view.targets() == from_scratch(held, GATE), f"I5: {drone.name}"
            self._check_digest(drone.replica, held, floors)

    def _check_digest(self, replica: Any, held: list[Sighting], floors: list[Floor]) -> None:
        digest = replica.digest()
        assert digest == self.parts.replica(held, floors).digest(), "I5: the way is in the digest"
        state = (tuple(map(canonical_bytes, held)), tuple(floors))
        assert self._digests.setdefault(digest, state) == state, "I5: one digest, two states"

    def _check_may_raise(self, drone: Drone, floor: Floor) -> None:
        assert floor.source == drone.name, "I3: only its writer raises a floor"
        slack_s = 1.0 * drone.jumps
        for identity, published_s in self._published_s.items():
            if identity[:2] == floor[:2] and identity.sequence < floor.below:
                assert self.now_s - published_s >= KEEP_S - slack_s, f"I4: {identity} is young"


def walk(parts: Parts, seed: int, steps: int = 200) -> None:
    """Random steps, the invariants after each, and healing at the end."""
    rng, world = random.Random(seed), World(parts)
    any_drone = lambda: rng.choice(world.drones)  # noqa: E731
    moves: list[tuple[int, Callable[[], object]]] = [
        (12, lambda: world.publish(
            any_drone(), rng.randrange(9) * 2000, rng.choice(SCORES), heard=rng.random() < 0.8
        )),
        (16, lambda: world.deliver(any_drone(), rng.randrange(1000))),
        (1, lambda: world.forge(any_drone(), rng.randrange(1000))),
        (4, lambda: world.tell(any_drone())),
        (8, lambda: world.hear(any_drone(), rng.randrange(1000))),
        (5, lambda: world.age(rng.randrange(1, 4))),
        (1, lambda: world.jump(any_drone(), rng.choice([-600.0, 600.0]))),
        (1, lambda: world.restart(any_drone())),
    ]  # fmt: skip
    weights, actions = zip(*moves, strict=True)
    world.publish(world.drones[0], 0, 0.5)
    world.tell(world.drones[0])
    for action in rng.choices(actions, weights, k=steps):
        action()
        world.check()
    world.heal()


def walk_of_counts_and_values(parts: Parts, seed: int, steps: int = 60) -> None:
    """The same of counters and last values: every way of merging ends in the same bytes."""
    rng = random.Random(seed)
    counters, values = ([part() for _ in NAMES] for part in (parts.counters, parts.last_values))
    boots, counted = [1] * len(NAMES), 0
    lost: list[Any] = []
    for step in range(steps):
        one, other = rng.randrange(len(NAMES)), rng.randrange(len(NAMES))
        action = rng.randrange(5)
        if action == 0:
            boots[one] += 1
            lost += [counters[one], values[one]]
            counters[one], values[one] = parts.counters(), parts.last_values()
        elif action == 1:
            counted += step
            counters[one].count(NAMES[one], boots[one], "n", step)
        elif action == 2:
            values[one].write(rng.choice("xy"), b"%d" % step, NAMES[one], boots[one])
        else:
            for ours, theirs in ((counters, _counts), (values, _entries)):
                told = rng.sample(theirs(ours[other]), len(theirs(ours[other])))
                ours[one].merge(told)
                before = ours[one].canonical_bytes()
                assert ours[one].merge(told) == [], "what is repeated is not new"
                assert ours[one].canonical_bytes() == before, "merging is idempotent"
    counters += lost[::2]
    values += lost[1::2]
    for ours, theirs in ((counters, _counts), (values, _entries)):
        orders = [rng.sample(ours, len(ours)) for _ in range(3)]
        results = [type(ours[0])(e for part in order for e in theirs(part)) for order in orders]
        assert len({result.canonical_bytes() for result in results}) == 1, "order matters"
        assert len({result.digest() for result in results}) == 1
        assert not any(result.conflicts for result in results if ours is values)
    whole = parts.counters(e for part in counters for e in _counts(part))
    assert whole.total("n") == counted, "nothing is counted twice or lost"


def _counts(counters: Any) -> list[Any]:
    return list(counters.counts())


def _entries(values: Any) -> list[Any]:
    return list(values.entries())


def invariant_suite(parts: Parts, walks: int) -> None:
    """Everything above, with so many seeds."""
    for seed in range(walks):
        walk(parts, seed)
        walk_of_counts_and_values(parts, seed)
