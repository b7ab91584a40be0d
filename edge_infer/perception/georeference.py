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

"""Pixels become places: pixel ray x pose x ground plane -> metres and covariance.

The covariance is first-order: each uncertain quantity shifts the point where
the ray meets the ground, and the squares of the shifts add up.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from edge_infer.domain import CameraModel, Pose
from edge_infer.errors import PoseError
from edge_infer.geometry import (
    NADIR,
    Array,
    Mounting,
    ground_intersection,
    pixel_rays,
    rotation_matrix,
)

PIXEL_VARIANCE_PX2 = 1.0
"""Of a box centre along each image axis."""

VARIANCE_FLOOR_M2 = 1e-4
"""1 cm: no map and no lens is better than that."""


class Placed(NamedTuple):
    """Where detections are on the ground.

    Attributes:
        position_m: (n, 3) east, north, up.
        covariance_m2: (n, 3) horizontal xx, xy, yy.
        kept: (n,) which of the given boxes; rays that miss the ground are left out.
    """

    position_m: Array
    covariance_m2: Array
    kept: NDArray[np.intp]


def georeference(
    xyxy: NDArray[np.float32],
    pose: Pose,
    camera: CameraModel,
    *,
    mounting: Mounting = NADIR,
    ground_m: float = 0.0,
    pixel_variance_px2: float = PIXEL_VARIANCE_PX2,
) -> Placed:
    """Place the centres of boxes on the horizontal ground.

    Args:
        xyxy: (n, 4) boxes in pixels of the camera's image; edges, so the centre of
            the top left pixel is at (0.5, 0.5).
        pose: of the body that carries the camera, at the frame's capture time.
        camera: its intrinsics.
        mounting: how the camera sits on that body. An error of the attitude counts about
            the camera; that the arm between both turns as well is too little to count.
        ground_m: height of the plane in the fleet frame.
        pixel_variance_px2: of a box centre along each image axis.

    Raises:
        PoseError: the pose is not finite, or the camera is not above the ground.
    """
    uv = (xyxy[:, :2].astype(np.float64) + xyxy[:, 2:]) / 2 - 0.5
    map_from_base = rotation_matrix(pose.orientation_xyzw)
    origin = np.array(pose.position_m) + map_from_base @ np.array(mounting.position_m)
    _check(pose, origin, ground_m)
    map_from_optical = map_from_base @ mounting.base_from_optical
    rays = pixel_rays(camera, uv) @ map_from_optical.T
    points = ground_intersection(origin, rays, ground_m)
    kept = np.flatnonzero(np.isfinite(points[:, 0]))
    drop = ground_m - float(origin[2])
    shifts = _ground_shifts(rays[kept], drop, map_from_base, map_from_optical, camera)
    variances = np.array(
        [
            *pose.position_variance_m2,
            *pose.attitude_variance_rad2,
            pixel_variance_px2,
            pixel_variance_px2,
        ]
    )
    return Placed(points[kept], _covariance(shifts, variances), kept)


def _check(pose: Pose, origin: Array, ground_m: float) -> None:
    numbers = (*pose.position_m, *pose.position_variance_m2, *pose.attitude_variance_rad2)
    if not np.isfinite(numbers).all():
        raise PoseError(f"pose {pose.position_m} is not finite", "check the pose source")
    if origin[2] <= ground_m:
        raise PoseError(
            f"the camera is {ground_m - origin[2]:.1f} m below the ground",
            "check the height of the pose and the parameter ground_m",
        )


def _ground_shifts(
    rays: Array, drop_m: float, map_from_base: Array, map_from_optical: Array, camera: CameraModel
) -> Array:
    """(n, 2, 8): shift of the ground point (east, north) per unit of each uncertain quantity.

    The quantities are the position (3), the attitude about the body's axes (3)
    and the pixel's u and v. A ray o + t d meets the ground at t = drop / d_z.
    """
    per_height = rays / rays[:, 2:]
    by_position = np.eye(3) - per_height[:, :, None] * np.array([0.0, 0.0, 1.0])
    turns = [np.cross(axis, rays) for axis in map_from_base.T]
    pixels = [
        np.broadcast_to(map_from_optical[:, 0] / camera.fx, rays.shape),
        np.broadcast_to(map_from_optical[:, 1] / camera.fy, rays.shape),
    ]
    bends = np.stack([*turns, *pixels], axis=2)
    reach = drop_m / rays[:, 2]
    by_bend = reach[:, None, None] * (bends - per_height[:, :, None] * bends[:, 2:, :])
    return np.asarray(np.concatenate([by_position, by_bend], axis=2)[:, :2])


def _covariance(shifts: Array, variances: Array) -> Array:
    """(n, 3) xx, xy, yy of (n, 2, k) shifts per unit and (k,) variances, with the floor."""
    full = np.einsum("nik,njk,k->nij", shifts, shifts, variances)
    floor = np.array([VARIANCE_FLOOR_M2, 0.0, VARIANCE_FLOOR_M2])
    return np.asarray(np.column_stack([full[:, 0, 0], full[:, 0, 1], full[:, 1, 1]]) + floor)
