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

"""What the replayed nodes need of a bag: their parameters decide, as they do in flight."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from edge_infer.nodes import topics
from edge_infer.nodes.georeferencer.node import GeoreferencerConfig
from edge_infer.nodes.inputs.config import ViewConfig
from edge_infer.nodes.inputs.pose_sources import PX4_LOCAL_POSITION
from edge_infer.nodes.topics import Topic
from edge_infer.runtime.loopback import LoopbackNetwork
from edge_infer.runtime.parameters import load_config

NODES = ("detector", "georeferencer", "coordinator")
"""What can be replayed."""

POSE_TYPES = (
    "geometry_msgs/msg/PoseWithCovarianceStamped",
    "nav_msgs/msg/Odometry",
    "geometry_msgs/msg/PoseStamped",
    "px4_msgs/msg/VehicleOdometry",
)
"""The preferred one first."""

_RECORD = "record them too, or leave out the nodes that need them with --nodes"


class Input(NamedTuple):
    """What a node listens to.

    Attributes:
        what: in words; inputs with the same words stand in for each other.
        ways: each a topic that takes it, of its own type; the preferred one first.
        goes_by_name: whether the type says too little: the last part of the name must fit, too.
        is_needed: whether a bag without it cannot be played.
        remedy: what to do about such a bag.
    """

    what: str
    ways: tuple[Topic, ...]
    goes_by_name: bool = False
    is_needed: bool = True
    remedy: str = _RECORD

    def way(self, type_name: str) -> Topic | None:
        """The topic that takes a type."""
        return next((way for way in self.ways if way.type == type_name), None)

    def fits(self, name: str, type_name: str) -> Topic | None:
        """The topic that takes one of a bag where nobody said which."""
        way = self.way(type_name)
        return None if way and self.goes_by_name and _leaf(name) != _leaf(way.name) else way


IMAGES = Input("images", (topics.IMAGE, topics.COMPRESSED_IMAGE))
CAMERA_INFO = Input(
    "camera_info",
    (topics.CAMERA_INFO,),
    remedy="give a calibration file with -p georeferencer:camera_info_url:=FILE",
)
POSES = Input(
    "poses",
    tuple(Topic(topics.POSE.name, kind, topics.POSE.qos) for kind in POSE_TYPES),
    remedy="say where else they are with -p georeferencer:pose_source:=tf or navsat, "
    "or leave out the nodes that need them with --nodes",
)
PX4_ORIGIN = Input("PX4's own origin", (PX4_LOCAL_POSITION,), is_needed=False)
TRANSFORMS = Input("transforms", (topics.TRANSFORMS,), goes_by_name=True)
STATIC_TRANSFORMS = Input("transforms", (topics.STATIC_TRANSFORMS,), goes_by_name=True)
FIX = Input("fixes of a satellite receiver", (topics.FIX,))
IMU = Input("attitudes of an inertial unit", (topics.IMU,))
DETECTIONS = Input("detections", (topics.DETECTIONS,))
SIGHTINGS = Input("sightings", (topics.SIGHTINGS,))

EVERY_INPUT = (
    *(IMAGES, CAMERA_INFO, POSES, PX4_ORIGIN, FIX, IMU, TRANSFORMS, STATIC_TRANSFORMS),
    *(DETECTIONS, SIGHTINGS),
)


def inputs_of(nodes: Sequence[str], view: Callable[[], ViewConfig]) -> list[Input]:
    """What some nodes need from outside; what one of them gives the others is computed anew.

    Args:
        nodes: of NODES.
        view: what the georeferencer is told; asked only where it is one of the nodes.
    """
    inputs = []
    if "detector" in nodes:
        inputs.append(IMAGES)
    if "georeferencer" in nodes:
        inputs += _of_viewpoint(view())
        if "detector" not in nodes:
            inputs.append(DETECTIONS)
    elif "coordinator" in nodes:
        inputs.append(SIGHTINGS)
    return inputs


def view_config(namespace: str, arguments: Sequence[str]) -> ViewConfig:
    """What arguments as after ``--ros-args`` tell the georeferencer of a namespace.

    Raises:
        UsageError, ParameterError: they cannot be used.
    """
    args = ["--ros-args", "-r", f"__ns:={namespace}", *arguments]
    runtime = LoopbackNetwork().runtime("replay", args)
    try:
        return load_config(runtime.create_node("georeferencer"), GeoreferencerConfig)
    finally:
        runtime.shutdown()


def _of_viewpoint(view: ViewConfig) -> list[Input]:
    inputs = [] if view.camera_info_url else [CAMERA_INFO]
    if view.pose_source == "topic":
        inputs.append(POSES)
        if view.origin:
            inputs.append(PX4_ORIGIN)
    elif view.pose_source == "navsat":
        inputs += [FIX, IMU]
    if view.asks_tf:
        inputs += [TRANSFORMS, STATIC_TRANSFORMS]
    return inputs


def _leaf(name: str) -> str:
    return name.rpartition("/")[2]
