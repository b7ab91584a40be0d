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

"""Transforms of /tf and /tf_static as poses: where a frame is in its parent."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from edge_infer.domain import Pose
from edge_infer.nodes.conversions.common import Messages, header_to_msg, stamp_from_msg


class Transform(NamedTuple):
    """One link of the tree."""

    parent: str
    child: str
    pose: Pose


def transforms_from_msg(msg: Any) -> Iterator[Transform]:
    """The links of a tf2_msgs/msg/TFMessage."""
    for each in msg.transforms:
        t, q = each.transform.translation, each.transform.rotation
        stamp_ns = stamp_from_msg(each.header.stamp)
        pose = Pose(stamp_ns, (t.x, t.y, t.z), (q.x, q.y, q.z, q.w))
        yield Transform(each.header.frame_id, each.child_frame_id, pose)


def transforms_to_msg(messages: Messages, *transforms: Transform) -> Any:
    """A tf2_msgs/msg/TFMessage."""
    msg = messages["tf2_msgs/msg/TFMessage"]()
    for parent, child, pose in transforms:
        each = messages["geometry_msgs/msg/TransformStamped"](
            header=header_to_msg(messages, pose.stamp_ns, parent), child_frame_id=child
        )
        t, q = each.transform.translation, each.transform.rotation
        t.x, t.y, t.z = map(float, pose.position_m)
        q.x, q.y, q.z, q.w = map(float, pose.orientation_xyzw)
        msg.transforms.append(each)
    return msg
