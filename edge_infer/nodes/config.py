"""Parameters that several nodes have, said once."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field


class NodeConfig(BaseModel):
    """What every node of ours can be told."""

    model_config = ConfigDict(extra="forbid")

    state_dir: str = Field("", description="Folder of the boot counter; empty for the default")


MapFrame = Annotated[str, Field(description="Fleet frame: east-north-up metres")]

Radius = Annotated[
    float,
    Field(
        gt=0.0,
        le=1000.0,
        description="Two sightings within this radius are one thing",
        json_schema_extra={"unit": "m"},
    ),
]

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
    ],
    Field(description="Message type of the pose topic"),
]

DEFAULT_POSE_TYPE: Literal["geometry_msgs/msg/PoseWithCovarianceStamped"] = (
    "geometry_msgs/msg/PoseWithCovarianceStamped"
)

Seed = Annotated[int, Field(ge=0, description="Seed of the simulated world")]
