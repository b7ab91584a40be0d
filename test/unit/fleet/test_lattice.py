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
from edge_infer.fleet.counters import MOST_COUNT, Count
from edge_infer.fleet.floors import Floor
from edge_infer.fleet.record_gossip import MESSAGE_BYTES, RECORD_BYTES, part_bytes
from edge_infer.fleet.records import MOST_NAME, MOST_VALUE, Part
from edge_infer.fleet.registers import MOST_COUNTER, Entry, Stamp
from edge_infer.fleet.replica import Replica, canonical_bytes
from edge_infer.nodes.conversions.records import counts_to_msgs, entries_to_msgs, part_from_msg

FLOORS = st.lists(
    st.builds(Floor, st.sampled_from("ab"), st.integers(1, 2), st.integers(0, 13)), max_size=4
)

ENTRIES = st.lists(
    st.tuples(
        st.sampled_from(["model", "ü"]),
        st.builds(Stamp, st.integers(1, 4), st.sampled_from("ab"), st.integers(1, 2)),
    ).map(lambda key: Entry(*key, repr(key).encode())),
    max_size=6,
)
"""No stamp comes with two values: the value is made of it."""

COUNTS = st.lists(
    st.builds(Count, st.sampled_from("ab"), st.integers(1, 2), st.just("n"), st.integers(0, 9)),
    max_size=4,
)

State = tuple[list[Sighting], list[Floor], Part]


def of_one_stamp_per_frame(fleet: list[Sighting]) -> list[Sighting]:
    """What a camera sends: the sightings of one frame have one stamp."""
    return [replace(s, stamp_ns=s.frame) for s in fleet]


@st.composite
def states(draw: st.DrawFn, count: int) -> list[State]:
    """States that replicas of one fleet may have come to."""
    universe = of_one_stamp_per_frame(draw(oracle.fleets(max_size=12)))
    some = st.lists(st.sampled_from(universe), max_size=12) if universe else st.just([])
    return [(draw(some), draw(FLOORS), Part(draw(ENTRIES), draw(COUNTS))) for _ in range(count)]


def replica_of(state: State) -> Replica:
    sightings, floors, part = state
    replica = Replica(sightings, floors)
    replica.records.add(part)
    return replica


def shown(replica: Replica) -> tuple[list[bytes], list[Floor], Part, str, str]:
    """All that can be seen of a state."""
    held, records = sorted(map(canonical_bytes, replica)), replica.records
    return held, replica.floors(), records.whole(), records.digest(), replica.digest()


def records_msg(part: Part) -> Any:
    return wire.MESSAGES["edge_infer_msgs/msg/Records"](
        coordinator="/drone_01/coordinator",
        digest="0" * 64,
        records=entries_to_msgs(wire.MESSAGES, part.entries),
        counts=counts_to_msgs(wire.MESSAGES, part.counts),
    )


def joined(*replicas: Replica) -> Replica:
    """What comes of merging them, one after the other."""
    result = Replica()
    for replica in replicas:
        result.merge(replica)
    return result


def sent(receiver: Replica, sender: Replica) -> None:
    """A merge over the wire: a digest, a request, an answer, and the records."""
    told = wire.digest_carried(sender)
    receiver.raise_floors(told.floors)
    wanted = receiver.missing(told.ranges)
    receiver.add_all(wire.sightings_carried(sender.take(wanted, 1000)))
    receiver.records.add(part_from_msg(wire.carried(records_msg(sender.records.whole()))))


@given(states(3))
def test_merging_is_commutative_associative_and_idempotent(given_states: list[State]) -> None:
    a, b, c = map(replica_of, given_states)
    assert shown(joined(a, b)) == shown(joined(b, a))
    assert shown(joined(joined(a, b), c)) == shown(joined(a, joined(b, c)))
    assert shown(joined(a, a)) == shown(a)
    assert shown(joined(a, b, a, b)) == shown(joined(a, b))


@given(states(2))
def test_merging_over_the_wire_is_merging(given_states: list[State]) -> None:
    a, b = map(replica_of, given_states)
    expected = shown(joined(a, b))
    sent(a, b)
    sent(b, a)
    assert shown(a) == shown(b) == expected
    sent(a, b)
    assert shown(a) == expected


@given(states(1), st.randoms(use_true_random=False))
def test_all_may_come_in_any_order(given_states: list[State], rng: random.Random) -> None:
    ((sightings, floors, part),) = given_states
    events: list[Any] = [*sightings, *floors, *sightings[:3], *floors[:2]]
    events += [Part([entry]) for entry in (*part.entries, *part.entries[:2])]
    events += [Part(counts=[count]) for count in (*part.counts, *part.counts[:2])]
    rng.shuffle(events)
    replica = Replica()
    for event in events:
        if isinstance(event, Floor):
            replica.raise_floors([event])
        elif isinstance(event, Part):
            replica.records.add(event)
        else:
            replica.add(event)
    assert shown(replica) == shown(replica_of((sightings, floors, part)))


@given(oracle.fleets(), st.floats(0, 1, width=32), st.floats(-9, 9, width=32))
def test_the_wire_keeps_every_bit(fleet: list[Sighting], score: float, xx: float) -> None:
    changed = [replace(s, score=score, covariance_m2=(xx, -0.0, 0.125)) for s in fleet]
    made = of_one_stamp_per_frame(changed)
    again = {s.id: canonical_bytes(s) for s in wire.sightings_carried(made)}
    assert again == {s.id: canonical_bytes(s) for s in made}


TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1)
BOOTS = st.integers(0, 2**32 - 1)
ANY_PARTS = st.builds(
    Part,
    st.lists(
        st.builds(
            Entry,
            TEXTS,
            st.builds(Stamp, st.integers(0, MOST_COUNTER), TEXTS, BOOTS),
            st.binary(max_size=100),
        ),
        max_size=4,
    ),
    st.lists(st.builds(Count, TEXTS, BOOTS, TEXTS, st.integers(0, MOST_COUNT)), max_size=4),
)


@given(ANY_PARTS)
def test_records_arrive_as_they_were_sent_and_cost_no_more_than_is_reckoned(part: Part) -> None:
    msg = records_msg(part)
    assert part_from_msg(wire.carried(msg)) == part
    assert len(bytes(wire.MESSAGES.encode(msg))) <= part_bytes(part)


def test_the_largest_record_is_reckoned() -> None:
    entry = Entry("ü" * MOST_NAME, Stamp(MOST_COUNTER, "無" * MOST_NAME, 1), b"x" * MOST_VALUE)
    size = len(bytes(wire.MESSAGES.encode(records_msg(Part([entry])))))
    texts = 2 * MOST_NAME + 3 * MOST_NAME
    assert size <= MESSAGE_BYTES + RECORD_BYTES + texts + MOST_VALUE == part_bytes(Part([entry]))


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
