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

"""The refined layer: offsets found, close things told apart, and the order never matters."""

from __future__ import annotations

import random
from dataclasses import replace
from hashlib import sha256

import fleet_oracle as oracle
import pytest
from fleet_oracle import sighting
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_infer.domain import Sighting
from edge_infer.errors import FleetError
from edge_infer.fleet.fusion import fuse
from edge_infer.fleet.refined.biases import noise_milli
from edge_infer.fleet.refined.clusters import frame_of
from edge_infer.fleet.refined.refine import DEFAULT, Refined, Refinement, refine

THINGS_MM = ((0, 0), (2500, 0), (9000, 4000), (9000, 13000), (30_000, 5000), (33_000, 7000))
OFFSETS_MM = {"a": (2400, -900), "b": (-1500, 2100), "c": (-900, -1200)}
GOLDEN = "1510442a94e47f1d4180311f345f8a9283d1b7ef2eb82a8a57c201dc28df67e5"


def seen_by(
    offsets: dict[str, tuple[int, int]],
    noise_mm: int = 300,
    frames: int = 5,
    things: tuple[tuple[int, int], ...] = THINGS_MM,
) -> list[Sighting]:
    """All things in every frame of every drone, with noise from a plain generator."""
    state = 7
    seen = []
    for source, (off_x, off_y) in offsets.items():
        for frame in range(frames):
            for number, (x, y) in enumerate(things):
                noise = []
                for _ in range(2):
                    state = (state * 6364136223846793005 + 1442695040888963407) % (1 << 64)
                    noise.append((state >> 33) % (2 * noise_mm + 1) - noise_mm)
                made = sighting(
                    source,
                    1,
                    frame * 100 + number,
                    x_mm=x + off_x + noise[0],
                    y_mm=y + off_y + noise[1],
                    frame=frame,
                    stamp_ns=frame,
                    class_name=("hot_cell", "diode")[number % 2],
                )
                seen.append(replace(made, covariance_m2=(4.0, 0.0, 4.0)))
    return seen


def things_of(refined: Refined) -> list[set[int]]:
    """The numbers of the things in each group."""
    return [{s.id.sequence % 100 for s in group} for group in refined.groups]


def test_close_things_are_told_apart_although_drones_are_farther_off() -> None:
    refined = refine(seen_by(OFFSETS_MM))
    assert sorted(map(sorted, things_of(refined))) == [[k] for k in range(len(THINGS_MM))]


def test_the_offsets_are_found_and_the_places_with_them() -> None:
    refined = refine(seen_by(OFFSETS_MM))
    found = dict(refined.offsets_mm)
    for source, (x, y) in OFFSETS_MM.items():
        assert abs(found[source, 1][0] - x) < 100
        assert abs(found[source, 1][1] - y) < 100
    for group in refined.groups:
        target = fuse(group, found, refined.noise_milli)
        x, y = THINGS_MM[group[0].id.sequence % 100]
        assert abs(target.x_mm - x) < 150
        assert abs(target.y_mm - y) < 150


def test_what_all_drones_are_off_together_is_not_invented() -> None:
    shifted = {source: (x + 5000, y) for source, (x, y) in OFFSETS_MM.items()}
    assert refine(seen_by(shifted)).offsets_mm == refine(seen_by(OFFSETS_MM)).offsets_mm


def test_a_boot_has_an_offset_of_its_own() -> None:
    first = seen_by({"a": (1000, 0), "b": (-1000, 0)})
    second = [
        replace(s, id=s.id._replace(boot=2), x_mm=s.x_mm - 2000)
        for s in first
        if s.id.source == "a"
    ]
    found = dict(refine([*first, *second]).offsets_mm)
    assert abs(found["a", 1][0] - found["a", 2][0] - 2000) < 60


def test_a_drone_that_shares_nothing_counts_as_not_off() -> None:
    alone = [replace(s, x_mm=s.x_mm + 500_000) for s in seen_by({"z": (700, 700)})]
    found = dict(refine([*seen_by(OFFSETS_MM), *alone]).offsets_mm)
    assert found["z", 1] == (0, 0)
    assert dict(refine(alone).offsets_mm) == {("z", 1): (0, 0)}


def test_two_common_things_are_no_evidence() -> None:
    few = seen_by({"a": (600, 0), "b": (-600, 0)}, noise_mm=5, things=THINGS_MM[2:4])
    assert {offset for _, offset in refine(few).offsets_mm} == {(0, 0)}


def test_class_is_a_hint_and_no_more() -> None:
    seen = seen_by(OFFSETS_MM)
    mistaken = [replace(s, class_name="other") if at % 7 == 0 else s for at, s in enumerate(seen)]
    assert things_of(refine(mistaken)) == things_of(refine(seen))


def test_the_noise_is_told_from_the_offset() -> None:
    seen = sorted(seen_by(OFFSETS_MM, noise_mm=300), key=lambda s: s.id)
    uniform = 300**2 / 3 / 4_002_500
    assert noise_milli(seen) == pytest.approx(1000 * uniform, abs=10)
    assert noise_milli(seen[:1]) == 1000


def test_a_thing_that_is_seen_very_often_stays_one() -> None:
    often = seen_by({"a": (0, 0), "b": (0, 0), "c": (0, 0)}, 1500, frames=80, things=((0, 0),))
    assert len(refine(often).groups) == 1


def test_nothing_and_one() -> None:
    assert refine([]) == Refined((), (), 1000)
    only = sighting()
    assert refine([only]) == Refined(((only,),), ((("drone_01", 1), (0, 0)),), 1000)


@settings(max_examples=40, deadline=None)
@given(oracle.fleets(), st.randoms(use_true_random=False))
def test_every_order_gives_the_same_bytes(fleet: list[Sighting], rng: random.Random) -> None:
    refined = refine(fleet)
    rng.shuffle(fleet)
    assert repr(refine(fleet)) == repr(refined)
    assert sorted(s.id for group in refined.groups for s in group) == sorted(s.id for s in fleet)
    for group in refined.groups:
        assert len({frame_of(s) for s in group}) == len(group)


def test_a_crowd_in_every_order_gives_the_same_bytes() -> None:
    fleet = oracle.crowd(250, seed=3)
    expected = repr(refine(fleet))
    for seed in range(3):
        assert repr(refine(oracle.shuffled(fleet, seed))) == expected


@pytest.mark.parametrize(
    "covariance", [(0.0, 0.0, 0.0), (float("nan"),) * 3, (float("inf"), 0.0, 1e30), (-1.0, 5, -1.0)]
)
def test_no_covariance_is_too_strange(covariance: tuple[float, float, float]) -> None:
    seen = seen_by(OFFSETS_MM, frames=2)
    strange = [replace(seen[0], covariance_m2=covariance), *seen[1:]]
    assert sum(map(len, refine(strange).groups)) == len(seen)


def test_the_outcome_on_record_still_holds() -> None:
    refined = refine(seen_by(OFFSETS_MM, noise_mm=1500))
    fused = [fuse(g, dict(refined.offsets_mm), refined.noise_milli) for g in refined.groups]
    assert sha256(repr((refined, fused)).encode()).hexdigest() == GOLDEN


def test_a_record_survives_the_wire_and_decides_the_outcome() -> None:
    record = Refinement(target_milli=10**6)
    assert Refinement.from_json(record.to_json()) == record
    assert Refinement.from_json("{}") == DEFAULT
    seen = seen_by({"a": (0, 0), "b": (0, 0)}, frames=1)
    assert refine(seen, Refinement(reach_milli=1, merge_milli=1)) != refine(seen)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('{"version":2}', "version 2"),
        ('{"version":2,"colour":1}', "version 2"),
        ('{"version":true}', "whole numbers"),
        ('{"merge_milli":0.5}', "whole numbers"),
        ('{"offset_rounds":0}', "whole numbers"),
        ('{"offset_rounds":101}', "from 1 to 100 under offset_rounds, unlike"),
        ('{"floor_mm2":1' + "0" * 3000 + "}", "under floor_mm2, unlike '.{80}':"),
        ('{"colour":1}', "no record"),
        ("[]", "no record"),
        ("nonsense", "no record"),
        ("[" * 3900, r"no record of the refined layer: '\[{80}'"),
    ],
)
def test_another_record_is_refused_in_words(text: str, problem: str) -> None:
    with pytest.raises(FleetError, match=problem):
        Refinement.from_json(text)


@pytest.mark.parametrize("name", Refinement._fields[1:])
def test_the_largest_and_the_least_numbers_of_a_record_lead_to_an_outcome(name: str) -> None:
    seen = seen_by(OFFSETS_MM, frames=2)
    for value in (1, 100 if name.endswith("_rounds") else 10**10):
        record = Refinement.from_json(f'{{"{name}":{value}}}')
        assert sum(map(len, refine(seen, record).groups)) == len(seen)
