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

"""Last values against the plain rule: the highest stamp of each key."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_infer.errors import FleetError, IdentityConflictError
from edge_infer.fleet.registers import MOST_COUNTER, Entry, LastValues, Stamp

STAMPS = st.builds(Stamp, st.integers(1, 4), st.sampled_from("ab"), st.integers(1, 2))
KEYS = st.sampled_from(["model", "ü"])
ENTRIES = st.lists(
    st.tuples(KEYS, STAMPS).map(lambda key: Entry(*key, repr(key).encode())), max_size=12
)
"""No stamp comes with two values: the value is made of it."""


@given(ENTRIES, ENTRIES, ENTRIES)
def test_the_laws_in_bytes(a: list[Entry], b: list[Entry], c: list[Entry]) -> None:
    def merged(*parts: list[Entry]) -> tuple[bytes, int]:
        result = LastValues()
        for part in parts:
            result.merge(LastValues(part).entries())
        return result.canonical_bytes(), result.fingerprint()

    assert merged(a, b) == merged(b, a) == merged(a, b, a)
    assert merged(a, LastValues([*b, *c]).entries()) == merged(LastValues([*a, *b]).entries(), c)


@given(ENTRIES, st.randoms(use_true_random=False))
def test_the_highest_stamp_stands(entries: list[Entry], rng: random.Random) -> None:
    book: dict[str, Entry] = {}
    for entry in entries:
        book[entry.key] = max(entry, book.get(entry.key, entry), key=lambda e: e.stamp)
    rng.shuffle(entries)
    values = LastValues(entries)
    assert values.entries() == [book[key] for key in sorted(book)]
    assert values.conflicts == 0


def test_a_write_replaces_what_its_writer_knew() -> None:
    one, other = LastValues(), LastValues()
    other.add(one.write("model", b"1.0", "z", 1))
    second = other.write("model", b"1.1", "a", 7)
    assert second.stamp == Stamp(2, "a", 7)
    assert one.merge([second, second]) == [second]
    assert one.get("model") == other.get("model") == b"1.1"
    assert one.get("calibration") is None


def test_of_two_that_did_not_know_of_each_other_the_name_decides() -> None:
    one, other = LastValues(), LastValues()
    here, there = one.write("model", b"1", "a", 1), other.write("model", b"2", "b", 1)
    assert one.merge([there]) == [there]
    assert other.merge([here]) == []
    assert one.fingerprint() == other.fingerprint()


def test_a_restart_without_memory_is_another_writer() -> None:
    fleet = LastValues([LastValues().write("model", b"1", "a", 1)])
    assert fleet.add(LastValues().write("model", b"2", "a", 2))
    assert fleet.get("model") == b"2"


def test_one_stamp_with_two_values_is_refused_and_counted() -> None:
    known = LastValues().write("model", b"1", "a", 1)
    values = LastValues([known])
    impostor = known._replace(value=b"2")
    with pytest.raises(IdentityConflictError, match="'model' was written twice as number 1 by a/1"):
        values.add(impostor)
    assert values.merge([impostor]) == []
    assert values.conflicts == 2
    assert values.get("model") == b"1"


def test_bytes_are_as_written_down() -> None:
    values = LastValues([Entry("ü", Stamp(3, "a", 2), b"\x00\xff")])
    assert values.canonical_bytes() == b'["\\u00fc",3,"a",2,"00ff"]\n'


@given(ENTRIES, ENTRIES)
def test_equal_fingerprints_mean_equal_entries(a: list[Entry], b: list[Entry]) -> None:
    one, other = LastValues(a), LastValues(b)
    same = one.entries() == other.entries()
    assert (one.fingerprint() == other.fingerprint()) is same
    assert len(one) == len(one.entries())
    assert LastValues().fingerprint() == 0


def test_after_the_last_number_a_write_is_refused_and_changes_nothing() -> None:
    last = Entry("model", Stamp(MOST_COUNTER, "z", 1), b"1")
    values = LastValues([last])
    before = values.fingerprint()
    with pytest.raises(FleetError, match="'model' was written as number 4294967295 by z"):
        values.write("model", b"2", "a", 1)
    assert values.entries() == [last]
    assert values.fingerprint() == before
