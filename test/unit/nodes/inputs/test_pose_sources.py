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

"""The georeferencer and the heartbeat on poses from every source: all place a thing alike."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from edge_infer.domain import CameraModel, Pose
from edge_infer.errors import MessageError, ParameterError
from edge_infer.geometry import LocalFrame, enu_flu_from_ned_frd, quaternion_from_rpy
from edge_infer.nodes import topics
from edge_infer.nodes.conversions.common import header_to_msg, stamp_to_msg
from edge_infer.nodes.conversions.images import camera_to_msg
from edge_infer.nodes.conversions.poses import pose_to_msg
from edge_infer.nodes.conversions.transforms import Transform, transforms_to_msg
from edge_infer.nodes.inputs.pose_sources import PX4_LOCAL_POSITION
from edge_infer.nodes.registry import start_node
from edge_infer.runtime.loopback import LoopbackNetwork
from edge_infer.runtime.qos import Durability, QoS

CAMERA = CameraModel(640, 512, 600.0, 600.0, 319.5, 255.5)
FLEET = LocalFrame(47.397742, 8.545594, 488.0)
ORIGIN = "[47.397742, 8.545594, 488.0]"

AT = (30.0, 40.0, 20.0)
YAW_RAD = math.radians(30.0)
LEVEL = tuple(float(v) for v in quaternion_from_rpy(0.0, 0.0, YAW_RAD))
UPRIGHT = (0.0, 0.0, 0.0, 1.0)
DOWN = tuple(float(v) for v in quaternion_from_rpy(math.pi, 0.0, -math.pi / 2))
"""The optical frame of a camera that looks down, in base_link."""

AHEAD_PX = 120.0
EXPECTED = (30.0 + 4.0 * math.cos(YAW_RAD), 40.0 + 4.0 * math.sin(YAW_RAD))
"""Of a box 120 pixels above the centre: 20 m * 120 / 600 ahead of the drone."""

PX4_MESSAGES = {
    "VehicleOdometry": "uint32 MESSAGE_VERSION = 0\nuint64 timestamp\nuint64 timestamp_sample\n"
    "uint8 POSE_FRAME_NED = 1\nuint8 pose_frame\nfloat32[3] position\nfloat32[4] q\n"
    "float32[3] position_variance\nfloat32[3] orientation_variance\n",
    "VehicleLocalPosition": "uint64 timestamp\nbool xy_global\nbool z_global\n"
    "float64 ref_lat\nfloat64 ref_lon\nfloat32 ref_alt\n",
}
"""The fields that are read, and a constant."""


@pytest.fixture
def px4_msgs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "interfaces" / "px4_msgs" / "msg"
    folder.mkdir(parents=True)
    for name, text in PX4_MESSAGES.items():
        (folder / f"{name}.msg").write_text(text)
    monkeypatch.setenv("EDGE_INFER_INTERFACES", str(tmp_path / "interfaces"))


class Drone:
    """A georeferencer and a heartbeat with parameters, and the stack that they live in."""

    def __init__(self, tmp_path: Path, **parameters: str) -> None:
        given = {"state_dir": str(tmp_path / "state"), "suppress": "false", **parameters}
        words = [word for name, value in given.items() for word in ("-p", f"{name}:={value}")]
        self.network = LoopbackNetwork(seed=3)
        ros = ["--ros-args", "-r", "__ns:=/drone_1", *words]
        self.runtime = self.network.runtime("drone_1", ros)
        self.parts = [start_node(self.runtime, name) for name in ("georeferencer", "heartbeat")]
        self.stack = self.runtime.create_node("stack")
        self.sightings: list[Any] = []
        self.statuses: dict[str, Any] = {}
        self.beats: list[Any] = []
        topics.OWN_SIGHTINGS.subscription(self.stack, self.sightings.append)
        topics.STATUS.subscription(self.stack, lambda msg: self.statuses.update({msg.node: msg}))
        topics.HEARTBEAT.subscription(self.stack, self.beats.append)
        self.detections = topics.DETECTIONS.publisher(self.stack)
        self.camera_infos = topics.CAMERA_INFO.publisher(self.stack)
        self._publishers: dict[str, Any] = {}
        self.run(0.1)

    def run(self, seconds: float) -> None:
        self.network.run_for(seconds)

    @property
    def now_ns(self) -> int:
        return int(self.stack.get_clock().now().nanoseconds)

    def send(self, topic: topics.Topic, msg: Any) -> None:
        if topic.name not in self._publishers:
            self._publishers[topic.name] = topic.publisher(self.stack)
        self._publishers[topic.name].publish(msg)
        self.run(0.002)

    def make(self, kind: str, **fields: Any) -> Any:
        return self.stack.messages[kind](**fields)

    def see(
        self, camera_info: bool = True, stamp_ns: int | None = None, seconds: float = 1.2
    ) -> None:
        """A frame with one thing, ahead of the drone."""
        stamp_ns = self.now_ns if stamp_ns is None else stamp_ns
        messages = self.stack.messages
        header = header_to_msg(messages, stamp_ns, "camera")
        if camera_info:
            self.camera_infos.publish(camera_to_msg(messages, CAMERA, stamp_ns, "camera"))
            self.run(0.01)
        result = messages["vision_msgs/msg/ObjectHypothesisWithPose"]()
        result.hypothesis.class_id, result.hypothesis.score = "Diode", 0.9
        box = messages["vision_msgs/msg/Detection2D"](header=header, results=[result])
        box.bbox.center.position.x, box.bbox.center.position.y = 320.0, 256.0 - AHEAD_PX
        box.bbox.size_x = box.bbox.size_y = 10.0
        self.detections.publish(
            messages["vision_msgs/msg/Detection2DArray"](header=header, detections=[box])
        )
        self.run(seconds)

    @property
    def places(self) -> list[tuple[float, float]]:
        return [(s.position.x, s.position.y) for array in self.sightings for s in array.sightings]

    def counters(self, node: str = "georeferencer") -> dict[str, int]:
        return {c.name: int(c.value) for c in self.statuses[node].counters}


def near(place: tuple[float, float]) -> Any:
    return pytest.approx(place, abs=0.002)


# --- PX4 ---------------------------------------------------------------------------------


def odometry(drone: Drone, position: tuple[float, ...], stamp_ns: int = 0) -> Any:
    """A VehicleOdometry of a drone that is there, in east-north-up."""
    east, north, up = position
    x, y, z, w = enu_flu_from_ned_frd(LEVEL)
    return drone.make(
        "px4_msgs/msg/VehicleOdometry",
        timestamp=(stamp_ns or drone.now_ns) // 1000 + 7,
        timestamp_sample=(stamp_ns or drone.now_ns) // 1000,
        pose_frame=1,
        position=np.array([north, east, -up], np.float32),
        q=np.array([w, x, y, z], np.float32),
    )


def px4(tmp_path: Path, **parameters: str) -> Drone:
    return Drone(tmp_path, pose_type="px4_msgs/msg/VehicleOdometry", **parameters)


PX4_POSE = topics.Topic("pose", "px4_msgs/msg/VehicleOdometry", topics.POSE.qos)


@pytest.mark.usefixtures("px4_msgs")
def test_px4s_odometry_is_converted_at_the_edge(tmp_path: Path) -> None:
    drone = px4(tmp_path)
    drone.send(PX4_POSE, odometry(drone, AT))
    drone.see()
    assert drone.places == [near(EXPECTED)]
    beat = drone.beats[-1]
    assert (beat.pose.position.x, beat.pose.position.y) == near(AT[:2])
    assert len(beat.footprint) == 4


@pytest.mark.usefixtures("px4_msgs")
def test_px4s_own_origin_is_moved_to_the_fleets(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    drone = px4(tmp_path, map_origin=ORIGIN)
    drone.send(PX4_POSE, odometry(drone, AT))
    drone.see()
    assert drone.counters()["poses_refused"] == 1
    assert "PX4 has not told where its own frame is" in capsys.readouterr().err
    latitude, longitude, altitude = map(float, FLEET.to_wgs84((100.0, -50.0, 3.0))[0])
    local = drone.make(
        "px4_msgs/msg/VehicleLocalPosition",
        xy_global=True, z_global=True, ref_lat=latitude, ref_lon=longitude, ref_alt=altitude,
    )  # fmt: skip
    drone.send(PX4_LOCAL_POSITION, local)
    drone.run(0.1)
    drone.send(PX4_POSE, odometry(drone, (AT[0] - 100.0, AT[1] + 50.0, AT[2] - 3.0)))
    drone.see()
    assert drone.places == [near(EXPECTED)]


@pytest.mark.usefixtures("px4_msgs")
def test_px4s_time_since_its_start_fits_no_frame(tmp_path: Path) -> None:
    drone = px4(tmp_path)
    drone.send(PX4_POSE, odometry(drone, AT, stamp_ns=60_000_000_000))
    drone.see()
    assert drone.places == []
    assert drone.counters()["detections_without_pose"] == 1


def test_without_px4s_definitions_it_is_said_where_to_name_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("EDGE_INFER_INTERFACES", raising=False)
    monkeypatch.setenv("AMENT_PREFIX_PATH", "")
    with pytest.raises(MessageError, match=r"px4_msgs/msg/VehicleStatus.*EDGE_INFER_INTERFACES"):
        LoopbackNetwork().runtime("d").create_node("n").messages["px4_msgs/msg/VehicleStatus"]


# --- tf ----------------------------------------------------------------------------------

STATIC = topics.STATIC_TRANSFORMS


def body(drone: Drone, at: tuple[float, ...] = AT, stamp_ns: int | None = None) -> Any:
    """/tf of map -> base_link."""
    pose = Pose(drone.now_ns if stamp_ns is None else stamp_ns, at, LEVEL)  # type: ignore[arg-type]
    return transforms_to_msg(drone.stack.messages, Transform("map", "base_link", pose))


def mounted(drone: Drone) -> Any:
    """/tf_static of base_link -> camera, looking down."""
    pose = Pose(0, (0.0, 0.0, 0.0), DOWN)  # type: ignore[arg-type]
    return transforms_to_msg(drone.stack.messages, Transform("base_link", "camera", pose))


def test_tf_gives_pose_and_mounting(tmp_path: Path) -> None:
    drone = Drone(tmp_path, pose_source="tf", mounting="tf")
    drone.send(STATIC, mounted(drone))
    drone.send(topics.TRANSFORMS, body(drone))
    drone.see()
    assert drone.places == [near(EXPECTED)]
    assert len(drone.beats[-1].footprint) == 4


def test_a_static_transform_that_was_sent_before_we_came_is_heard(tmp_path: Path) -> None:
    network = LoopbackNetwork(seed=3)
    other = network.runtime("urdf").create_node("robot_state_publisher")
    publisher = STATIC.publisher(other)
    pose = Pose(0, (0.0, 0.0, 0.0), DOWN)  # type: ignore[arg-type]
    publisher.publish(transforms_to_msg(other.messages, Transform("base_link", "camera", pose)))
    network.run_for(5.0)
    args = ["--ros-args", "-p", f"state_dir:={tmp_path}", "-p", "mounting:=tf"]
    node = start_node(network.runtime("drone_1", args), "georeferencer")
    network.run_for(1.0)
    there = node.active._viewpoints._transforms.buffer.at("base_link", "camera", 0)
    assert there.orientation_xyzw == pytest.approx(DOWN)


def test_tf_gives_the_pose_and_parameters_the_mounting(tmp_path: Path) -> None:
    drone = Drone(tmp_path, pose_source="tf", base_frame="fcu")
    pose = Pose(drone.now_ns, AT, LEVEL)  # type: ignore[arg-type]
    drone.send(
        topics.TRANSFORMS,
        transforms_to_msg(drone.stack.messages, Transform("map", "fcu", pose)),
    )
    drone.see()
    assert drone.places == [near(EXPECTED)]


def test_a_topic_gives_the_pose_and_tf_a_gimbal(tmp_path: Path) -> None:
    """The gimbal is turned about the vertical, so that the top of the image is to the left."""
    drone = Drone(tmp_path, mounting="tf")
    turned = tuple(float(v) for v in quaternion_from_rpy(math.pi, 0.0, 0.0))
    pose = Pose(drone.now_ns, (0.0, 0.0, 0.0), turned)  # type: ignore[arg-type]
    link = Transform("base_link", "camera", pose)
    drone.send(topics.TRANSFORMS, transforms_to_msg(drone.stack.messages, link))
    at = Pose(drone.now_ns, AT, LEVEL)  # type: ignore[arg-type]
    drone.send(topics.POSE, pose_to_msg(drone.stack.messages, at, "map"))
    drone.see()
    left = (30.0 - 4.0 * math.sin(YAW_RAD), 40.0 + 4.0 * math.cos(YAW_RAD))
    assert drone.places == [near(left)]


def test_a_link_that_is_missing_is_named_in_the_log(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    drone = Drone(tmp_path, pose_source="tf", mounting="tf")
    drone.send(topics.TRANSFORMS, body(drone))
    drone.see()
    assert drone.places == []
    assert "tf knows no frame 'camera'" in capsys.readouterr().err
    assert drone.statuses["georeferencer"].level == 1
    assert "tf knows no frame 'camera'" in drone.statuses["georeferencer"].message
    drone.send(STATIC, mounted(drone))
    drone.send(topics.TRANSFORMS, body(drone))
    drone.see()
    assert drone.places == [near(EXPECTED)]
    assert drone.statuses["georeferencer"].level == 0
    drone.run(5.0)  # long after the last transform
    drone.see()
    assert drone.places == [near(EXPECTED)]
    assert "no transform map -> base_link near the frame's stamp" in capsys.readouterr().err


# --- NavSatFix and Imu -------------------------------------------------------------------


def fix(drone: Drone, stamp_ns: int | None = None, east_m: float = AT[0]) -> Any:
    msg = drone.make("sensor_msgs/msg/NavSatFix")
    msg.header.stamp = stamp_to_msg(drone.stack.messages, stamp_ns or drone.now_ns)
    msg.status.status = 0
    msg.latitude, msg.longitude, msg.altitude = map(float, FLEET.to_wgs84((east_m, *AT[1:]))[0])
    msg.position_covariance, msg.position_covariance_type = np.diag([4.0, 9.0, 1.0]).ravel(), 2
    return msg


def imu(drone: Drone, stamp_ns: int | None = None) -> Any:
    msg = drone.make("sensor_msgs/msg/Imu")
    msg.header.stamp = stamp_to_msg(drone.stack.messages, stamp_ns or drone.now_ns)
    q = msg.orientation
    q.x, q.y, q.z, q.w = LEVEL
    return msg


def test_a_receiver_and_an_imu_give_a_pose_with_its_covariance(tmp_path: Path) -> None:
    drone = Drone(tmp_path, pose_source="navsat", map_origin=ORIGIN)
    drone.send(topics.FIX, fix(drone))
    drone.send(topics.IMU, imu(drone))
    drone.see()
    assert drone.places == [near(EXPECTED)]
    xx, _, yy = drone.sightings[0].sightings[0].covariance
    assert 4.0 < xx < 5.5
    assert 9.0 < yy < 10.5


@pytest.mark.parametrize("half", ["fix", "imu"])
def test_half_a_pose_is_none(tmp_path: Path, half: str) -> None:
    drone = Drone(tmp_path, pose_source="navsat", map_origin=ORIGIN)
    topic, msg = {"fix": (topics.FIX, fix), "imu": (topics.IMU, imu)}[half]
    drone.send(topic, msg(drone))
    drone.see()
    assert drone.places == []
    assert drone.counters()["detections_without_pose"] == 1
    assert (drone.beats[-1].pose.position.x, len(drone.beats[-1].footprint)) == (0.0, 0)


@pytest.mark.parametrize("change", [{"status": -1}, {"status": -2}, {"latitude": math.nan}])
def test_a_receiver_without_a_fix_is_refused_and_counted(
    tmp_path: Path, change: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    drone = Drone(tmp_path, pose_source="navsat", map_origin=ORIGIN)
    msg = fix(drone)
    msg.status.status = change.get("status", 0)
    msg.latitude = change.get("latitude", msg.latitude)
    drone.send(topics.FIX, msg)
    drone.send(topics.IMU, imu(drone))
    drone.see()
    assert drone.places == []
    assert drone.counters()["poses_refused"] == 1
    assert "the receiver has no fix" in capsys.readouterr().err


def test_navsat_needs_the_fleets_origin(tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match="navsat needs map_origin"):
        Drone(tmp_path, pose_source="navsat")
    with pytest.raises(ParameterError, match="map_origin must be latitude, longitude"):
        Drone(tmp_path, map_origin="[8.5, 474.0, 488.0]")


@pytest.mark.parametrize(("wait_s", "east_m"), [("0.0", 30.0), ("0.3", 32.0)])
def test_detections_may_wait_for_the_next_fix(tmp_path: Path, wait_s: str, east_m: float) -> None:
    """At 20 m/s to the east, five fixes a second, halfway between two."""
    drone = Drone(tmp_path, pose_source="navsat", map_origin=ORIGIN, pose_wait_s=wait_s)
    began_ns = drone.now_ns
    drone.send(topics.FIX, fix(drone))
    for ms in (0, 50, 100, 150, 200):
        drone.send(topics.IMU, imu(drone, began_ns + ms * 1_000_000))
    drone.see(stamp_ns=began_ns + 100_000_000, seconds=0.1)
    drone.send(topics.FIX, fix(drone, began_ns + 200_000_000, AT[0] + 4.0))
    drone.run(1.0)
    assert drone.places == [near((east_m + EXPECTED[0] - AT[0], EXPECTED[1]))]


def test_who_waits_in_vain_is_refused_in_the_end(tmp_path: Path) -> None:
    drone = Drone(tmp_path, pose_wait_s="0.3")
    drone.see(seconds=0.2)
    hover(drone)
    drone.see()
    drone.run(1.0)
    assert drone.places == [near(EXPECTED)]
    assert drone.counters()["detections_without_pose"] == 1


# --- cameras -----------------------------------------------------------------------------


def hover(drone: Drone) -> None:
    pose = Pose(drone.now_ns, AT, LEVEL)  # type: ignore[arg-type]
    drone.send(topics.POSE, pose_to_msg(drone.stack.messages, pose, "map"))


@pytest.mark.parametrize(
    ("match", "ahead_m", "refused"), [("stamp", [4.0], 1), ("stamp_or_latest", [4.0, 2.0], 0)]
)
def test_a_zoom_lens_is_taken_at_the_frames_stamp(
    tmp_path: Path, match: str, ahead_m: list[float], refused: int
) -> None:
    drone = Drone(tmp_path, camera_info_match=match)
    hover(drone)
    stamp_ns = drone.now_ns
    zoomed = CameraModel(640, 512, 1200.0, 1200.0, 319.5, 255.5)
    for camera, at_ns in ((CAMERA, stamp_ns), (zoomed, stamp_ns + 40_000_000)):
        drone.camera_infos.publish(camera_to_msg(drone.stack.messages, camera, at_ns, "camera"))
    drone.run(0.01)
    drone.see(camera_info=False, stamp_ns=stamp_ns)
    hover(drone)
    drone.see(camera_info=False)  # one without a camera_info of its own
    ways = [(m * math.cos(YAW_RAD), m * math.sin(YAW_RAD)) for m in ahead_m]
    assert drone.places == [near((AT[0] + east, AT[1] + north)) for east, north in ways]
    assert drone.counters().get("detections_without_pose", 0) == refused


def test_a_calibration_file_stands_for_a_driver_without_camera_info(tmp_path: Path) -> None:
    k = [CAMERA.fx, 0.0, CAMERA.cx, 0.0, CAMERA.fy, CAMERA.cy, 0.0, 0.0, 1.0]
    file = tmp_path / "thermal.yaml"
    file.write_text(
        yaml.safe_dump({"image_width": 640, "image_height": 512, "camera_matrix": {"data": k}})
    )
    drone = Drone(tmp_path, camera_info_url=f"file://{file}")
    hover(drone)
    drone.see(camera_info=False)
    assert drone.places == [near(EXPECTED)]


def test_a_camera_info_that_was_sent_once_and_latched_is_enough(tmp_path: Path) -> None:
    drone = Drone(tmp_path)
    once = topics.Topic(
        "camera_info", topics.CAMERA_INFO.type,
        QoS(depth=1, durability=Durability.TRANSIENT_LOCAL),
    )  # fmt: skip
    drone.stack.destroy_publisher(drone.camera_infos)
    publisher = once.publisher(drone.stack)
    publisher.publish(camera_to_msg(drone.stack.messages, CAMERA, 0, "camera"))
    drone.run(2.0)
    hover(drone)
    drone.see(camera_info=False)
    assert drone.places == [near(EXPECTED)]
