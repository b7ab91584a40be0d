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

"""What `ros2` shows of one node and does to it: under rclpy, and on the embedded runtime alike.

Needs both packages built and sourced: `colcon build --base-paths . edge_infer_msgs`.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from domains import own_domain
from operator_station import Operator
from ros_commands import NEEDS_ROS, Environment, for_launched, ros2, tried, until

pytestmark = NEEDS_ROS


RUNTIMES = ("ros", "embedded")
"""Both nodes run beside each other; each test takes one through its states from the first."""


@pytest.fixture(scope="module")
def env(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Environment]:
    """Two detectors that wait for their managers, remapped, in nested namespaces."""
    env = for_launched(
        {
            **os.environ,
            "ROS_DOMAIN_ID": str(own_domain()),
            "ROS_AUTOMATIC_DISCOVERY_RANGE": "LOCALHOST",
        }
    )
    folder = tmp_path_factory.mktemp("state")
    processes = [
        subprocess.Popen(
            [
                *(sys.executable, "-m", "edge_infer", "node", "detector", "--runtime", runtime),
                *("--ros-args", "-r", f"__ns:=/farm/{runtime}", "-r", "image:=/camera/image_raw"),
                *("-p", "autostart:=false", "-p", f"state_dir:={folder}"),
                *("-p", f"qos_overrides./farm/{runtime}/detector/detections.publisher.depth:=3"),
            ],
            env=env,
            stdin=subprocess.DEVNULL,
        )
        for runtime in RUNTIMES
    ]
    wanted = {f"/farm/{runtime}/detector" for runtime in RUNTIMES}
    until(lambda: wanted <= set(ros2(env, "node", "list", "--no-daemon").split()))
    yield env
    for process in processes:
        process.kill()
        process.wait()
    tried(env, "daemon", "stop")


@pytest.fixture(params=RUNTIMES)
def node(request: pytest.FixtureRequest) -> str:
    return f"/farm/{request.param}/detector"


@pytest.fixture
def operator(env: Environment, node: str) -> Iterator[Operator]:
    """Brings the node back to its first state, so that each test finds it there."""
    with Operator(env) as operator:
        yield operator
        back = {"active": ("deactivate", "cleanup"), "inactive": ("cleanup",)}
        for way in back.get(operator.state(node), ()):
            assert operator.change(node, way)


def test_lifecycle(env: Environment, operator: Operator, node: str) -> None:
    def lifecycle(*words: str) -> str:
        return ros2(env, "lifecycle", *words)

    until(lambda: node in lifecycle("nodes").split())
    assert lifecycle("get", node) == "unconfigured [1]\n"
    ways = lifecycle("list", node)
    assert "- configure [1]" in ways
    assert "- shutdown [5]" in ways
    for way in ("configure", "activate"):
        assert "Transitioning successful" in lifecycle("set", node, way)
    refused = tried(env, "lifecycle", "set", node, "configure")
    assert "Unknown transition requested" in refused.stdout + refused.stderr
    assert operator.state(node) == "active"
    assert "Transitioning successful" in lifecycle("set", node, "deactivate")
    assert lifecycle("get", node) == "inactive [2]\n"


def test_parameters(env: Environment, operator: Operator, node: str, tmp_path: Path) -> None:
    def param(*words: str) -> str:
        return ros2(env, "param", *words)

    names = param("list", node).split()
    assert {"score_threshold", "model", "use_sim_time"} <= set(names)
    described = param("describe", node, "score_threshold")
    assert "Lowest score" in described
    assert "Max value: 1.0" in described
    assert param("set", node, "threads", "2") == "Set parameter successful\n"
    assert operator.change(node, "configure")
    refused = tried(env, "param", "set", node, "threads", "3")
    assert "while the node is unconfigured" in refused.stdout + refused.stderr
    assert param("set", node, "score_threshold", "0.4") == "Set parameter successful\n"
    values = yaml.safe_load(param("dump", node))[node]["ros__parameters"]
    assert values["threads"] == 2
    assert values["score_threshold"] == 0.4
    file = tmp_path / "tuned.yaml"
    file.write_text(yaml.safe_dump({node: {"ros__parameters": {"score_threshold": 0.6}}}))
    assert "successful" in param("load", node, str(file))
    assert param("get", node, "score_threshold") == "Double value is: 0.6\n"


def test_topics_and_quality_of_service(env: Environment, operator: Operator, node: str) -> None:
    assert operator.change(node, "configure")
    assert "/camera/image_raw" not in ros2(env, "node", "info", "--no-daemon", node)
    assert operator.change(node, "activate")
    told = until(lambda: _once_told(env, node))
    assert "/camera/image_raw: sensor_msgs/msg/Image" in told
    assert f"{node}/detections: vision_msgs/msg/Detection2DArray" in told
    assert f"{node}/change_state: lifecycle_msgs/srv/ChangeState" in told
    assert f"{node}/load_model: edge_infer_msgs/srv/LoadModel" in told
    info = ros2(env, "topic", "info", "-v", f"{node}/detections")
    assert f"Node namespace: {node.rpartition('/')[0]}" in info
    assert "Reliability: RELIABLE" in info
    assert "Lifespan: 1000000000 nanoseconds" in info
    depth = f"qos_overrides.{node}/detections.publisher.depth"
    assert ros2(env, "param", "get", node, depth) == "Integer value is: 3\n"


def _once_told(env: Environment, node: str) -> str:
    """What `ros2 node info` says, once the image topic is in it."""
    told = ros2(env, "node", "info", "--no-daemon", node)
    return told if "/camera/image_raw" in told else ""


def test_the_doctor_finds_no_quality_that_does_not_fit(
    env: Environment, operator: Operator, node: str
) -> None:
    for way in ("configure", "activate"):
        assert operator.change(node, way)
    image = ["topic", "pub", "/camera/image_raw", "sensor_msgs/msg/Image", "{}"]
    talker = subprocess.Popen(
        ["ros2", *image], env=env, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL
    )
    try:
        there = operator.node.count_publishers
        assert operator.runtime.spin_until(lambda: there("/camera/image_raw") == 1, 60.0)
        report = ros2(env, "doctor", "--report", timeout_s=60.0)
    finally:
        talker.kill()
        talker.wait()
    checked = report.split("QOS COMPATIBILITY LIST")[1]
    assert "/camera/image_raw" in checked
    assert "ERROR" not in checked
