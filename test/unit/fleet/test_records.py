"""Records merge in any order, are in the digest, and are told until all hold the same."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_infer.errors import FleetError, IdentityConflictError
from edge_infer.fleet.counters import Count
from edge_infer.fleet.records import MOST_NAME, MOST_VALUE, Part, Records, Telling
from edge_infer.fleet.registers import Entry, Stamp
from edge_infer.fleet.replica import Replica

SOURCES = st.sampled_from(["a", "b", "c"])
NAMES = st.sampled_from(["model/a", "calibration/b", "landings"])


@st.composite
def parts(draw: st.DrawFn) -> Part:
    """What a fleet may have written: the value follows from the stamp, as for honest writers."""
    entries = [
        Entry(key, stamp, f"{key} {stamp}".encode())
        for key, stamp in draw(
            st.lists(st.tuples(NAMES, st.builds(Stamp, st.integers(1, 4), SOURCES, st.just(1))))
        )
    ]
    counts = draw(st.lists(st.builds(Count, SOURCES, st.integers(1, 2), NAMES, st.integers(0, 9))))
    return Part(entries, counts)


def replica(*told: Part) -> Replica:
    made = Replica()
    for part in told:
        made.records.add(part)
    return made


def joined(*replicas: Replica) -> tuple[str, Part]:
    made = Replica()
    for other in replicas:
        made.merge(other)
    return made.digest(), made.records.whole()


@given(parts(), parts(), parts())
def test_merging_is_commutative_associative_and_idempotent(a: Part, b: Part, c: Part) -> None:
    one, two, three = replica(a), replica(b), replica(c)
    expected = joined(one, two, three)
    assert joined(three, one, two) == joined(two, two, three, one, two) == expected
    whole = replica(a, b, c)
    assert (whole.digest(), whole.records.whole()) == expected
    parts_at_once = replica(Part([*a.entries, *b.entries, *c.entries]), Part((), c.counts), b, a)
    assert parts_at_once.digest() == expected[0]


@given(parts(), parts())
def test_equal_digests_mean_equal_records(a: Part, b: Part) -> None:
    one, two = replica(a), replica(b)
    same = one.records.whole() == two.records.whole()
    assert (one.digest() == two.digest()) is same
    assert (one.records.digest() == two.records.digest()) is same


def test_without_records_the_digest_is_that_of_the_sightings() -> None:
    assert Replica().records.fingerprint() == 0


def test_a_stamp_with_two_values_is_refused_and_the_rest_taken_in() -> None:
    records = Records()
    records.add(Part([Entry("k", Stamp(1, "a", 1), b"one")]))
    clash = [Entry("k", Stamp(1, "a", 1), b"two"), Entry("other", Stamp(1, "b", 1), b"x")]
    with pytest.raises(IdentityConflictError, match="written twice"):
        records.add(Part(clash))
    assert (records.get("k"), records.get("other")) == (b"one", b"x")


@pytest.mark.parametrize(
    "part",
    [
        Part([Entry("", Stamp(1, "a", 1), b"")]),
        Part([Entry("k" * (MOST_NAME + 1), Stamp(1, "a", 1), b"")]),
        Part([Entry("k", Stamp(1, "a", 1), b"x" * (MOST_VALUE + 1))]),
        Part(counts=[Count("a", 1, "n" * (MOST_NAME + 1), 1)]),
    ],
)
def test_what_is_too_long_is_refused_as_a_whole(part: Part) -> None:
    records = Records()
    with pytest.raises(FleetError):
        records.add(part._replace(entries=[*part.entries, Entry("k", Stamp(1, "a", 1), b"v")]))
    assert records.whole() == Part([], [])


def test_writes_and_counts_go_on_from_what_is_known() -> None:
    records = Records()
    records.add(Part([Entry("k", Stamp(7, "b", 2), b"theirs")], [Count("a", 1, "n", 5)]))
    assert records.write("k", b"ours", "a", 1).stamp == Stamp(8, "a", 1)
    assert records.count("a", 1, "n").value == 6
    assert records.count("a", 2, "n").value == 1
    assert (records.get("k"), records.total("n")) == (b"ours", 7)
    with pytest.raises(FleetError, match="keep records below"):
        records.write("k", b"x" * (MOST_VALUE + 1), "a", 1)
    assert records.get("k") == b"ours"


def many(count: int) -> Records:
    records = Records()
    for number in range(count):
        records.write(f"key {number:03}", b"v", "a", 1)
        records.count("a", 1, f"name {number:03}")
    return records


def test_while_all_agree_only_the_digest_is_told() -> None:
    records, telling = many(3), Telling("a", period_s=2.0)
    words = [telling.part(records, t / 10) for t in range(200) if telling.due(t / 10)]
    assert 8 <= len(words) <= 12
    assert all(word == Part() for word in words)


def test_who_hears_a_difference_tells_all_in_turn() -> None:
    records, telling = many(60), Telling("a", period_s=2.0, most=50)
    other = Records()
    for turn in range(3):
        telling.hear(other.digest(), False, records.digest(), float(turn))
        other.add(telling.part(records, float(turn)))
    assert other.digest() == records.digest()
    telling.hear(other.digest(), False, records.digest(), 3.0)
    assert telling.part(records, 20.0) == Part()


def test_one_of_many_who_hold_the_same_tells_it() -> None:
    records, telling = many(2), Telling("a")
    telling.hear("something else", False, records.digest(), 1.0)
    telling.hear(records.digest(), True, records.digest(), 1.5)
    assert telling.part(records, 2.0) == Part(), "another has just told the same"
    assert telling.part(records, 4.0) == records.whole()
