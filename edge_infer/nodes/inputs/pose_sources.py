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

"""Where a drone's pose comes from: one class per source, all asked in the same words."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Protocol

from edge_infer.domain import Pose
from edge_infer.errors import EdgeInferError, PoseError
from edge_infer.geometry import LocalFrame
from edge_infer.nodes import topics
from edge_infer.nodes.conversions.poses import (
    PX4_ODOMETRY,
    pose_from_msg,
    pose_from_px4,
    px4_origin,
)
from edge_infer.nodes.conversions.satellite import attitude_from_imu, position_from_fix
from edge_infer.nodes.inputs.config import ViewConfig
from edge_infer.nodes.inputs.transforms import TransformInput
from edge_infer.perception.poses import PoseBuffer
from edge_infer.runtime.api import Node

PX4_LOCAL_POSITION = topics.Topic(
    "vehicle_local_position", "px4_msgs/msg/VehicleLocalPosition", topics.POSE.qos
)
"""Not in the table of topics: its type is there only for whoever flies with PX4."""

Refuse = Callable[[str, EdgeInferError], None]
"""Told of what cannot be used: the name of a counter, and why."""


class PoseSource(Protocol):
    """Where the body is in the fleet frame."""

    def at(self, stamp_ns: int) -> Pose:
        """At an instant; raises PoseError."""

    def newest(self) -> Pose | None:
        """The latest; None when there is none yet."""

    def set_tolerance(self, tolerance_s: float) -> None:
        """How far the nearest pose may lie from an instant, from now on."""


class TopicPoses:
    """Poses of the topic ``pose``, in any of its types."""

    def __init__(self, node: Node, config: ViewConfig, tolerance_s: float, refuse: Refuse) -> None:
        self._poses = PoseBuffer(tolerance_s)
        self._refuse = refuse
        is_px4 = config.pose_type == PX4_ODOMETRY
        self._from_msg = pose_from_px4 if is_px4 else pose_from_msg
        self._origin = config.origin if is_px4 else None
        self._px4_frame: LocalFrame | None = None
        topic = replace(topics.POSE, type=config.pose_type)
        topic.subscription(node, self._on_pose)
        if self._origin:
            PX4_LOCAL_POSITION.subscription(node, self._on_local_position)

    def at(self, stamp_ns: int) -> Pose:
        return self._poses.need(stamp_ns)

    def newest(self) -> Pose | None:
        return self._poses.newest

    def set_tolerance(self, tolerance_s: float) -> None:
        self._poses.tolerance_ns = round(tolerance_s * 1e9)

    def _on_pose(self, msg: Any) -> None:
        try:
            self._poses.add(self._in_fleet_frame(self._from_msg(msg)))
        except EdgeInferError as error:
            self._refuse("poses_refused", error)

    def _on_local_position(self, msg: Any) -> None:
        if (origin := px4_origin(msg)) is not None:
            self._px4_frame = LocalFrame(*origin)

    def _in_fleet_frame(self, pose: Pose) -> Pose:
        """Moved from where PX4's estimator began; its axes are taken for the fleet's.

        East at both origins differs by 0.01 degrees per kilometre in middle latitudes.
        """
        if self._origin is None:
            return pose
        if self._px4_frame is None:
            raise PoseError(
                "PX4 has not told where its own frame is",
                f"check the topic {PX4_LOCAL_POSITION.name}, and its GPS",
            )
        x, y, z = self._origin.from_wgs84(self._px4_frame.to_wgs84(pose.position_m))[0]
        return replace(pose, position_m=(float(x), float(y), float(z)))


class SatellitePoses:
    """Positions of a receiver and attitudes of an inertial unit, put together."""

    def __init__(self, node: Node, origin: LocalFrame, tolerance_s: float, refuse: Refuse) -> None:
        self._origin = origin
        self._refuse = refuse
        self._positions, self._attitudes = PoseBuffer(tolerance_s), PoseBuffer(tolerance_s)
        topics.FIX.subscription(node, self._on_fix)
        topics.IMU.subscription(node, self._on_imu)

    def at(self, stamp_ns: int) -> Pose:
        position = self._positions.need(stamp_ns, "fix")
        attitude = self._attitudes.need(stamp_ns, "attitude of the IMU")
        return _joined(position, attitude, stamp_ns)

    def newest(self) -> Pose | None:
        position, attitude = self._positions.newest, self._attitudes.newest
        if position is None or attitude is None:
            return None
        return _joined(position, attitude, min(position.stamp_ns, attitude.stamp_ns))

    def set_tolerance(self, tolerance_s: float) -> None:
        for poses in (self._positions, self._attitudes):
            poses.tolerance_ns = round(tolerance_s * 1e9)

    def _on_fix(self, msg: Any) -> None:
        try:
            self._positions.add(position_from_fix(msg, self._origin))
        except EdgeInferError as error:
            self._refuse("poses_refused", error)

    def _on_imu(self, msg: Any) -> None:
        try:
            self._attitudes.add(attitude_from_imu(msg))
        except EdgeInferError as error:
            self._refuse("poses_refused", error)


def _joined(position: Pose, attitude: Pose, stamp_ns: int) -> Pose:
    return Pose(
        stamp_ns,
        position.position_m,
        attitude.orientation_xyzw,
        position.position_variance_m2,
        attitude.attitude_variance_rad2,
    )


class TransformPoses:
    """Poses of transforms."""

    def __init__(self, transforms: TransformInput, config: ViewConfig) -> None:
        self._buffer = transforms.buffer
        self._map, self._base = config.map_frame, config.base_frame

    def at(self, stamp_ns: int) -> Pose:
        return self._buffer.at(self._map, self._base, stamp_ns)

    def newest(self) -> Pose | None:
        try:
            stamp_ns = self._buffer.newest_ns(self._map, self._base)
            return self.at(stamp_ns or 0)
        except PoseError:
            return None

    def set_tolerance(self, tolerance_s: float) -> None:
        self._buffer.set_tolerance(tolerance_s)
