"""The replica is a set that merges in any order, and its digest says which set."""

from __future__ import annotations

import math
import random
from dataclasses import replace

import fleet_oracle as oracle
import pytest
from fleet_oracle import sighting
from hypothesis import given
from hypothesis import strategies as st

from edge_infer.domain import Sighting, SightingId
from edge_infer.errors import IdentityConflictError
from edge_infer.fleet.replica import LogRange, Replica, canonical_bytes


@given(oracle.fleets(), st.randoms(use_true_random=False))
def test_order_and_repetition_do_not_matter(fleet: list[Sighting], rng: random.Random) -> None:
    one = Replica(fleet)
    again = fleet + fleet[: len(fleet) // 2]
    rng.shuffle(again)
    other = Replica()
    assert len(other.add_all(again)) == len(fleet)
    assert set(other) == set(one) == set(fleet)
    assert (len(other), other.digest(), other.ranges()) == (len(one), one.digest(), one.ranges())


@given(oracle.fleets(), oracle.fleets(), st.data())
def test_merge_is_the_union_from_either_side(
    a: list[Sighting], b: list[Sighting], data: st.DataObject
) -> None:
    theirs = {s.id: s for s in [*b, *a]}
    b = [theirs[s.id] for s in b]
    left, right = Replica(a), Replica(b)
    assert set(left.merge(Replica(b))) == set(b) - set(a)
    right.merge(Replica(a))
    assert set(left) == set(right) == set(a) | set(b)
    assert left.digest() == right.digest()
    assert left.merge(right) == []


@given(oracle.fleets(), oracle.fleets())
def test_what_is_missing_can_be_taken_and_completes(a: list[Sighting], b: list[Sighting]) -> None:
    theirs = {s.id: s for s in [*b, *a]}
    left, right = Replica(a), Replica(theirs[s.id] for s in b)
    wanted = left.missing(right.ranges())
    sent = right.take(wanted, 1000)
    assert {s.id for s in sent} == {s.id for s in b} - {s.id for s in a}
    assert [s.id for s in sent] == sorted(s.id for s in sent)
    assert right.take(wanted, 3) == sent[:3]
    left.add_all(sent)
    assert left.missing(right.ranges()) == []


def test_ranges_show_the_gaps_of_each_source_and_boot() -> None:
    ids = [("b", 1, 1), ("a", 2, 5), ("a", 1, 4), ("a", 1, 1), ("a", 1, 2), ("a", 2, 6)]
    assert Replica(sighting(*identity) for identity in ids).ranges() == [
        LogRange("a", 1, 1, 2),
        LogRange("a", 1, 4, 4),
        LogRange("a", 2, 5, 6),
        LogRange("b", 1, 1, 1),
    ]


def test_one_sequence_of_two_boots_is_two_sightings() -> None:
    replica = Replica([sighting("a", 1, 1), sighting("a", 2, 1)])
    assert len(replica) == 2
    assert replica.conflicts == 0


CHANGES = [
    {"stamp_ns": 1},
    {"frame": 9},
    {"class_name": "cracking"},
    {"score": 0.75},
    {"x_mm": 1},
    {"y_mm": 1},
    {"z_mm": 1},
    {"covariance_m2": (0.25, 0.125, 0.25)},
    {"model_version": "1.0.1"},
]


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: next(iter(change)))
def test_one_identity_has_one_payload(change: dict[str, object]) -> None:
    known = sighting()
    replica = Replica([known])
    before = replica.digest()
    impostor = replace(known, **change)
    with pytest.raises(IdentityConflictError, match="drone_01/1/1"):
        replica.add(impostor)
    assert replica.add_all([impostor, sighting(sequence=2)]) == [sighting(sequence=2)]
    assert replica.conflicts == 2
    assert known in list(replica)
    assert Replica([impostor]).digest() != before


def test_the_digest_tells_identities_apart() -> None:
    ids = [("a", 1, 1), ("a", 1, 2), ("a", 2, 1), ("b", 1, 1), ("a1", 1, 1), ("a", 11, 1)]
    digests = {Replica([sighting(*identity, frame=1)]).digest() for identity in ids}
    assert len(digests | {Replica().digest()}) == len(ids) + 1


def test_canonical_bytes_are_as_written_down() -> None:
    """Another implementation must come to these bytes, so they do not change."""
    assert canonical_bytes(sighting("drone_ü", 2, 3, x_mm=-7, score=0.5, stamp_ns=4)) == (
        b'["drone_\\u00fc",2,3,4,1003,"hot_cell",0.5,-7,0,0,0.25,0.0,0.25,"1.0.0"]'
    )
    assert Replica([sighting()]).digest() == (
        "5724711c8a60875ed1eb260d10d433315549b166be218b49d880a58273b4af86"
    )


def test_a_payload_that_is_not_a_number_still_equals_itself() -> None:
    one, other = (replace(sighting(), score=float("nan")) for _ in range(2))
    replica = Replica([one])
    assert not replica.add(other)
    assert math.isnan(next(iter(replica)).score)


def test_the_widest_request_is_answered_with_what_is_there() -> None:
    replica = Replica([sighting("a", 1, 3)])
    asked = [LogRange("a", 1, 0, 2**32 - 1), LogRange("x", 1, 0, 2**32 - 1)]
    assert [s.id for s in replica.take(asked, 10)] == [SightingId("a", 1, 3)]
    assert replica.take([LogRange("a", 1, 9, 0)], 10) == []
