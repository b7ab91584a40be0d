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

"""Clusters that their heads join: what one sees all know, whoever of the heads dies."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from sighting_drone import SightingDrone

from edge_infer.cli import fleet
from edge_infer.nodes import topics
from edge_infer.nodes.coordinator.replication import Replication
from edge_infer.nodes.dashboard.node import DashboardConfig, DashboardNode
from edge_infer.nodes.identity import Identity
from edge_infer.nodes.reporting.status import StatusReporter
from edge_infer.runtime.loopback import LoopbackNetwork

CLUSTERS = {"red": ("drone_1", "drone_2", "drone_3"), "blue": ("drone_4", "drone_5", "drone_6")}


class Scene:
    """Two clusters of three, a ground station, and an ear on every topic of sightings."""

    def __init__(self, folder: Path) -> None:
        self.network = LoopbackNetwork(seed=5)
        self.drones = {
            name: SightingDrone(self.network, name, folder, cluster)
            for cluster, names in CLUSTERS.items()
            for name in names
        }
        runtime = self.network.runtime("station", [])
        self.station = DashboardNode(
            runtime.create_node("ground_station"), DashboardConfig(serve=False), Identity("s", 1)
        )
        self.heard: Counter[tuple[str, str]] = Counter()
        self.ear = runtime.create_node("ear")
        for cluster in ("", *CLUSTERS):
            topics.SIGHTINGS.of(cluster).subscription(
                self.ear, lambda msg, cluster=cluster: self._count(cluster, msg)
            )
        self.network.run_for(6.0)

    def _count(self, cluster: str, msg: Any) -> None:
        self.heard[cluster, msg.source] += len(msg.sightings)

    def heads(self) -> list[str]:
        return [name for name, d in self.drones.items() if d.coordinator.is_head]

    def said(self, name: str) -> dict[str, int]:
        """How often sightings of one drone were told, by cluster; the backbone is empty."""
        return {cluster: n for (cluster, source), n in self.heard.items() if source == name}

    def lose(self, name: str) -> None:
        self.drones.pop(name).crash()

    def agree(self, sightings: int, timeout_s: float = 20.0) -> bool:
        """Whether all drones and the ground come to hold the same, so many, in time."""

        def same() -> bool:
            states = {(drone.known, drone.digest) for drone in self.drones.values()}
            return states == {(sightings, self.station.digest)}

        return self.network.run_until(same, timeout_s)


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(tmp_path)


def test_each_cluster_has_one_head_and_all_hold_one_truth(scene: Scene) -> None:
    assert scene.heads() == ["drone_1", "drone_4"]
    for drone in scene.drones.values():
        drone.see(10)
    assert scene.agree(60)
    scene.network.run_for(8.0)
    standings = scene.station.listener.standings()
    assert fleet.verdict(standings) == "7 coordinators, one truth"
    assert scene.station.replicas_agree


def test_a_sighting_goes_over_each_topic_once(scene: Scene) -> None:
    scene.drones["drone_2"].see(10)
    assert scene.agree(10)
    scene.network.run_for(10.0)
    assert scene.heard == {("red", "drone_2"): 10, ("", "drone_2"): 10, ("blue", "drone_2"): 10}


def test_of_what_comes_again_only_what_is_new_goes_on(scene: Scene) -> None:
    """An answer of the gossip may hold some of a frame that is known, and some that is not."""
    drone = scene.drones["drone_2"]
    known, missed = drone.imagine(2, frame=1)
    drone.tell([known])
    assert scene.agree(1)
    drone.tell([known, missed])
    assert scene.agree(2)
    scene.network.run_for(5.0)
    assert scene.said("drone_2") == {"red": 1 + 2, "": 2, "blue": 2}


@pytest.mark.parametrize(
    "topic", [topics.SIGHTINGS, topics.DIGEST, topics.SIGHTING_REQUEST, topics.RECORDS]
)
def test_only_heads_and_the_ground_are_on_the_backbone(scene: Scene, topic: topics.Topic) -> None:
    """The ground counts once as it speaks; who only listens, beside it, is not counted here."""
    backbone, heads_and_ground = topic.name, 3
    assert scene.ear.count_publishers(backbone) == heads_and_ground
    scene.lose("drone_1")
    assert scene.ear.count_publishers(backbone) == heads_and_ground - 1
    assert scene.network.run_until(lambda: "drone_2" in scene.heads(), 5.0)
    assert scene.ear.count_publishers(backbone) == heads_and_ground


def test_without_a_head_nothing_leaves_the_cluster(scene: Scene) -> None:
    scene.lose("drone_1")
    scene.drones["drone_3"].see(7)
    scene.drones["drone_5"].see(7)
    scene.network.run_for(1.0)
    assert scene.heads() == ["drone_4"]
    assert scene.said("drone_3") == {"red": 7}
    assert scene.said("drone_5") == {"blue": 7, "": 7}
    assert scene.drones["drone_2"].known == 7, "red goes on"
    assert scene.agree(14)
    assert scene.said("drone_3") == {"red": 7, "": 7, "blue": 7}


def test_when_a_head_dies_the_next_speaks_for_the_cluster(scene: Scene) -> None:
    scene.lose("drone_1")
    for drone in scene.drones.values():
        drone.see(3)
    scene.network.run_for(1.0)
    assert scene.drones["drone_2"].known == scene.drones["drone_3"].known == 6, "red goes on"
    assert scene.agree(5 * 3)
    assert scene.heads() == ["drone_2", "drone_4"]
    scene.drones["drone_3"].see(4)
    assert scene.agree(5 * 3 + 4)


def test_a_cut_between_clusters_heals_also_when_a_head_died_meanwhile(scene: Scene) -> None:
    scene.network.partition([CLUSTERS["red"]])
    for _ in range(10):
        for drone in scene.drones.values():
            drone.see(5)
        scene.network.run_for(1.0)
    scene.lose("drone_1")
    scene.network.run_for(5.0)
    assert {drone.known for drone in scene.drones.values()} == {150}
    before = sum(scene.heard.values())
    scene.network.heal()
    assert scene.agree(300, timeout_s=40.0)
    # 150 for the other cluster and the backbone, each way; and no storm.
    assert sum(scene.heard.values()) - before <= 2 * (150 * 3)


def test_two_heads_for_a_moment_double_nothing(scene: Scene) -> None:
    """A cluster that is cut in two has two heads, and for a while after it heals."""
    scene.network.partition([("drone_1",)])
    scene.network.run_for(6.0)
    assert scene.heads() == ["drone_1", "drone_2", "drone_4"]
    scene.network.heal()
    for drone in scene.drones.values():
        drone.see(2)
    assert scene.network.run_until(lambda: scene.said("drone_5").get("red", 0) > 2, 1.0)
    assert scene.heads() == ["drone_1", "drone_2", "drone_4"], "both carried these"
    assert scene.agree(12)
    scene.network.run_for(10.0)
    assert scene.heads() == ["drone_1", "drone_4"]
    assert scene.ear.count_publishers(topics.SIGHTINGS.name) == 3, "two heads and the ground"
    assert len(scene.station.targets) == 12
    # Each is told by its drone and carried on by a head; where two carry it, by both.
    for name in scene.drones:
        said = scene.said(name)
        assert set(said) == {"", "red", "blue"}
        assert all(2 <= times <= 2 * 2 for times in said.values()), said


def test_records_cross_in_both_directions(scene: Scene) -> None:
    runtime = scene.network.runtime("drone_9", ["--ros-args", "-r", "__ns:=/drone_9"])
    node, identity = runtime.create_node("recorder"), Identity("drone_9", 1)
    last = Replication(node, StatusReporter(node, identity), "map", lambda _: None, cluster="blue")
    station = scene.station.replication
    last.write("area", b"north", identity)
    station.write("wind", b"calm", Identity("s", 1))
    last.count("landings", identity, 2)
    station.count("landings", Identity("s", 1), 3)
    replicas = [last.replica, station.replica]
    replicas += [drone.coordinator._replication.replica for drone in scene.drones.values()]
    assert scene.network.run_until(lambda: len({one.digest() for one in replicas}) == 1, 20.0)
    for replica in replicas:
        assert replica.records.get("area") == b"north"
        assert replica.records.get("wind") == b"calm"
        assert replica.records.total("landings") == 5
    assert not last.is_head


def test_a_clock_that_is_set_back_costs_no_head(scene: Scene) -> None:
    for name in CLUSTERS["red"]:
        scene.network.set_clock(name, -3600.0)
    scene.network.run_for(5.0)
    assert scene.heads() == ["drone_1", "drone_4"]
    scene.lose("drone_1")
    assert scene.network.run_until(lambda: scene.heads() == ["drone_2", "drone_4"], 5.0)
    scene.drones["drone_3"].see(4)
    assert scene.agree(4)


def test_who_comes_back_leads_again_and_learns_what_it_missed(scene: Scene, tmp_path: Path) -> None:
    scene.lose("drone_4")
    scene.network.run_for(5.0)
    scene.drones["drone_2"].see(30)
    scene.network.run_for(2.0)
    scene.drones["drone_4"] = SightingDrone(scene.network, "drone_4", tmp_path, "blue")
    assert scene.agree(30)
    scene.network.run_for(5.0)
    assert sorted(scene.heads()) == ["drone_1", "drone_4"]
