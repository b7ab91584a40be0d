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

"""The priority set, one at a time: named cases, then every order against the definition."""

from __future__ import annotations

import random
from collections.abc import Iterable

import fleet_oracle as oracle
import pytest
from fleet_oracle import GATE, sighting
from hypothesis import given
from hypothesis import strategies as st

from edge_infer.domain import Sighting, SightingId
from edge_infer.fleet.batch import priority_set
from edge_infer.fleet.duplicates import Change, PrioritySet
from edge_infer.fleet.gate import Gate


def filled(sightings: list[Sighting], gate: Gate = GATE) -> PrioritySet:
    known = PrioritySet(gate)
    for item in sightings:
        known.insert(item)
    return known


def kept_ids(sightings: list[Sighting]) -> set[SightingId]:
    """By the incremental set, and checked against the batch."""
    known = filled(sightings)
    mask = priority_set(sightings, GATE)
    assert {s.id for s, kept in zip(sightings, mask, strict=True) if kept} == {
        s.id for s in known.kept
    }
    return {s.id for s in known.kept}


@pytest.mark.parametrize(
    ("x_mm", "y_mm", "same"),
    [(5000, 0, True), (5001, 0, False), (3000, 4000, True), (3000, 4001, False), (0, -5000, True)],
)
def test_the_radius_is_inclusive_to_the_millimetre(x_mm: int, y_mm: int, same: bool) -> None:
    best = sighting("a", score=0.9)
    other = sighting("b", x_mm=x_mm, y_mm=y_mm, score=0.8)
    assert kept_ids([best, other]) == ({best.id} if same else {best.id, other.id})


def test_height_does_not_separate_two_views_of_one_thing() -> None:
    from dataclasses import replace

    low, high = sighting("a", score=0.9), replace(sighting("b", score=0.8), z_mm=100_000)
    assert kept_ids([low, high]) == {low.id}


def test_two_things_in_one_frame_are_two_things() -> None:
    one = sighting("a", 1, 1, frame=7, score=0.9)
    two = sighting("a", 1, 2, frame=7, score=0.8, x_mm=10)
    assert kept_ids([one, two]) == {one.id, two.id}


@pytest.mark.parametrize(
    "other",
    [sighting("b", 1, 2, frame=7), sighting("a", 2, 2, frame=7), sighting("a", 1, 2, frame=8)],
)
def test_a_frame_is_the_same_only_in_source_boot_and_number(other: Sighting) -> None:
    one = sighting("a", 1, 1, frame=7, score=0.9)
    assert kept_ids([one, other]) == {one.id}


@pytest.mark.parametrize(
    ("winner", "loser"),
    [
        (SightingId("a", 9, 9), SightingId("b", 1, 1)),
        (SightingId("a", 1, 9), SightingId("a", 2, 1)),
        (SightingId("a", 1, 9), SightingId("a", 1, 10)),
    ],
)
def test_equal_scores_are_decided_by_source_then_boot_then_sequence(
    winner: SightingId, loser: SightingId
) -> None:
    assert kept_ids([sighting(*loser), sighting(*winner)]) == {winner}


def test_one_sequence_of_two_boots_is_two_sightings() -> None:
    known = filled([sighting("a", 1, 1), sighting("a", 2, 1, x_mm=50_000)])
    assert len(known) == 2
    assert known.kept_count == 2


def test_a_newcomer_at_the_top_turns_a_whole_chain_over() -> None:
    """4 m apart in a row, rising scores: each newcomer flips all that were there."""
    chain = [sighting("a", 1, k, x_mm=4000 * k, score=k / 16) for k in range(1, 9)]
    known = PrioritySet(GATE)
    for item in chain[:-1]:
        known.insert(item)
    assert [s.id.sequence for s in known.kept] == [7, 5, 3, 1]
    change = known.insert(chain[-1])
    assert [s.id.sequence for s in change.kept] == [8, 6, 4, 2]
    assert [s.id.sequence for s in change.dropped] == [7, 5, 3, 1]
    assert known.discard(chain[-1].id).kept == tuple(reversed(chain[0:7:2]))


def test_a_repeated_sighting_changes_nothing() -> None:
    item = sighting()
    known = filled([item])
    assert known.insert(item) == Change()
    assert known.discard(SightingId("nobody", 1, 1)) == Change()
    assert known.kept == (item,)


def test_the_cover_is_the_best_of_the_kept_that_conflict() -> None:
    left = sighting("a", 1, 1, x_mm=-4000, score=0.75)
    right = sighting("b", 1, 1, x_mm=4000, score=1.0)
    middle = sighting("c", 1, 1, score=0.5)
    known = filled([left, middle])
    assert known.covered_by(middle) == left
    assert known.insert(right) == Change(kept=(right,), regrouped=(left,))
    assert known.covered_by(middle) == right
    assert set(known.group(right.id)) == {right, middle}
    assert known.covered_by(right) is None
    assert not known.is_kept(middle.id)


@given(oracle.fleets(), st.randoms(use_true_random=False))
def test_every_order_gives_the_set_of_the_definition(
    fleet: list[Sighting], rng: random.Random
) -> None:
    expected = oracle.priority_set(fleet)
    rng.shuffle(fleet)
    known = filled(fleet)
    assert list(known.kept) == expected
    assert known.kept_count == len(expected)
    mask = priority_set(fleet, GATE)
    assert {s for s, kept in zip(fleet, mask, strict=True) if kept} == set(expected)


@given(
    oracle.fleets(covariances=oracle.ANY_COVARIANCES),
    oracle.gates(),
    st.randoms(use_true_random=False),
)
def test_under_every_gate_all_three_ways_agree(
    fleet: list[Sighting], gate: Gate, rng: random.Random
) -> None:
    expected = oracle.priority_set(fleet, gate)
    rng.shuffle(fleet)
    assert list(filled(fleet, gate).kept) == expected
    mask = priority_set(fleet, gate)
    assert {s for s, kept in zip(fleet, mask, strict=True) if kept} == set(expected)


OPTIONS = [
    Gate(12_000, sigmas_milli=3035),
    Gate(5000, other_class_mm=1500),
    Gate(5000, window_ns=20_000),
    Gate(8000, sigmas_milli=2000, other_class_mm=2000, window_ns=100_000),
]


@pytest.mark.parametrize("gate", OPTIONS, ids=["sigmas", "class", "window", "all"])
def test_under_every_option_a_large_crowd_agrees_and_leaves(gate: Gate) -> None:
    fleet = oracle.crowd(900, seed=6)
    expected = oracle.priority_set(fleet, gate)
    assert expected != oracle.priority_set(fleet, Gate(gate.radius_mm)), "the option matters"
    known = filled(oracle.shuffled(fleet, 1), gate)
    assert list(known.kept) == expected
    assert {best: set(known.group(best.id)) - {best} for best in expected} == groups_of(fleet, gate)
    for item in oracle.shuffled(fleet, 9)[:400]:
        known.discard(item.id)
    assert list(known.kept) == oracle.priority_set(known, gate)


def groups_of(present: Iterable[Sighting], gate: Gate = GATE) -> dict[Sighting, set[Sighting]]:
    """Every kept sighting and what it covers, by the definition."""
    kept = oracle.priority_set(present, gate)
    groups: dict[Sighting, set[Sighting]] = {best: set() for best in kept}
    for one in present:
        if one not in groups:
            groups[next(best for best in kept if oracle.conflict(one, best, gate))].add(one)
    return groups


def check_change(
    change: Change, before: dict[Sighting, set[Sighting]], after: dict[Sighting, set[Sighting]]
) -> None:
    assert list(change.kept) == oracle.better_first(after.keys() - before.keys())
    assert oracle.better_first(change.dropped) == oracle.better_first(before.keys() - after.keys())
    stayed = before.keys() & after.keys()
    moved = {best for best in stayed if before[best] != after[best]}
    assert moved <= set(change.regrouped) <= after.keys()


@given(oracle.fleets(), st.one_of(st.just(GATE), oracle.gates()), st.data())
def test_a_change_tells_what_changed_and_nothing_else(
    fleet: list[Sighting], gate: Gate, data: st.DataObject
) -> None:
    known, present = PrioritySet(gate), {}
    groups: dict[Sighting, set[Sighting]] = {}
    for item in fleet:
        steps = [item.id]
        if data.draw(st.booleans(), label="discard one"):
            steps.append(data.draw(st.sampled_from(sorted([*present, item.id])), label="which"))
        for identity in steps:
            if identity in present:
                del present[identity]
                change = known.discard(identity)
            else:
                present[identity] = item
                change = known.insert(item)
            before, groups = groups, groups_of(list(present.values()), gate)
            check_change(change, before, groups)


def test_groups_stay_true_in_a_crowd() -> None:
    fleet = oracle.crowd(500, seed=5, things=30)
    known = PrioritySet(GATE)
    for count, item in enumerate(fleet):
        change = known.insert(item)
        if count % 7 == 0:
            check_change(change, groups_of(fleet[:count]), groups_of(fleet[: count + 1]))
    groups = groups_of(fleet)
    assert {best: set(known.group(best.id)) - {best} for best in known.kept} == groups
    for best, covered in groups.items():
        assert known.covered_by(best) is None
        assert {known.covered_by(one) for one in covered} <= {best}


def test_orphans_are_decided_best_first() -> None:
    """Three that only the gone one covered conflict with each other: the best takes its place."""
    gone = sighting("a", 1, 1, score=0.9)
    heirs = [sighting("b", 1, k, score=k / 16, x_mm=k) for k in range(1, 8)]
    for order in range(5):
        known = filled([gone, *oracle.shuffled(heirs, order)])
        assert known.discard(gone.id) == Change(
            kept=(heirs[-1],), dropped=(gone,), regrouped=(heirs[-1],)
        )


def test_a_large_crowd_agrees_in_every_order_and_after_leaving() -> None:
    fleet = oracle.crowd(1500, seed=4)
    expected = oracle.priority_set(fleet)
    for seed in range(3):
        assert list(filled(oracle.shuffled(fleet, seed)).kept) == expected
    known = filled(fleet)
    for item in oracle.shuffled(fleet, 9)[:700]:
        known.discard(item.id)
    assert list(known.kept) == oracle.priority_set(known)
