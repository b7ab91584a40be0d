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

"""Sightings to messages and back."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from edge_infer.domain import Sighting, SightingId
from edge_infer.errors import FleetError
from edge_infer.nodes.conversions.common import (
    Messages,
    fill_point,
    header_to_msg,
    millimetres,
    stamp_from_msg,
)


def sightings_to_msgs(
    messages: Messages, sightings: Iterable[Sighting], map_frame: str, camera_frame: str
) -> list[Any]:
    """One edge_infer_msgs/msg/SightingArray per camera frame that the sightings come from."""
    by_frame: dict[tuple[str, int, int], list[Sighting]] = {}
    for sighting in sightings:
        key = (sighting.id.source, sighting.id.boot, sighting.frame)
        by_frame.setdefault(key, []).append(sighting)
    return [
        _sighting_array(messages, group, map_frame, camera_frame) for group in by_frame.values()
    ]


def _sighting_array(
    messages: Messages, group: Sequence[Sighting], map_frame: str, camera_frame: str
) -> Any:
    first = group[0]
    class_names = sorted({sighting.class_name for sighting in group})
    msg = messages["edge_infer_msgs/msg/SightingArray"](
        header=header_to_msg(messages, first.stamp_ns, map_frame),
        source=first.id.source,
        boot=first.id.boot,
        frame=first.frame,
        camera_frame_id=camera_frame,
        model_version=first.model_version,
        class_names=class_names,
    )
    for sighting in group:
        item = messages["edge_infer_msgs/msg/Sighting"](
            sequence=sighting.id.sequence,
            class_index=class_names.index(sighting.class_name),
            score=sighting.score,
            covariance=np.array(sighting.covariance_m2, np.float32),
        )
        fill_point(item.position, sighting.x_mm, sighting.y_mm, sighting.z_mm)
        msg.sightings.append(item)
    return msg


def sightings_from_msg(msg: Any) -> list[Sighting]:
    """The sightings of an edge_infer_msgs/msg/SightingArray; raises FleetError."""
    stamp_ns = stamp_from_msg(msg.header.stamp)
    return [_sighting(msg, item, stamp_ns) for item in msg.sightings]


def _sighting(msg: Any, item: Any, stamp_ns: int) -> Sighting:
    position_mm = millimetres(item.position)
    covariance = tuple(float(value) for value in item.covariance)
    if not all(map(math.isfinite, (*position_mm, *covariance))):
        raise FleetError(
            f"a sighting of {msg.source} is not finite", "update edge_infer on that drone"
        )
    if not 0.0 <= item.score <= 1.0:
        raise FleetError(
            f"a sighting of {msg.source} has a score of {item.score}, not 0 to 1",
            "update edge_infer on that drone",
        )
    if item.class_index >= len(msg.class_names):
        raise FleetError(
            f"a sighting of {msg.source} names class {item.class_index} of {len(msg.class_names)}",
            "update edge_infer on that drone",
        )
    return Sighting(
        id=SightingId(msg.source, int(msg.boot), int(item.sequence)),
        stamp_ns=stamp_ns,
        frame=int(msg.frame),
        class_name=msg.class_names[item.class_index],
        score=float(np.float32(item.score)),
        x_mm=round(position_mm[0]),
        y_mm=round(position_mm[1]),
        z_mm=round(position_mm[2]),
        covariance_m2=(covariance[0], covariance[1], covariance[2]),
        model_version=msg.model_version,
    )
