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

"""Our bags in the hands of ``ros2 bag``, and ``replay.launch.py``, on a real ROS 2."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from domains import own_domain
from ros_commands import for_launched
from rosbags.highlevel import AnyReader

from edge_infer.cli.main import main
from edge_infer.runtime.embedded.runtime import EmbeddedRuntime
from edge_infer.runtime.qos import Durability, QoS

pytestmark = pytest.mark.ros

MakeBag = Callable[..., Path]
Recorded = tuple[str, str, int, bytes]
DETECTIONS = "vision_msgs/msg/Detection2DArray"
LAUNCH = Path(__file__).parents[3] / "launch" / "replay.launch.py"
WAIT_S = 60.0


def verb_is_there(verb: str) -> bool:
    if not shutil.which("ros2"):
        return False
    done = subprocess.run(["ros2", verb, "--help"], capture_output=True, check=False)
    return done.returncode == 0


@pytest.fixture(autouse=True)
def _ros_bag() -> None:
    if not verb_is_there("bag"):
        pytest.skip("there is no ros2 bag")


@pytest.fixture
def domain(monkeypatch: pytest.MonkeyPatch) -> int:
    number = own_domain()
    monkeypatch.setenv("ROS_DOMAIN_ID", str(number))
    monkeypatch.setenv("ROS_AUTOMATIC_DISCOVERY_RANGE", "LOCALHOST")
    return number


@pytest.fixture
def runtime(domain: int) -> Iterator[EmbeddedRuntime]:
    opened = EmbeddedRuntime([])
    yield opened
    opened.shutdown()


@pytest.fixture
def seen(flight: list[Recorded], make_bag: MakeBag, tmp_path: Path) -> Path:
    """What our nodes see in a flight, as a bag."""
    assert main(["replay", str(make_bag(flight)), "--record", str(tmp_path / "seen")]) == 0
    return tmp_path / "seen"


def start(*words: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        env=for_launched(dict(os.environ)), start_new_session=True,
    )  # fmt: skip


def ended(process: subprocess.Popen[bytes]) -> str:
    """Its output; it must end by itself."""
    try:
        out, _ = process.communicate(timeout=WAIT_S)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        raise
    assert process.returncode == 0, out.decode()
    return out.decode()


def listen(runtime: EmbeddedRuntime, topic: str, qos: QoS) -> list[Any]:
    node, heard = runtime.create_node("listener"), []
    node.create_subscription(node.messages[DETECTIONS], topic, heard.append, qos)
    return heard


def test_ros2_bag_info_names_every_topic(seen: Path) -> None:
    told = ended(start("ros2", "bag", "info", str(seen)))
    with AnyReader([seen]) as reader:
        for connection in reader.connections:
            assert (
                f"Topic: {connection.topic} | Type: {connection.msgtype} | "
                f"Count: {connection.msgcount} |"
            ) in told
        assert f"Messages:          {reader.message_count}" in told


def test_ros2_bag_play_says_what_was_recorded(seen: Path, runtime: EmbeddedRuntime) -> None:
    topic = "/drone_1/detector/detections"
    heard = listen(runtime, topic, QoS(depth=100))
    process = start("ros2", "bag", "play", str(seen), "--delay", "2", "--disable-keyboard-controls")
    with AnyReader([seen]) as reader:
        stamps = [
            reader.deserialize(raw, connection.msgtype).header.stamp.nanosec
            for connection, _, raw in reader.messages()
            if connection.topic == topic
        ]
    assert runtime.spin_until(lambda: len(heard) == len(stamps), WAIT_S)
    assert [msg.header.stamp.nanosec for msg in heard] == stamps
    ended(process)


def test_the_launch_file_plays_a_bag_to_the_nodes(
    flight: list[Recorded], make_bag: MakeBag, tmp_path: Path, runtime: EmbeddedRuntime
) -> None:
    if subprocess.run(
        ["ros2", "pkg", "prefix", "edge_infer"], capture_output=True, check=False
    ).returncode:
        pytest.skip("edge_infer is not built by colcon")
    heard = listen(
        runtime, "/scout/detector/detections", QoS(depth=100, durability=Durability.VOLATILE)
    )
    process = start(
        "ros2", "launch", str(LAUNCH), f"bag:={make_bag(flight)}", "rate:=0.5", "namespace:=scout",
        "image:=/camera/image_raw", "camera_info:=/camera/camera_info", "pose:=/state/pose",
        "delay:=10.0", f"state_dir:={tmp_path}",
    )  # fmt: skip
    assert runtime.spin_until(lambda: len(heard) >= 6, WAIT_S)
    stamps = {message.header.stamp.sec for message in heard}
    assert stamps <= {1_790_000_000 + second for second in range(3)}
    said = ended(process)
    assert "Traceback" not in said
    assert said.count("process has finished cleanly") == 4
