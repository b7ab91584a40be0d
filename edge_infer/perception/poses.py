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

"""Where the drone was when the shutter opened: poses by time, interpolated.

Leaves out where poses come from; the caller adds them as they arrive.
"""

from __future__ import annotations

import math
from bisect import bisect_left, insort
from operator import attrgetter

import numpy as np

from edge_infer.domain import Pose
from edge_infer.errors import PoseError

KEPT_NS = 10_000_000_000
"""As long as tf2 keeps transforms: longer than a slow detector needs for a frame."""

MOST = 4000
"""Poses of 10 s at 400 per second."""

_stamp = attrgetter("stamp_ns")


class PoseBuffer:
    """The latest poses of one drone.

    Args:
        tolerance_s: how far the nearest pose may lie from an instant that is
            not between two poses.
    """

    def __init__(self, tolerance_s: float) -> None:
        self.tolerance_ns = round(tolerance_s * 1e9)
        self._poses: list[Pose] = []

    def add(self, pose: Pose) -> None:
        """Store a pose, in whatever order poses come.

        One that is older than all that would be kept beside the newest is of a clock that was
        set back, as when a bag begins again: the others are forgotten.
        """
        poses = self._poses
        if poses and pose.stamp_ns < poses[-1].stamp_ns - KEPT_NS:
            poses.clear()
        insort(poses, pose, key=_stamp)
        old = bisect_left(poses, poses[-1].stamp_ns - KEPT_NS, key=_stamp)
        del poses[: max(old, len(poses) - MOST)]

    @property
    def newest(self) -> Pose | None:
        """The one with the latest stamp."""
        return self._poses[-1] if self._poses else None

    def need(self, stamp_ns: int, what: str = "pose") -> Pose:
        """The pose at an instant; raises PoseError, which says what to look at."""
        found = self.at(stamp_ns)
        if found is None:
            raise self._absent(stamp_ns, what)
        return found

    def at(self, stamp_ns: int) -> Pose | None:
        """The pose at an instant, or None when none is near enough."""
        poses = self._poses
        index = bisect_left(poses, stamp_ns, key=_stamp)
        if index < len(poses) and poses[index].stamp_ns == stamp_ns:
            return poses[index]
        if 0 < index < len(poses):
            before, after = poses[index - 1], poses[index]
            if after.stamp_ns - before.stamp_ns <= 2 * self.tolerance_ns:
                return interpolate(before, after, stamp_ns)
        near = min(
            poses[max(index - 1, 0) : index + 1],
            key=lambda pose: abs(pose.stamp_ns - stamp_ns),
            default=None,
        )
        if near is None or abs(near.stamp_ns - stamp_ns) > self.tolerance_ns:
            return None
        return near

    def _absent(self, stamp_ns: int, what: str) -> PoseError:
        if not self._poses:
            return PoseError(f"no {what} has come", "check its topic, its type and its publisher")
        gap_s = (self._poses[-1].stamp_ns - stamp_ns) / 1e9
        side = "older" if gap_s < 0 else "newer"
        # To a power of ten, so that it is one sentence as long as it is one problem.
        about_s = 10.0 ** round(math.log10(max(abs(gap_s), 1e-3)))
        return PoseError(
            f"no {what} near the frame's stamp, the latest is {side} by about {about_s:g} s",
            "check that both take their stamps from one clock, and how often it comes",
        )


def interpolate(before: Pose, after: Pose, stamp_ns: int) -> Pose:
    """The pose between two, positions linear, attitude by normalised linear interpolation.

    Between attitudes 20 degrees apart that differs from slerp by less than 0.01 degrees.
    """
    share = (stamp_ns - before.stamp_ns) / (after.stamp_ns - before.stamp_ns)
    position = (1 - share) * np.array(before.position_m) + share * np.array(after.position_m)
    q0, q1 = np.array(before.orientation_xyzw), np.array(after.orientation_xyzw)
    if q0 @ q1 < 0:  # the same rotation from its other side
        q1 = -q1
    q = (1 - share) * q0 + share * q1
    q /= np.linalg.norm(q)
    worst = np.maximum(before.position_variance_m2, after.position_variance_m2)
    worst_attitude = np.maximum(before.attitude_variance_rad2, after.attitude_variance_rad2)
    return Pose(
        stamp_ns,
        (float(position[0]), float(position[1]), float(position[2])),
        (float(q[0]), float(q[1]), float(q[2]), float(q[3])),
        (float(worst[0]), float(worst[1]), float(worst[2])),
        (float(worst_attitude[0]), float(worst_attitude[1]), float(worst_attitude[2])),
    )
