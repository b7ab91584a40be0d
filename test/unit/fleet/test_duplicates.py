"""The priority set, one at a time: named cases, then every order against the definition."""

from __future__ import annotations

import random

import fleet_oracle as oracle
import pytest
from fleet_oracle import RADIUS_MM, sighting
from hypothesis import given
from hypothesis import strategies as st

from edge_infer.domain import Sighting, SightingId
from edge_infer.fleet.batch import priority_set
from edge_infer.fleet.duplicates import Change, PrioritySet


def filled(sightings: list[Sighting]) -> PrioritySet:
    known = PrioritySet(RADIUS_MM)
    for item in sightings:
        known.insert(item)
    return known


def kept_ids(sightings: list[Sighting]) -> set[SightingId]:
    """By the incremental set, and checked against the batch."""
    known = filled(sightings)
    mask = priority_set(sightings, RADIUS_MM)
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
    known = PrioritySet(RADIUS_MM)
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
    mask = priority_set(fleet, RADIUS_MM)
    assert {s for s, kept in zip(fleet, mask, strict=True) if kept} == set(expected)


@given(oracle.fleets(), st.data())
def test_changes_add_up_and_covers_stay_true(fleet: list[Sighting], data: st.DataObject) -> None:
    known, present, kept = PrioritySet(RADIUS_MM), {}, set()
    for item in fleet:
        change = known.insert(item)
        present[item.id] = item
        if data.draw(st.booleans(), label="discard one"):
            gone = data.draw(st.sampled_from(sorted(present)), label="which")
            kept = (kept | set(change.kept)) - set(change.dropped)
            change = known.discard(gone)
            del present[gone]
        kept = (kept | set(change.kept)) - set(change.dropped)
        expected = oracle.priority_set(present.values())
        assert kept == set(expected)
        assert set(change.regrouped) <= kept
        for one in present.values():
            covers = [k for k in expected if oracle.conflict(one, k)]
            assert known.covered_by(one) == (None if one in kept else covers[0])


def test_a_large_crowd_agrees_in_every_order_and_after_leaving() -> None:
    fleet = oracle.crowd(1500, seed=4)
    expected = oracle.priority_set(fleet)
    for seed in range(3):
        assert list(filled(oracle.shuffled(fleet, seed)).kept) == expected
    known = filled(fleet)
    for item in oracle.shuffled(fleet, 9)[:700]:
        known.discard(item.id)
    assert list(known.kept) == oracle.priority_set(known)
