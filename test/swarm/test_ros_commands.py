"""What `ros2` shows of one node and does to it: under rclpy, and on the embedded runtime alike.

Needs both packages built and sourced: `colcon build --base-paths . edge_infer_msgs`.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml
from ros_commands import NEEDS_ROS, Environment, ros2, tried, until

pytestmark = NEEDS_ROS

Run = Callable[..., "subprocess.Popen[str]"]
NODE = "/farm/drone_1/detector"


@pytest.fixture(params=["ros", "embedded"])
def env(
    request: pytest.FixtureRequest, ros_environment: Environment, edge_infer: Run, tmp_path: Path
) -> Iterator[Environment]:
    """A detector that waits for its manager, remapped, in a nested namespace."""
    edge_infer(
        *("node", "detector", "--runtime", request.param, "--ros-args"),
        *("-r", "__ns:=/farm/drone_1", "-r", "image:=/camera/image_raw"),
        *("-p", "autostart:=false", "-p", f"state_dir:={tmp_path}"),
        *("-p", "qos_overrides./farm/drone_1/detector/detections.publisher.depth:=3"),
    )
    until(lambda: NODE in ros2(ros_environment, "node", "list", "--no-daemon").split())
    return ros_environment


def lifecycle(env: Environment, *words: str) -> str:
    return ros2(env, "lifecycle", *words)


def test_lifecycle(env: Environment) -> None:
    until(lambda: NODE in lifecycle(env, "nodes").split())
    assert lifecycle(env, "get", NODE) == "unconfigured [1]\n"
    ways = lifecycle(env, "list", NODE)
    assert "- configure [1]" in ways
    assert "- shutdown [5]" in ways
    assert "Transitioning successful" in lifecycle(env, "set", NODE, "configure")
    assert lifecycle(env, "get", NODE) == "inactive [2]\n"
    assert "/camera/image_raw" not in ros2(env, "topic", "list", "--no-daemon").split()
    assert "Transitioning successful" in lifecycle(env, "set", NODE, "activate")
    until(lambda: "/camera/image_raw" in ros2(env, "topic", "list", "--no-daemon").split())
    refused = tried(env, "lifecycle", "set", NODE, "configure")
    assert "Unknown transition requested" in refused.stdout + refused.stderr
    for way in ("deactivate", "cleanup", "shutdown"):
        assert "Transitioning successful" in lifecycle(env, "set", NODE, way)
    assert lifecycle(env, "get", NODE) == "finalized [4]\n"


def test_parameters(env: Environment, tmp_path: Path) -> None:
    def param(*words: str) -> str:
        return ros2(env, "param", *words)

    names = param("list", NODE).split()
    assert {"score_threshold", "model", "use_sim_time"} <= set(names)
    described = param("describe", NODE, "score_threshold")
    assert "Lowest score" in described
    assert "Max value: 1.0" in described
    assert "Read only: true" in param("describe", NODE, "state_dir")
    assert param("set", NODE, "score_threshold", "0.4") == "Set parameter successful\n"
    assert param("get", NODE, "score_threshold") == "Double value is: 0.4\n"
    assert param("set", NODE, "threads", "2") == "Set parameter successful\n"
    lifecycle(env, "set", NODE, "configure")
    refused = tried(env, "param", "set", NODE, "threads", "3")
    assert "while the node is unconfigured" in refused.stdout + refused.stderr
    dumped = param("dump", NODE)
    values = yaml.safe_load(dumped)[NODE]["ros__parameters"]
    assert values["threads"] == 2
    assert values["score_threshold"] == 0.4
    file = tmp_path / "tuned.yaml"
    file.write_text(yaml.safe_dump({NODE: {"ros__parameters": {"score_threshold": 0.6}}}))
    assert "successful" in param("load", NODE, str(file))
    assert param("get", NODE, "score_threshold") == "Double value is: 0.6\n"


def test_topics_and_quality_of_service(env: Environment) -> None:
    for way in ("configure", "activate"):
        lifecycle(env, "set", NODE, way)
    told = until(lambda: _once_told(env))
    assert "/camera/image_raw: sensor_msgs/msg/Image" in told
    assert "/farm/drone_1/detector/detections: vision_msgs/msg/Detection2DArray" in told
    assert f"{NODE}/change_state: lifecycle_msgs/srv/ChangeState" in told
    assert "/farm/drone_1/detector/load_model: edge_infer_msgs/srv/LoadModel" in told
    info = ros2(env, "topic", "info", "-v", "/farm/drone_1/detector/detections")
    assert "Node namespace: /farm/drone_1" in info
    assert "Reliability: RELIABLE" in info
    assert "Lifespan: 1000000000 nanoseconds" in info
    depth = "qos_overrides./farm/drone_1/detector/detections.publisher.depth"
    assert ros2(env, "param", "get", NODE, depth) == "Integer value is: 3\n"


def _once_told(env: Environment) -> str:
    """What `ros2 node info` says, once the image topic is in it."""
    told = ros2(env, "node", "info", NODE)
    return told if "/camera/image_raw" in told else ""


def test_the_doctor_finds_no_quality_that_does_not_fit(env: Environment) -> None:
    for way in ("configure", "activate"):
        lifecycle(env, "set", NODE, way)
    image = ["topic", "pub", "/camera/image_raw", "sensor_msgs/msg/Image", "{}"]
    talker = subprocess.Popen(
        ["ros2", *image], env=env, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL
    )
    try:
        until(lambda: "Publisher count: 1" in ros2(env, "topic", "info", "/camera/image_raw"))
        report = ros2(env, "doctor", "--report", timeout_s=60.0)
    finally:
        talker.kill()
        talker.wait()
    checked = report.split("QOS COMPATIBILITY LIST")[1]
    assert "/camera/image_raw" in checked
    assert "ERROR" not in checked
