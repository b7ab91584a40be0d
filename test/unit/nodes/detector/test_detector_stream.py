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

"""Ten thousand frames over DDS, faster than a detector is: none is mixed up or forgotten."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from domains import own_domain

from edge_infer.nodes import topics
from edge_infer.nodes.registry import start_node
from edge_infer.runtime.api import Runtime
from edge_infer.runtime.selection import available, open_runtime

FRAMES = 10_000
BURST = 10
HEIGHT, WIDTH = 48, 64


@pytest.fixture
def runtime(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Runtime]:
    if reason := available()["embedded"]:
        pytest.skip(reason)
    monkeypatch.setenv("ROS_DOMAIN_ID", str(own_domain()))
    monkeypatch.setenv("ROS_AUTOMATIC_DISCOVERY_RANGE", "LOCALHOST")
    args = ["--ros-args", "-r", "__ns:=/drone_1", "-p", f"state_dir:={tmp_path}"]
    runtime = open_runtime("embedded", [*args, "-p", "backend:=onnx"])
    yield runtime
    runtime.shutdown()


def test_each_answer_has_its_frames_header_and_each_frame_is_accounted_for(
    runtime: Runtime,
) -> None:
    detector = start_node(runtime, "detector")
    camera = runtime.create_node("camera")
    images = topics.IMAGE.publisher(camera)
    answers: list[tuple[int, int, str]] = []
    counters: dict[str, int] = {}

    def on_status(msg: Any) -> None:
        counters.update({counter.name: int(counter.value) for counter in msg.counters})

    def header_of(number: int) -> tuple[int, int, str]:
        return 1_700_000_000 + number // 100, number % 100 * 10_000_000 + 7, f"camera_{number % 7}"

    topics.DETECTIONS.subscription(
        camera,
        lambda msg: answers.append(
            (msg.header.stamp.sec, msg.header.stamp.nanosec, msg.header.frame_id)
        ),
    )
    topics.STATUS.subscription(camera, on_status)
    assert runtime.spin_until(lambda: images.get_subscription_count() > 0, 30.0)
    msg: Any = camera.messages["sensor_msgs/msg/Image"](
        height=HEIGHT, width=WIDTH, encoding="mono8", step=WIDTH,
        data=np.zeros(HEIGHT * WIDTH, np.uint8),
    )  # fmt: skip
    for number in range(FRAMES):
        stamp = msg.header.stamp
        stamp.sec, stamp.nanosec, msg.header.frame_id = header_of(number)
        images.publish(msg)
        if number % BURST == 0:
            heard = len(answers)
            runtime.spin_until(lambda heard=heard: len(answers) > heard, 0.02)  # type: ignore[misc]

    def is_quiet() -> bool:
        """The detector's last count is of all that it answered."""
        return 0 < counters.get("frames_processed", 0) == len(answers)

    assert runtime.spin_until(is_quiet, 30.0), (counters, len(answers))
    detector.close()
    number_of = {header_of(number): number for number in range(FRAMES)}
    assert len(number_of) == FRAMES
    numbers = [number_of[answer] for answer in answers]
    assert numbers == sorted(set(numbers))
    assert "frames_failed" not in counters
    assert counters["frames_received"] == counters["frames_processed"] + counters["frames_dropped"]
