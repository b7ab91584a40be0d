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

"""A tree of frames by time, as /tf tells it: where one frame is in another at an instant.

One policy for every link: between two transforms it is interpolated, else the nearest
counts when it is near enough, and nothing is extrapolated (``poses.py``). Leaves out
where transforms come from.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from edge_infer.domain import Pose
from edge_infer.errors import PoseError
from edge_infer.geometry import multiply, rotation_matrix
from edge_infer.perception.poses import PoseBuffer

IDENTITY = Pose(0, (0.0, 0.0, 0.0), (0.0, 0.0, 0.0, 1.0))


class _Link(NamedTuple):
    """Where a frame is in its parent: for all times, or by time."""

    parent: str
    is_static: bool
    poses: PoseBuffer


class TransformBuffer:
    """The latest transforms of a tree of frames; a frame has one parent, the last it was given.

    Args:
        tolerance_s: how far the nearest transform may lie from an instant that is not
            between two.
    """

    def __init__(self, tolerance_s: float) -> None:
        self._tolerance_s = tolerance_s
        self._links: dict[str, _Link] = {}

    def set_tolerance(self, tolerance_s: float) -> None:
        """Look so far from now on."""
        self._tolerance_s = tolerance_s
        for link in self._links.values():
            link.poses.tolerance_ns = round(tolerance_s * 1e9)

    def add(self, parent: str, child: str, pose: Pose, is_static: bool = False) -> None:
        """Store where a frame is in its parent.

        Raises:
            PoseError: both are one, or the numbers are no transform.
        """
        parent, child = _plain(parent), _plain(child)
        if parent == child or not np.isfinite(pose.position_m).all():
            raise PoseError(f"tf says {parent} -> {child}, which is no transform", "correct it")
        rotation_matrix(pose.orientation_xyzw)
        link = self._links.get(child)
        if link is None or link.parent != parent or is_static or link.is_static:
            link = _Link(parent, is_static, PoseBuffer(self._tolerance_s))
            self._links[child] = link
        link.poses.add(pose)

    def at(self, target: str, source: str, stamp_ns: int) -> Pose:
        """Where the source frame is in the target frame at an instant.

        Raises:
            PoseError: a frame or a link between both is not there; names it.
        """
        down, up = self._path(_plain(target), _plain(source))
        found = self._chain(up, stamp_ns)
        if down:
            found = compose(inverse(self._chain(down, stamp_ns)), found)
        return Pose(stamp_ns, found.position_m, found.orientation_xyzw)

    def newest_ns(self, target: str, source: str) -> int | None:
        """The latest instant for which all links have a transform; None when all are static.

        Raises:
            PoseError: as ``at``.
        """
        down, up = self._path(_plain(target), _plain(source))
        moving = [link for frame in (*down, *up) if not (link := self._links[frame]).is_static]
        newest = [link.poses.newest for link in moving]
        return min((pose.stamp_ns for pose in newest if pose), default=None)

    def _chain(self, frames: Sequence[str], stamp_ns: int) -> Pose:
        """Where the first frame is in the parent of the last."""
        found = IDENTITY
        for frame in frames:
            found = compose(self._link(frame, stamp_ns), found)
        return found

    def _link(self, frame: str, stamp_ns: int) -> Pose:
        link = self._links[frame]
        if link.is_static and link.poses.newest:
            return link.poses.newest
        return link.poses.need(stamp_ns, f"transform {link.parent} -> {frame}")

    def _path(self, target: str, source: str) -> tuple[list[str], list[str]]:
        """Frames to climb from the target, and from the source, to where they meet."""
        from_target, from_source = self._ancestry(target), self._ancestry(source)
        for steps, frame in enumerate(from_source):
            if frame in from_target:
                return from_target[: from_target.index(frame)], from_source[:steps]
        raise self._apart(from_target, from_source)

    def _ancestry(self, frame: str) -> list[str]:
        """A frame, its parent and so on."""
        found = [frame]
        while (link := self._links.get(found[-1])) and link.parent not in found:
            found.append(link.parent)
        return found

    def _apart(self, from_target: list[str], from_source: list[str]) -> PoseError:
        known = {*self._links, *(link.parent for link in self._links.values())}
        for frame in (from_target[0], from_source[0]):
            if frame not in known:
                return PoseError(
                    f"tf knows no frame {frame!r}",
                    f"start what publishes it, or name another of {_listed(known)}",
                )
        root, other = from_target[-1], from_source[-1]
        return PoseError(
            f"tf has no link between {root!r}, the root of {from_target[0]!r}, and {other!r}, "
            f"that of {from_source[0]!r}",
            "start what publishes it",
        )


def compose(outer: Pose, inner: Pose) -> Pose:
    """Where a frame is in C, from where B is in C and the frame is in B; the stamp is outer's."""
    turn = rotation_matrix(outer.orientation_xyzw)
    position = np.array(outer.position_m) + turn @ np.array(inner.position_m)
    attitude = multiply(outer.orientation_xyzw, inner.orientation_xyzw)
    return _pose(outer.stamp_ns, position, attitude)


def inverse(pose: Pose) -> Pose:
    """Where A is in B, from where B is in A."""
    x, y, z, w = pose.orientation_xyzw
    turn = rotation_matrix(pose.orientation_xyzw)
    return _pose(pose.stamp_ns, -(turn.T @ np.array(pose.position_m)), (-x, -y, -z, w))


def _pose(stamp_ns: int, position_m: ArrayLike, xyzw: ArrayLike) -> Pose:
    x, y, z = (float(value) for value in np.asarray(position_m, np.float64))
    qx, qy, qz, qw = (float(value) for value in np.asarray(xyzw, np.float64))
    return Pose(stamp_ns, (x, y, z), (qx, qy, qz, qw))


def _plain(frame: str) -> str:
    """As tf2 has it: without the slash in front that tf had."""
    return frame.lstrip("/")


def _listed(frames: set[str]) -> str:
    return ", ".join(sorted(frames)[:8]) or "none yet"
