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

"""Counters against a plain book of who counted what."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_infer.errors import FleetError
from edge_infer.fleet.counters import MOST_COUNT, Count, Counters

COUNTS = st.lists(
    st.builds(
        Count,
        st.sampled_from(["a", "b", "ü"]),
        st.integers(1, 2),
        st.sampled_from("xy"),
        st.integers(0, 9),
    ),
    max_size=12,
)


@given(COUNTS, COUNTS, COUNTS)
def test_the_laws_in_bytes(a: list[Count], b: list[Count], c: list[Count]) -> None:
    def merged(*parts: list[Count]) -> tuple[bytes, int]:
        result = Counters()
        for part in parts:
            result.merge(Counters(part).counts())
        return result.canonical_bytes(), result.fingerprint()

    assert merged(a, b) == merged(b, a) == merged(a, b, a)
    assert merged(a, Counters([*b, *c]).counts()) == merged(Counters([*a, *b]).counts(), c)


@given(COUNTS, st.randoms(use_true_random=False))
def test_the_highest_stands_whatever_came_when(counts: list[Count], rng: random.Random) -> None:
    book: dict[tuple[str, int, str], int] = {}
    for *key, value in counts:
        book[tuple(key)] = max(value, book.get(tuple(key), 0))
    rng.shuffle(counts)
    counters = Counters(counts)
    assert counters.counts() == [Count(*key, value) for key, value in sorted(book.items())]
    for name in "xyz":
        assert counters.total(name) == sum(v for key, v in book.items() if key[2] == name)


def test_a_restart_counts_from_zero_and_loses_nothing() -> None:
    fleet = Counters()
    for boot in (1, 2):
        drone = Counters()
        told = [drone.count("a", boot, "frames"), drone.count("a", boot, "frames", 4)]
        assert fleet.merge(told) == told
        assert fleet.merge(reversed(told)) == []
    assert fleet.total("frames") == 10


def test_counts_do_not_fall() -> None:
    with pytest.raises(ValueError, match="frames cannot be counted by -1"):
        Counters().count("a", 1, "frames", -1)


def test_bytes_are_as_written_down() -> None:
    counters = Counters([Count("ü", 2, "x", 3), Count("a", 1, "x", 2**40)])
    assert counters.canonical_bytes() == b'["a",1,"x",1099511627776]\n["\\u00fc",2,"x",3]\n'
    assert Counters().fingerprint() == 0 != counters.fingerprint()


@given(COUNTS, COUNTS)
def test_equal_fingerprints_mean_equal_counts(a: list[Count], b: list[Count]) -> None:
    one, other = Counters(a), Counters(b)
    assert (one.fingerprint() == other.fingerprint()) is (one.counts() == other.counts())
    assert len(one) == len(one.counts())


def test_what_does_not_fit_its_field_is_refused_and_changes_nothing() -> None:
    told = Count("a", 1, "frames", MOST_COUNT)
    counters = Counters([told])
    with pytest.raises(FleetError, match="'frames' of a/1 would be more than"):
        counters.count("a", 1, "frames")
    assert counters.counts() == [told]
    assert counters.fingerprint() == Counters([told]).fingerprint()
    assert counters.count("a", 2, "frames").value == 1
