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

"""``edge-infer node --record`` and ``edge-infer swarm --record``: real processes on real DDS."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from domains import own_domain
from rosbags.highlevel import AnyReader

from edge_infer.cli.main import main
from edge_infer.runtime.embedded.runtime import EmbeddedRuntime
from edge_infer.runtime.qos import DETECTIONS

FRAMES = 10


def start(domain: int, *words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "edge_infer", *words],
        env={**os.environ, "ROS_DOMAIN_ID": str(domain)},
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def counts(bag: Path) -> dict[str, int]:
    with AnyReader([bag]) as reader:
        return {topic: info.msgcount for topic, info in reader.topics.items()}


def wait_for_frames(domain: int, name: str) -> None:
    runtime = EmbeddedRuntime([], {"ROS_DOMAIN_ID": str(domain)})
    try:
        node = runtime.create_node("watcher")
        seen: list[object] = []
        topic, kind = f"/{name}/detector/detections", "vision_msgs/msg/Detection2DArray"
        node.create_subscription(node.messages[kind], topic, seen.append, DETECTIONS)
        assert runtime.spin_until(lambda: len(seen) >= FRAMES, 60.0)
    finally:
        runtime.shutdown()


def test_a_drone_that_is_recorded_can_be_replayed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    domain, bag = own_domain(), tmp_path / "bag"
    process = start(
        domain, "node", "drone", "--runtime", "embedded", "--record", str(bag),
        "--ros-args", "-r", "__ns:=/scout", "-p", f"drone:state_dir:={tmp_path}",
        "-p", "detector:backend:=onnx",
    )  # fmt: skip
    wait_for_frames(domain, "scout")
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 0, err
    recorded = counts(bag)
    assert recorded["/scout/image"] >= FRAMES - 1
    assert recorded["/scout/pose"] >= FRAMES - 1
    assert {"/scout/detector/labels", "/scout/detector/detections"} <= recorded.keys()
    assert "/fleet/heartbeat" in recorded
    assert not {"/rosout", "/parameter_events", "/clock"} & recorded.keys()
    assert main(["replay", str(bag), "--json", "--namespace", "/scout"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["frames"]["processed"] == recorded["/scout/image"]
    assert told["topics"]["/scout/image"] == "/scout/image"


def test_a_folder_that_is_there_ends_a_node_with_one_sentence(tmp_path: Path) -> None:
    process = start(
        own_domain(), "node", "heartbeat", "--runtime", "embedded", "--record", str(tmp_path)
    )
    _, err = process.communicate(timeout=30)
    assert process.returncode == 2
    assert err.count("\n") == 1
    assert f"the bag {tmp_path} cannot be written ({tmp_path} exists already" in err


@pytest.mark.swarm
def test_a_swarm_is_recorded(tmp_path: Path) -> None:
    domain, bag = own_domain(), tmp_path / "bag"
    process = start(
        domain, "swarm", "--drones", "2", "--duration", "4", "--headless", "--runtime", "embedded",
        "--domain", str(domain), "--record", str(bag), "--record-images",
    )  # fmt: skip
    _, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    recorded = counts(bag)
    for drone in ("drone_1", "drone_2"):
        for topic in ("image", "pose", "camera_info", "detector/detections", "detector/labels"):
            assert recorded[f"/{drone}/{topic}"] > 0
    assert {"/fleet/sightings", "/fleet/heartbeat", "/fleet/status"} <= recorded.keys()


def test_images_without_a_bag_are_a_mistake(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["swarm", "--record-images"]) == 2
    assert "say where with --record DIR" in capsys.readouterr().err
