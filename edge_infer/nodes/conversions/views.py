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

"""Targets as viewers show them: markers for RViz and Foxglove, and vision_msgs detections.

A marker is as wide as the place is uncertain, so that a target that nobody has seen well
looks like one.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np

from edge_infer.domain import Target
from edge_infer.nodes.conversions.common import Messages, fill_point, header_to_msg
from edge_infer.perception.class_colours import class_colour

SIGMAS_95 = 2.4477
"""Semi-axes of the ellipse that holds 95 % of a normal distribution on a plane, in standard
deviations: the square root of -2 ln 0.05."""

LEAST_WIDTH_M, HEIGHT_M, TEXT_M = 0.5, 0.2, 0.9
"""Of a marker: narrower ones are hard to see from above."""

DISCS, LABELS = "targets", "labels"
"""Namespaces of the markers, which viewers switch on and off."""


class Ellipse(NamedTuple):
    """Where a target is with 95 % certainty, but never too small to be seen.

    Attributes:
        long_m, short_m: whole axes.
        yaw_rad: of the long axis, counter-clockwise from the map's x.
    """

    long_m: float
    short_m: float
    yaw_rad: float


def ellipse_of(covariance_m2: tuple[float, float, float]) -> Ellipse:
    """The axes of a horizontal covariance xx, xy, yy; zero is unknown."""
    xx, xy, yy = covariance_m2
    mean, apart = (xx + yy) / 2, math.hypot((xx - yy) / 2, xy)
    long_m, short_m = (
        max(LEAST_WIDTH_M, 2 * SIGMAS_95 * math.sqrt(max(0.0, variance)))
        for variance in (mean + apart, mean - apart)
    )
    return Ellipse(long_m, short_m, math.atan2(2 * xy, xx - yy) / 2)


def markers_to_msg(
    messages: Messages,
    shown: Iterable[tuple[int, Target]],
    gone: Iterable[int],
    stamp_ns: int,
    frame_id: str,
) -> Any:
    """A visualization_msgs/msg/MarkerArray: a disc and a label per target.

    Args:
        messages: the node's message classes.
        shown: targets with the number that each keeps while it lives.
        gone: numbers that were shown before.
        stamp_ns: of the array.
        frame_id: in which the targets' positions are.
    """
    header = header_to_msg(messages, stamp_ns, frame_id)
    marker: Any = messages["visualization_msgs/msg/Marker"]
    msg = messages["visualization_msgs/msg/MarkerArray"]()
    for number in gone:
        for ns in (DISCS, LABELS):
            msg.markers.append(marker(header=header, ns=ns, id=number, action=marker.DELETE))
    for number, target in shown:
        msg.markers.append(_disc(messages, marker(header=header, ns=DISCS, id=number), target))
        msg.markers.append(_label(messages, marker(header=header, ns=LABELS, id=number), target))
    return msg


def detections_3d_to_msg(
    messages: Messages, targets: Sequence[Target], stamp_ns: int, frame_id: str
) -> Any:
    """A vision_msgs/msg/Detection3DArray of all targets.

    Classes have names. Of the covariance only the horizontal part is known; the rest is zero,
    as ROS says that it is not. A box is the marker's: 95 % of where the target may be.
    """
    header = header_to_msg(messages, stamp_ns, frame_id)
    msg = messages["vision_msgs/msg/Detection3DArray"](header=header)
    msg.detections = [_detection(messages, header, target) for target in targets]
    return msg


def _disc(messages: Messages, marker: Any, target: Target) -> Any:
    shape = ellipse_of(target.covariance_m2)
    marker.type, marker.action = marker.CYLINDER, marker.ADD
    _fill_pose(marker.pose, target, shape)
    marker.scale.x, marker.scale.y, marker.scale.z = shape.long_m, shape.short_m, HEIGHT_M
    red, green, blue = class_colour(target.class_name)
    marker.color = messages["std_msgs/msg/ColorRGBA"](r=red, g=green, b=blue, a=0.6)
    return marker


def _label(messages: Messages, marker: Any, target: Target) -> Any:
    marker.type, marker.action = marker.TEXT_VIEW_FACING, marker.ADD
    fill_point(marker.pose.position, target.x_mm, target.y_mm, target.z_mm)
    marker.pose.position.z += HEIGHT_M + TEXT_M
    marker.scale.z = TEXT_M
    marker.color = messages["std_msgs/msg/ColorRGBA"](r=1.0, g=1.0, b=1.0, a=1.0)
    marker.text = f"{target.class_name} {target.score:.2f}"
    return marker


def _detection(messages: Messages, header: Any, target: Target) -> Any:
    shape = ellipse_of(target.covariance_m2)
    result = messages["vision_msgs/msg/ObjectHypothesisWithPose"]()
    result.hypothesis.class_id = target.class_name
    result.hypothesis.score = float(target.score)
    fill_point(result.pose.pose.position, target.x_mm, target.y_mm, target.z_mm)
    covariance = np.zeros((6, 6))
    xx, xy, yy = target.covariance_m2
    covariance[:2, :2] = (xx, xy), (xy, yy)
    result.pose.covariance = covariance.ravel()
    item = messages["vision_msgs/msg/Detection3D"](
        header=header, results=[result], id=str(target.id)
    )
    _fill_pose(item.bbox.center, target, shape)
    item.bbox.size.x, item.bbox.size.y, item.bbox.size.z = shape.long_m, shape.short_m, HEIGHT_M
    return item


def _fill_pose(pose: Any, target: Target, shape: Ellipse) -> None:
    fill_point(pose.position, target.x_mm, target.y_mm, target.z_mm)
    pose.orientation.z = math.sin(shape.yaw_rad / 2)
    pose.orientation.w = math.cos(shape.yaw_rad / 2)
