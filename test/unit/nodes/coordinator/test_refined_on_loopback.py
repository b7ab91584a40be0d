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

"""Refined targets of coordinators on the loopback runtime, and tracks of what moves."""

from __future__ import annotations

from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from edge_infer.domain import Sighting, SightingId
from edge_infer.fleet.refined.refine import DEFAULT
from edge_infer.fleet.refined.targets import refined_targets
from edge_infer.fleet.registers import Entry, Stamp
from edge_infer.nodes import topics
from edge_infer.nodes.conversions.records import entries_to_msgs
from edge_infer.nodes.conversions.sightings import sightings_to_msgs
from edge_infer.nodes.conversions.targets import target_from_msg
from edge_infer.nodes.coordinator.node import CoordinatorConfig, CoordinatorNode
from edge_infer.nodes.coordinator.refined import REFINEMENT, RefinedLayer, State
from edge_infer.runtime.loopback import LoopbackNetwork

OFFSETS_MM = {"drone_1": 1000, "drone_2": -1000}
THINGS_MM = [(0, 0), (2500, 0), (11_000, 3000), (17_000, -4000), (25_000, 1000)]


def flight() -> list[Sighting]:
    """Two drones, 2 m apart in what they say, see things of which two are 2.5 m apart."""
    number = count(1)
    return [
        Sighting(
            SightingId(source, 1, next(number)), frame * 10**9, frame, "hot_cell",
            0.5 + 0.0625 * (frame % 4), x + off + 13 * ((frame * 7) % 5 - 2), y, 0,
            (1.25, 0.0, 1.25), "m 1",
        )
        for source, off in OFFSETS_MM.items()
        for frame in range(1, 9)
        for x, y in THINGS_MM
    ]  # fmt: skip


def things_in(msg: Any) -> set[int]:
    """The numbers of the things whose sightings a target stands for."""
    return {(member.sequence - 1) % len(THINGS_MM) for member in target_from_msg(msg).members}


class Hand:
    """Publishes sightings, and hears what coordinators publish of them; one may be refined."""

    def __init__(self, network: LoopbackNetwork, tmp_path: Path, **options: Any) -> None:
        self.network = network
        self.node = network.runtime("hand").create_node("hand")
        self._publisher = topics.SIGHTINGS.publisher(self.node)
        self._records = topics.RECORDS.publisher(self.node)
        self.plain: dict[str, Any] = {}
        self.refined: dict[str, list[Any]] = {}
        self.coordinators = [self._coordinator("drone_1", tmp_path, options)]
        for name in ("drone_2", "drone_3"):
            shared = {k: v for k, v in options.items() if k != "refined"}
            self.coordinators.append(self._coordinator(name, tmp_path, shared))
        network.run_for(0.1)

    def in_full(self, name: str) -> list[Any]:
        """The plain targets with their sightings, as a coordinator tells when it is asked."""
        get: Any = self.node.messages["edge_infer_msgs/srv/GetTargets"]
        client = self.node.create_client(get, f"/{name}/coordinator/get_targets")
        call = client.call_async(get.Request())
        assert self.network.run_until(call.done, 5.0)
        return list(call.result().targets.targets)

    def _coordinator(self, name: str, folder: Path, options: dict[str, Any]) -> CoordinatorNode:
        def hear(msg: Any) -> None:
            self.plain[name] = msg

        runtime = self.network.runtime(name, ["--ros-args", "-r", f"__ns:=/{name}"])
        topics.TARGETS.named(f"/{name}/coordinator/targets").subscription(self.node, hear)
        topics.REFINED_TARGETS.named(f"/{name}/coordinator/refined_targets").subscription(
            self.node, self.refined.setdefault(name, []).append
        )
        config = CoordinatorConfig(state_dir=str(folder / name), **options)
        return CoordinatorNode(runtime.create_node("coordinator"), config)

    def set_clocks(self, by_s: float) -> None:
        """The coordinators' system clocks jump, as when they are corrected in flight."""
        for name in self.refined:
            self.network.set_clock(name, by_s)

    def write(self, counter: int, value: bytes) -> None:
        """Tell a record of the refined layer."""
        entry = Entry(REFINEMENT, Stamp(counter, "hand", 1), value)
        records = self.node.messages["edge_infer_msgs/msg/Records"]
        msg = records(coordinator="/hand", records=entries_to_msgs(self.node.messages, [entry]))
        self._records.publish(msg)
        self.network.run_for(3.0)

    def say(self, sightings: list[Sighting]) -> None:
        for msg in sightings_to_msgs(self.node.messages, sightings, "map", "camera"):
            self._publisher.publish(msg)
        self.network.run_for(3.0)


@pytest.fixture
def network() -> LoopbackNetwork:
    return LoopbackNetwork(seed=3)


def test_three_coordinators_publish_the_same_refined_targets(
    network: LoopbackNetwork, tmp_path: Path
) -> None:
    hand = Hand(network, tmp_path, refined=True)
    seen = flight()
    hand.say(seen)
    last = [heard[-1] for heard in hand.refined.values()]
    assert len(last) == 3
    assert last[0].targets == last[1].targets == last[2].targets
    assert {int(msg.sightings) for msg in last} == {len(seen)}
    found = tuple(map(target_from_msg, last[0].targets))
    assert found == refined_targets(seen)
    places = sorted((target.x_mm, target.y_mm) for target in found)
    for (x, y), (true_x, true_y) in zip(places, sorted(THINGS_MM), strict=True):
        assert abs(x - true_x) < 150
        assert abs(y - true_y) < 150
    assert all(len(things_in(msg)) == 1 for msg in last[0].targets)
    plain = hand.in_full("drone_1")
    assert any(len(things_in(msg)) > 1 for msg in plain), "the radius takes one for the other"


def test_refined_targets_come_only_when_something_changed(
    network: LoopbackNetwork, tmp_path: Path
) -> None:
    hand = Hand(network, tmp_path, refined=True)
    seen = flight()
    hand.say(seen[:-5])
    told = [len(heard) for heard in hand.refined.values()]
    network.run_for(10.0)
    assert [len(heard) for heard in hand.refined.values()] == told
    hand.say(seen[-5:])
    assert [len(heard) for heard in hand.refined.values()] == [n + 1 for n in told]


def test_without_a_record_there_are_none(network: LoopbackNetwork, tmp_path: Path) -> None:
    hand = Hand(network, tmp_path)
    hand.say(flight())
    assert hand.refined == {"drone_1": [], "drone_2": [], "drone_3": []}
    assert hand.plain["drone_1"].targets


NO_RECORDS = [
    DEFAULT._replace(version=99).to_json().encode(),
    DEFAULT._replace(offset_rounds=10**9).to_json().encode(),
    b"\xff",
    b"[]",
    b"[" * 3900,
]


@pytest.mark.parametrize("value", NO_RECORDS)
def test_a_fleet_with_a_record_of_another_release_goes_on_with_plain_targets(
    network: LoopbackNetwork, tmp_path: Path, caplog: pytest.LogCaptureFixture, value: bytes
) -> None:
    hand = Hand(network, tmp_path, refined=True)
    seen = flight()
    hand.write(9, value)
    hand.say(seen[:-5])
    assert [r.levelname for r in caplog.records] == ["WARNING"] * 3
    assert all("no refined targets" in r.message for r in caplog.records)
    hand.say(seen[-5:])
    assert len(caplog.records) == 3
    assert hand.refined == {"drone_1": [], "drone_2": [], "drone_3": []}
    assert {int(msg.sightings) for msg in hand.plain.values()} == {len(seen)}
    hand.write(10, DEFAULT.to_json().encode())
    assert [int(heard[-1].sightings) for heard in hand.refined.values()] == [len(seen)] * 3


@pytest.mark.parametrize("by_s", [-3600.0, 3600.0])
def test_a_clock_that_jumps_silences_no_list(
    network: LoopbackNetwork, tmp_path: Path, by_s: float
) -> None:
    hand = Hand(network, tmp_path, refined=True)
    seen = flight()
    hand.say(seen[:-5])
    hand.set_clocks(by_s)
    hand.say(seen[-5:])
    assert [int(msg.sightings) for msg in hand.plain.values()] == [len(seen)] * 3
    assert [int(heard[-1].sightings) for heard in hand.refined.values()] == [len(seen)] * 3


def test_a_sighting_beyond_all_numbers_is_refused_and_its_fleet_goes_on(
    network: LoopbackNetwork, tmp_path: Path
) -> None:
    hand = Hand(network, tmp_path)
    seen = flight()
    (msg,) = sightings_to_msgs(hand.node.messages, seen[:1], "map", "camera")
    msg.sightings[0].position.x = 1e306
    hand._publisher.publish(msg)
    hand.say(seen)
    assert [int(msg.sightings) for msg in hand.plain.values()] == [len(seen)] * 3


@pytest.mark.parametrize("value", NO_RECORDS)
def test_a_record_of_another_release_is_said_once(
    network: LoopbackNetwork, caplog: pytest.LogCaptureFixture, value: bytes
) -> None:
    published: list[Any] = []
    node = network.runtime("one").create_node("coordinator")
    layer = RefinedLayer(node, lambda targets, state: published.append((targets, state)))
    for number in range(3):
        layer.follow(State(number, value, "", 80), flight())
    assert not published
    assert [r.levelname for r in caplog.records] == ["WARNING"]
    known = State(3, DEFAULT.to_json().encode(), "", 80)
    layer.follow(known, flight())
    assert published == [(refined_targets(flight()), known)]
    layer.close()


def test_it_takes_a_fifth_of_the_time_at_most(network: LoopbackNetwork) -> None:
    published: list[State] = []

    def publish(_targets: Any, state: State) -> None:
        network.run_for(2.0)  # so long did it work
        published.append(state)

    layer = RefinedLayer(network.runtime("one").create_node("coordinator"), publish)
    states = [State(number, DEFAULT.to_json().encode(), "", 80) for number in range(2)]
    layer.follow(states[0], flight())
    network.run_for(7.5)
    layer.follow(states[1], flight())
    assert published == states[:1]
    network.run_for(1.0)
    layer.follow(states[1], flight())
    assert published == states


def test_what_moves_is_one_target_where_a_window_is_set(
    network: LoopbackNetwork, tmp_path: Path
) -> None:
    hand = Hand(network, tmp_path, moving_window_s=1.0, max_speed_mps=15.0)
    still = flight()[0]
    moving = [
        replace(
            still, id=SightingId("drone_1", 1, k + 1), stamp_ns=k * 10**8, frame=k, x_mm=k * 1000
        )
        for k in range(60)
    ]
    hand.say(moving)
    for msg in hand.plain.values():
        (target,) = msg.targets
        assert target.id == "drone_1/1/1"
        assert target.sightings == 60
        assert target.position.x > 50.0
