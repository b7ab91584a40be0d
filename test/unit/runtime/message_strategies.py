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

"""Random messages of any type, for property tests."""

import random

import numpy as np
from hypothesis import strategies as st

from edge_infer.runtime.definitions import PADDING_FIELD, Shape, definitions
from edge_infer.runtime.message_classes import DTYPES
from edge_infer.runtime.messages import message_types

TYPES = [
    "std_msgs/msg/Header",
    "std_msgs/msg/Empty",
    "std_msgs/msg/Float64MultiArray",
    "std_msgs/msg/Int16MultiArray",
    "std_msgs/msg/Char",
    "sensor_msgs/msg/Image",
    "sensor_msgs/msg/CameraInfo",
    "sensor_msgs/msg/BatteryState",
    "sensor_msgs/msg/JointState",
    "geometry_msgs/msg/PolygonStamped",
    "geometry_msgs/msg/PoseWithCovarianceStamped",
    "rcl_interfaces/msg/ParameterEvent",
    "rcl_interfaces/srv/ListParameters_Response",
    "shape_msgs/msg/Mesh",
    "rmw_dds_common/msg/ParticipantEntitiesInfo",
    "trajectory_msgs/msg/JointTrajectory",
    "vision_msgs/msg/Detection2DArray",
    "edge_infer_msgs/msg/SightingArray",
    "edge_infer_msgs/msg/Heartbeat",
    "edge_infer_msgs/msg/TargetArray",
]
"""Every kind of field and alignment occurs here."""


@st.composite
def messages(draw, name):
    """A message of that type; what it holds depends on a seed that hypothesis chooses."""
    return fill(name, random.Random(draw(st.integers(0, 2**32))))


def fill(name, rng):
    """A message with random fields."""
    message = message_types()[name]()
    for field in definitions()[name].fields:
        if field.name == PADDING_FIELD:
            continue
        if field.shape is Shape.SCALAR:
            value = one(field.type, rng)
        else:
            most = min(4, field.size or 4)
            count = field.size if field.shape is Shape.ARRAY else rng.randint(0, most)
            value = [one(field.type, rng) for _ in range(count)]
            if field.type in DTYPES:
                value = np.array(value, DTYPES[field.type])
        setattr(message, field.name, value)
    return message


def one(type_name, rng):
    if "/" in type_name:
        return fill(type_name, rng)
    if type_name == "string":
        return "".join(rng.choice("ab é漢") for _ in range(rng.randint(0, 9)))
    if type_name == "bool":
        return rng.random() < 0.5
    if type_name == "byte":
        return bytes([rng.randint(0, 127)])
    dtype = DTYPES[type_name]
    if dtype.kind == "f":
        return dtype.type(rng.choice([0.0, -1.5, rng.uniform(-1e6, 1e6), float("inf")])).item()
    limits = np.iinfo(dtype)
    return rng.choice([int(limits.min), int(limits.max), rng.randint(0, 100)])
