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

"""Holding back what is covered must not change what the fleet sees."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace

import fleet_oracle as oracle
from fleet_oracle import GATE, sighting
from hypothesis import given
from hypothesis import strategies as st

from edge_infer.domain import Sighting
from edge_infer.fleet.floors import Floor
from edge_infer.fleet.gate import Gate
from edge_infer.fleet.suppression import Suppressor


class Air:
    """Drones that offer their sightings and hear each other late and out of order."""

    def __init__(
        self, offered: dict[str, list[Sighting]], rng: random.Random, gate: Gate = GATE
    ) -> None:
        self.rng = rng
        self.gate = gate
        self.drones = {name: Suppressor(gate) for name in offered}
        self.to_offer = {name: list(own) for name, own in offered.items()}
        self.on_the_way: list[tuple[str, Sighting]] = []
        self.published: list[Sighting] = []

    def fly(self) -> None:
        while steps := [name for name, own in self.to_offer.items() if own] + (
            ["air"] if self.on_the_way else []
        ):
            step = self.rng.choice(steps)
            if step == "air":
                at = self.rng.randrange(len(self.on_the_way))
                name, heard = self.on_the_way.pop(at)
                self._send(name, self.drones[name].hear(heard))
            else:
                self._send(step, self.drones[step].offer(self.to_offer[step].pop(0)))

    def _send(self, name: str, sightings: Sequence[Sighting]) -> None:
        for one in sightings:
            self.published.append(one)
            self.on_the_way += [(other, one) for other in self.drones if other != name]

    def everything(self) -> list[Sighting]:
        """Published and held, by the identities that they have now."""
        held = [
            known
            for drone in self.drones.values()
            for known in drone._known
            if known.id in drone._held
        ]
        return self.published + held


def own_sightings(fleet: list[Sighting]) -> dict[str, list[Sighting]]:
    """By source, all of one boot, as in one flight."""
    flights: dict[str, list[Sighting]] = {}
    for one in fleet:
        flight = flights.setdefault(one.id.source, [])
        flight.append(replace(one, id=one.id._replace(boot=1, sequence=len(flight) + 1)))
    return flights


def content(sightings: Sequence[Sighting]) -> set[tuple[object, ...]]:
    """Sightings but for their numbers, which change on publication."""
    return {(s.id.source, s.frame, s.stamp_ns, s.score, s.x_mm, s.y_mm) for s in sightings}


def check(air: Air) -> None:
    everything = air.everything()
    wanted = oracle.priority_set(everything, air.gate)
    assert oracle.priority_set(air.published, air.gate) == wanted
    for name, drone in air.drones.items():
        numbers = [s.id.sequence for s in air.published if s.id.source == name]
        assert numbers == list(range(1, len(numbers) + 1))
        assert drone.published == len(numbers)
        assert drone.suppressed == drone.held == drone.offered - len(numbers)
        assert len(drone._known) == len(air.published) + drone.held
    assert len(everything) == sum(drone.offered for drone in air.drones.values())


@given(oracle.fleets(), st.one_of(st.just(GATE), oracle.gates()), st.randoms(use_true_random=False))
def test_the_published_say_what_all_would_say(
    fleet: list[Sighting], gate: Gate, rng: random.Random
) -> None:
    air = Air(own_sightings(fleet), rng, gate)
    air.fly()
    check(air)


def test_a_crowd_is_thinned_without_a_trace_in_the_result() -> None:
    crowd = oracle.crowd(800, seed=3)
    ranks = random.Random(1).sample(range(1, 801), 800)
    distinct = [replace(s, score=rank / 1024) for s, rank in zip(crowd, ranks, strict=True)]
    offered = own_sightings(distinct)
    air = Air(offered, random.Random(2))
    air.fly()
    check(air)
    original = [one for own in offered.values() for one in own]
    assert content(oracle.priority_set(air.published)) == content(oracle.priority_set(original))
    assert len(air.published) < len(original) / 2


def test_a_covered_sighting_waits_until_its_cover_goes() -> None:
    drone = Suppressor(GATE)
    assert drone.hear(sighting("b", x_mm=4000, score=0.75)) == ()
    assert drone.offer(sighting("a", score=0.5)) == ()
    assert (drone.published, drone.suppressed, drone.held) == (0, 1, 1)
    released = drone.hear(sighting("c", x_mm=8000, score=1.0))
    assert released == (sighting("a", sequence=1, score=0.5, frame=1001),)
    assert (drone.published, drone.suppressed, drone.held) == (1, 0, 0)


def test_what_was_seen_longer_ago_than_the_window_holds_nothing_back() -> None:
    drone = Suppressor(Gate(5000, window_ns=100))
    assert drone.hear(sighting("b", score=1.0, stamp_ns=0)) == ()
    assert drone.offer(sighting("a", 1, 1, score=0.5, stamp_ns=100)) == ()
    (released,) = drone.offer(sighting("a", 1, 2, score=0.5, stamp_ns=101))
    assert (released.stamp_ns, drone.held) == (101, 1)


def test_what_went_out_is_not_published_again() -> None:
    drone = Suppressor(GATE)
    (first,) = drone.offer(sighting("a", score=0.5))
    assert drone.hear(first) == ()
    better = sighting("b", x_mm=4000, score=0.75)
    assert drone.hear(better) == ()
    assert drone.hear(sighting("c", x_mm=8000, score=1.0)) == ()
    assert drone.published == 1


def test_two_things_of_one_frame_both_go_out() -> None:
    drone = Suppressor(GATE)
    one, two = (sighting("a", 1, k, frame=5, x_mm=100 * k, score=0.5) for k in (1, 2))
    assert [s.id.sequence for own in (one, two) for s in drone.offer(own)] == [1, 2]


def test_numbers_follow_publication_and_keep_source_and_boot() -> None:
    drone = Suppressor(GATE)
    sent = [
        s.id
        for k, x_mm in enumerate((0, 100, 50_000, 50_100, 90_000))
        for s in drone.offer(sighting("a", 7, 40 + k, x_mm=x_mm, score=(9 - k) / 16))
    ]
    assert sent == [("a", 7, 1), ("a", 7, 2), ("a", 7, 3)]


def test_the_oldest_held_is_forgotten_first() -> None:
    drone = Suppressor(GATE, max_held=2)
    drone.hear(sighting("b", x_mm=4000, score=0.75))
    for k in range(1, 4):
        assert drone.offer(sighting("a", 1, k, score=k / 16, x_mm=-k, frame=5)) == ()
    assert (drone.held, drone.suppressed) == (2, 3)
    released = drone.hear(sighting("c", x_mm=8500, score=1.0))
    assert {s.x_mm for s in released} == {-2, -3}


def test_a_forgotten_one_holds_nothing_back() -> None:
    drone = Suppressor(GATE, max_held=1)
    drone.hear(sighting("b", x_mm=4000, score=0.75))
    assert drone.offer(sighting("a", 1, 1, score=0.625)) == ()
    assert drone.offer(sighting("a", 1, 2, score=0.5, x_mm=-1)) == ()
    released = drone.hear(sighting("c", x_mm=8500, score=1.0))
    assert [s.x_mm for s in released] == [-1]


def test_what_the_fleet_forgot_covers_nothing_any_more() -> None:
    drone = Suppressor(GATE)
    better = sighting("other", 1, 1, score=0.9)
    assert drone.hear(better) == ()
    own = sighting("own", 1, 0, x_mm=100, score=0.5)
    assert drone.offer(own) == ()
    assert drone.forget(Floor("other", 1, 1)) == (), "it is not below this floor"
    (released,) = drone.forget(Floor("other", 1, 2))
    assert (released.x_mm, released.id.sequence) == (100, 1)
    assert drone.forget(Floor("other", 1, 2)) == ()
    assert drone.forget(Floor("own", 1, 2)) == ()
    assert len(drone._known) == 0
