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

"""Which faults a frame shows, and where: the boxes a detector is trained and judged with.

Pixels are those of :mod:`edge_infer.geometry`: the centre of the top left pixel
is (0, 0), the lens included. A module is bounded by the axis-aligned box around
its four projected corners. Whether a fault can be recognised (motion, noise) is
left out.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from edge_infer.domain import CameraModel, Pose
from edge_infer.geometry import BASE_FROM_OPTICAL_NADIR, project, rotation_matrix
from edge_infer.simulation.farm import Farm
from edge_infer.simulation.modules import FAULT_CLASSES

Array = NDArray[np.float64]

_WIDEST_RAY = 1.2
"""Tangent of the angle from the optical axis up to which the lens polynomial is trusted."""

_FARTHEST = 3.0
"""Faults farther away than so many flight altitudes are not looked at."""


class VisibleFaults(NamedTuple):
    """The faults of a frame, columnar.

    Attributes:
        fault_id: (n,) int, index into ``farm.faults``.
        class_index: (n,) int, index into FAULT_CLASSES.
        xyxy: (n, 4) left, top, right, bottom in pixels, cut at the image's border.
        fraction: (n,) share of the uncut box that is in the image, above 0 up to 1.
    """

    fault_id: NDArray[np.int64]
    class_index: NDArray[np.int64]
    xyxy: Array
    fraction: Array


def visible_faults(farm: Farm, pose: Pose, camera: CameraModel) -> VisibleFaults:
    """The faults that a camera at a true pose has at least partly in view."""
    near = _nearby(farm.fault_corners_m, pose)
    cut, fraction, _ = _in_view(farm.fault_corners_m[near], pose, camera)
    seen = np.flatnonzero(fraction > 0)
    ids = near[seen]
    names = [FAULT_CLASSES.index(farm.faults[i].class_name) for i in ids]
    return VisibleFaults(ids, np.array(names, np.int64), cut[seen], fraction[seen])


class VisibleModules(NamedTuple):
    """The modules of a frame, healthy and faulty, columnar.

    Attributes:
        class_index: (n,) int, index into FAULT_CLASSES; -1 for a healthy one.
        xyxy: (n, 4) as in VisibleFaults.
        fraction: (n,) as in VisibleFaults.
        outline: (n, 4, 2) corners in pixels, clockwise (a camera sees the farm from above
            only); not cut at the image's border.
    """

    class_index: NDArray[np.int64]
    xyxy: Array
    fraction: Array
    outline: Array


def visible_modules(farm: Farm, pose: Pose, camera: CameraModel) -> VisibleModules:
    """The modules that a camera at a true pose has at least partly in view."""
    corners = farm.module_corners_m
    near = _nearby(corners, pose)
    cut, fraction, outline = _in_view(corners[near], pose, camera)
    seen = np.flatnonzero(fraction > 0)
    classes = farm.module_classes[near[seen]]
    return VisibleModules(classes, cut[seen], fraction[seen], outline[seen])


def _in_view(corners_m: Array, pose: Pose, camera: CameraModel) -> tuple[Array, Array, Array]:
    """(n, 4) boxes cut at the image's border, (n,) shares of them in it, (n, 4, 2) corners."""
    outline = _projected(corners_m, pose, camera)
    boxes = np.concatenate([outline.min(axis=1), outline.max(axis=1)], axis=1)
    limit = (camera.width - 1.0, camera.height - 1.0)
    cut = np.clip(boxes, 0.0, (*limit, *limit))
    return cut, _area(cut) / _area(boxes), outline


def _nearby(corners_m: Array, pose: Pose) -> NDArray[np.int64]:
    """Modules that a camera that looks down might see at all."""
    away = corners_m[:, 0, :2] - pose.position_m[:2]
    return np.flatnonzero(np.hypot(*away.T) < _FARTHEST * pose.position_m[2])


def _projected(corners_m: Array, pose: Pose, camera: CameraModel) -> Array:
    """(n, 4, 2) pixels of (n, 4, 3) corners; NaN where one is far outside the view."""
    optical_from_map = (rotation_matrix(pose.orientation_xyzw) @ BASE_FROM_OPTICAL_NADIR).T
    corners = (corners_m - pose.position_m) @ optical_from_map.T
    depth = np.where(corners[..., 2] > 0, corners[..., 2], np.nan)
    tangent = np.hypot(corners[..., 0], corners[..., 1]) / depth
    corners[~(tangent < _WIDEST_RAY)] = np.nan
    return project(camera, corners.reshape(-1, 3)).reshape(-1, 4, 2)


def _area(boxes: Array) -> Array:
    return np.asarray((boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1]))
