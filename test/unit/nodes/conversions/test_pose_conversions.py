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

"""What other stacks say of a drone's pose, as ROS states it."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_infer.errors import FrameError, PoseError
from edge_infer.geometry import LocalFrame, quaternion_from_rpy, rotation_matrix
from edge_infer.nodes.conversions.images import camera_from_msg
from edge_infer.nodes.conversions.poses import pose_from_px4, px4_origin
from edge_infer.nodes.conversions.satellite import attitude_from_imu, position_from_fix
from edge_infer.runtime.loopback import LoopbackNetwork

ORIGIN = LocalFrame(47.397742, 8.545594, 488.0)


@pytest.fixture
def messages() -> Any:
    return LoopbackNetwork().runtime("host").create_node("node").messages


def odometry(ned=(1.0, 2.0, -3.0), rpy_deg=(0.0, 0.0, 0.0), **changes: Any) -> Any:
    """As PX4 fills a VehicleOdometry."""
    x, y, z, w = quaternion_from_rpy(*np.radians(rpy_deg))
    fields = {
        "timestamp": 1_700_000_000_000_100, "timestamp_sample": 1_700_000_000_000_000,
        "pose_frame": 1, "position": ned, "q": (w, x, y, z),
        "position_variance": (0.1, 0.2, 0.3), "orientation_variance": (0.01, 0.02, 0.03),
    }  # fmt: skip
    return SimpleNamespace(**fields | changes)


def test_north_east_down_becomes_east_north_up() -> None:
    pose = pose_from_px4(odometry())
    assert pose.position_m == (2.0, 1.0, 3.0)
    assert pose.position_variance_m2 == (0.2, 0.1, 0.3)
    assert pose.attitude_variance_rad2 == (0.01, 0.02, 0.03)
    assert pose.stamp_ns == 1_700_000_000_000_000_000
    assert pose_from_px4(odometry(timestamp_sample=0)).stamp_ns == 1_700_000_000_000_100_000


@pytest.mark.parametrize(
    ("rpy_deg", "yaw_deg"),
    [((0, 0, 0), 90.0), ((0, 0, 90), 0.0), ((0, 0, 180), -90.0), ((0, 0, -90), 180.0)],
)
def test_a_heading_becomes_a_yaw(rpy_deg: tuple[float, float, float], yaw_deg: float) -> None:
    x, y, z, w = pose_from_px4(odometry(rpy_deg=rpy_deg)).orientation_xyzw
    assert (x, y) == pytest.approx((0.0, 0.0), abs=1e-12)
    yaw = 2 * math.atan2(z, w)
    assert math.remainder(yaw - math.radians(yaw_deg), 2 * math.pi) == pytest.approx(0, abs=1e-9)


@given(st.floats(-180, 180), st.floats(-80, 80), st.floats(-180, 180))
def test_roll_stays_and_pitch_and_heading_turn_over(roll: float, pitch: float, yaw: float) -> None:
    """Euler angles of the two worlds: (roll, pitch, heading) and (roll, -pitch, 90 - heading)."""
    turn = rotation_matrix(pose_from_px4(odometry(rpy_deg=(roll, pitch, yaw))).orientation_xyzw)
    same = rotation_matrix(quaternion_from_rpy(*np.radians([roll, -pitch, 90.0 - yaw])))
    assert turn == pytest.approx(same, abs=1e-9)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"ned": (math.nan, 0.0, 0.0)}, "no position or attitude yet"),
        ({"q": (math.nan, 0.0, 0.0, 0.0)}, "no position or attitude yet"),
        ({"pose_frame": 2}, "has no north"),
        ({"pose_frame": 0}, "has no north"),
    ],
)
def test_what_px4_does_not_know_is_no_pose(changes: dict[str, Any], sentence: str) -> None:
    with pytest.raises(PoseError, match=sentence):
        pose_from_px4(odometry(**changes))


def test_variances_that_px4_does_not_know_are_zero() -> None:
    pose = pose_from_px4(odometry(position_variance=(math.nan, -1.0, 0.5)))
    assert pose.position_variance_m2 == (0.0, 0.0, 0.5)


def test_px4s_origin_counts_only_where_it_is_on_the_globe() -> None:
    said = {"ref_lat": 47.4, "ref_lon": 8.5, "ref_alt": 480.0}
    assert px4_origin(SimpleNamespace(xy_global=True, z_global=True, **said)) == (47.4, 8.5, 480.0)
    assert px4_origin(SimpleNamespace(xy_global=True, z_global=False, **said)) is None
    nowhere = said | {"ref_lat": math.nan}
    assert px4_origin(SimpleNamespace(xy_global=True, z_global=True, **nowhere)) is None


def fix(messages: Any, east=0.0, north=0.0, up=0.0) -> Any:
    msg = messages["sensor_msgs/msg/NavSatFix"]()
    msg.header.stamp.sec = 5
    msg.status.status = 0
    msg.latitude, msg.longitude, msg.altitude = map(float, ORIGIN.to_wgs84((east, north, up))[0])
    msg.position_covariance = np.diag([1.0, 2.0, 4.0]).ravel()
    msg.position_covariance_type = 2
    return msg


def test_a_fix_is_a_place_with_its_covariance(messages: Any) -> None:
    pose = position_from_fix(fix(messages, 120.0, -50.0, 30.0), ORIGIN)
    assert pose.position_m == pytest.approx((120.0, -50.0, 30.0), abs=1e-6)
    assert pose.position_variance_m2 == (1.0, 2.0, 4.0)
    assert pose.stamp_ns == 5_000_000_000


def test_a_covariance_of_unknown_type_says_nothing(messages: Any) -> None:
    msg = fix(messages)
    msg.position_covariance_type = 0
    assert position_from_fix(msg, ORIGIN).position_variance_m2 == (0.0, 0.0, 0.0)


@pytest.mark.parametrize("change", [{"latitude": math.nan}, {"status": -1}, {"status": -2}])
def test_no_fix_is_no_place(messages: Any, change: dict[str, Any]) -> None:
    msg = fix(messages)
    msg.status.status = change.get("status", 0)
    msg.latitude = change.get("latitude", msg.latitude)
    with pytest.raises(PoseError, match="no fix"):
        position_from_fix(msg, ORIGIN)


def test_an_imu_gives_its_attitude_unless_it_has_none(messages: Any) -> None:
    msg = messages["sensor_msgs/msg/Imu"]()
    q = msg.orientation
    q.x, q.y, q.z, q.w = map(float, quaternion_from_rpy(0.1, 0.2, 0.3))
    msg.orientation_covariance = np.diag([0.1, 0.2, 0.3]).ravel()
    pose = attitude_from_imu(msg)
    assert pose.orientation_xyzw == (q.x, q.y, q.z, q.w)
    assert pose.attitude_variance_rad2 == (0.1, 0.2, 0.3)
    msg.orientation_covariance[0] = -1.0
    with pytest.raises(PoseError, match="the IMU gives no orientation"):
        attitude_from_imu(msg)
    msg.orientation_covariance[0] = 0.0
    q.x = q.y = q.z = q.w = 0.0
    with pytest.raises(PoseError, match="no rotation"):
        attitude_from_imu(msg)


def camera_info(messages: Any, **changes: Any) -> Any:
    msg = messages["sensor_msgs/msg/CameraInfo"](height=1024, width=1280)
    msg.k = np.array([800.0, 0.0, 640.0, 0.0, 810.0, 512.0, 0.0, 0.0, 1.0])
    for name, value in changes.items():
        setattr(msg, name, value)
    return msg


def test_a_picture_that_is_cut_out_and_binned_has_another_centre(messages: Any) -> None:
    msg = camera_info(messages, binning_x=2, binning_y=2)
    msg.roi.x_offset, msg.roi.y_offset, msg.roi.width, msg.roi.height = 320, 256, 640, 512
    camera = camera_from_msg(msg)
    assert (camera.width, camera.height) == (320, 256)
    assert (camera.fx, camera.fy, camera.cx, camera.cy) == (400.0, 405.0, 160.0, 128.0)


@pytest.mark.parametrize(
    ("model", "count", "is_known"),
    [
        ("plumb_bob", 5, True), ("", 4, True), ("rational_polynomial", 8, True),
        ("equidistant", 4, True), ("equidistant", 5, False), ("thin_prism", 4, False),
    ],
)  # fmt: skip
def test_lenses_go_by_their_names(messages: Any, model: str, count: int, is_known: bool) -> None:
    msg = camera_info(messages, distortion_model=model, d=np.full(count, 0.01))
    if is_known:
        assert camera_from_msg(msg).distortion_model == (model or "plumb_bob")
        return
    with pytest.raises(FrameError, match=f"'{model}' with {count} coefficients"):
        camera_from_msg(msg)
