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

"""Stories of whole drones on the loopback runtime: real nodes, virtual time, a seeded network."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edge_infer.domain import CameraModel, Pose
from edge_infer.errors import FleetError
from edge_infer.geometry import BASE_FROM_OPTICAL_NADIR, project
from edge_infer.nodes import topics
from edge_infer.nodes.conversions.common import header_to_msg
from edge_infer.nodes.conversions.images import camera_to_msg
from edge_infer.nodes.conversions.poses import pose_to_msg
from edge_infer.nodes.coordinator.node import CoordinatorConfig, CoordinatorNode
from edge_infer.nodes.georeferencer.node import GeoreferencerConfig, GeoreferencerNode
from edge_infer.runtime.loopback import LoopbackNetwork

CAMERA = CameraModel(640, 512, 600.0, 600.0, 319.5, 255.5)
HEIGHT_M = 20.0


@dataclass
class Robot:
    """A robot with somebody else's detector: it sends what it is told that it sees."""

    network: LoopbackNetwork
    name: str
    state_dir: Path
    parts: list[Any] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.start()

    def start(self) -> None:
        self.runtime = self.network.runtime(self.name, ["--ros-args", "-r", f"__ns:=/{self.name}"])
        state = str(self.state_dir / self.name)
        georeferencer = self.runtime.create_node("georeferencer")
        self.parts = [GeoreferencerNode(georeferencer, GeoreferencerConfig(state_dir=state))]
        self.start_coordinator()
        self.node = self.runtime.create_node("detector")
        self.targets: dict[str, Any] = {}
        self.statuses: dict[str, dict[str, int]] = {}
        topics.TARGETS.subscription(self.node, lambda msg: self.targets.update(last=msg))
        topics.STATUS.subscription(self.node, self._on_status)
        self.camera_infos = topics.CAMERA_INFO.publisher(self.node)
        self.poses = topics.POSE.publisher(self.node)
        self.detections = topics.DETECTIONS.publisher(self.node)
        self.network.run_for(0.1)

    def start_coordinator(self) -> None:
        self.coordinator = self.runtime.create_node("coordinator")
        config = CoordinatorConfig(state_dir=str(self.state_dir / self.name))
        self.parts.append(CoordinatorNode(self.coordinator, config))

    def lose_coordinator(self) -> None:
        self.parts.pop()
        self.coordinator.destroy_node()

    def _on_status(self, msg: Any) -> None:
        if msg.source == self.name:
            self.statuses[msg.node] = {c.name: int(c.value) for c in msg.counters}

    def crash(self) -> None:
        self.runtime.shutdown()

    def look(self, at: tuple[float, float], *things: tuple[str, float, float, float]) -> None:
        """Hover somewhere and see things: class, score, east, north."""
        messages, stamp_ns = self.node.messages, self.node.get_clock().now().nanoseconds
        pose = Pose(stamp_ns, (*at, HEIGHT_M), (0.0, 0.0, 0.0, 1.0), (0.04, 0.04, 0.04))
        self.camera_infos.publish(camera_to_msg(messages, CAMERA, stamp_ns, "camera"))
        self.poses.publish(pose_to_msg(messages, pose, "map"))
        self.network.run_for(0.01)
        header = header_to_msg(messages, stamp_ns, "camera")
        array = messages["vision_msgs/msg/Detection2DArray"](header=header)
        for class_name, score, east, north in things:
            array.detections.append(
                self._box(header, class_name, score, east - at[0], north - at[1])
            )
        self.detections.publish(array)
        self.network.run_for(0.2)

    def _box(self, header: Any, class_name: str, score: float, east: float, north: float) -> Any:
        messages = self.node.messages
        u, v = project(CAMERA, np.array([east, north, -HEIGHT_M]) @ BASE_FROM_OPTICAL_NADIR)[0]
        result = messages["vision_msgs/msg/ObjectHypothesisWithPose"]()
        result.hypothesis.class_id = class_name
        result.hypothesis.score = score
        box = messages["vision_msgs/msg/Detection2D"](header=header, results=[result])
        box.bbox.center.position.x, box.bbox.center.position.y = float(u) + 0.5, float(v) + 0.5
        box.bbox.size_x = box.bbox.size_y = 30.0
        return box

    @property
    def found(self) -> list[tuple[str, float, float, int, tuple[str, ...]]]:
        """Class, east, north (whole decimetres), how many sightings, of whom."""
        return sorted(
            (
                target.class_name,
                round(target.position.x, 1),
                round(target.position.y, 1),
                int(target.sightings),
                tuple(target.sources),
            )
            for target in self.targets["last"].targets
        )

    @property
    def digest(self) -> str:
        return str(self.targets["last"].digest)


@pytest.fixture
def network() -> LoopbackNetwork:
    return LoopbackNetwork(seed=7)


def robots(network: LoopbackNetwork, tmp_path: Path, count: int = 2) -> list[Robot]:
    made = [Robot(network, f"drone_{number + 1}", tmp_path) for number in range(count)]
    network.run_for(1.0)
    return made


def test_what_two_see_is_one_target_on_both(network: LoopbackNetwork, tmp_path: Path) -> None:
    one, two = robots(network, tmp_path)
    one.look((0, 0), ("Diode", 0.6, 3.0, 4.0))
    two.look((5, 2), ("Diode", 0.9, 3.5, 4.2), ("Cell", 0.8, 9.5, 6.0))
    expected = [
        ("Cell", 9.5, 6.0, 1, ("drone_2",)),
        ("Diode", 3.3, 4.1, 2, ("drone_1", "drone_2")),
    ]
    assert one.found == two.found == expected
    assert one.digest == two.digest


def test_what_is_covered_is_not_sent_again(network: LoopbackNetwork, tmp_path: Path) -> None:
    one, two = robots(network, tmp_path)
    one.look((0, 0), ("Diode", 0.9, 3.0, 4.0))
    for _ in range(5):
        two.look((2, 2), ("Diode", 0.5, 3.2, 4.1))
    network.run_for(1.5)
    assert two.found == [("Diode", 3.0, 4.0, 1, ("drone_1",))]
    assert two.statuses["georeferencer"]["sightings_suppressed"] == 5
    assert two.statuses["georeferencer"]["sightings_published"] == 0


def test_two_things_in_one_frame_are_two_though_they_are_close(
    network: LoopbackNetwork, tmp_path: Path
) -> None:
    one, two = robots(network, tmp_path)
    one.look((0, 0), ("Diode", 0.9, 1.0, 1.0), ("Cell", 0.8, 2.5, 1.0))
    assert [row[0] for row in two.found] == ["Cell", "Diode"]


def test_a_partition_heals_and_both_sides_agree(network: LoopbackNetwork, tmp_path: Path) -> None:
    one, two = robots(network, tmp_path)
    network.partition([["drone_1"], ["drone_2"]])
    network.run_for(30.0)  # longer than any lease: nothing is kept for the other
    one.look((0, 0), ("Diode", 0.9, 3.0, 4.0))
    two.look((50, 0), ("Cell", 0.9, 52.0, 4.0))
    assert [row[0] for row in one.found] == ["Diode"]
    assert [row[0] for row in two.found] == ["Cell"]
    network.heal()
    assert network.run_until(lambda: one.digest == two.digest, timeout_s=20)
    assert [row[0] for row in one.found] == ["Cell", "Diode"]
    assert one.found == two.found


def test_a_drone_that_starts_again_learns_what_it_missed(
    network: LoopbackNetwork, tmp_path: Path
) -> None:
    one, two = robots(network, tmp_path)
    one.look((0, 0), ("Diode", 0.9, 3.0, 4.0))
    two.look((20, 0), ("Cell", 0.9, 22.0, 4.0))
    two.crash()
    network.run_for(1.0)
    two.start()
    assert network.run_until(lambda: "last" in two.targets and two.digest == one.digest, 20)
    two.look((40, 0), ("Cell", 0.7, 42.0, 4.0))
    assert one.found == two.found
    boots = {int(target.id.split("/")[1]) for target in one.targets["last"].targets}
    assert max(boots) == min(boots) + 1


def test_what_is_seen_while_no_coordinator_listens_is_not_lost(
    network: LoopbackNetwork, tmp_path: Path
) -> None:
    """Cut off, with its coordinator down, a drone keeps what it sees until somebody can hear it."""
    one, two = robots(network, tmp_path)
    network.partition([["drone_1"], ["drone_2"]])
    one.lose_coordinator()
    one.look((0, 0), ("Diode", 0.9, 3.0, 4.0))
    one.look((20, 0), ("Cell", 0.8, 22.0, 4.0))
    network.run_for(5.0)
    one.start_coordinator()
    network.run_for(1.0)
    network.heal()
    assert network.run_until(lambda: "last" in two.targets and len(two.found) == 2, 20)
    assert one.found == two.found


def test_loss_and_disorder_change_nothing(tmp_path: Path) -> None:
    def fly(network: LoopbackNetwork, folder: Path) -> tuple[str, list[Any]]:
        fleet = robots(network, folder, 3)
        for step in range(6):
            for index, robot in enumerate(fleet):
                robot.look((step * 4.0, index), ("Diode", 0.5 + step / 20, 3.0 * step, 2.0))
        network.run_for(10.0)
        assert len({robot.digest for robot in fleet}) == 1
        return fleet[0].digest, fleet[0].found

    rough = {"loss": 0.3, "delay_ms": (1.0, 40.0), "duplicate": 0.1, "reorder": 0.2}
    first = fly(LoopbackNetwork(seed=1, **rough), tmp_path / "a")  # type: ignore[arg-type]
    again = fly(LoopbackNetwork(seed=1, **rough), tmp_path / "b")  # type: ignore[arg-type]
    calm = fly(LoopbackNetwork(seed=2), tmp_path / "c")
    assert first == again
    assert [row[:3] for row in first[1]] == [row[:3] for row in calm[1]]


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_a_pose_that_is_not_finite_is_refused_and_counted(
    network: LoopbackNetwork, tmp_path: Path, bad: float
) -> None:
    (one,) = robots(network, tmp_path, 1)
    msg = pose_to_msg(one.node.messages, Pose(0, (0.0, 0.0, HEIGHT_M), (0.0, 0.0, 0.0, 1.0)), "map")
    msg.pose.pose.position.x = bad
    one.poses.publish(msg)
    one.look((0, 0), ("Diode", 0.9, 3.0, 4.0))
    network.run_for(1.0)
    assert one.statuses["georeferencer"]["poses_refused"] == 1
    assert [row[0] for row in one.found] == ["Diode"]


def test_a_detection_without_a_pose_near_its_stamp_is_counted_not_guessed(
    network: LoopbackNetwork, tmp_path: Path
) -> None:
    (one,) = robots(network, tmp_path, 1)
    one.look((0, 0))
    network.run_for(1.0)
    stamp_ns = one.node.get_clock().now().nanoseconds
    header = header_to_msg(one.node.messages, stamp_ns, "camera")
    array = one.node.messages["vision_msgs/msg/Detection2DArray"](header=header)
    array.detections.append(one._box(header, "Diode", 0.9, 1.0, 1.0))
    one.detections.publish(array)
    network.run_for(1.1)
    assert one.statuses["georeferencer"]["detections_without_pose"] == 1
    assert (
        "sightings_published" not in one.statuses["georeferencer"]
        or not (one.statuses["georeferencer"]["sightings_published"])
    )


def test_a_number_that_was_used_before_is_noticed(network: LoopbackNetwork, tmp_path: Path) -> None:
    one, _ = robots(network, tmp_path)
    one.look((0, 0), ("Diode", 0.9, 3.0, 4.0))
    one.look((0, 0), ("Diode", 0.9, 30.0, 4.0))
    counter = tmp_path / "drone_1" / "drone_1.georeferencer.boot"
    used = int(counter.read_text())
    one.crash()
    counter.write_text(f"{used - 1}\n")
    network.run_for(1.0)
    one.start()
    with pytest.raises(FleetError, match=f"fleet knows start {used}.*start this node again"):
        network.run_for(10.0)
    assert int(counter.read_text()) == used
