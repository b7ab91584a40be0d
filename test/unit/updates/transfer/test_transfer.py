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

"""The transfer of blobs as stories on a simulated radio: one multicast, and everybody has it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from multicast import CHUNK, CHUNKS, CONFIG, Member, Radio, content_of

from edge_infer.updates.release import Blob
from edge_infer.updates.transfer.chunk_ranges import numbers_in
from edge_infer.updates.transfer.peers import MOST_PEERS, Announcement
from edge_infer.updates.transfer.transfer import Announce, Ask, Send, Transfer

CONTENT = content_of()
SIZE = len(CONTENT)


def fleet(radio: Radio, count: int, first: int = 1) -> list[Member]:
    return [radio.join(f"drone_{number}") for number in range(first, first + count)]


def gateway_with_blob(radio: Radio) -> tuple[Member, Blob]:
    """A gateway that has announced itself, with the blob."""
    gateway = radio.join("gateway", is_gateway=True)
    return gateway, radio.give(gateway, CONTENT)


def asked(members: list[Member]) -> list[Ask]:
    return [action for each in members for action in each.said if isinstance(action, Ask)]


# --- one multicast ---------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(3))
def test_twenty_that_want_the_same_at_once_cause_one_multicast(seed: int) -> None:
    radio = Radio(seed)
    _, blob = gateway_with_blob(radio)
    drones = fleet(radio, 20)
    radio.run_for(3.0)
    begun_s = radio.now_s
    radio.want(drones, blob)
    assert radio.complete(drones, blob)
    assert radio.now_s - begun_s < 2.5
    assert radio.sent_bytes == SIZE
    assert len(asked(drones)) <= 3
    assert {ask.holder for ask in asked(drones)} == {"gateway"}
    assert all(drone.content(blob) == CONTENT for drone in drones)


@pytest.mark.parametrize(("loss", "most"), [(0.1, 2.4), (0.3, 4.2)], ids=["10 % lost", "30 % lost"])
@pytest.mark.parametrize("seed", range(3))
def test_what_is_lost_is_asked_for_again(loss: float, most: float, seed: int) -> None:
    """Sent until the last of twenty has heard it: 2.1 times with 10 %, 3.5 with 30 %."""
    radio = Radio(seed, loss)
    _, blob = gateway_with_blob(radio)
    drones = fleet(radio, 20)
    radio.run_for(5.0)
    radio.want(drones, blob)
    assert radio.complete(drones, blob)
    assert radio.sent_bytes <= most * SIZE
    assert all(drone.content(blob) == CONTENT for drone in drones)


def test_a_late_joiner_costs_only_what_it_misses() -> None:
    radio = Radio(1)
    _, blob = gateway_with_blob(radio)
    drones = fleet(radio, 10)
    radio.run_for(3.0)
    radio.want(drones, blob)
    radio.run_for(1.0)
    late = radio.join("late")
    radio.want([late], blob)
    assert radio.complete([*drones, late], blob)
    heard_late = radio.sent_bytes / SIZE - 1
    assert 0.3 < heard_late < 0.7, "about half had gone by"
    later = radio.join("later")
    radio.run_for(3.0)
    before = radio.sent_bytes
    radio.want([later], blob)
    assert radio.complete([later], blob)
    assert radio.sent_bytes - before == SIZE


def test_who_wants_it_before_anybody_has_it_gets_it_as_soon_as_there_is_one() -> None:
    radio = Radio(2)
    drones = fleet(radio, 3)
    blob = Blob.of(CONTENT, CHUNK)
    radio.want(drones, blob)
    radio.run_for(20.0)
    assert asked(drones) == []
    gateway_with_blob(radio)
    assert radio.complete(drones, blob, 4.0)


def test_a_blob_that_nobody_wants_is_not_sent_and_one_that_is_unknown_is_ignored() -> None:
    radio = Radio(3)
    gateway, blob = gateway_with_blob(radio)
    (drone,) = fleet(radio, 1)
    radio.run_for(5.0)
    radio.tell_chunk("stranger", blob.sha256, 0, CONTENT[:CHUNK])
    radio.run_for(5.0)
    assert drone.disk == {}
    assert not any(isinstance(action, Send) for action in gateway.said)


# --- without the gateway -----------------------------------------------------------------------


def test_a_gateway_dies_and_the_parts_of_the_fleet_make_the_whole() -> None:
    """Each drone holds a part that no other holds, and there is nobody else to ask."""
    radio = Radio(4)
    gateway, blob = gateway_with_blob(radio)
    drones = fleet(radio, 6)
    for number, drone in enumerate(drones):
        radio.give(drone, CONTENT, range(number, CHUNKS, 6))
    radio.run_for(0.7)
    gateway.is_up = False
    assert radio.complete(drones, blob, 20.0)
    assert radio.sent_bytes <= 1.5 * SIZE
    assert all(drone.content(blob) == CONTENT for drone in drones)


@pytest.mark.parametrize("loss", [0.0, 0.1], ids=["nothing lost", "10 % lost"])
def test_a_gateway_dies_half_way_and_one_member_has_it_all(loss: float) -> None:
    radio = Radio(5, loss)
    gateway, blob = gateway_with_blob(radio)
    drones = fleet(radio, 20)
    radio.give(drones[7], CONTENT)
    radio.run_for(3.0)
    wanting = [drone for drone in drones if not drone.has(blob)]
    radio.want(wanting, blob)
    radio.run_for(1.0)
    gateway.is_up = False
    assert radio.complete(wanting, blob, 30.0)
    if not loss:
        assert radio.sent_bytes <= 1.1 * SIZE


def test_a_drone_restarts_in_the_middle_and_fetches_the_rest() -> None:
    radio = Radio(6)
    _, blob = gateway_with_blob(radio)
    drones = fleet(radio, 4)
    radio.run_for(3.0)
    radio.want(drones, blob)
    radio.run_for(1.0)
    kept = set(drones[0].disk[blob.sha256])
    assert 20 < len(kept) < 70
    again = radio.restart(drones[0], blob)
    assert again.transfer.progress(blob.sha256) == len(kept) / CHUNKS
    assert radio.complete([again, *drones[1:]], blob)
    wanted = {i for ask in asked([again]) for i in numbers_in(ask.chunks, CHUNKS)}
    assert wanted.isdisjoint(kept)
    assert radio.sent_bytes <= 1.1 * SIZE


def test_two_halves_of_a_fleet_apart_and_together_again() -> None:
    radio = Radio(7, loss=0.05)
    _, blob = gateway_with_blob(radio)
    drones = fleet(radio, 8)
    radio.run_for(3.0)
    radio.want(drones, blob)
    radio.run_for(0.8)
    near, far = drones[:4], drones[4:]
    radio.cut({drone.name for drone in far})
    assert radio.complete(near, blob, 20.0)
    assert not any(drone.has(blob) for drone in far)
    # What they have among them, each of them has.
    union = {i for drone in far for i in drone.disk[blob.sha256]}
    assert radio.run_until(
        lambda: all(set(drone.disk[blob.sha256]) == union for drone in far), 20.0
    )
    radio.cut()
    assert radio.complete(far, blob, 10.0)


@given(
    st.integers(0, 10_000),
    st.sampled_from([0.0, 0.1, 0.3]),
    st.lists(
        st.tuples(st.sampled_from(["cut", "heal", "restart", "join", "kill"]), st.integers(0, 4)),
        max_size=6,
    ),
)
@settings(max_examples=12, deadline=None)
def test_whatever_happens_everybody_gets_it_in_the_end(
    seed: int, loss: float, story: list[tuple[str, int]]
) -> None:
    radio = Radio(seed, loss)
    gateway, blob = gateway_with_blob(radio)
    drones = fleet(radio, 5)
    radio.give(drones[0], CONTENT)
    radio.want(drones[1:], blob)
    for what, number in story:
        radio.run_for(0.5)
        if what == "cut":
            radio.cut({drone.name for drone in drones[number:]})
        elif what == "heal":
            radio.cut()
        elif what == "restart":
            drones[number] = radio.restart(drones[number], blob)
        elif what == "join":
            drones += fleet(radio, 1, len(drones) + 1)
            radio.want(drones[-1:], blob)
        else:
            gateway.is_up = False
    radio.cut()
    assert radio.complete(drones, blob, 60.0)
    assert all(drone.content(blob) == CONTENT for drone in drones)


# --- strangers ---------------------------------------------------------------------------------


def endless(radio: Radio, every_s: float, act: Callable[[], None]) -> None:
    """Somebody does something again and again."""

    def again() -> None:
        act()
        radio._at(radio.now_s + every_s, again)

    again()


def test_wrong_chunks_are_refused_and_counted_and_never_kept() -> None:
    radio = Radio(8)
    gateway, blob = gateway_with_blob(radio)
    drones = fleet(radio, 3)
    radio.run_for(3.0)
    radio.want(drones, blob)
    wrong = [
        (0, bytes(CHUNK)),
        (1, CONTENT[:CHUNK]),
        (2, b""),
        (CHUNKS, CONTENT[:CHUNK]),
        (CHUNKS - 1, CONTENT[-CHUNK:]),
        (5, bytes(10 * CHUNK)),
    ]
    for index, content in wrong:
        radio.tell_chunk("stranger", blob.sha256, index, content)
    assert radio.complete(drones, blob)
    assert all(drone.content(blob) == CONTENT for drone in drones)
    assert {drone.transfer.refused for drone in drones} == {len(wrong)}
    assert gateway.transfer.refused == len(wrong)


def test_a_wrong_chunk_does_not_keep_a_holder_from_sending_the_right_one() -> None:
    radio = Radio(9)
    _, blob = gateway_with_blob(radio)
    drones = fleet(radio, 3)
    radio.run_for(3.0)
    radio.want(drones, blob)

    def spoil() -> None:
        for index in range(CHUNKS):
            radio.tell_chunk("stranger", blob.sha256, index, bytes(CHUNK))

    endless(radio, 0.2, spoil)
    assert radio.complete(drones, blob, 4.0)


def test_requests_of_a_stranger_do_not_keep_a_fleet_from_asking() -> None:
    """They name somebody that never answers, all the time."""
    radio = Radio(10)
    _, blob = gateway_with_blob(radio)
    drones = fleet(radio, 5)
    radio.run_for(3.0)

    def shout() -> None:
        radio.tell_all(
            "stranger",
            lambda t, s: t.on_request("stranger", "nobody", blob.sha256, [(0, CHUNKS)], s),
        )

    endless(radio, 0.02, shout)
    radio.want(drones, blob)
    assert radio.complete(drones, blob, 15.0)


def test_claims_of_strangers_cost_time_and_nothing_else() -> None:
    """Ten that call themselves gateways say that they hold everything, and send nothing."""
    radio = Radio(11)
    drones = fleet(radio, 5)
    blob = radio.give(drones[0], CONTENT)

    def claim() -> None:
        for number in range(10):
            told = Announcement(f"liar {number}", True, 0, 0, {blob.sha256: ((0, CHUNKS - 1),)})
            radio.tell_all("stranger", lambda t, s, told=told: t.on_announcement(told, s))

    endless(radio, 1.0, claim)
    radio.run_for(3.0)
    radio.want(drones[1:], blob)
    assert radio.complete(drones[1:], blob, 30.0)
    # Who has served goes before them from now on.
    second = content_of(seed=2)
    radio.give(drones[0], second)
    radio.run_for(0.5)
    begun_s = radio.now_s
    radio.want(drones[1:], Blob.of(second, CHUNK))
    assert radio.complete(drones[1:], Blob.of(second, CHUNK), 30.0)
    assert radio.now_s - begun_s < 4.0


def test_a_stranger_who_asks_for_everything_gets_no_more_than_the_rate() -> None:
    radio = Radio(12)
    gateway, blob = gateway_with_blob(radio)

    def demand() -> None:
        radio.tell_all(
            "stranger",
            lambda t, s: t.on_request("stranger", "gateway", blob.sha256, [(0, 2**32 - 1)], s),
        )

    endless(radio, 0.02, demand)
    radio.run_for(10.0)
    sends = [action for action in gateway.said if isinstance(action, Send)]
    assert len(sends) * CHUNK <= CONFIG.bytes_per_s * 10.5


def test_memory_is_bounded_whatever_is_claimed() -> None:
    transfer = Transfer("drone", CONFIG)
    blob = Blob.of(CONTENT, CHUNK)
    transfer.want(blob, (), 0.0)
    many = tuple((2 * i, 2 * i) for i in range(5000))
    for number in range(3 * MOST_PEERS):
        holdings = {f"{i:064x}": many for i in range(30)}
        transfer.on_announcement(Announcement(f"liar {number}", False, 1, 1, holdings), 0.0)
    peers = transfer._peers
    assert len(peers._heard) == MOST_PEERS
    told = next(iter(peers.present(0.0)))
    assert sum(map(len, told.holdings.values())) <= 256
    transfer.on_announcement(Announcement("honest", False, 0, 0, {blob.sha256: ((0, 5),)}), 10.0)
    assert [each.source for each in peers.present(10.0)] == ["honest"]
    for number in range(3 * MOST_PEERS):
        transfer.metadata.distrust(f"liar {number}", 10.0)
    assert len(transfer.metadata._distrusted_until_s) <= MOST_PEERS


# --- details -----------------------------------------------------------------------------------


def test_all_choose_the_same_holder_and_the_gateway_first() -> None:
    blob = Blob.of(CONTENT, CHUNK)
    everything = {blob.sha256: ((0, CHUNKS - 1),)}
    chosen: list[str] = []
    for has_gateway in (True, False):
        whom = set()
        for asker in ("a", "b", "c"):
            transfer = Transfer(asker, CONFIG)
            transfer.want(blob, (), 0.0)
            for name in ("one", "two", "three", "gateway"):
                if name != "gateway" or has_gateway:
                    told = Announcement(name, name == "gateway", 0, 0, everything)
                    transfer.on_announcement(told, 0.0)
            whom |= {act.holder for act in transfer.tick(0.2) if isinstance(act, Ask)}
        assert len(whom) == 1
        chosen += whom
    assert chosen[0] == "gateway"
    assert chosen[1] != "gateway"


def test_the_next_is_asked_when_one_does_not_answer() -> None:
    transfer = Transfer("drone", CONFIG)
    blob = Blob.of(CONTENT, CHUNK)
    transfer.want(blob, (), 0.0)
    for name in ("one", "two", "gateway"):
        told = Announcement(name, name == "gateway", 0, 0, {blob.sha256: ((0, CHUNKS - 1),)})
        transfer.on_announcement(told, 0.0)
    whom = [
        action.holder
        for step in range(150)
        for action in transfer.tick(step * 0.02)
        if isinstance(action, Ask)
    ]
    assert whom[0] == "gateway"
    assert set(whom[:3]) == {"one", "two", "gateway"}
    assert 4 <= len(whom) <= 6, "once in half a second"


def test_a_disk_that_is_full_rests_and_what_was_damaged_is_fetched_again() -> None:
    transfer = Transfer("drone", CONFIG)
    blob = Blob.of(CONTENT, CHUNK)
    transfer.want(blob, range(1, CHUNKS), 0.0)
    told = Announcement("gateway", True, 0, 0, {blob.sha256: ((0, CHUNKS - 1),)})
    transfer.on_announcement(told, 0.0)
    assert Ask("gateway", blob.sha256, ((0, 0),)) in transfer.tick(0.2)
    assert transfer.on_chunk(blob.sha256, 0, CONTENT[:CHUNK], 0.3)
    assert not any(isinstance(action, Ask) for action in transfer.tick(1.5)), "it is being stored"
    transfer.not_stored(blob.sha256, 0, 6.0)
    transfer.on_announcement(told, 5.5)
    assert not any(isinstance(action, Ask) for action in transfer.tick(5.9))
    assert Ask("gateway", blob.sha256, ((0, 0),)) in transfer.tick(6.0)
    assert transfer.on_chunk(blob.sha256, 0, CONTENT[:CHUNK], 6.1)
    assert transfer.stored(blob.sha256, 0)
    transfer.set_held(blob.sha256, range(2, CHUNKS))
    assert not transfer.is_complete(blob.sha256)
    transfer.on_announcement(told, 7.0)
    assert Ask("gateway", blob.sha256, ((0, 1),)) in transfer.tick(8.0)
    transfer.drop(blob.sha256)
    assert not transfer.on_chunk(blob.sha256, 0, CONTENT[:CHUNK], 9.0)
    assert transfer.progress(blob.sha256) == 0.0


def test_an_announcement_tells_what_is_held_and_comes_at_once_when_a_blob_is_complete() -> None:
    transfer = Transfer("drone", CONFIG)
    blob = Blob.of(CONTENT, CHUNK)
    transfer.want(blob, [0, 1, 2, 5, CHUNKS, -1], 0.0)
    assert Announce({blob.sha256: ((0, 2), (5, 5))}) in transfer.tick(0.0)
    assert not any(isinstance(action, Announce) for action in transfer.tick(1.0))
    for index in range(CHUNKS):
        start, end = blob.span(index)
        if transfer.on_chunk(blob.sha256, index, CONTENT[start:end], 1.1):
            transfer.stored(blob.sha256, index)
    assert Announce({blob.sha256: ((0, CHUNKS - 1),)}) in transfer.tick(1.1)
