"""Records of a fleet on its topic: a late joiner, a partition, two who write one key."""

from __future__ import annotations

from typing import Any

import pytest

from edge_infer.nodes import topics
from edge_infer.nodes.identity import Identity
from edge_infer.nodes.replication import Replication
from edge_infer.nodes.status import StatusReporter
from edge_infer.runtime.loopback import LoopbackNetwork


class Member:
    """A replica on its own host."""

    def __init__(self, network: LoopbackNetwork, name: str) -> None:
        self.identity = Identity(name, 1)
        runtime = network.runtime(name, ["--ros-args", "-r", f"__ns:=/{name}"])
        self.node = runtime.create_node("replica")
        self.status = StatusReporter(self.node, self.identity)
        self.replication = Replication(self.node, self.status, "map", lambda _: None)

    def write(self, key: str, value: str) -> None:
        self.replication.write(key, value.encode(), self.identity)

    def get(self, key: str) -> str | None:
        value = self.replication.replica.records.get(key)
        return None if value is None else value.decode()

    def total(self, name: str) -> int:
        return self.replication.replica.records.total(name)

    @property
    def digest(self) -> str:
        return self.replication.replica.digest()


@pytest.fixture
def network() -> LoopbackNetwork:
    return LoopbackNetwork(seed=11)


def members(network: LoopbackNetwork, count: int) -> list[Member]:
    made = [Member(network, f"drone_{number + 1}") for number in range(count)]
    network.run_for(3.0)
    return made


def agree(network: LoopbackNetwork, some: list[Member], timeout_s: float = 15.0) -> bool:
    return network.run_until(lambda: len({one.digest for one in some}) == 1, timeout_s)


def test_an_own_write_is_heard_at_once(network: LoopbackNetwork) -> None:
    one, two = members(network, 2)
    one.write("model/drone_1", "solar 0.5.0")
    one.replication.count("landings", one.identity, 3)
    network.run_for(0.1)
    assert two.get("model/drone_1") == "solar 0.5.0"
    assert two.total("landings") == 3
    assert one.digest == two.digest


def test_a_late_joiner_learns_all(network: LoopbackNetwork) -> None:
    one, two = members(network, 2)
    for number in range(120):
        one.write(f"key {number}", str(number))
    late = Member(network, "drone_3")
    assert agree(network, [one, two, late])
    assert late.get("key 119") == "119"


def test_two_who_write_one_key_apart_end_with_one_value(network: LoopbackNetwork) -> None:
    one, two, three = members(network, 3)
    network.partition([["drone_1"]])
    one.write("calibration", "left")
    two.write("calibration", "right")
    one.replication.count("landings", one.identity)
    two.replication.count("landings", two.identity)
    network.run_for(5.0)
    assert (one.get("calibration"), three.get("calibration")) == ("left", "right")
    network.heal()
    assert agree(network, [one, two, three])
    assert {member.get("calibration") for member in (one, two, three)} == {"right"}
    assert {member.total("landings") for member in (one, two, three)} == {2}


def test_records_that_are_known_cost_one_small_message_a_period(network: LoopbackNetwork) -> None:
    one, *_ = members(network, 3)
    one.write("k", "v" * 1000)
    network.run_for(10.0)
    heard: list[Any] = []
    ear = network.runtime("ear", []).create_node("ear")
    topics.RECORDS.subscription(ear, heard.append)
    network.run_for(20.0)
    assert 24 <= len(heard) <= 36, "three replicas, a word each two seconds"
    assert not any(msg.records or msg.counts for msg in heard)


def test_what_cannot_be_is_refused_and_counted(network: LoopbackNetwork) -> None:
    one, *_ = members(network, 1)
    one.write("k", "honest")
    hand = network.runtime("hand", []).create_node("hand")
    record, records = (hand.messages[f"edge_infer_msgs/msg/{n}"] for n in ("Record", "Records"))
    publisher = topics.RECORDS.publisher(hand)
    for forged in (
        record(key="k", counter=1, source="drone_1", boot=1, value=list(b"forged")),
        record(key="", counter=1, source="x", boot=1),
        record(key="big", counter=1, source="x", boot=1, value=[0] * 5000),
    ):
        publisher.publish(records(coordinator="/x/coordinator", records=[forged]))
    heard: list[Any] = []
    topics.STATUS.subscription(hand, heard.append)
    network.run_for(3.0)
    assert one.get("k") == "honest"
    assert one.get("big") is None
    counters = {c.name: int(c.value) for c in heard[-1].counters}
    assert counters["records_refused"] == 3
