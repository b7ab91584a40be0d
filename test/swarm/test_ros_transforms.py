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

"""tf2's own publishers, heard by the georeferencer on either runtime: their tree places a box."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from operator_station import PATIENCE_S, Operator
from ros_commands import NEEDS_ROS

from edge_infer.domain import CameraModel
from edge_infer.nodes import topics
from edge_infer.nodes.conversions.common import header_to_msg
from edge_infer.nodes.conversions.images import camera_to_msg

pytestmark = NEEDS_ROS

CAMERA = CameraModel(640, 512, 600.0, 600.0, 319.5, 255.5)
PARAMETERS = {"pose_source": "tf", "mounting": "tf", "base_frame": "drone_1/base_link"}
TREE = (
    # The drone hovers at 20 m, its nose to the north; the camera looks straight down.
    ("map", "drone_1/base_link", "--x 30 --y 40 --z 20 --yaw 1.5707963"),
    ("drone_1/base_link", "camera", "--roll 3.1415926 --pitch 0 --yaw -1.5707963"),
)


@contextmanager
def published(env: dict[str, str]) -> Iterator[None]:
    """The tree, from tf2_ros."""
    processes = [
        subprocess.Popen(
            ["ros2", "run", "tf2_ros", "static_transform_publisher", *numbers.split(),
             "--frame-id", parent, "--child-frame-id", child],
            env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
        )
        for parent, child, numbers in TREE
    ]  # fmt: skip
    try:
        yield
    finally:
        for process in processes:
            os.killpg(process.pid, signal.SIGINT)  # ros2 run and what it runs
        for process in processes:
            process.wait(20)


@pytest.mark.parametrize("runtime", ["embedded", "ros"])
def test_a_box_is_placed_by_a_tree_of_tf2(
    edge_infer: Callable[..., Any],
    ros_environment: dict[str, str],
    environment: dict[str, str],
    tmp_path: Path,
    runtime: str,
) -> None:
    words = [w for name, value in PARAMETERS.items() for w in ("-p", f"{name}:={value}")]
    with published(ros_environment), Operator(environment) as operator:
        edge_infer(
            "node", "georeferencer", "--runtime", runtime, "--ros-args", "-r", "__ns:=/drone_1",
            "-p", f"state_dir:={tmp_path}", *words,
        )  # fmt: skip
        node, found = operator.node, []
        camera_infos = topics.CAMERA_INFO.named("/drone_1/camera_info").publisher(node)
        detections = topics.DETECTIONS.named("/drone_1/detector/detections").publisher(node)
        topics.SIGHTINGS.subscription(node, found.append)

        def look() -> None:
            stamp_ns = node.get_clock().now().nanoseconds
            camera_infos.publish(camera_to_msg(node.messages, CAMERA, stamp_ns, "camera"))
            detections.publish(box_ahead(node.messages, stamp_ns))

        node.create_timer(0.2, look)
        assert operator.runtime.spin_until(lambda: bool(found), PATIENCE_S)
    (sighting,) = found[0].sightings
    # 120 pixels of 600 above the centre, at 20 m: 4 m ahead, which is north.
    assert (sighting.position.x, sighting.position.y) == pytest.approx((30.0, 44.0), abs=0.002)
    assert found[0].header.frame_id == "map"


def box_ahead(messages: Any, stamp_ns: int) -> Any:
    """A Detection2DArray with one thing, 120 pixels above the centre."""
    header = header_to_msg(messages, stamp_ns, "camera")
    result = messages["vision_msgs/msg/ObjectHypothesisWithPose"]()
    result.hypothesis.class_id, result.hypothesis.score = "Diode", 0.9
    box = messages["vision_msgs/msg/Detection2D"](header=header, results=[result])
    box.bbox.center.position.x, box.bbox.center.position.y = 320.0, 256.0 - 120.0
    box.bbox.size_x = box.bbox.size_y = 10.0
    return messages["vision_msgs/msg/Detection2DArray"](header=header, detections=[box])
