"""Poses to messages and back."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from edge_infer.domain import Pose
from edge_infer.errors import PoseError
from edge_infer.nodes.conversions.common import Messages, header_to_msg, stamp_from_msg


def pose_to_msg(messages: Messages, pose: Pose, frame_id: str) -> Any:
    """A geometry_msgs/msg/PoseWithCovarianceStamped."""
    msg = messages["geometry_msgs/msg/PoseWithCovarianceStamped"]()
    msg.header = header_to_msg(messages, pose.stamp_ns, frame_id)
    _fill_pose(msg.pose.pose, pose)
    diagonal = (*pose.position_variance_m2, *pose.attitude_variance_rad2)
    msg.pose.covariance = np.diag(np.array(diagonal)).ravel()
    return msg


def true_pose_to_msg(messages: Messages, pose: Pose, frame_id: str) -> Any:
    """A geometry_msgs/msg/PoseStamped, for ground truth."""
    msg = messages["geometry_msgs/msg/PoseStamped"]()
    msg.header = header_to_msg(messages, pose.stamp_ns, frame_id)
    _fill_pose(msg.pose, pose)
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
    variance = [float(v) if v > 0 and math.isfinite(v) else 0.0 for v in diagonal]
    return Pose(
        stamp_from_msg(msg.header.stamp),
        position,
        orientation,
        (variance[0], variance[1], variance[2]),
        (variance[3], variance[4], variance[5]),
    )


def _fill_pose(msg: Any, pose: Pose) -> None:
    msg.position.x, msg.position.y, msg.position.z = map(float, pose.position_m)
    q = msg.orientation
    q.x, q.y, q.z, q.w = map(float, pose.orientation_xyzw)
