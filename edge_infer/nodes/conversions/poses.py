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

"""Poses to messages and back."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np

from edge_infer.domain import Pose
from edge_infer.errors import PoseError
from edge_infer.geometry import enu_flu_from_ned_frd, enu_from_ned
from edge_infer.nodes.conversions.common import Messages, header_to_msg, stamp_from_msg

PX4_ODOMETRY = "px4_msgs/msg/VehicleOdometry"
_NED = 1
"""Of VehicleOdometry.pose_frame: north, east, down; 2 has no north."""


def pose_to_msg(messages: Messages, pose: Pose, frame_id: str) -> Any:
    """A geometry_msgs/msg/PoseWithCovarianceStamped."""
    msg = messages["geometry_msgs/msg/PoseWithCovarianceStamped"]()
    msg.header = header_to_msg(messages, pose.stamp_ns, frame_id)
    fill_pose(msg.pose.pose, pose)
    diagonal = (*pose.position_variance_m2, *pose.attitude_variance_rad2)
    msg.pose.covariance = np.diag(np.array(diagonal)).ravel()
    return msg


def true_pose_to_msg(messages: Messages, pose: Pose, frame_id: str) -> Any:
    """A geometry_msgs/msg/PoseStamped, for ground truth."""
    msg = messages["geometry_msgs/msg/PoseStamped"]()
    msg.header = header_to_msg(messages, pose.stamp_ns, frame_id)
    fill_pose(msg.pose, pose)
    return msg


def pose_from_msg(msg: Any) -> Pose:
    """The pose of a PoseStamped, a PoseWithCovarianceStamped or an Odometry; raises PoseError.

    A covariance is there or not by the message's type; a negative or NaN
    variance counts as unknown, zero.
    """
    inner = msg.pose
    covariance = np.zeros((6, 6))
    if hasattr(inner, "covariance"):
        covariance = np.asarray(inner.covariance, np.float64).reshape(6, 6)
        inner = inner.pose
    p, q = inner.position, inner.orientation
    position, orientation = (p.x, p.y, p.z), (q.x, q.y, q.z, q.w)
    if not all(map(math.isfinite, (*position, *orientation))):
        raise PoseError(f"the pose {position}, {orientation} is not finite", "check its source")
    diagonal = covariance.diagonal()
    return Pose(
        stamp_from_msg(msg.header.stamp),
        position,
        orientation,
        variances(diagonal[:3]),
        variances(diagonal[3:]),
    )


def pose_from_px4(msg: Any) -> Pose:
    """The pose of a px4_msgs/msg/VehicleOdometry, as ROS states poses.

    PX4 has north, east, down, and forward, right, down; its quaternion begins with w and turns
    from the body into the world. A time is in microseconds of the clock that uXRCE-DDS
    sets stamps by: that of the companion computer while UXRCE_DDS_SYNCT is on. Its origin is
    where the estimator began.

    Raises:
        PoseError: position or attitude is not known yet, or has no north.
    """
    w, x, y, z = (float(value) for value in msg.q)
    ned = [float(value) for value in msg.position]
    if not all(map(math.isfinite, (w, x, y, z, *ned))):
        raise PoseError(
            "PX4 knows no position or attitude yet", "wait for its estimator, or look at its GPS"
        )
    if msg.pose_frame != _NED:
        raise PoseError(
            f"PX4's pose is in frame {msg.pose_frame}, which has no north",
            "give its estimator a heading (GPS or magnetometer)",
        )
    east, north, up = map(float, enu_from_ned(ned))
    qx, qy, qz, qw = map(float, enu_flu_from_ned_frd((x, y, z, w)))
    north_m2, east_m2, down_m2 = variances(msg.position_variance)
    return Pose(
        int(msg.timestamp_sample or msg.timestamp) * 1000,
        (east, north, up),
        (qx, qy, qz, qw),
        (east_m2, north_m2, down_m2),
        variances(msg.orientation_variance),
    )


def px4_origin(msg: Any) -> tuple[float, float, float] | None:
    """Latitude, longitude (degrees) and height above the sea (m) of PX4's own frame.

    None where a px4_msgs/msg/VehicleLocalPosition says that it is not on the globe.
    """
    origin = float(msg.ref_lat), float(msg.ref_lon), float(msg.ref_alt)
    is_known = msg.xy_global and msg.z_global and all(map(math.isfinite, origin))
    return origin if is_known else None


def variances(diagonal: Iterable[float]) -> tuple[float, float, float]:
    """Three variances; what is negative or not finite counts as unknown, zero."""
    x, y, z = (float(v) if v > 0 and math.isfinite(v) else 0.0 for v in diagonal)
    return x, y, z


def fill_pose(msg: Any, pose: Pose) -> None:
    """Write a pose into a geometry_msgs/msg/Pose."""
    msg.position.x, msg.position.y, msg.position.z = map(float, pose.position_m)
    q = msg.orientation
    q.x, q.y, q.z, q.w = map(float, pose.orientation_xyzw)
