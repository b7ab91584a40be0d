"""Merging is commutative, associative and idempotent, in bytes; and a machine that looks for holes.

The laws are checked on what replicas show (canonical bytes, floors, digest) and
on what they send each other, encoded as in flight. The machine drives the world
of ``fleet_world.py`` wherever hypothesis likes, above all into late deliveries
after expiry and digests after gaps.
"""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import fleet_oracle as oracle
import wire
from fleet_world import NAMES, World
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from edge_infer.domain import Sighting
from edge_infer.fleet.floors import Floor
from edge_infer.fleet.replica import Replica, canonical_bytes

FLOORS = st.lists(
    st.builds(Floor, st.sampled_from("ab"), st.integers(1, 2), st.integers(0, 13)), max_size=4
)


def of_one_stamp_per_frame(fleet: list[Sighting]) -> list[Sighting]:
    """What a camera sends: the sightings of one frame have one stamp."""
    return [replace(s, stamp_ns=s.frame) for s in fleet]


@st.composite
def states(draw: st.DrawFn, count: int) -> list[tuple[list[Sighting], list[Floor]]]:
    """States that replicas of one fleet may have come to."""
    universe = of_one_stamp_per_frame(draw(oracle.fleets(max_size=12)))
    some = st.lists(st.sampled_from(universe), max_size=12) if universe else st.just([])
    return [(draw(some), draw(FLOORS)) for _ in range(count)]


def shown(replica: Replica) -> tuple[list[bytes], list[Floor], str]:
    """All that can be seen of a state."""
    return sorted(map(canonical_bytes, replica)), replica.floors(), replica.digest()


def joined(*replicas: Replica) -> Replica:
    """What comes of merging them, one after the other."""
    result = Replica()
    for replica in replicas:
        result.merge(replica)
    return result


def sent(receiver: Replica, sender: Replica) -> None:
    """A merge over the wire: a digest, a request, an answer."""
    told = wire.digest_carried(sender)
    receiver.raise_floors(told.floors)
    wanted = receiver.missing(told.ranges)
    receiver.add_all(wire.sightings_carried(sender.take(wanted, 1000)))


@given(states(3))
def test_merging_is_commutative_associative_and_idempotent(
    given_states: list[tuple[list[Sighting], list[Floor]]],
) -> None:
    a, b, c = (Replica(*state) for state in given_states)
    assert shown(joined(a, b)) == shown(joined(b, a))
    assert shown(joined(joined(a, b), c)) == shown(joined(a, joined(b, c)))
    assert shown(joined(a, a)) == shown(a)
    assert shown(joined(a, b, a, b)) == shown(joined(a, b))


@given(states(2))
def test_merging_over_the_wire_is_merging(
    given_states: list[tuple[list[Sighting], list[Floor]]],
) -> None:
    a, b = (Replica(*state) for state in given_states)
    expected = shown(joined(a, b))
    sent(a, b)
    sent(b, a)
    assert shown(a) == shown(b) == expected
    sent(a, b)
    assert shown(a) == expected


@given(states(1), st.randoms(use_true_random=False))
def test_floors_and_sightings_may_come_in_any_order(
    given_states: list[tuple[list[Sighting], list[Floor]]], rng: random.Random
) -> None:
    ((sightings, floors),) = given_states
    events: list[Any] = [*sightings, *floors, *sightings[:3], *floors[:2]]
    rng.shuffle(events)
    replica = Replica()
    for event in events:
        if isinstance(event, Floor):
            replica.raise_floors([event])
        else:
            replica.add(event)
    assert shown(replica) == shown(Replica(sightings, floors))


@given(oracle.fleets(), st.floats(0, 1, width=32), st.floats(-9, 9, width=32))
def test_the_wire_keeps_every_bit(fleet: list[Sighting], score: float, xx: float) -> None:
    changed = [replace(s, score=score, covariance_m2=(xx, -0.0, 0.125)) for s in fleet]
    made = of_one_stamp_per_frame(changed)
    again = {s.id: canonical_bytes(s) for s in wire.sightings_carried(made)}
    assert again == {s.id: canonical_bytes(s) for s in made}


INDEX = st.integers(0, 10_000)
DRONE = st.sampled_from(range(len(NAMES)))
PLACE = st.integers(0, 8).map(lambda k: k * 2000)
SCORE = st.sampled_from(oracle.SCORES)


class FleetMachine(RuleBasedStateMachine):
    """Whatever hypothesis can think of between three drones."""

    @initialize()
    def begin(self) -> None:
        self.world = World()

    @rule(drone=DRONE, x_mm=PLACE, score=SCORE, heard=st.booleans())
    def publish(self, drone: int, x_mm: int, score: float, heard: bool) -> None:
        self.world.publish(self.world.drones[drone], x_mm, score, heard=heard)

    @precondition(lambda self: self.world.published)
    @rule(drone=DRONE, index=INDEX)
    def deliver(self, drone: int, index: int) -> None:
        self.world.deliver(self.world.drones[drone], index)

    @precondition(lambda self: self.world.published)
    @rule(drone=DRONE, index=INDEX)
    def forge(self, drone: int, index: int) -> None:
        self.world.forge(self.world.drones[drone], index)

    @rule(teller=DRONE)
    def tell(self, teller: int) -> None:
        self.world.tell(self.world.drones[teller])

    @precondition(lambda self: self.world.told)
    @rule(drone=DRONE, index=INDEX)
    def hear(self, drone: int, index: int) -> None:
        self.world.hear(self.world.drones[drone], index)

    @rule(seconds=st.integers(1, 6))
    def age(self, seconds: int) -> None:
        self.world.age(seconds)

    @rule(drone=DRONE, seconds=st.sampled_from([-600.0, 600.0]))
    def jump(self, drone: int, seconds: float) -> None:
        self.world.jump(self.world.drones[drone], seconds)

    @rule(drone=DRONE)
    def restart(self, drone: int) -> None:
        self.world.restart(self.world.drones[drone])

    @precondition(lambda self: self.world.published)
    @rule(writer=DRONE, other=DRONE, index=INDEX)
    def expire_then_late_delivery(self, writer: int, other: int, index: int) -> None:
        """All gets old and is forgotten, here and there; then an old packet arrives."""
        teller, hearer = self.world.drones[writer], self.world.drones[other]
        self.world.age(10)
        self.world.hear(hearer, self.world.tell(teller))
        self.world.deliver(hearer, index)

    @rule(writer=DRONE, other=DRONE, x_mm=PLACE, gap=st.integers(1, 3))
    def gap_then_digest(self, writer: int, other: int, x_mm: int, gap: int) -> None:
        """Of five packets some in the middle are lost; then the writer tells what it holds."""
        teller, hearer = self.world.drones[writer], self.world.drones[other]
        packets = [self.world.publish(teller, x_mm, 0.5) for _ in range(5)]
        for packet in (packets[0], *packets[1 + gap :]):
            self.world.deliver(hearer, packet)
        self.world.check()
        self.world.hear(hearer, self.world.tell(teller))
        assert hearer.expected >= {self.world.published[packet].id for packet in packets}

    @invariant()
    def holds(self) -> None:
        self.world.check()

    def teardown(self) -> None:
        if hasattr(self, "world"):
            self.world.heal()


TestFleetMachine = FleetMachine.TestCase
TestFleetMachine.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
