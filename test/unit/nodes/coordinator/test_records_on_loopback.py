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

"""Records of a fleet on its topic: a late joiner, a partition, two who write one key."""

from __future__ import annotations

from typing import Any

import pytest

from edge_infer.errors import FleetError
from edge_infer.fleet.record_gossip import RecordGossipConfig
from edge_infer.nodes import topics
from edge_infer.nodes.coordinator.replication import Replication
from edge_infer.nodes.identity import Identity
from edge_infer.nodes.reporting.status import StatusReporter
from edge_infer.runtime.loopback import LoopbackNetwork


class Member:
    """A replica on its own host."""

    def __init__(self, network: LoopbackNetwork, name: str, cluster: str = "") -> None:
        self.identity = Identity(name, 1)
        runtime = network.runtime(name, ["--ros-args", "-r", f"__ns:=/{name}"])
        self.node = runtime.create_node("replica")
        self.status = StatusReporter(self.node, self.identity)
        self.replication = Replication(
            self.node, self.status, "map", lambda _: None, cluster=cluster
        )

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
        record(key="k\0", counter=1, source="x", boot=1),
        record(key="nobody's", counter=1, boot=1),
    ):
        publisher.publish(records(coordinator="/x/coordinator", records=[forged]))
    heard: list[Any] = []
    topics.STATUS.subscription(hand, heard.append)
    network.run_for(3.0)
    assert one.get("k") == "honest"
    assert one.get("big") is None
    counters = {c.name: int(c.value) for c in heard[-1].counters}
    assert counters["records_refused"] == 5
    assert one.replication.replica.records.whole().entries[0].key == "k"
    assert len(one.replication.replica.records.whole().entries) == 1


def test_a_late_joiner_learns_all_while_others_write_on(network: LoopbackNetwork) -> None:
    one, two = members(network, 2)
    for number in range(10):
        one.write(f"old {number}", "x")
    late = Member(network, "drone_3")
    for step in range(40):
        (one, two)[step % 2].write("live", str(step))
        network.run_for(0.25)
    assert late.get("old 0") == "x"
    network.run_for(1.0)
    assert one.digest == two.digest == late.digest


def test_numbers_at_their_end_stop_no_coordinator(network: LoopbackNetwork) -> None:
    one, two = members(network, 2)
    hand = network.runtime("hand", []).create_node("hand")
    record, count, records = (
        hand.messages[f"edge_infer_msgs/msg/{name}"] for name in ("Record", "Count", "Records")
    )
    topics.RECORDS.publisher(hand).publish(
        records(
            coordinator="/x/coordinator",
            records=[record(key="k", counter=2**32 - 1, source="x", boot=1)],
            counts=[count(source="drone_1", boot=1, name="landings", value=2**64 - 1)],
        )
    )
    network.run_for(0.5)
    with pytest.raises(FleetError, match="take another key"):
        one.write("k", "mine")
    with pytest.raises(FleetError, match="start this node again"):
        one.replication.count("landings", one.identity)
    one.write("other", "mine")
    late = Member(network, "drone_3")
    assert agree(network, [one, two, late])
    assert late.get("other") == "mine"
    assert late.get("k") == ""


def test_two_of_one_name_are_refused_by_each_other_and_cost_no_more_than_is_set(
    network: LoopbackNetwork,
) -> None:
    one, two = members(network, 2)
    network.partition([["drone_1"], ["drone_2"]])
    for member, value in ((one, "1"), (two, "2")):
        member.replication.write("claimed", value.encode(), Identity("same", 1))
    for number in range(30):
        one.write(f"big {number}", "x" * 4000)
    network.heal()
    ear = network.runtime("ear", []).create_node("ear")
    sizes: list[int] = []
    topics.RECORDS.subscription(
        ear, lambda msg: sizes.append(sum(len(record.value) for record in msg.records))
    )
    statuses: dict[str, dict[str, int]] = {}

    def on_status(msg: Any) -> None:
        statuses[msg.source] = {c.name: int(c.value) for c in msg.counters}

    topics.STATUS.subscription(ear, on_status)
    network.run_for(120.0)
    assert (one.get("claimed"), two.get("claimed")) == ("1", "2")
    assert two.get("big 29") == "x" * 4000
    assert {name for name in statuses if statuses[name]["records_refused"] > 0} == {
        "drone_1",
        "drone_2",
    }
    config = RecordGossipConfig()
    assert max(sizes) <= config.part_bytes
    assert sum(sizes) <= 2 * (config.burst_bytes + 120 * config.bytes_per_s)


def test_loss_and_disorder_change_nothing() -> None:
    network = LoopbackNetwork(seed=5, loss=0.3, delay_ms=(1.0, 40.0), duplicate=0.1, reorder=0.2)
    fleet = members(network, 5)
    for step in range(30):
        member = fleet[step % 5]
        member.write(f"key {step % 7}", str(step))
        member.replication.count("steps", member.identity)
        network.run_for(0.2)
    assert agree(network, fleet, 60.0)
    assert {member.total("steps") for member in fleet} == {30}
    assert len({tuple(member.get(f"key {k}") for k in range(7)) for member in fleet}) == 1


def test_clusters_share_records_through_their_heads(network: LoopbackNetwork) -> None:
    north = [Member(network, f"drone_{number}", "north") for number in (1, 2)]
    south = [Member(network, f"drone_{number}", "south") for number in (3, 4)]
    network.run_for(10.0)
    north[1].write("k", "from the north")
    assert agree(network, [*north, *south], 30.0)
    assert south[1].get("k") == "from the north"


def test_a_write_in_one_cluster_costs_the_others_that_write_alone(network: LoopbackNetwork) -> None:
    north = [Member(network, f"drone_{number}", "north") for number in (1, 2)]
    south = [Member(network, f"drone_{number}", "south") for number in (3, 4)]
    network.run_for(10.0)
    for number in range(300):
        north[1].write(f"key {number:03}", "x")
    assert agree(network, [*north, *south], 60.0)
    network.run_for(5.0)
    ear = network.runtime("ear", []).create_node("ear")
    heard: dict[str, list[str]] = {"": [], "south": []}
    for cluster, keys in heard.items():
        topics.RECORDS.of(cluster).subscription(
            ear, lambda msg, keys=keys: keys.extend(record.key for record in msg.records)
        )
    north[1].write("zz new", "from the north")
    network.run_for(0.3)
    assert south[1].get("zz new") == "from the north"
    network.run_for(10.0)
    assert heard == {"": ["zz new"], "south": ["zz new"]}
