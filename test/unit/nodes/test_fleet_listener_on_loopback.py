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

"""What a listener knows of a fleet: who is there, who is cut off, and when all hold one truth."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from rich.console import Console
from sighting_drone import SightingDrone

from edge_infer.cli import fleet
from edge_infer.nodes.dashboard.fleet_listener import FleetListener
from edge_infer.nodes.dashboard.node import DashboardConfig, DashboardNode
from edge_infer.nodes.identity import Identity
from edge_infer.runtime.loopback import LoopbackNetwork


class Scene:
    """Three drones, and somebody who listens beside the first."""

    def __init__(self, folder: Path) -> None:
        self.network = LoopbackNetwork(seed=3)
        self.drones = [SightingDrone(self.network, f"drone_{n}", folder) for n in (1, 2, 3)]
        runtime = self.network.runtime("laptop", [])
        self.listener = FleetListener(runtime.create_node("listener"))

    def fly(self, seconds: int, sightings: int = 1) -> None:
        """Every drone sees something new each second."""
        for _ in range(seconds):
            for drone in self.drones:
                drone.see(sightings)
            self.network.run_for(1.0)

    @property
    def verdict(self) -> str:
        return fleet.verdict(self.listener.standings())


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(tmp_path)


def test_a_fleet_that_works_is_one_truth(scene: Scene) -> None:
    scene.fly(8)
    assert scene.verdict == "3 coordinators, one truth"
    found = fleet.rows(scene.listener)
    assert [(row.name, row.state) for row in found] == [
        (f"drone_{number}", "alive") for number in (1, 2, 3)
    ]
    assert all(row.sightings and row.sightings >= 18 and row.targets for row in found)


def test_who_is_cut_off_is_silent_then_catches_up_then_agrees(scene: Scene) -> None:
    scene.fly(3)
    scene.network.partition([["drone_3"]])
    scene.fly(10, sightings=30)
    assert scene.verdict == "2 coordinators, one truth; 1 silent"
    lost = fleet.rows(scene.listener)[2]
    assert (lost.name, lost.state) == ("drone_3", "dead")
    assert lost.coordinator
    assert lost.coordinator.part is None
    scene.network.heal()
    heard = []
    for _ in range(30):
        scene.fly(1)
        heard.append(scene.verdict)
    assert any("catching up" in verdict or "parts" in verdict for verdict in heard)
    assert heard[-1] == "3 coordinators, one truth"


def test_the_table_and_the_digests_say_so(scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    scene.fly(8)
    console = Console(width=160, record=True)
    console.print(fleet.table(scene.listener))
    assert "3 coordinators, one truth" in console.export_text()
    capsys.readouterr()
    assert fleet.tell_digests(scene.listener, as_json=True) == 0
    told = json.loads(capsys.readouterr().out)
    assert [c["name"] for c in told["coordinators"]] == [
        f"/drone_{number}/coordinator" for number in (1, 2, 3)
    ]


def test_the_page_learns_of_the_partition(scene: Scene) -> None:
    station = scene.network.runtime("station", []).create_node("ground_station")
    dashboard = DashboardNode(station, DashboardConfig(serve=False), Identity("station", 1))
    scene.fly(8)
    scene.network.partition([["drone_3"]])
    scene.fly(8, sightings=20)
    parts = {one.name: one.part for one in dashboard.snapshot().coordinators}
    assert parts == {"drone_1": 1, "drone_2": 1, "drone_3": None, "ground_station": 1}
    scene.network.heal()
    scene.fly(20)
    assert {one.part for one in dashboard.snapshot().coordinators} == {1}


def test_with_nobody_there_it_says_where_to_look(capsys: pytest.CaptureFixture[str]) -> None:
    network = LoopbackNetwork(seed=1)
    listener = FleetListener(network.runtime("laptop", []).create_node("listener"))
    network.run_for(8.0)
    assert fleet.tell_digests(listener, as_json=False) == 1
    assert "is the fleet on this DDS domain" in capsys.readouterr().err
