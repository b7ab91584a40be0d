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

"""drone.launch.py on a real ROS 2: with a preset and another's camera, composed or not."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from ros_commands import NEEDS_ROS, launched, ros2, tried, until

pytestmark = NEEDS_ROS

FILE = "drone.launch.py"
NODES = ("detector", "georeferencer", "heartbeat", "coordinator", "updater")


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A root of trust, so that the updater is among the nodes."""
    keys = tmp_path_factory.mktemp("trust") / "keys"
    command = [sys.executable, "-m", "edge_infer", "keys", "init", str(keys)]
    subprocess.run([*command, "--root-keys", "1", "--threshold", "1"], check=True)
    return keys / "root.json"


def interface(env: dict[str, str], node: str) -> list[str]:
    """What `ros2 node info` says: every topic and service with its type."""
    told = ros2(env, "node", "info", "--no-daemon", node)
    return [line.strip() for line in told.splitlines()[1:] if line.startswith("    ")]


def test_both_compositions_have_the_same_nodes_and_topics(
    ros_environment: dict[str, str], tmp_path: Path, root: Path
) -> None:
    env, seen = ros_environment, {}
    for composed in ("true", "false"):
        state = tmp_path / composed
        words = (f"composed:={composed}", "preset:=mavros", "namespace:=drone_7", "camera:=false")
        with launched(
            env, tmp_path / f"{composed}.log", FILE, *words, f"root:={root}", f"state_dir:={state}"
        ):
            nodes = {f"/drone_7/{node}" for node in NODES}
            own = {"/drone_7/drone"} if composed == "true" else set()
            until(lambda n=nodes | own: set(ros2(env, "node", "list", "--no-daemon").split()) == n)
            until(
                lambda: "/drone_7/coordinator/targets" in ros2(env, "topic", "list", "--no-daemon")
            )
            seen[composed] = {node: interface(env, node) for node in sorted(nodes)}
    assert seen["true"] == seen["false"]
    hears = seen["true"]
    pose = "/drone_7/mavros/local_position/pose: geometry_msgs/msg/PoseStamped"
    assert pose in hears["/drone_7/georeferencer"]
    assert pose in hears["/drone_7/heartbeat"]
    image = "/drone_7/camera/image_raw: sensor_msgs/msg/Image"
    assert image in hears["/drone_7/detector"]
    camera_info = "/drone_7/camera/camera_info: sensor_msgs/msg/CameraInfo"
    assert camera_info in hears["/drone_7/georeferencer"]


def test_arguments_and_the_users_file_go_before_the_preset(
    ros_environment: dict[str, str], tmp_path: Path
) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(
        "/**/georeferencer:\n  ros__parameters:\n    pose_type: nav_msgs/msg/Odometry\n"
        "/**/heartbeat:\n  ros__parameters:\n    pose_type: nav_msgs/msg/Odometry\n"
    )
    words = ("preset:=mavros", "pose:=mavros/local_position/odom", f"params_file:={file}")
    with launched(ros_environment, tmp_path / "log", FILE, *words, f"state_dir:={tmp_path}"):
        pose = "/drone_1/mavros/local_position/odom: nav_msgs/msg/Odometry"
        until(
            lambda: "/drone_1/georeferencer" in ros2(ros_environment, "node", "list", "--no-daemon")
        )
        until(lambda: pose in interface(ros_environment, "/drone_1/georeferencer"))
        assert "/drone_1/camera" not in ros2(ros_environment, "node", "list", "--no-daemon").split()


def test_a_lifecycle_manager_decides_when_compressed_images_are_heard(
    ros_environment: dict[str, str], tmp_path: Path
) -> None:
    env, file = ros_environment, tmp_path / "mine.yaml"
    file.write_text("/**/detector:\n  ros__parameters:\n    transport: compressed\n")
    words = ("preset:=mavros", "autostart:=false", "composed:=false", f"params_file:={file}")
    image = "/drone_1/camera/image_raw/compressed: sensor_msgs/msg/CompressedImage"
    with launched(env, tmp_path / "log", FILE, *words, f"state_dir:={tmp_path}"):
        for node in ("detector", "georeferencer", "coordinator"):
            get = ("lifecycle", "get", "--no-daemon", f"/drone_1/{node}")
            until(lambda get=get: tried(env, *get).stdout.startswith("unconfigured"))
        assert image not in interface(env, "/drone_1/detector")
        for transition in ("configure", "activate"):
            ros2(env, "lifecycle", "set", "--no-daemon", "/drone_1/detector", transition)
        until(lambda: image in interface(env, "/drone_1/detector"))
