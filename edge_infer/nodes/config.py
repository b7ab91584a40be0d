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

"""Parameters that several nodes have, said once."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

from edge_infer.fleet.gate import Gate

LIVE: JsonDict = {"read_only": False}
"""Of a field: its parameter may be changed at any time."""
FIXED: JsonDict = {"read_only": True}
"""Of a field: its parameter is never changed; where neither is said, while unconfigured."""


class NodeConfig(BaseModel):
    """What every node of ours can be told."""

    model_config = ConfigDict(extra="forbid")

    state_dir: str = Field(
        "",
        description="Folder of the boot counter; empty for the default",
        json_schema_extra=FIXED,
    )


class ManagedConfig(NodeConfig):
    """What every managed node can be told."""

    autostart: bool = Field(
        True,
        description="Whether it becomes active by itself; else it waits for a lifecycle manager",
        json_schema_extra=FIXED,
    )


MapFrame = Annotated[str, Field(description="Fleet frame: east-north-up metres")]


class GateConfig(NodeConfig):
    """When two sightings are one thing; a fleet sets it alike on all nodes that ask."""

    radius_m: float = Field(
        5.0,
        gt=0.0,
        le=1000.0,
        description="Two sightings within this radius are one thing",
        json_schema_extra={"unit": "m"},
    )
    mahalanobis_sigmas: float = Field(
        0.0,
        ge=0.0,
        le=100.0,
        description="Within the radius, largest distance by both position errors together; "
        "3.035 is 99 %, 0 leaves it to the radius",
        json_schema_extra={"unit": "sigma"},
    )
    other_class_m: float = Field(
        0.0,
        ge=0.0,
        le=1000.0,
        description="Added to the distance between sightings of different classes; "
        "less than the radius",
        json_schema_extra={"unit": "m"},
    )
    moving_window_s: float = Field(
        0.0,
        ge=0.0,
        le=86400.0,
        description="For things that move: sightings farther apart in time are not compared, "
        "and targets are joined to tracks; 0 where all things stand",
        json_schema_extra={"unit": "s"},
    )
    max_speed_mps: float = Field(
        0.0,
        ge=0.0,
        le=1000.0,
        description="How fast a thing can move from one target of its track to the next",
        json_schema_extra={"unit": "m/s"},
    )

    def gate(self) -> Gate:
        """The rule in whole numbers.

        Raises:
            FleetError: ``other_class_m`` is not less than ``radius_m``.
        """
        return Gate(
            radius_mm=round(self.radius_m * 1000),
            sigmas_milli=round(self.mahalanobis_sigmas * 1000),
            other_class_mm=round(self.other_class_m * 1000),
            window_ns=round(self.moving_window_s * 1e9),
            max_speed_mmps=round(self.max_speed_mps * 1000),
        )


Cluster = Annotated[
    str,
    Field(
        pattern=r"^([A-Za-z][A-Za-z0-9_]*)?$",
        description="Cluster that this node belongs to; empty for the whole fleet",
    ),
]

GroundHeight = Annotated[
    float,
    Field(description="Height of the ground in the fleet frame", json_schema_extra={"unit": "m"}),
]

PoseType = Annotated[
    Literal[
        "geometry_msgs/msg/PoseWithCovarianceStamped",
        "geometry_msgs/msg/PoseStamped",
        "nav_msgs/msg/Odometry",
        "px4_msgs/msg/VehicleOdometry",
    ],
    Field(description="Message type of the pose topic"),
]

DEFAULT_POSE_TYPE: Literal["geometry_msgs/msg/PoseWithCovarianceStamped"] = (
    "geometry_msgs/msg/PoseWithCovarianceStamped"
)

Seed = Annotated[int, Field(ge=0, description="Seed of the simulated world")]
