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

"""Who tells which records when: nobody for nothing, one for all, and in the end everybody knows."""

from __future__ import annotations

import random
from collections.abc import Callable
from contextlib import suppress
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_infer.errors import IdentityConflictError
from edge_infer.fleet.counters import Count
from edge_infer.fleet.record_gossip import (
    MESSAGE_BYTES,
    RecordGossip,
    RecordGossipConfig,
    part_bytes,
)
from edge_infer.fleet.records import Part, Records
from edge_infer.fleet.registers import Entry, Stamp

CONFIG = RecordGossipConfig()
TICK_S = 0.05


class Teller:
    """A replica's records and their gossip."""

    def __init__(self, name: str, config: RecordGossipConfig = CONFIG) -> None:
        self.name = name
        self.records = Records()
        self.gossip = RecordGossip(name, config)

    @property
    def digest(self) -> str:
        return self.records.digest()


class Air:
    """Tellers who all hear each other, as far as packets come through."""

    def __init__(self, *tellers: Teller) -> None:
        self.tellers = list(tellers)
        self.now_s = 0.0
        self.words: list[tuple[float, str, Part]] = []
        self.is_lost: Callable[[str, str], bool] = lambda _sender, _hearer: False

    def carry(self, sender: Teller, part: Part) -> None:
        self.words.append((self.now_s, sender.name, part))
        for hearer in self.tellers:
            if hearer is sender or self.is_lost(sender.name, hearer.name):
                continue
            with suppress(IdentityConflictError):
                hearer.records.add(part)
            hearer.gossip.hear(sender.name, sender.digest, part, hearer.records, self.now_s)

    def write(self, writer: Teller, key: str, value: bytes = b"v") -> None:
        part = Part([writer.records.write(key, value, writer.name, 1)])
        writer.gossip.tell(part, self.now_s)
        self.carry(writer, part)

    def run(self, seconds: float) -> list[tuple[float, str, Part]]:
        """What is said in that time."""
        first = len(self.words)
        for _ in range(round(seconds / TICK_S)):
            self.now_s += TICK_S
            for teller in self.tellers:
                part = teller.gossip.poll(teller.records, self.now_s)
                if part is not None:
                    self.carry(teller, part)
        return self.words[first:]

    @property
    def agrees(self) -> bool:
        return len({teller.digest for teller in self.tellers}) == 1


def tellers(count: int, keys: int = 0, value: bytes = b"v") -> list[Teller]:
    """Replicas that all hold the same."""
    made = [Teller(f"/drone_{number}/coordinator") for number in range(count)]
    for number in range(keys):
        entry = made[0].records.write(f"key {number:03}", value, "a", 1)
        for other in made[1:]:
            other.records.add(Part([entry]))
    return made


def records_in(words: list[tuple[float, str, Part]]) -> list[Entry | Count]:
    return [record for *_, part in words for record in (*part.entries, *part.counts)]


def test_while_all_agree_each_tells_its_digest_once_a_period() -> None:
    air = Air(*tellers(3, keys=5))
    words = air.run(40.0)
    assert all(part == Part() for *_, part in words)
    assert {part_bytes(part) for *_, part in words} == {MESSAGE_BYTES}
    for teller in air.tellers:
        times = [at_s for at_s, name, _ in words if name == teller.name]
        pauses = [b - a for a, b in pairwise(times)]
        assert 1.5 <= min(pauses) <= max(pauses) <= 2.5 + TICK_S
        assert len({round(pause / TICK_S) for pause in pauses}) > 3, "no jitter"


def test_an_own_write_is_known_by_all_who_hear_it_and_told_once() -> None:
    air = Air(*tellers(4, keys=5))
    air.run(4.0)
    air.write(air.tellers[0], "new")
    assert air.agrees
    assert records_in(air.run(20.0)) == []


def test_a_peer_whose_word_crossed_a_write_is_not_told_all() -> None:
    writer, peer = tellers(2, keys=5)
    air = Air(writer, peer)
    air.run(4.0)
    before = peer.digest
    part = Part([writer.records.write("new", b"v", "a", 1)])
    writer.gossip.tell(part, air.now_s)
    writer.gossip.hear(peer.name, before, Part(), writer.records, air.now_s)
    word = None
    while word is None:
        air.now_s += TICK_S
        word = writer.gossip.poll(writer.records, air.now_s)
    assert word == Part()
    writer.gossip.hear(peer.name, before, Part(), writer.records, air.now_s + 1.0)
    assert records_in([(0.0, "", writer.gossip.poll(writer.records, air.now_s + 4.0) or Part())])


def test_a_late_joiner_is_told_each_record_once() -> None:
    """By whichever of them; the others hear it."""
    air = Air(*tellers(8, keys=250))
    air.run(4.0)
    air.tellers.append(Teller("/late/coordinator"))
    words = air.run(20.0)
    assert air.agrees
    told = records_in(words)
    assert len(told) == len(set(told)) == 250
    assert {len(part.entries) for *_, part in words} == {0, 50, 100}
    assert records_in(air.run(20.0)) == []


def test_steady_writers_do_not_keep_a_late_joiner_waiting() -> None:
    air = Air(*tellers(2, keys=10))
    air.run(4.0)
    late = Teller("/late/coordinator")
    air.tellers.append(late)
    for step in range(40):
        air.write(air.tellers[step % 2], "live", str(step).encode())
        air.run(0.25)
    assert air.agrees
    assert late.records.get("key 000") == b"v"


def two_airs(heads: int, keys: int) -> tuple[Air, Air]:
    """Two clusters of one; each head has a place in both, and its records in common."""
    north, south = tellers(2, keys)
    here, there = [north], [south]
    for number in range(heads):
        head, its_other = Teller(f"/head_{number}"), Teller(f"/head_{number}")
        head.records.merge(north.records)
        its_other.records = head.records
        here.append(head)
        there.append(its_other)
    return Air(*here), Air(*there)


def run_both(one: Air, other: Air, seconds: float) -> None:
    for _ in range(round(seconds / TICK_S)):
        one.run(TICK_S)
        other.run(TICK_S)


@pytest.mark.parametrize("heads", [1, 2])
def test_what_is_new_on_one_link_is_told_on_the_other_at_once_and_alone(heads: int) -> None:
    here, there = two_airs(heads, keys=500)
    run_both(here, there, 4.0)
    north, south = here.tellers[0], there.tellers[0]
    air = here if heads == 1 else there
    writer, hearer = (north, south) if air is here else (south, north)
    air.write(writer, "zz new")
    run_both(here, there, 2 * TICK_S)
    assert hearer.records.get("zz new") == b"v"
    run_both(here, there, 20.0)
    said = records_in(here.words) + records_in(there.words)
    assert [record.key for record in said if isinstance(record, Entry)] == ["zz new"] * 2


def test_what_is_new_waits_while_too_much_was_sent_and_is_not_lost() -> None:
    here, there = two_airs(1, keys=5)
    run_both(here, there, 4.0)
    for number in range(20):
        here.write(here.tellers[0], f"big {number:02}", b"x" * 4000)
    run_both(here, there, 1.0)
    south = there.tellers[0]
    known = [number for number in range(20) if south.records.get(f"big {number:02}")]
    assert 4 <= len(known) < 10
    run_both(here, there, 8.0)
    assert south.digest == here.tellers[0].digest
    said = [part for _, name, part in there.words if name == "/head_0"]
    assert sum(part == Part() for part in said) <= 13 / 1.5 + 1, "more than a digest a period"
    sizes = [part_bytes(part) for part in said]
    assert max(sizes) <= CONFIG.part_bytes + MESSAGE_BYTES + 4100
    assert sum(sizes) <= CONFIG.burst_bytes + 13 * CONFIG.bytes_per_s + max(sizes)


def test_what_was_heard_on_both_links_is_not_told_again() -> None:
    (head,) = tellers(1, keys=3)
    head.gossip.poll(head.records, 0.0)
    part = Part([Entry("new", Stamp(1, "b", 1), b"v")], [Count("b", 1, "n", 2)])
    head.records.add(part)
    head.gossip.hear("/peer", head.digest, part, head.records, 0.1)
    assert head.gossip.poll(head.records, 3.0) == Part()


def test_a_change_that_a_later_one_replaces_is_told_as_that() -> None:
    (head,) = tellers(1, keys=3)
    head.gossip.poll(head.records, 0.0)
    for value in (b"1", b"2"):
        head.records.write("new", value, "b", 1)
        head.gossip.hear("/peer", head.digest, Part(), head.records, 0.1)
    part = head.gossip.poll(head.records, 0.1)
    assert part == Part((Entry("new", Stamp(2, "b", 1), b"2"),))
    assert head.gossip.poll(head.records, 0.2) is None


def test_after_a_cut_the_newest_writes_come_first_and_the_rest_is_kept_back() -> None:
    left, right = tellers(2, keys=500)
    air = Air(left, right)
    air.run(4.0)
    air.is_lost = lambda _sender, _hearer: True
    for number in range(3):
        air.write(left, f"left {number}")
        air.write(right, f"right {number}")
    air.run(10.0)
    assert not air.agrees
    air.is_lost = lambda _sender, _hearer: False
    words = air.run(10.0)
    first = {name: part for _, name, part in reversed(words) if part != Part()}
    assert [e.key for e in first[left.name].entries[:3]] == ["left 2", "left 1", "left 0"]
    assert [e.key for e in first[right.name].entries[:3]] == ["right 2", "right 1", "right 0"]
    assert air.agrees
    assert len(records_in(words)) <= 4 * CONFIG.most, "two parts each, of 503 records"


def test_messages_and_means_are_bounded_while_they_never_agree() -> None:
    """Two have one name: each refuses what the other wrote, for ever."""
    one, other = tellers(2, keys=60, value=b"x" * 4000)
    for teller, value in ((one, b"1"), (other, b"2")):
        teller.records.write("claimed", value, "same", 1)
    air = Air(one, other)
    words = air.run(120.0)
    assert len(records_in(words)) > 60
    for teller in air.tellers:
        sizes = [part_bytes(part) for _, name, part in words if name == teller.name]
        assert max(sizes) <= CONFIG.part_bytes + MESSAGE_BYTES
        assert sum(sizes) <= CONFIG.burst_bytes + 120 * CONFIG.bytes_per_s + max(sizes)


def test_a_message_is_bounded_however_much_may_be_sent() -> None:
    config = RecordGossipConfig(burst_bytes=1e6)
    one, other = Teller("/one", config), Teller("/other", config)
    for number in range(40):
        one.records.write(f"key {number}", b"x" * 1000, "a", 1)
    air = Air(one, other)
    sizes = {part_bytes(part) for *_, part in air.run(20.0)}
    assert air.agrees
    assert config.part_bytes - 1100 < max(sizes) <= config.part_bytes + MESSAGE_BYTES


def test_own_writes_beyond_the_means_delay_parts_but_not_the_digest() -> None:
    one, other = tellers(2)
    air = Air(one, other)
    air.run(4.0)
    air.is_lost = lambda _sender, _hearer: True
    for number in range(100):
        air.write(one, f"key {number}", b"x" * 4000)
    air.is_lost = lambda _sender, _hearer: False
    words = air.run(12.0)
    said = [part for _, name, part in words if name == one.name]
    assert len(said) >= 4
    assert all(part == Part() for part in said)
    air.run(120.0)
    assert air.agrees


@pytest.mark.parametrize("jump_s", [-600.0, 600.0])
def test_a_clock_that_jumps_neither_floods_nor_falls_silent(jump_s: float) -> None:
    air = Air(*tellers(2, keys=5))
    air.run(4.0)
    air.now_s += jump_s
    assert 2 * 6 <= len(air.run(16.0)) <= 2 * 12


def test_what_a_peer_told_or_something_later_is_owed_no_more() -> None:
    (teller,) = tellers(1)
    records, gossip = teller.records, teller.gossip
    counted = [Count("a", 1, "n", 5), Count("a", 1, "m", 5)]
    records.add(Part([Entry(k, Stamp(2, "a", 1), b"v") for k in "wxyz"], counted))
    gossip.hear("/p", "another digest", Part(), records, 0.0)
    told = Part(
        [
            Entry("w", Stamp(2, "b", 1), b"later"),
            Entry("x", Stamp(2, "a", 1), b"v"),
            Entry("y", Stamp(1, "a", 1), b"old"),
            Entry("z", Stamp(2, "a", 1), b"forged"),
        ],
        [Count("a", 1, "n", 4), Count("a", 1, "m", 6)],
    )
    gossip.hear("/p", "another digest", told, records, 0.1)
    part = gossip.poll(records, 3.0)
    assert part is not None
    assert [entry.key for entry in part.entries] == ["y", "z"]
    assert part.counts == (Count("a", 1, "n", 5),)


def test_an_own_echo_is_not_heard() -> None:
    (teller,) = tellers(1, keys=3)
    teller.gossip.poll(teller.records, 0.0)
    teller.gossip.hear(teller.name, "another digest", Part(), teller.records, 0.1)
    assert teller.gossip.poll(teller.records, 3.0) == Part()


STATES = st.lists(
    st.tuples(
        st.lists(st.tuples(st.sampled_from("xyz"), st.integers(1, 3)), max_size=5),
        st.lists(st.tuples(st.sampled_from("mn"), st.integers(0, 9)), max_size=3),
    ),
    min_size=2,
    max_size=4,
)


@settings(max_examples=40)
@given(STATES, st.integers(0, 2**16))
def test_whatever_they_hold_and_half_is_lost_they_agree_and_fall_silent(
    states: list[tuple[list[tuple[str, int]], list[tuple[str, int]]]], seed: int
) -> None:
    made = [Teller(f"/{number}") for number in range(len(states))]
    whole = Records()
    for number, (teller, (entries, counts)) in enumerate(zip(made, states, strict=True)):
        part = Part(
            [Entry(k, Stamp(c, f"s{number}", 1), f"{k}{c}{number}".encode()) for k, c in entries],
            [Count(f"s{number}", 1, name, value) for name, value in counts],
        )
        teller.records.add(part)
        whole.add(part)
    air = Air(*made)
    rng = random.Random(seed)
    air.is_lost = lambda _sender, _hearer: rng.random() < 0.5
    air.run(90.0)
    assert {teller.digest for teller in made} == {whole.digest()}
    assert all(teller.records.whole() == whole.whole() for teller in made)
    air.is_lost = lambda _sender, _hearer: False
    air.run(8.0)
    assert records_in(air.run(20.0)) == []


@settings(max_examples=25)
@given(st.integers(1, 2), st.integers(0, 2**16))
def test_two_clusters_agree_through_lossy_heads_and_fall_silent(heads: int, seed: int) -> None:
    airs = two_airs(heads, keys=20)
    rng = random.Random(seed)
    for air in airs:
        air.is_lost = lambda _sender, _hearer: rng.random() < 0.4
    for step in range(12):
        air = airs[rng.randrange(2)]
        air.write(air.tellers[0], f"key {rng.randrange(4)}", str(step).encode())
        run_both(*airs, 0.4)
    run_both(*airs, 60.0)
    assert len({teller.digest for air in airs for teller in air.tellers}) == 1
    for air in airs:
        air.is_lost = lambda _sender, _hearer: False
    run_both(*airs, 8.0)
    first = [len(air.words) for air in airs]
    run_both(*airs, 20.0)
    assert [records_in(air.words[n:]) for air, n in zip(airs, first, strict=True)] == [[], []]
