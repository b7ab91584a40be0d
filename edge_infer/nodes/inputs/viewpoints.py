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

"""Pose, mounting and camera together: from where, and how, the camera looks at an instant."""

from __future__ import annotations

from typing import NamedTuple

from edge_infer.domain import CameraModel, Pose
from edge_infer.errors import PoseError
from edge_infer.geometry import Mounting, rotation_matrix
from edge_infer.nodes.inputs.camera_infos import CameraInfos
from edge_infer.nodes.inputs.config import ViewConfig
from edge_infer.nodes.inputs.pose_sources import (
    PoseSource,
    Refuse,
    SatellitePoses,
    TopicPoses,
    TransformPoses,
)
from edge_infer.nodes.inputs.transforms import TransformInput
from edge_infer.runtime.api import Node


class Viewpoint(NamedTuple):
    """From where and how a frame was taken.

    Attributes:
        pose: of the drone's body in the fleet frame.
        mounting: of the camera on it.
        camera: its intrinsics.
    """

    pose: Pose
    mounting: Mounting
    camera: CameraModel


class Viewpoints:
    """What a node hears of its drone's pose and camera.

    Args:
        node: the handle that hears; nothing is heard by what it has not made.
        config: from where.
        tolerance_s: how far the nearest pose may lie from an instant.
        refuse: told of what cannot be used.

    Raises:
        FrameError: a calibration file cannot be used.
        MessageError: nobody defines the type of the poses.
    """

    def __init__(self, node: Node, config: ViewConfig, tolerance_s: float, refuse: Refuse) -> None:
        self._base_frame = config.base_frame
        self._fixed = None if config.mounting == "tf" else config.fixed_mounting
        self._transforms = TransformInput(node, tolerance_s, refuse) if config.asks_tf else None
        self.poses = self._open(node, config, tolerance_s, refuse)
        self.cameras = CameraInfos(node, config, refuse)

    def _open(
        self, node: Node, config: ViewConfig, tolerance_s: float, refuse: Refuse
    ) -> PoseSource:
        if config.pose_source == "tf" and self._transforms:
            return TransformPoses(self._transforms, config)
        if config.pose_source == "navsat" and config.origin:
            return SatellitePoses(node, config.origin, tolerance_s, refuse)
        return TopicPoses(node, config, tolerance_s, refuse)

    def set_tolerance(self, tolerance_s: float) -> None:
        """How far the nearest pose may lie from an instant, from now on."""
        self.poses.set_tolerance(tolerance_s)
        if self._transforms:
            self._transforms.buffer.set_tolerance(tolerance_s)

    def at(self, stamp_ns: int, camera_frame: str) -> Viewpoint:
        """From where a frame was taken.

        Args:
            stamp_ns: capture time of the frame.
            camera_frame: its frame_id.

        Raises:
            PoseError: no pose or no transform is near that instant.
            FrameError: the camera is not known.
        """
        camera = self.cameras.at(stamp_ns)
        pose = self.poses.at(stamp_ns)
        return Viewpoint(pose, self._mounting(stamp_ns, camera_frame), camera)

    def is_settled(self, stamp_ns: int) -> bool:
        """Whether a pose of that instant, or a later one, has come."""
        newest = self.poses.newest()
        return newest is not None and newest.stamp_ns >= stamp_ns

    def newest(self) -> Viewpoint | None:
        """The latest; None while something is missing."""
        pose, camera = self.poses.newest(), self.cameras.latest
        if pose is None or camera is None:
            return None
        try:
            return Viewpoint(pose, self._mounting(pose.stamp_ns, self.cameras.frame_id), camera)
        except PoseError:
            return None

    def _mounting(self, stamp_ns: int, camera_frame: str) -> Mounting:
        if self._fixed is not None:
            return self._fixed
        assert self._transforms is not None, "made where tf is asked"
        there = self._transforms.buffer.at(self._base_frame, camera_frame, stamp_ns)
        return Mounting(rotation_matrix(there.orientation_xyzw), there.position_m)
