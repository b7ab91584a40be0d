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

"""What viewers subscribe to, heard with the ros2 commands, of a drone on either runtime."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from ros_commands import NEEDS_ROS, Environment, ros2, until

pytestmark = NEEDS_ROS

TOPICS = {
    "/drone_1/coordinator/markers": "visualization_msgs/msg/MarkerArray",
    "/drone_1/coordinator/detections_3d": "vision_msgs/msg/Detection3DArray",
    "/drone_1/detector/image_annotated": "sensor_msgs/msg/Image",
}


def heard(env: Environment, topic: str, *options: str) -> Any:
    """The next message of a topic."""
    told = ros2(env, "topic", "echo", "--once", *options, topic, TOPICS[topic], timeout_s=60.0)
    return yaml.safe_load(told.split("---")[0])


@pytest.mark.parametrize("runtime", ["ros", "embedded"])
def test_markers_detections_and_pictures_are_heard(
    edge_infer: Callable[..., Any], ros_environment: Environment, tmp_path: Path, runtime: str
) -> None:
    edge_infer("node", "drone", "--runtime", runtime, "--ros-args", "-r", "__ns:=/drone_1",
               "-p", f"state_dir:={tmp_path}", "-p", "camera:rate_hz:=5.0")  # fmt: skip
    until(lambda: set(TOPICS) <= set(ros2(ros_environment, "topic", "list").split()))
    until(lambda: heard(ros_environment, "/drone_1/coordinator/markers")["markers"])
    found = heard(ros_environment, "/drone_1/coordinator/detections_3d")
    assert found["header"]["frame_id"] == "map"
    for item in found["detections"]:
        result = item["results"][0]
        assert result["hypothesis"]["class_id"].replace("-", "").isalpha()
        assert result["pose"]["covariance"][0] > 0
    picture = heard(ros_environment, "/drone_1/detector/image_annotated", "--no-arr")
    assert (picture["encoding"], picture["width"], picture["height"]) == ("bgr8", 640, 512)
    assert picture["header"]["frame_id"] == "camera_optical_frame"
