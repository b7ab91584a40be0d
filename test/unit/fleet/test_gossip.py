"""Anti-entropy: named cases, then whole fleets over a bad network."""

from __future__ import annotations

import random
from itertools import pairwise

import fleet_oracle as oracle
import pytest
from fleet_oracle import sighting

from edge_infer.domain import Sighting
from edge_infer.fleet.gossip import Gossip, GossipConfig
from edge_infer.fleet.replica import LogRange, Replica
from edge_infer.fleet.view import View, from_scratch

CONFIG = GossipConfig(period_s=1.0, jitter=0.25, patience_s=0.5, retry_s=1.5, batch=3)


def holding(*sequences: int) -> Replica:
    return Replica(sighting("a", 1, k) for k in sequences)


def ask(
    gossip: Gossip, mine: Replica, theirs: Replica, now_s: float, peer: str = "peer"
) -> list[LogRange]:
    return gossip.on_digest(peer, theirs.digest(), theirs.ranges(), mine, now_s)


def test_equal_replicas_have_nothing_to_say() -> None:
    gossip = Gossip("me", CONFIG)
    assert [ask(gossip, holding(1, 2), holding(1, 2), now) for now in (0.0, 1.0, 2.0)] == [[]] * 3


def test_what_is_on_its_way_is_not_asked_for_at_once() -> None:
    gossip, mine = Gossip("me", CONFIG), holding(1)
    assert ask(gossip, mine, holding(1, 2, 3), 0.0) == []
    mine.add(sighting("a", 1, 2))
    assert ask(gossip, mine, holding(1, 2, 3, 4), 0.6) == [LogRange("a", 1, 3, 3)]


def test_what_has_arrived_is_not_remembered_as_missing() -> None:
    gossip, mine = Gossip("me", CONFIG), holding(1)
    ask(gossip, mine, holding(1, 2, 3), 0.0)
    mine.merge(holding(2, 3))
    ask(gossip, mine, holding(1, 2), 0.6)
    assert gossip._noticed == []


def test_no_second_peer_is_asked_the_same_until_the_first_had_its_time() -> None:
    gossip, mine, theirs = Gossip("me", CONFIG), holding(), holding(1, 2)
    ask(gossip, mine, theirs, 0.0)
    assert ask(gossip, mine, theirs, 1.0, "first") == [LogRange("a", 1, 1, 2)]
    assert ask(gossip, mine, theirs, 1.1, "second") == []
    assert ask(gossip, mine, theirs, 2.6, "second") == [LogRange("a", 1, 1, 2)]


def test_peers_share_the_work_in_batches() -> None:
    gossip, mine, theirs = Gossip("me", CONFIG), holding(), holding(*range(1, 9))
    ask(gossip, mine, theirs, 0.0)
    assert [ask(gossip, mine, theirs, 1.0, peer) for peer in ("a", "b", "c", "d")] == [
        [LogRange("a", 1, 1, 3)],
        [LogRange("a", 1, 4, 6)],
        [LogRange("a", 1, 7, 8)],
        [],
    ]


def test_only_what_the_peer_holds_is_asked_of_it() -> None:
    gossip, mine = Gossip("me", CONFIG), holding()
    ask(gossip, mine, holding(1, 2), 0.0)
    assert ask(gossip, mine, holding(2), 1.0) == [LogRange("a", 1, 2, 2)]


def test_an_answer_is_bounded_and_holds_what_was_asked() -> None:
    gossip, mine = Gossip("me", CONFIG), holding(1, 2, 4, 5, 9)
    answer = gossip.on_request([LogRange("a", 1, 2, 8), LogRange("b", 1, 1, 8)], mine)
    assert [s.id.sequence for s in answer] == [2, 4, 5]
    assert gossip.on_request([LogRange("a", 1, 0, 2**32 - 1)], mine) == list(mine)[:3]


def test_its_own_digest_is_no_news() -> None:
    gossip = Gossip("me", CONFIG)
    assert [ask(gossip, holding(), holding(1), now, "me") for now in (0.0, 1.0)] == [[], []]


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


def test_a_clock_that_is_set_back_does_not_silence_it() -> None:
    gossip = Gossip("me", CONFIG)
    assert any(gossip.due(1000.0 + k / 10) for k in range(20))
    assert any(gossip.due(k / 10) for k in range(20))


class Mesh:
    """Coordinators over a network that loses, repeats and reorders, in steps of 0.1 s."""

    def __init__(self, names: str, loss: float, seed: int) -> None:
        self.rng, self.loss = random.Random(seed), loss
        self.replicas = {name: Replica() for name in names}
        self.gossips = {name: Gossip(name, GossipConfig(batch=20)) for name in names}
        self.views = {name: View() for name in names}
        self.now_s = 0.0
        self.sent_again = 0

    def publish(self, sightings: list[Sighting], deaf: str = "") -> None:
        for name in set(self.replicas) - set(deaf):
            heard = [s for s in sightings for _ in range(2) if self.rng.random() > self.loss]
            self.rng.shuffle(heard)
            self.hear(name, heard)

    def hear(self, name: str, sightings: list[Sighting]) -> None:
        for fresh in self.replicas[name].add_all(sightings):
            self.views[name].insert(fresh)

    def restart(self, name: str) -> None:
        self.replicas[name], self.views[name] = Replica(), View()
        self.gossips[name] = Gossip(name, GossipConfig(batch=20))

    def step(self) -> None:
        self.now_s += 0.1
        for name, gossip in self.gossips.items():
            if gossip.due(self.now_s):
                self._tell(name)

    def _tell(self, teller: str) -> None:
        told = self.replicas[teller]
        for name in set(self.replicas) - {teller}:
            if self.rng.random() < self.loss:
                continue
            wanted = self.gossips[name].on_digest(
                teller, told.digest(), told.ranges(), self.replicas[name], self.now_s
            )
            if wanted:
                again = self.gossips[teller].on_request(wanted, told)
                self.sent_again += len(again)
                self.publish(again)

    def agree(self) -> bool:
        return len({replica.digest() for replica in self.replicas.values()}) == 1


@pytest.mark.parametrize("seed", range(4))
def test_replicas_agree_after_loss_partition_and_restart(seed: int) -> None:
    fleet = oracle.crowd(200, seed)
    mesh = Mesh("abcd", loss=0.3, seed=seed)
    for k, one in enumerate(fleet):
        mesh.publish([one], deaf="cd" if k < 100 else "")
        mesh.step()
    mesh.restart("a")
    steps = 0
    while not mesh.agree():
        mesh.step()
        steps += 1
        assert steps < 600, "a minute without news and still no agreement"
    held = set(mesh.replicas["a"])
    assert held <= set(fleet)
    assert len(held) >= 195
    targets = from_scratch(list(held))
    assert all(view.targets() == targets for view in mesh.views.values())
    assert mesh.sent_again < 20 * len(fleet)


def test_without_loss_nothing_is_sent_again() -> None:
    mesh = Mesh("abc", loss=0.0, seed=1)
    for one in oracle.crowd(100, 1):
        mesh.publish([one])
        mesh.step()
    assert mesh.agree()
    assert mesh.sent_again == 0
