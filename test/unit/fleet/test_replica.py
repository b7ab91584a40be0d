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

"""The replica is a set that merges in any order, and its digest says which set."""

from __future__ import annotations

import math
import random
from dataclasses import replace
from hashlib import sha256

import fleet_oracle as oracle
import pytest
from fleet_oracle import sighting
from hypothesis import given
from hypothesis import strategies as st

from edge_infer.domain import Sighting, SightingId
from edge_infer.errors import FleetError, IdentityConflictError
from edge_infer.fleet.counters import Count
from edge_infer.fleet.floors import Floor
from edge_infer.fleet.records import Part
from edge_infer.fleet.registers import Entry, Stamp
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
    {"covariance_m2": (0.25, -0.0, 0.25)},
    {"model_version": "1.0.1"},
]


@pytest.mark.parametrize("change", CHANGES, ids=str)
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
    assert (
        canonical_bytes(sighting("drone_ü", 2, 3, x_mm=-7, score=0.5, stamp_ns=4))
        == (
            b"S\x00\x00\x00\x02\x00\x00\x00\x03"  # boot, sequence
            b"\x00\x00\x00\x00\x00\x00\x00\x04\x00\x00\x00\x00\x00\x00\x03\xeb"  # stamp, frame
            b"\x3f\xe0\x00\x00\x00\x00\x00\x00"  # score
            b"\xff\xff\xff\xff\xff\xff\xff\xf9" + bytes(16) + b"\x3f\xd0\x00\x00\x00\x00\x00\x00"
            b"\x00\x00\x00\x00\x00\x00\x00\x00\x3f\xd0\x00\x00\x00\x00\x00\x00"
            b'"drone_\\u00fc""hot_cell""1.0.0"'
        )
    )
    assert Replica([sighting()]).digest() == (
        "9d4712e37e39fbd49afbd85a885c3fc159493d2c73dcb3b8a7026245cb57f7c5"
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


def test_below_the_floor_all_is_forgotten_and_refused() -> None:
    ids = [("a", 1, 1), ("a", 1, 2), ("a", 1, 4), ("a", 2, 1), ("b", 1, 1)]
    replica = Replica(sighting(*identity) for identity in ids)
    gone = replica.raise_floors([Floor("a", 1, 4), Floor("c", 1, 9)])
    assert [s.id for s in gone] == [SightingId("a", 1, 1), SightingId("a", 1, 2)]
    assert {s.id for s in replica} == {SightingId(*identity) for identity in ids[2:]}
    assert SightingId("a", 1, 4) in replica
    assert SightingId("a", 1, 1) not in replica
    assert replica.add_all([sighting("a", 1, 1), sighting("a", 1, 3), sighting("c", 1, 8)]) == []
    assert (replica.late, replica.forgotten, len(replica)) == (3, 2, 3)
    assert replica.floors() == [Floor("a", 1, 4), Floor("c", 1, 9)]


def test_a_floor_does_not_fall() -> None:
    replica = Replica([sighting("a", 1, 5)], [Floor("a", 1, 4)])
    digest = replica.digest()
    assert replica.raise_floors([Floor("a", 1, 3), Floor("a", 1, 4), Floor("z", 1, 0)]) == []
    assert replica.floors() == [Floor("a", 1, 4)]
    assert replica.digest() == digest


def test_floors_are_in_the_digest() -> None:
    floors = [[], [Floor("a", 1, 1)], [Floor("a", 1, 2)], [Floor("a", 2, 1)], [Floor("b", 1, 1)]]
    assert len({Replica(floors=some).digest() for some in floors}) == len(floors)
    raised = Replica(floors=[Floor("a", 1, 1), Floor("a", 1, 2)])
    assert raised.digest() == Replica(floors=[Floor("a", 1, 2)]).digest()


def test_garbage_is_not_missing() -> None:
    replica = Replica([sighting("a", 1, 6)], [Floor("a", 1, 4)])
    assert replica.missing([LogRange("a", 1, 1, 9)]) == [
        LogRange("a", 1, 4, 5),
        LogRange("a", 1, 7, 9),
    ]


def test_merging_takes_the_floors_first() -> None:
    replica = Replica([sighting("a", 1, 1), sighting("a", 1, 2)])
    other = Replica([sighting("a", 1, 3)], [Floor("a", 1, 2)])
    assert [s.id.sequence for s in replica.merge(other)] == [3]
    assert sorted(s.id.sequence for s in replica) == [2, 3]


@pytest.mark.parametrize(
    "change", [{"x_mm": 2**63}, {"stamp_ns": -(2**70)}, {"frame": -1}], ids=str
)
def test_a_number_out_of_range_is_refused_with_a_sentence(change: dict[str, int]) -> None:
    replica = Replica([sighting("a", 1, 1)])
    digest = replica.digest()
    with pytest.raises(FleetError, match="drone_01/1/1 has a number out of range"):
        replica.add(replace(sighting(), **change))
    assert replica.digest() == digest
    assert replica.ranges() == [LogRange("a", 1, 1, 1)]


def test_records_are_in_the_digest_and_nothing_is_left_of_what_they_replaced() -> None:
    replica = Replica([sighting()])
    before = replica.digest()
    parts = [
        Part([Entry("k", Stamp(1, "a", 1), b"v")]),
        Part([Entry("k", Stamp(2, "a", 1), b"v")]),
        Part([Entry("k", Stamp(2, "a", 2), b"v")]),
        Part([Entry("k", Stamp(2, "b", 1), b"")]),
        Part([Entry("l", Stamp(1, "a", 1), b"v")]),
        Part(counts=[Count("a", 1, "k", 0)]),
        Part(counts=[Count("a", 1, "k", 1)]),
        Part(counts=[Count("a", 2, "k", 1)]),
    ]
    digests = {before}
    for part in parts:
        replica.records.add(part)
        digests.add(replica.digest())
    assert len(digests) == 1 + len(parts)
    fresh = Replica([sighting()])
    fresh.records.add(replica.records.whole())
    assert fresh.digest() == replica.digest()


def test_the_digest_of_records_is_as_written_down() -> None:
    """Another implementation must come to it, so it does not change."""
    replica = Replica([sighting()])
    entry, count = Entry("ü", Stamp(3, "a", 2), b"\x00\xff"), Count("a", 1, "x", 2**40)
    replica.records.add(Part([entry], [count]))
    lines = [b'R["\\u00fc",3,"a",2,"00ff"]\n', b'C["a",1,"x",1099511627776]\n']
    hashes = [sha256(line).digest() for line in (canonical_bytes(sighting()), *lines)]
    total = sum(int.from_bytes(one, "big") for one in hashes) % 2**256
    expected = sha256((1).to_bytes(8, "big") + total.to_bytes(32, "big")).hexdigest()
    assert replica.digest() == expected


def test_merging_takes_the_records_too() -> None:
    one, other = Replica([sighting("a", 1, 1)]), Replica([sighting("b", 1, 1)])
    one.records.write("k", b"one", "a", 1)
    other.records.write("k", b"other", "b", 1)
    other.records.count("b", 1, "n", 2)
    assert [s.id.source for s in one.merge(other)] == ["b"]
    assert (one.records.get("k"), one.records.total("n")) == (b"other", 2)
    other.merge(one)
    assert one.digest() == other.digest()
