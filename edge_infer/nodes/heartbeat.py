"""A drone's sign of life: where it is, what it sees, what it runs, how it does."""

from __future__ import annotations

import math
import os
from typing import Any

import numpy as np
import psutil
from pydantic import Field

from edge_infer.domain import CameraModel
from edge_infer.errors import EdgeInferError
from edge_infer.nodes import topics
from edge_infer.nodes.config import DEFAULT_POSE_TYPE, GroundHeight, MapFrame, NodeConfig, PoseType
from edge_infer.nodes.conversions import camera_from_msg, header_to_msg, pose_from_msg
from edge_infer.nodes.identity import Identity, identify
from edge_infer.perception.georeference import georeference
from edge_infer.runtime.api import Node


class HeartbeatConfig(NodeConfig):
    """Parameters of the heartbeat."""

    map_frame: MapFrame = "map"
    ground_m: GroundHeight = 0.0
    period_s: float = Field(
        0.2,
        gt=0.0,
        le=10.0,
        description="Time between two heartbeats",
        json_schema_extra={"unit": "s"},
    )
    pose_type: PoseType = DEFAULT_POSE_TYPE
    capabilities: list[str] = Field(
        ["camera", "detector"], description="What this drone can do for the fleet"
    )


class HeartbeatNode:
    """Tells the fleet that this drone is there."""

    def __init__(
        self, node: Node, config: HeartbeatConfig, identity: Identity | None = None
    ) -> None:
        self._node = node
        self._config = config
        self._identity = identity or identify(node, config.state_dir)
        self._pose_msg: Any = None
        self._camera: CameraModel | None = None
        self._model = ("", "")
        self._process = psutil.Process()
        self._publisher = topics.HEARTBEAT.publisher(node)
        node.create_subscription(
            node.messages[config.pose_type], topics.POSE.name, self._on_pose, topics.POSE.qos
        )
        topics.CAMERA_INFO.subscription(node, self._on_camera_info)
        topics.LABELS.subscription(node, self._on_labels)
        node.create_timer(config.period_s, self._beat)

    def close(self) -> None:
        """Nothing is held."""

    def _on_pose(self, msg: Any) -> None:
        self._pose_msg = msg

    def _on_camera_info(self, msg: Any) -> None:
        try:
            self._camera = camera_from_msg(msg)
        except EdgeInferError:
            self._camera = None  # the georeferencer, which needs it, complains

    def _on_labels(self, msg: Any) -> None:
        self._model = (msg.model_name, msg.model_version)

    def _beat(self) -> None:
        messages = self._node.messages
        now_ns = self._node.get_clock().now().nanoseconds
        msg = messages["edge_infer_msgs/msg/Heartbeat"](
            header=header_to_msg(messages, now_ns, self._config.map_frame),
            source=self._identity.source,
            incarnation=self._identity.boot,
            capabilities=list(self._config.capabilities),
            load=self._process.cpu_percent() / 100 / (os.cpu_count() or 1),
            battery=_battery(),
            model_name=self._model[0],
            model_version=self._model[1],
        )
        if self._pose_msg is not None:
            inner = self._pose_msg.pose
            msg.pose = inner.pose if hasattr(inner, "covariance") else inner
            msg.footprint = self._footprint()
        self._publisher.publish(msg)

    def _footprint(self) -> list[Any]:
        """Where the image's corners lie on the ground; empty when they do not all."""
        if self._camera is None:
            return []
        width, height = self._camera.width, self._camera.height
        corners = np.array([(0, 0), (width, 0), (width, height), (0, height)], np.float32)
        try:
            placed = georeference(
                np.hstack([corners, corners]),
                pose_from_msg(self._pose_msg),
                self._camera,
                ground_m=self._config.ground_m,
            )
        except EdgeInferError:
            return []
        if len(placed.kept) < len(corners):
            return []
        point = self._node.messages["geometry_msgs/msg/Point32"]
        return [point(x=float(x), y=float(y), z=float(z)) for x, y, z in placed.position_m]


def _battery() -> float:
    """Charge of this machine's battery, 0..1; NaN where it has none."""
    sensors = getattr(psutil, "sensors_battery", None)
    charge = sensors() if sensors else None
    return charge.percent / 100 if charge else math.nan
