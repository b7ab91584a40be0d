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

"""What a satellite receiver and an inertial unit say, each as half a pose."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from edge_infer.domain import Pose
from edge_infer.errors import PoseError
from edge_infer.geometry import LocalFrame, rotation_matrix
from edge_infer.nodes.conversions.common import stamp_from_msg
from edge_infer.nodes.conversions.poses import variances

_UPRIGHT = (0.0, 0.0, 0.0, 1.0)
_HERE = (0.0, 0.0, 0.0)


def position_from_fix(msg: Any, frame: LocalFrame) -> Pose:
    """Where a sensor_msgs/msg/NavSatFix is in the fleet frame; its attitude says nothing.

    The covariance is east, north, up at the place itself, as the message has it; zeros
    where it is not known.

    Raises:
        PoseError: there is no fix, or its status was never set.
    """
    geodetic = float(msg.latitude), float(msg.longitude), float(msg.altitude)
    if msg.status.status < 0 or not all(map(math.isfinite, geodetic)):
        raise PoseError("the receiver has no fix", "wait for one under an open sky")
    east, north, up = (float(value) for value in frame.from_wgs84(geodetic)[0])
    covariance = np.asarray(msg.position_covariance, np.float64).reshape(3, 3)
    is_known = msg.position_covariance_type != 0
    return Pose(
        stamp_from_msg(msg.header.stamp),
        (east, north, up),
        _UPRIGHT,
        variances(covariance.diagonal()) if is_known else _HERE,
    )


def attitude_from_imu(msg: Any) -> Pose:
    """How a sensor_msgs/msg/Imu stands: forward, left, up to east, north, up (REP-145).

    Raises:
        PoseError: it estimates no orientation, which the first element of its covariance says.
    """
    covariance = np.asarray(msg.orientation_covariance, np.float64).reshape(3, 3)
    if covariance[0, 0] == -1.0:
        raise PoseError("the IMU gives no orientation", "take one that does, or a filter's output")
    q = msg.orientation
    xyzw = (float(q.x), float(q.y), float(q.z), float(q.w))
    rotation_matrix(xyzw)
    stamp_ns = stamp_from_msg(msg.header.stamp)
    return Pose(stamp_ns, _HERE, xyzw, _HERE, variances(covariance.diagonal()))
