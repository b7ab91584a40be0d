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

"""A node's state as ROS 2's own monitors read it."""

from __future__ import annotations

from typing import Any

import pytest

from edge_infer.nodes import topics
from edge_infer.nodes.identity import Identity
from edge_infer.nodes.reporting.input_watch import InputState
from edge_infer.nodes.reporting.status import StatusReporter
from edge_infer.runtime.api import Node
from edge_infer.runtime.loopback import LoopbackNetwork
from edge_infer.runtime.qos import QoS, Reliability

NAMESPACE = ["--ros-args", "-r", "__ns:=/drone_1"]


class Monitor:
    """Hears /diagnostics."""

    def __init__(self, network: LoopbackNetwork) -> None:
        self.heard: list[Any] = []
        self.node = network.runtime("monitor").create_node("monitor")
        topics.DIAGNOSTICS.subscription(self.node, self.heard.append)

    def last(self, index: int = 0) -> tuple[Any, dict[str, str]]:
        """Of the two statuses of a node, that of the node itself, or (1) that of its topics."""
        status = self.heard[-1].status[index]
        return status, {value.key: value.value for value in status.values}


@pytest.fixture
def network() -> LoopbackNetwork:
    return LoopbackNetwork()


@pytest.fixture
def node(network: LoopbackNetwork) -> Node:
    return network.runtime("drone_1", NAMESPACE).create_node("detector")


@pytest.fixture
def status(node: Node) -> StatusReporter:
    return StatusReporter(node, Identity("drone_1", 1))


def test_what_is_counted_and_timed_is_told_with_rates(
    network: LoopbackNetwork, status: StatusReporter
) -> None:
    monitor = Monitor(network)
    status.count("frames_processed", 3)
    network.run_for(1.1)
    status.count("frames_processed", 5)
    for duration_ms in (10.0, 10.0, 10.0, 80.0, 80.0):
        status.time("infer", duration_ms)
    network.run_for(1.0)
    told, values = monitor.last()
    assert (told.name, told.hardware_id, told.message) == ("drone_1/detector", "drone_1", "OK")
    assert told.level == type(told).OK
    assert values["frames_processed"] == "8"
    assert values["frames_processed per s"] == "5.00"
    assert float(values["infer median ms"]) == pytest.approx(10.0, rel=0.03)
    assert float(values["infer p99 ms"]) == pytest.approx(80.0, rel=0.03)


@pytest.mark.parametrize(("level", "name"), [(0, "OK"), (1, "WARN"), (2, "ERROR")])
def test_health_is_the_level(
    network: LoopbackNetwork, status: StatusReporter, level: int, name: str
) -> None:
    monitor = Monitor(network)
    status.set_health(level, "the camera is silent")
    network.run_for(1.1)
    told, _ = monitor.last()
    assert told.level == getattr(type(told), name)
    assert told.message == "the camera is silent"


def test_who_listens_later_hears_the_rate_of_the_last_second(
    network: LoopbackNetwork, status: StatusReporter
) -> None:
    status.count("frames_processed", 100)
    network.run_for(5.1)
    monitor = Monitor(network)
    status.count("frames_processed", 2)
    network.run_for(1.0)
    assert monitor.last()[1]["frames_processed per s"] == "2.00"


def test_what_is_described_is_told(network: LoopbackNetwork, status: StatusReporter) -> None:
    monitor = Monitor(network)
    status.count("members", 3)
    status.describe("engine", "onnx")
    status.describe("members", "drone_2, drone_3")
    status.describe("load", 0.25)
    network.run_for(1.1)
    _, values = monitor.last()
    assert (values["engine"], values["members"], values["load"]) == (
        "onnx", "drone_2, drone_3", "0.25",
    )  # fmt: skip


STOPPED = InputState(3, "no image for 9 s", {"Actual frequency (Hz)": "0.00"})


@pytest.mark.parametrize(
    ("health", "level", "message"),
    [
        ((0, "engine onnx serves"), "STALE", "no image for 9 s"),
        ((2, "no engine serves"), "ERROR", "no engine serves"),
    ],
)
def test_a_stopped_input_is_stale_unless_there_is_worse(
    network: LoopbackNetwork,
    status: StatusReporter,
    health: tuple[int, str],
    level: str,
    message: str,
) -> None:
    monitor = Monitor(network)
    status.set_health(*health)
    status.set_input(STOPPED)
    network.run_for(1.1)
    told, values = monitor.last()
    assert (told.level, told.message) == (getattr(type(told), level), message)
    assert values["Actual frequency (Hz)"] == "0.00"
    status.set_input(InputState(0, "", {}))
    network.run_for(1.0)
    told, _ = monitor.last()
    assert told.message == health[1]


def test_a_pair_that_does_not_match_is_an_error_until_it_is_gone(
    network: LoopbackNetwork, node: Node, status: StatusReporter
) -> None:
    monitor = Monitor(network)
    topics.DETECTIONS.publisher(node)
    network.run_for(1.1)
    told, values = monitor.last(1)
    assert (told.name, told.hardware_id) == ("drone_1/detector: QoS", "drone_1")
    assert (told.level, told.message, values) == (type(told).OK, "OK", {})

    best_effort = QoS(reliability=Reliability.BEST_EFFORT)
    camera = network.runtime("drone_1", NAMESPACE).create_node("camera")
    image = node.messages[topics.IMAGE.type]
    publisher = camera.create_publisher(image, "image", best_effort)
    node.create_subscription(image, "image", print, QoS())
    network.run_for(1.1)
    pair = (
        "/drone_1/image: /drone_1/camera offers RELIABILITY best_effort, "
        "/drone_1/detector requests reliable"
    )
    told, values = monitor.last(1)
    assert (told.level, told.message) == (type(told).ERROR, f"incompatible QoS on {pair}")
    assert values == {"pair 1": pair}
    assert monitor.last()[0].level == type(told).OK

    camera.destroy_publisher(publisher)
    network.run_for(1.0)
    assert monitor.last(1)[0].level == type(told).OK
