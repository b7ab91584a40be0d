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

"""The table of topics: name, type, quality of service. Nothing else names a topic.

Names without a leading slash are relative to a drone's namespace; absolute ones
are shared by the fleet.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from edge_infer.runtime import qos
from edge_infer.runtime.api import Node, Publisher, Subscription
from edge_infer.runtime.qos import QoS


@dataclass(frozen=True)
class Topic:
    """One row of the table."""

    name: str
    type: str
    qos: QoS

    def named(self, name: str) -> Topic:
        """The same under another name."""
        return replace(self, name=name)

    def of(self, cluster: str) -> Topic:
        """The same of one cluster of the fleet; empty for the whole fleet, or its backbone."""
        root, name = self.name.rsplit("/", 1)
        return self.named(f"{root}/{cluster}/{name}") if cluster else self

    def publisher(self, node: Node) -> Publisher:
        """A publisher on this topic."""
        return node.create_publisher(node.messages[self.type], self.name, self.qos)

    def subscription(self, node: Node, callback: Callable[[Any], None]) -> Subscription:
        """A subscription to this topic; the callback runs in the executor's thread."""
        return node.create_subscription(node.messages[self.type], self.name, callback, self.qos)


# Of one drone.
IMAGE = Topic("image", "sensor_msgs/msg/Image", qos.SENSOR_DATA)
COMPRESSED_IMAGE = Topic("image/compressed", "sensor_msgs/msg/CompressedImage", qos.SENSOR_DATA)
CAMERA_INFO = Topic("camera_info", "sensor_msgs/msg/CameraInfo", qos.SENSOR_DATA)
POSE = Topic("pose", "geometry_msgs/msg/PoseWithCovarianceStamped", qos.POSES)
FIX = Topic("fix", "sensor_msgs/msg/NavSatFix", qos.POSES)
IMU = Topic("imu", "sensor_msgs/msg/Imu", qos.POSES)
TRUE_POSE = Topic("ground_truth/pose", "geometry_msgs/msg/PoseStamped", qos.SIGHTINGS)
DETECTIONS = Topic("detector/detections", "vision_msgs/msg/Detection2DArray", qos.DETECTIONS)
ANNOTATED_IMAGE = Topic("detector/image_annotated", "sensor_msgs/msg/Image", qos.ANNOTATED_IMAGES)
LABELS = Topic("detector/labels", "edge_infer_msgs/msg/Labels", qos.LATCHED_STATE)
OWN_SIGHTINGS = Topic(
    "georeferencer/sightings", "edge_infer_msgs/msg/SightingArray", qos.OWN_SIGHTINGS
)
TARGETS = Topic("coordinator/targets", "edge_infer_msgs/msg/TargetArray", qos.LATCHED_STATE)
REFINED_TARGETS = Topic(
    "coordinator/refined_targets", "edge_infer_msgs/msg/TargetArray", qos.LATCHED_STATE
)
TARGET_MARKERS = Topic("coordinator/markers", "visualization_msgs/msg/MarkerArray", qos.VIEWS)
TARGET_DETECTIONS = Topic(
    "coordinator/detections_3d", "vision_msgs/msg/Detection3DArray", qos.VIEWS
)

# Of every robot.
TRANSFORMS = Topic("/tf", "tf2_msgs/msg/TFMessage", qos.TRANSFORMS)
STATIC_TRANSFORMS = Topic("/tf_static", "tf2_msgs/msg/TFMessage", qos.STATIC_TRANSFORMS)
DIAGNOSTICS = Topic("/diagnostics", "diagnostic_msgs/msg/DiagnosticArray", qos.DIAGNOSTICS)
LOGS = Topic("/rosout", "rcl_interfaces/msg/Log", qos.LOGS)

# Of the fleet.
SIGHTINGS = Topic("/fleet/sightings", "edge_infer_msgs/msg/SightingArray", qos.SIGHTINGS)
FLEET_TARGETS = Topic("/fleet/targets", "edge_infer_msgs/msg/TargetArray", qos.SIGHTINGS)
HEARTBEAT = Topic("/fleet/heartbeat", "edge_infer_msgs/msg/Heartbeat", qos.HEARTBEAT)
STATUS = Topic("/fleet/status", "edge_infer_msgs/msg/NodeStatus", qos.STATUS)
DIGEST = Topic("/fleet/digest", "edge_infer_msgs/msg/Digest", qos.HEARTBEAT)
RECORDS = Topic("/fleet/records", "edge_infer_msgs/msg/Records", qos.SIGHTINGS)
SIGHTING_REQUEST = Topic(
    "/fleet/sighting_request", "edge_infer_msgs/msg/SightingRequest", qos.COMMANDS
)
MODEL_ANNOUNCEMENT = Topic(
    "/fleet/model/announcement", "edge_infer_msgs/msg/ModelAnnouncement", qos.SIGHTINGS
)
MODEL_REQUEST = Topic("/fleet/model/request", "edge_infer_msgs/msg/ModelRequest", qos.SIGHTINGS)
MODEL_METADATA = Topic("/fleet/model/metadata", "edge_infer_msgs/msg/ModelMetadata", qos.COMMANDS)
MODEL_CHUNK = Topic("/fleet/model/chunk", "edge_infer_msgs/msg/ModelChunk", qos.BULK_CHUNKS)
UPDATE_STATUS = Topic("/fleet/model/status", "edge_infer_msgs/msg/UpdateStatus", qos.STATUS)
MODEL_HEALTH = Topic("/fleet/model/health", "edge_infer_msgs/msg/ModelHealth", qos.STATUS)
ROLLOUT_STATUS = Topic(
    "/fleet/rollout/status", "edge_infer_msgs/msg/RolloutStatus", qos.LATCHED_STATE
)
