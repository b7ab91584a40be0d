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

"""Records merge in any order and are in the digest."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_infer.errors import FleetError, IdentityConflictError
from edge_infer.fleet.counters import Count
from edge_infer.fleet.records import MOST_NAME, MOST_VALUE, Part, Records
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
        Part([Entry("k\0", Stamp(1, "a", 1), b"")]),
        Part([Entry("k", Stamp(1, "a" * (MOST_NAME + 1), 1), b"")]),
        Part(counts=[Count("a", 1, "n" * (MOST_NAME + 1), 1)]),
        Part(counts=[Count("", 1, "n", 1)]),
    ],
)
def test_what_cannot_travel_is_refused_as_a_whole(part: Part) -> None:
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


def test_a_name_that_would_arrive_as_another_is_refused() -> None:
    records = Records()
    for name in ("k\0", "\ud800"):
        with pytest.raises(FleetError, match="is no text"):
            records.write(name, b"", "a", 1)
        with pytest.raises(FleetError, match="is no text"):
            records.count("a", 1, name)
    assert records.digest() == Records().digest()


def test_a_conflict_is_counted_once() -> None:
    records = Records()
    entry = Entry("k", Stamp(1, "a", 1), b"one")
    records.add(Part([entry]))
    with pytest.raises(IdentityConflictError):
        records.add(Part([entry._replace(value=b"two")]))
    assert records._values.conflicts == 1
