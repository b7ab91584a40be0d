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

"""Parameters of whoever wants to know where the camera is and how it sees."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from edge_infer.geometry import LocalFrame, Mounting, mounting
from edge_infer.nodes.config import DEFAULT_POSE_TYPE, MapFrame, NodeConfig, PoseType

_Three = Annotated[list[float], Field(min_length=3, max_length=3)]

_DOWN_RAD = 1.5707963267948966


class ViewConfig(NodeConfig):
    """Where poses, mounting and calibration come from."""

    map_frame: MapFrame = "map"
    pose_source: Literal["topic", "tf", "navsat"] = Field(
        "topic",
        description="Where the drone's pose comes from: the topic pose, transforms from map_frame "
        "to base_frame, or the topics fix (NavSatFix) and imu",
    )
    pose_type: PoseType = DEFAULT_POSE_TYPE
    map_origin: _Three = Field(
        [0.0, 0.0, 0.0],
        description="WGS-84 latitude, longitude (degrees) and altitude (m) of the fleet frame: "
        "needed for navsat; for px4_msgs poses it moves them there from PX4's own origin; "
        "zeros for none",
    )
    base_frame: str = Field(
        "base_link", description="Frame of the drone's body in tf, where tf is asked"
    )
    mounting: Literal["parameters", "tf"] = Field(
        "parameters",
        description="How the camera sits on the drone: by camera_xyz and camera_rpy, or by "
        "transforms from base_frame to the image's frame, as with a gimbal",
    )
    camera_xyz: _Three = Field(
        [0.0, 0.0, 0.0],
        description="Where the camera is on the drone: forward, left, up",
        json_schema_extra={"unit": "m"},
    )
    camera_rpy: _Three = Field(
        [0.0, _DOWN_RAD, 0.0],
        description="How the camera's housing is turned, roll, pitch, yaw as in URDF: zeros look "
        "forward; a pitch of pi/2 looks down, the top of the image towards the nose",
        json_schema_extra={"unit": "rad"},
    )
    camera_info_match: Literal["stamp_or_latest", "stamp"] = Field(
        "stamp_or_latest",
        description="Which camera_info counts for a frame: the one with its stamp, else the "
        "latest, or none else, as for a lens that zooms",
    )
    camera_info_url: str = Field(
        "",
        description="Calibration file for a driver without camera_info: a path, file:// or "
        "package://; empty for the topic",
    )

    @model_validator(mode="after")
    def _origin_is_one(self) -> ViewConfig:
        latitude, longitude, _ = self.map_origin
        if not (abs(latitude) <= 90 and abs(longitude) <= 180):
            raise ValueError("map_origin must be latitude, longitude (degrees), altitude (m)")
        if self.pose_source == "navsat" and self.origin is None:
            raise ValueError("navsat needs map_origin, the place of the fleet frame")
        return self

    @property
    def origin(self) -> LocalFrame | None:
        """The fleet frame on the globe, where it is known."""
        latitude, longitude, altitude = self.map_origin
        return LocalFrame(latitude, longitude, altitude) if latitude or longitude else None

    @property
    def asks_tf(self) -> bool:
        """Whether the drone's pose or its camera's mounting comes from transforms."""
        return "tf" in (self.pose_source, self.mounting)

    @property
    def fixed_mounting(self) -> Mounting:
        """As the parameters say."""
        return mounting(self.camera_xyz, self.camera_rpy)
