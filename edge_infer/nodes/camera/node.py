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

"""Frames at a steady rate, from a simulation, a folder, a video or a V4L2 device.

The next frame is made ready before it is due and stamped when it is, so that
what a simulation costs is not counted as a camera's latency. Frames go to a
sink in the same process, and to the image topic when somebody listens.
"""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Callable
from typing import Any, Literal

from pydantic import Field

from edge_infer.domain import CameraFrame
from edge_infer.errors import EdgeInferError
from edge_infer.nodes import topics
from edge_infer.nodes.camera.sources import FrameSource, Shot, open_source
from edge_infer.nodes.config import MapFrame, NodeConfig, Seed
from edge_infer.nodes.conversions.images import camera_to_msg, frame_to_msg
from edge_infer.nodes.conversions.poses import pose_to_msg, true_pose_to_msg
from edge_infer.nodes.identity import Identity, identify
from edge_infer.nodes.reporting.complaints import Complaints
from edge_infer.nodes.reporting.status import StatusReporter
from edge_infer.runtime.api import Node

Sink = Callable[[CameraFrame], None]


class CameraConfig(NodeConfig):
    """Parameters of the camera."""

    source: Literal["simulated", "folder", "video", "v4l2"] = Field(
        "simulated", description="Where frames come from"
    )
    path: str = Field("", description="Folder of images, or video file")
    device: int = Field(0, ge=0, le=255, description="N of /dev/videoN")
    rate_hz: float = Field(
        5.0, gt=0.0, le=1000.0, description="Frames per second", json_schema_extra={"unit": "Hz"}
    )
    frame_id: str = Field("camera_optical_frame", description="Optical frame of the images")
    map_frame: MapFrame = "map"
    seed: Seed = 0
    drones: int = Field(1, ge=1, le=1000, description="Drones in the simulated world")
    drone: int = Field(0, ge=0, le=999, description="Number of this drone in it, from 0")
    modules: str = Field("", description="File of real module images; empty for drawn ones")


class CameraNode:
    """Publishes what a source sees.

    Args:
        node: the handle.
        config: its parameters.
        identity: of the drone, when a composition already has one.
        sink: takes each frame in this process, in the camera's thread.

    Raises:
        FrameError, SimulationError: the source cannot be opened.
    """

    def __init__(
        self,
        node: Node,
        config: CameraConfig,
        identity: Identity | None = None,
        sink: Sink | None = None,
    ) -> None:
        self._node = node
        self._config = config
        self._sink = sink
        self._source: FrameSource = open_source(config)
        self._complaints = Complaints(node)
        self._status = StatusReporter(node, identity or identify(node, config.state_dir))
        self._images = topics.IMAGE.publisher(node)
        self._camera_infos = topics.CAMERA_INFO.publisher(node)
        self._poses = topics.POSE.publisher(node)
        self._true_poses = topics.TRUE_POSE.publisher(node)
        self._enabled = True
        self._stopped = threading.Event()
        node.create_service(node.messages["std_srvs/srv/SetBool"], "camera/enable", self._on_enable)
        self._thread = threading.Thread(target=self._run, name="camera", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop the thread and let the source go."""
        self._stopped.set()
        self._thread.join(timeout=2.0)
        self._source.close()
        self._status.publish()

    def _on_enable(self, request: Any, response: Any) -> Any:
        self._enabled = bool(request.data)
        response.success = True
        response.message = "frames flow" if self._enabled else "frames stopped"
        return response

    def _run(self) -> None:
        period_ns = round(1e9 / self._config.rate_hz)
        start_ns = self._first_due_ns(period_ns)
        index = 0
        while not self._stopped.is_set():
            try:
                shot = self._source.read(index)
            except EdgeInferError as error:
                self._status.count("frames_unreadable")
                self._complaints.warn(error)
                index += 1
                continue
            if shot is None:
                self._node.get_logger().info("the source has ended")
                return
            due_ns = start_ns + index * period_ns
            if self._stopped.wait(max(0.0, (due_ns - self._now_ns()) / 1e9)):
                return
            if self._enabled:
                self._send(shot)
            late = (self._now_ns() - due_ns) // period_ns
            self._status.count("frames_skipped", int(late))
            index += 1 + int(late)

    def _first_due_ns(self, period_ns: int) -> int:
        """Cameras of a fleet run at their own phases; a machine that simulates many is glad."""
        phase_ns = period_ns * self._config.drone // self._config.drones
        now_ns = self._now_ns()
        return now_ns + (phase_ns - now_ns) % period_ns

    def _send(self, shot: Shot) -> None:
        config, messages, stamp_ns = self._config, self._node.messages, self._now_ns()
        if shot.camera is not None:
            self._camera_infos.publish(
                camera_to_msg(messages, shot.camera, stamp_ns, config.frame_id)
            )
        if shot.pose is not None:
            pose = dataclasses.replace(shot.pose, stamp_ns=stamp_ns)
            self._poses.publish(pose_to_msg(messages, pose, config.map_frame))
        if shot.true_pose is not None:
            true_pose = dataclasses.replace(shot.true_pose, stamp_ns=stamp_ns)
            self._true_poses.publish(true_pose_to_msg(messages, true_pose, config.map_frame))
        encoding = "mono8" if shot.image.ndim == 2 else "bgr8"
        frame = CameraFrame(shot.image, encoding, stamp_ns, config.frame_id)
        if self._sink:
            self._sink(frame)
        if self._images.get_subscription_count() > 0:
            self._images.publish(frame_to_msg(messages, frame))
        self._status.count("frames_captured")

    def _now_ns(self) -> int:
        return self._node.get_clock().now().nanoseconds
