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

"""Things that move, watched by drones: one name each, for as long as they are followed."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

import fleet_oracle as oracle
import pytest
from fleet_oracle import sighting
from hypothesis import given
from hypothesis import strategies as st

from edge_infer.domain import VOTE_ONE, Sighting, SightingId, Target
from edge_infer.fleet.duplicates import PrioritySet
from edge_infer.fleet.fusion import fuse
from edge_infer.fleet.gate import Gate
from edge_infer.fleet.suppression import Suppressor
from edge_infer.fleet.tracks import PATIENCE, linked

S = 10**9
GATE = Gate(radius_mm=5000, window_ns=S, max_speed_mmps=15_000)
STANDING = replace(GATE, max_speed_mmps=0)

Path = Callable[[float], tuple[float, float]]
"""Seconds -> where a thing is, metres."""


@dataclass(frozen=True)
class Thing:
    """What there is: where it is, and what detectors take it for."""

    path: Path
    class_name: str = "vehicle"


DRONES = {"drone_01": (-10.0, 45.0), "drone_02": (35.0, 90.0), "drone_03": (80.0, 140.0)}
"""What each sees, from and to, metres east; they overlap by ten."""


def flight(
    things: Mapping[str, Thing],
    seconds: float,
    *,
    seed: int = 1,
    sigma_m: float = 0.5,
    drones: Mapping[str, tuple[float, float]] = DRONES,
) -> Iterator[tuple[float, str, Sighting]]:
    """Time, thing and sighting, in the order of time: five frames a second, one in ten misses."""
    rng = random.Random(seed)
    sequences = dict.fromkeys(drones, 0)
    for tick in range(round(seconds * 5)):
        for number, (drone, (west, east)) in enumerate(drones.items()):
            at_s = (tick + 0.3 * number) / 5
            for name, thing in things.items():
                x, y = thing.path(at_s)
                if not west <= x <= east or rng.random() < 0.1:
                    continue
                sequences[drone] += 1
                yield at_s, name, sighting(
                    drone, 1, sequences[drone],
                    x_mm=round(1000 * (x + rng.gauss(0, sigma_m))),
                    y_mm=round(1000 * (y + rng.gauss(0, sigma_m))),
                    score=rng.randrange(8, 17) / 16, frame=tick, stamp_ns=round(at_s * S),
                    class_name=thing.class_name,
                )  # fmt: skip


def targets_of(known: PrioritySet) -> list[Target]:
    return [fuse(known.group(best.id)) for best in known.kept]


def follow(
    stream: Iterator[tuple[float, str, Sighting]],
    things: Mapping[str, Thing],
    gate: Gate = GATE,
    lag_ns: int = 0,
) -> dict[str, SightingId]:
    """After every sighting each thing that was seen has the name of its first, and is there.

    Things that meet count as one for a moment; for so long one of them may lag.
    """
    known, names = PrioritySet(gate), dict[str, SightingId]()
    last_s: dict[str, float] = {}
    for at_s, thing, seen in stream:
        known.insert(seen)
        names.setdefault(thing, seen.id)
        last_s[thing] = at_s
        tracks = {target.id: target for target in linked(targets_of(known), gate)}
        assert tracks.keys() == set(names.values()), f"at {at_s} s"
        for name, identity in names.items():
            track = tracks[identity]
            assert track.last_seen_ns >= round(last_s[name] * S) - lag_ns, f"{name} at {at_s} s"
            assert is_near(track, things[name]), f"{name} at {at_s} s"
        assert sum(track.sightings for track in tracks.values()) == len(known)
    return names


def is_near(track: Target, thing: Thing) -> bool:
    """Whether the thing was there in the two windows before it was seen last."""
    places = [thing.path(track.last_seen_ns / S - back / 10) for back in range(21)]
    x, y = track.x_mm / 1000, track.y_mm / 1000
    return min((x - east) ** 2 + (y - north) ** 2 for east, north in places) <= 5.0**2


def driving(metres_per_s: float, start_m: float = 0.0, north_m: float = 0.0) -> Path:
    return lambda t: (start_m + metres_per_s * t, north_m)


@pytest.mark.parametrize("seed", range(5))
def test_a_vehicle_through_three_views_keeps_one_name(seed: int) -> None:
    things = {"car": Thing(driving(10.0))}
    seen = [s for _, _, s in flight(things, 13.0, seed=seed)]
    assert follow(flight(things, 13.0, seed=seed), things) == {"car": seen[0].id}
    known = PrioritySet(GATE)
    for one in seen:
        known.insert(one)
    assert known.kept_count > 10, "many targets"
    (track,) = linked(targets_of(known), GATE)
    assert track.sources == tuple(DRONES)
    assert track.first_seen_ns == seen[0].stamp_ns
    assert track.last_seen_ns == seen[-1].stamp_ns
    assert track.sightings == len(seen)


@pytest.mark.parametrize("classes", [("vehicle", "vehicle"), ("vehicle", "person")])
@pytest.mark.parametrize("seed", range(5))
def test_two_that_cross_keep_their_names(seed: int, classes: tuple[str, str]) -> None:
    things = {
        "east": Thing(driving(10.0), classes[0]),
        "north": Thing(lambda t: (60.0, -64.0 + 8.0 * t), classes[1]),
    }
    names = follow(flight(things, 13.0, seed=seed), things, lag_ns=2 * S)
    assert len(names) == 2


@pytest.mark.parametrize("seed", range(5))
def test_one_behind_the_other_and_one_towards_them(seed: int) -> None:
    things = {
        # At 20 m, twice the way in a window, either could be where the first has gone.
        "first": Thing(driving(10.0, 25.0)),
        "second": Thing(driving(10.0)),
        "other lane": Thing(driving(-10.0, 120.0, 8.0)),
    }
    assert len(follow(flight(things, 11.0, seed=seed), things, lag_ns=2 * S)) == 3


@pytest.mark.parametrize("seed", range(5))
def test_what_stands_beside_the_road_takes_no_name_away(seed: int) -> None:
    things = {"car": Thing(driving(10.0))} | {
        f"parked {k}": Thing(driving(0.0, 35.0 + 22.0 * k, 12.0)) for k in range(5)
    }
    assert len(follow(flight(things, 13.0, seed=seed), things)) == 6


@pytest.mark.parametrize("gate", [GATE, STANDING])
def test_a_thing_that_stands_is_one(gate: Gate) -> None:
    things = {"post": Thing(driving(0.0, 40.0)), "hut": Thing(driving(0.0, 85.0))}
    assert len(follow(flight(things, 8.0), things, gate)) == 2


def test_a_thing_that_stands_is_known_again_and_a_lost_one_that_moves_is_not() -> None:
    early = fuse([sighting("a", stamp_ns=0)])
    patient = PATIENCE * S
    for wait_ns, moving in ((patient, 1), (patient + 1, 2)):
        late = fuse([sighting("b", stamp_ns=wait_ns)])
        assert len(linked([early, late], GATE)) == moving
        assert len(linked([early, late], STANDING)) == 1


@pytest.mark.parametrize(("x_mm", "count"), [(20_000, 1), (20_001, 2)])
def test_no_thing_is_faster_than_the_gate_says(x_mm: int, count: int) -> None:
    one = fuse([sighting("a", stamp_ns=0)])
    next_one = fuse([sighting("b", x_mm=x_mm, stamp_ns=S)])
    assert len(linked([one, next_one], GATE)) == count


def test_two_of_one_time_are_two() -> None:
    pair = [fuse([sighting("a", 1, k, frame=1, x_mm=k, stamp_ns=S)]) for k in (1, 2)]
    assert len(linked(pair, GATE)) == 2


def test_the_same_class_goes_on_before_the_nearer() -> None:
    end = fuse([sighting("a", class_name="person", stamp_ns=0)])
    other = fuse([sighting("b", class_name="vehicle", x_mm=9000, stamp_ns=0)])
    new = fuse([sighting("c", class_name="vehicle", x_mm=1000, stamp_ns=2 * S)])
    assert [t.id.source for t in linked([end, other, new], GATE)] == ["a", "b"]
    assert linked([end, other, new], GATE)[1].x_mm == 1000


def test_a_track_has_the_place_of_its_latest_and_the_name_of_its_first() -> None:
    first = fuse([sighting("b", 1, 7, score=1.0, class_name="person", stamp_ns=0)])
    latest = fuse([sighting("a", 1, 9, x_mm=3000, score=0.25, stamp_ns=2 * S)])
    (track,) = linked([latest, first], GATE)
    assert track == replace(
        latest,
        id=first.id,
        first_seen_ns=0,
        last_seen_ns=2 * S,
        sources=("a", "b"),
        votes=(("person", VOTE_ONE), ("hot_cell", VOTE_ONE // 4)),
        members=(latest.id, first.id),
    )


def test_without_a_window_the_targets_stay_as_they_are() -> None:
    targets = [fuse([one]) for one in oracle.crowd(40, seed=2)]
    assert linked(targets, Gate()) == tuple(sorted(targets, key=lambda t: t.id))


@given(oracle.fleets(), st.sampled_from([GATE, STANDING]), st.randoms(use_true_random=False))
def test_order_does_not_matter(fleet: list[Sighting], gate: Gate, rng: random.Random) -> None:
    gate = replace(gate, window_ns=1, max_speed_mmps=gate.max_speed_mmps * 10**9)
    known = PrioritySet(gate)
    for one in fleet:
        known.insert(one)
    targets = targets_of(known)
    tracks = linked(targets, gate)
    rng.shuffle(targets)
    assert linked(targets, gate) == tracks
    assert {t.id for t in tracks} <= {t.id for t in targets}
    assert sum(t.sightings for t in tracks) == len(fleet)


@pytest.mark.parametrize("seed", range(5))
def test_what_drones_hold_back_does_not_change_a_name(seed: int) -> None:
    """Sightings go through suppression; a name, once given, stays to the end."""
    things = {"east": Thing(driving(10.0)), "west": Thing(driving(-8.0, 110.0, 15.0))}
    drones = {name: Suppressor(GATE) for name in DRONES}
    known, named = PrioritySet(GATE), set[SightingId]()
    offered = published = 0
    for _, _, seen in flight(things, 12.0, seed=seed):
        to_hear = [(seen.id.source, one) for one in drones[seen.id.source].offer(seen)]
        offered += 1
        while to_hear:
            teller, said = to_hear.pop()
            published += 1
            known.insert(said)
            for name in drones.keys() - {teller}:
                to_hear += [(name, one) for one in drones[name].hear(said)]
        names = {track.id for track in linked(targets_of(known), GATE)}
        assert named <= names
        named = names
    assert len(named) == len(things)
    assert published < 0.7 * offered
