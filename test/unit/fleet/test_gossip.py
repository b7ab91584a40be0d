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

"""Anti-entropy: named cases, then whole fleets over a bad network, with what they send counted."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from dataclasses import replace
from itertools import pairwise

import fleet_oracle as oracle
import pytest
import wire
from fleet_oracle import sighting

from edge_infer.bucket import Bucket
from edge_infer.domain import Sighting
from edge_infer.fleet.gossip import (
    MESSAGE_BYTES,
    RANGE_BYTES,
    SIGHTING_BYTES,
    Answer,
    Ask,
    Gossip,
    GossipConfig,
)
from edge_infer.fleet.replica import LogRange, Replica
from edge_infer.fleet.view import View, from_scratch
from edge_infer.nodes.conversions.ranges import ranges_to_msgs
from edge_infer.nodes.conversions.sightings import sightings_to_msgs

CONFIG = GossipConfig(spread_s=0.0, batch=3)
ALL_HEADERS = 100
"""RTPS, UDP and IP, of one message that fits one packet."""


def holding(*sequences: int) -> Replica:
    return Replica(sighting("a", 1, k) for k in sequences)


def of(first: int, last: int) -> list[LogRange]:
    return [LogRange("a", 1, first, last)]


def ask(
    gossip: Gossip, mine: Replica, theirs: Replica, now_s: float, peer: str = "peer"
) -> list[LogRange]:
    return gossip.on_digest(peer, theirs.digest(), theirs.ranges(), mine, now_s)


def polled(gossip: Gossip, mine: Replica, now_s: float) -> list[Ask | list[int]]:
    """What is due: requests, and the numbers of the sightings in answers."""
    return [
        [s.id.sequence for s in action.sightings] if isinstance(action, Answer) else action
        for action in gossip.poll(mine, now_s)
    ]


def test_equal_replicas_have_nothing_to_say() -> None:
    gossip = Gossip("me", CONFIG)
    assert [ask(gossip, holding(1, 2), holding(1, 2), now) for now in (0.0, 1.0, 2.0)] == [[]] * 3
    assert gossip.excerpt(holding(1, 2).ranges(), 3.0) == []


def test_what_is_on_its_way_is_not_asked_for_at_once() -> None:
    gossip, mine = Gossip("me", CONFIG), holding(1)
    assert ask(gossip, mine, holding(1, 2, 3), 0.0) == []
    mine.add(sighting("a", 1, 2))
    assert ask(gossip, mine, holding(1, 2, 3, 4), 0.6) == of(3, 3)


def test_what_has_become_ripe_is_asked_for_without_another_digest() -> None:
    gossip, mine = Gossip("me", CONFIG), holding(1)
    ask(gossip, mine, holding(1, 2, 3), 0.0)
    assert polled(gossip, mine, 0.4) == []
    assert polled(gossip, mine, 0.5) == [Ask("peer", of(2, 3))]
    assert polled(gossip, mine, 0.6) == []


def test_what_has_arrived_is_not_remembered_as_missing() -> None:
    gossip, mine = Gossip("me", CONFIG), holding(1)
    ask(gossip, mine, holding(1, 2, 3), 0.0)
    mine.merge(holding(2, 3))
    assert polled(gossip, mine, 0.6) == []
    assert gossip._noticed == []


def test_no_second_peer_is_asked_the_same_until_the_first_had_its_time() -> None:
    gossip, mine, theirs = Gossip("me", CONFIG), holding(), holding(1, 2)
    ask(gossip, mine, theirs, 0.0)
    assert ask(gossip, mine, theirs, 1.0, "first") == of(1, 2)
    assert ask(gossip, mine, theirs, 2.9, "second") == []
    assert ask(gossip, mine, theirs, 4.0, "second") == of(1, 2)


def test_what_another_asks_for_is_waited_for() -> None:
    gossip, mine, theirs = Gossip("me", CONFIG), holding(), holding(1, 2)
    ask(gossip, mine, theirs, 0.0)
    gossip.hear_request("another", "peer", of(1, 1), mine, 0.4)
    assert polled(gossip, mine, 0.6) == [Ask("peer", of(2, 2))]
    ask(gossip, mine, theirs, 3.4)
    assert polled(gossip, mine, 3.5) in ([], [Ask("peer", of(1, 1))])


def test_peers_share_the_work_in_batches() -> None:
    gossip, mine, theirs = Gossip("me", CONFIG), holding(), holding(*range(1, 9))
    for peer in ("w", "x", "y", "z"):
        ask(gossip, mine, theirs, 0.0, peer)
    asked = polled(gossip, mine, 0.6)
    assert len({one.peer for one in asked if isinstance(one, Ask)}) == 3
    assert [one.ranges for one in asked if isinstance(one, Ask)] == [of(1, 3), of(4, 6), of(7, 8)]


def test_who_saw_it_is_asked_before_others_and_others_when_it_is_away() -> None:
    gossip, mine, theirs = Gossip("/b/coordinator", CONFIG), holding(), holding(1, 2)
    for peer in ("/ab/coordinator", "/a/coordinator", "/c/coordinator"):
        ask(gossip, mine, theirs, 0.0, peer)
    assert polled(gossip, mine, 0.6) == [Ask("/a/coordinator", of(1, 2))]
    asked = [ask(gossip, mine, theirs, 1.6 + k, "/c/coordinator") for k in range(5)]
    assert [one for one in asked if one] == [of(1, 2)]


def test_only_what_the_peer_holds_is_asked_of_it() -> None:
    gossip, mine = Gossip("me", CONFIG), holding()
    ask(gossip, mine, holding(1, 2), 0.0, "other")
    assert ask(gossip, mine, holding(2), 1.0) == of(2, 2)


def test_an_answer_is_bounded_and_holds_what_was_asked() -> None:
    gossip, mine = Gossip("me", CONFIG), holding(1, 2, 4, 5, 9)
    answer = gossip.on_request([LogRange("a", 1, 2, 8), LogRange("b", 1, 1, 8)], mine)
    assert [s.id.sequence for s in answer] == [2, 4, 5]
    gossip.hear_request("peer", "me", of(0, 2**32 - 1), mine, 0.0)
    assert polled(gossip, mine, 0.0) == [[1, 2, 4]]
    assert gossip.on_request(of(6, 8), mine) == []


def test_who_is_asked_answers_at_once_and_once() -> None:
    gossip, mine = Gossip("me", CONFIG), holding(1, 2)
    gossip.hear_request("x", "me", of(1, 2), mine, 0.0)
    gossip.hear_request("y", "me", of(1, 2), mine, 0.0)
    assert polled(gossip, mine, 0.0) == [[1, 2]]
    gossip.hear_request("y", "me", of(1, 2), mine, 1.4)
    assert polled(gossip, mine, 1.4) == []
    gossip.hear_request("y", "me", of(1, 2), mine, 2.0)
    assert polled(gossip, mine, 2.0) == [[1, 2]]


def test_who_is_not_asked_steps_in_when_nobody_answers() -> None:
    gossip, mine = Gossip("me", CONFIG), holding(1, 2, 3)
    gossip.hear_request("x", "y", of(1, 3), mine, 0.0)
    assert polled(gossip, mine, 0.4) == []
    gossip.hear_sightings([s.id for s in holding(2)], 0.4)
    assert polled(gossip, mine, 0.5) == [[1, 3]]
    gossip.hear_request("z", "y", of(1, 3), mine, 0.6)
    assert polled(gossip, mine, 1.2) == [], "all three were answered lately"


def test_its_own_voice_is_no_news() -> None:
    gossip = Gossip("me", CONFIG)
    assert [ask(gossip, holding(), holding(1), now, "me") for now in (0.0, 1.0)] == [[], []]
    gossip.hear_request("me", "x", of(1, 1), holding(1), 1.0)
    assert polled(gossip, holding(1), 9.0) == []


def digest_times(name: str) -> list[float]:
    gossip = Gossip(name, CONFIG)
    return [k / 100 for k in range(3000) if gossip.due(k / 100)]


def test_digests_come_at_a_jittered_rate_of_ones_own() -> None:
    times = digest_times("me")
    gaps = [b - a for a, b in pairwise(times)]
    assert times[0] < 1.0
    assert min(gaps) >= 0.74
    assert max(gaps) <= 1.27
    assert len({round(gap, 2) for gap in gaps}) > 5
    assert times == digest_times("me")
    assert times != digest_times("you")


def test_a_clock_that_is_set_does_not_silence_it() -> None:
    for offset_s in (0.0, 5000.0):
        gossip, mine, theirs = Gossip("me", CONFIG), holding(), holding(1)
        assert any(gossip.due(1000.0 + k / 10) for k in range(20))
        ask(gossip, mine, theirs, 1002.0)
        assert any(gossip.due(offset_s + k / 10) for k in range(20))
        assert any(ask(gossip, mine, theirs, offset_s + 2 + k / 10) for k in range(60))


def test_a_large_digest_is_told_in_parts_and_only_while_somebody_differs() -> None:
    gossip = Gossip("me", replace(CONFIG, digest_ranges=2))
    mine = holding(1, 3, 5, 7, 9)
    assert gossip.excerpt(mine.ranges(), 0.0) == []
    gossip.on_digest("peer", holding(1).digest(), [], mine, 0.0)
    told = [gossip.excerpt(mine.ranges(), 0.1 * k) for k in range(4)]
    assert [[r.first for r in part] for part in told] == [[1, 3], [5, 7], [9], [1, 3]]
    assert gossip.excerpt(mine.ranges(), 3.5) == []


def test_what_was_told_in_parts_is_known_together() -> None:
    gossip, mine = Gossip("me", CONFIG), holding()
    for part in (holding(1), holding(3)):
        gossip.on_digest("peer", "other", part.ranges(), mine, 0.0)
    [asked] = gossip.poll(mine, 0.6)
    assert asked == Ask("peer", [*of(1, 1), *of(3, 3)])


def test_an_empty_bucket_holds_back_digests_requests_and_answers() -> None:
    config = replace(CONFIG, bytes_per_s=SIGHTING_BYTES, burst_bytes=2 * SIGHTING_BYTES, batch=9)
    gossip, mine = Gossip("me", config), holding(*range(1, 7))
    gossip.hear_request("x", "me", of(1, 6), mine, 0.0)
    assert polled(gossip, mine, 0.0) == [[1, 2]]
    assert polled(gossip, mine, 0.5) == []
    assert [polled(gossip, mine, now_s) for now_s in (1.0, 2.0, 3.0)] == [[[3]], [[4]], [[5]]]
    gossip.excerpt([], 3.0)
    gossip.excerpt([], 3.0)
    assert not any(gossip.due(3.0 + k / 100) for k in range(90))
    assert any(gossip.due(4.0 + k / 100) for k in range(200))


def test_a_bucket_fills_to_the_brim_and_takes_debts() -> None:
    bucket = Bucket(bytes_per_s=10.0, burst=20.0)
    assert bucket.level(5.0) == 20.0
    bucket.spend(50.0)
    assert [bucket.level(t) for t in (5.0, 6.0, 2.0, 3.0)] == [-30.0, -20.0, -20.0, -10.0]
    assert bucket.level(99.0) == 20.0


# --- whole fleets ---------------------------------------------------------------------------


def sizes() -> tuple[int, int, int]:
    """Bytes on the wire of an empty message, of one range and of one sighting alone."""
    source = "drone_with_long_name"
    messages = wire.MESSAGES
    digest = messages["edge_infer_msgs/msg/Digest"](
        coordinator=f"/{source}/coordinator", digest="0" * 64
    )
    empty = len(messages.encode(digest))
    digest.ranges = ranges_to_msgs(messages, [LogRange(source, 1, 1, 2)] * 10)
    ranges = (len(messages.encode(digest)) - empty) / 10
    [array] = sightings_to_msgs(messages, [sighting(source)], "map", "camera")
    return empty + ALL_HEADERS, round(ranges), len(messages.encode(array)) + ALL_HEADERS


def test_the_costs_that_the_bucket_counts_are_those_of_the_encoder() -> None:
    for real, counted in zip(sizes(), (MESSAGE_BYTES, RANGE_BYTES, SIGHTING_BYTES), strict=True):
        assert 0.8 * counted <= real <= counted


class Fleet:
    """Coordinators that hear all that is said, unless it is lost, in steps of 50 ms.

    What is said in one step is heard in the next, in random order. All think in the
    same instants, which is the worst case for storms.
    """

    def __init__(
        self, count: int, seed: int = 0, loss: float = 0.0, config: GossipConfig | None = None
    ) -> None:
        self.rng, self.loss, self.config = random.Random(seed), loss, config or GossipConfig()
        self.names = [f"/d{seed}{k:02}/coordinator" for k in range(count)]
        self.replicas = {name: Replica() for name in self.names}
        self.gossips = {name: Gossip(name, self.config) for name in self.names}
        self.groups: dict[str, int] = {}
        self.now_s = 0.0
        self.steps = 0
        self.said: list[tuple[str, object]] = []
        self.counts: Counter[str] = Counter()
        self.bytes: dict[str, Counter[int]] = defaultdict(Counter)
        """What each sent, by second."""

    def source(self, index: int) -> str:
        return self.names[index].split("/")[1]

    def publish(self, *sightings: Sighting, deaf: list[str] | None = None) -> None:
        """A first publication, which costs gossip nothing."""
        for name in self.names:
            if name not in (deaf or []) and self.rng.random() >= self.loss:
                self.replicas[name].add_all(sightings)

    def cut(self, name: str) -> None:
        self.groups[name] = len(self.groups) + 1

    def restart(self, name: str) -> None:
        self.replicas[name], self.gossips[name] = Replica(), Gossip(name, self.config)

    def run(self, seconds: float) -> None:
        for _ in range(round(seconds * 20)):
            self.step()

    def run_until_equal(self, most_s: float) -> float:
        """How long it takes."""
        begun_s = self.now_s
        while not self.agree():
            self.step()
            assert self.now_s - begun_s <= most_s, "still no agreement"
        return self.now_s - begun_s

    def agree(self) -> bool:
        return len({replica.digest() for replica in self.replicas.values()}) == 1

    def step(self) -> None:
        self.steps += 1
        self.now_s = self.steps / 20
        said, self.said = self.said, []
        for name in self.names:
            for speaker, what in self.rng.sample(said, len(said)):
                if self._reaches(speaker, name):
                    self._hear(name, speaker, what)
        for name in self.names:
            self._think(name)

    def _reaches(self, speaker: str, name: str) -> bool:
        if speaker == name:
            return True
        is_cut = self.groups.get(speaker) != self.groups.get(name)
        return not is_cut and self.rng.random() >= self.loss

    def _hear(self, name: str, speaker: str, what: object) -> None:
        gossip, replica = self.gossips[name], self.replicas[name]
        if isinstance(what, Ask):
            gossip.hear_request(speaker, what.peer, what.ranges, replica, self.now_s)
        elif isinstance(what, Answer):
            replica.add_all(what.sightings)
            gossip.hear_sightings([s.id for s in what.sightings], self.now_s)
        elif isinstance(what, tuple):
            digest, ranges = what
            if asked := gossip.on_digest(speaker, digest, ranges, replica, self.now_s):
                self._say(name, Ask(speaker, asked))

    def _think(self, name: str) -> None:
        gossip, replica = self.gossips[name], self.replicas[name]
        for action in gossip.poll(replica, self.now_s):
            self._say(name, action)
        if gossip.due(self.now_s):
            told = (replica.digest(), gossip.excerpt(replica.ranges(), self.now_s))
            self._say(name, told)

    def _say(self, name: str, what: object) -> None:
        self.said.append((name, what))
        empty, one_range, one_sighting = SIZES
        if isinstance(what, Ask):
            self.counts["requests"] += 1
            cost = empty + one_range * len(what.ranges)
        elif isinstance(what, Answer):
            self.counts["sightings"] += len(what.sightings)
            cost = one_sighting * len(what.sightings)
        elif isinstance(what, tuple):
            self.counts["digests"] += 1
            self.counts["ranges"] += len(what[1])
            cost = empty + one_range * len(what[1])
        self.bytes[name][int(self.now_s)] += cost

    def most_bytes_per_s(self, window_s: int = 5) -> float:
        """What the one sent that sent most, in its busiest seconds."""
        return max(
            sum(sent[second + k] for k in range(window_s)) / window_s
            for sent in self.bytes.values()
            for second in range(max(1, int(self.now_s) - window_s))
        )


SIZES = sizes()


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("loss", [0.0, 0.2])
def test_one_lost_at_nineteen_of_twenty_makes_no_storm(seed: int, loss: float) -> None:
    fleet = Fleet(20, seed, loss)
    answers, requests, times = 0, 0, 5
    for sequence in range(times):
        before = fleet.counts.copy()
        fleet.publish(
            sighting(fleet.source(3), 1, sequence), deaf=fleet.names[:3] + fleet.names[4:]
        )
        fleet.replicas[fleet.names[3]].add(sighting(fleet.source(3), 1, sequence))
        fleet.run_until_equal(10.0 if not loss else 20.0)
        fleet.run(3.0)
        answers += fleet.counts["sightings"] - before["sightings"]
        requests += fleet.counts["requests"] - before["requests"]
    assert answers <= (2 if not loss else 6) * times  # nothing is sent again below, as DDS would
    assert requests <= 5 * times if not loss else requests <= 9 * times
    assert fleet.most_bytes_per_s() < 20_000


@pytest.mark.parametrize("seed", range(5))
def test_one_lost_at_one_of_twenty_is_asked_for_once_and_answered_once(seed: int) -> None:
    fleet = Fleet(20, seed)
    fleet.publish(sighting(fleet.source(3)), deaf=[fleet.names[7]])
    fleet.run_until_equal(5.0)
    fleet.run(5.0)
    assert fleet.counts["requests"] == 1
    assert fleet.counts["sightings"] == 1


@pytest.mark.parametrize("seed", range(3))
def test_whoever_has_it_answers_for_a_source_that_is_away(seed: int) -> None:
    fleet = Fleet(20, seed)
    one, witness = sighting(fleet.source(0)), fleet.names[9]
    fleet.replicas[witness].add(one)
    fleet.cut(fleet.names[0])
    fleet.run(6.0)
    assert all(one.id in fleet.replicas[name] for name in fleet.names[1:])
    assert fleet.counts["sightings"] <= 2
    fleet.groups.clear()
    fleet.run_until_equal(5.0)
    assert one.id in fleet.replicas[fleet.names[0]], "it gets back what it has forgotten itself"


@pytest.mark.parametrize("seed", range(3))
def test_a_partition_heals_in_ten_rounds_at_twice_the_missing_at_most(seed: int) -> None:
    fleet = Fleet(20, seed)
    for name in fleet.names[:10]:
        fleet.groups[name] = 1
    for sequence in range(20):
        for index in range(20):
            here = fleet.groups.get(fleet.names[index])
            deaf = [name for name in fleet.names if fleet.groups.get(name) != here]
            fleet.publish(sighting(fleet.source(index), 1, sequence), deaf=deaf)
        fleet.run(0.5)
    assert fleet.counts["sightings"] == 0
    fleet.groups.clear()
    assert fleet.run_until_equal(10.0) <= 10 * fleet.config.period_s
    assert all(len(replica) == 400 for replica in fleet.replicas.values())
    assert fleet.counts["sightings"] <= 2 * 400
    assert fleet.most_bytes_per_s() < 20_000


def test_who_comes_late_gets_thousands_within_the_bandwidth() -> None:
    fleet = Fleet(6)
    past = [sighting(fleet.source(k % 6), 1, k // 6) for k in range(3000)]
    fleet.publish(*past, deaf=[fleet.names[5]])
    fleet.run_until_equal(60.0)
    assert fleet.counts["sightings"] <= 1.5 * 3000
    assert fleet.most_bytes_per_s() < 20_000


def test_a_state_full_of_gaps_is_told_in_parts_and_agrees() -> None:
    fleet = Fleet(4)
    for k in range(900):
        name = fleet.names[k % 3]
        fleet.replicas[name].add(sighting(fleet.source(k % 3), 1, 2 * (k // 3)))
    fleet.run_until_equal(120.0)
    assert fleet.most_bytes_per_s() < 20_000
    fleet.run(4.0)
    before = fleet.counts["ranges"]
    fleet.run(10.0)
    assert fleet.counts["ranges"] == before, "while all agree the hash is enough"
    assert fleet.most_bytes_per_s() < 20_000


@pytest.mark.parametrize("seed", range(4))
def test_replicas_agree_after_loss_partition_and_restart(seed: int) -> None:
    crowd = oracle.crowd(200, seed)
    fleet = Fleet(4, seed, loss=0.3)
    for k, one in enumerate(crowd):
        fleet.publish(one, deaf=fleet.names[2:] if k < 100 else [])
        fleet.step()
    fleet.restart(fleet.names[0])
    fleet.run_until_equal(60.0)
    held = set(fleet.replicas[fleet.names[0]])
    assert held <= set(crowd)
    assert len(held) >= 180
    view = View()
    for one in held:
        view.insert(one)
    assert view.targets() == from_scratch(list(held))
    assert fleet.counts["sightings"] < 6 * len(crowd)


def test_without_loss_nothing_is_sent_again() -> None:
    fleet = Fleet(3)
    for one in oracle.crowd(100, 1):
        fleet.publish(one)
        fleet.step()
    fleet.run(5.0)
    assert fleet.agree()
    assert fleet.counts["sightings"] == fleet.counts["requests"] == 0
