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

"""Camera rays, the ground plane, frames of aircraft, and the fleet frame on the globe.

Vectors are rows; quaternions are x, y, z, w. The lenses are in ``lenses.py``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from edge_infer.domain import CameraModel
from edge_infer.errors import PoseError
from edge_infer.lenses import distort, undistort

Array = NDArray[np.float64]

BASE_FROM_OPTICAL_NADIR: Array = np.array([[0.0, -1.0, 0.0], [-1.0, 0.0, 0.0], [0.0, 0.0, -1.0]])
"""(3, 3): optical vectors into base_link for a camera that looks straight down,
the top of the image towards the nose."""

_HALF_ROOT = math.sqrt(0.5)
_LOWEST_RAY = 0.05
"""Rays flatter than this (sine of the angle to the ground, 3 degrees) hit nothing useful."""


def rotation_matrix(xyzw: ArrayLike) -> Array:
    """(3, 3) of a quaternion; raises PoseError when it is not finite or zero."""
    q = np.asarray(xyzw, np.float64)
    norm = float(np.linalg.norm(q))
    if not np.isfinite(norm) or norm < 1e-6:
        raise PoseError(f"orientation {tuple(q)} is no rotation", "check the pose source")
    x, y, z, w = q / norm
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
            [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
            [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
        ]
    )


def quaternion_from_rpy(roll_rad: float, pitch_rad: float, yaw_rad: float) -> Array:
    """(4,) xyzw of a rotation about the fixed axes x, then y, then z (REP-103)."""
    cr, sr = np.cos(roll_rad / 2), np.sin(roll_rad / 2)
    cp, sp = np.cos(pitch_rad / 2), np.sin(pitch_rad / 2)
    cy, sy = np.cos(yaw_rad / 2), np.sin(yaw_rad / 2)
    return np.array(
        [
            sr * cp * cy - cr * sp * sy,
            cr * sp * cy + sr * cp * sy,
            cr * cp * sy - sr * sp * cy,
            cr * cp * cy + sr * sp * sy,
        ]
    )


def multiply(a_xyzw: ArrayLike, b_xyzw: ArrayLike) -> Array:
    """(4,) the rotation that turns by b, then by a."""
    ax, ay, az, aw = np.asarray(a_xyzw, np.float64)
    bx, by, bz, bw = np.asarray(b_xyzw, np.float64)
    return np.array(
        [
            aw * bx + ax * bw + ay * bz - az * by,
            aw * by - ax * bz + ay * bw + az * bx,
            aw * bz + ax * by - ay * bx + az * bw,
            aw * bw - ax * bx - ay * by - az * bz,
        ]
    )


def enu_from_ned(ned: ArrayLike) -> Array:
    """(3,) east, north, up of north, east, down; the same function leads back."""
    north, east, down = np.asarray(ned, np.float64)
    return np.array([east, north, -down])


def enu_flu_from_ned_frd(xyzw: ArrayLike) -> Array:
    """The attitude of an aircraft as ROS states it, from how autopilots do.

    Args:
        xyzw: turns vectors of the body (forward, right, down) into north, east, down.

    Returns:
        (4,) turns vectors of the body (forward, left, up) into east, north, up (REP-103):
        half a turn about the axis between north and east, the attitude, half a turn
        about forward. The same function leads back.
    """
    x, y, z, w = np.asarray(xyzw, np.float64) * _HALF_ROOT
    return np.array([x + y, x - y, w - z, w + z])


@dataclass(frozen=True, eq=False)
class Mounting:
    """How a camera sits on a body.

    Attributes:
        base_from_optical: (3, 3) turns optical vectors into those of the body.
        position_m: of the camera in the body's frame: forward, left, up.
    """

    base_from_optical: Array
    position_m: tuple[float, float, float] = (0.0, 0.0, 0.0)


NADIR = Mounting(BASE_FROM_OPTICAL_NADIR)
"""Looks straight down from where the body is."""

_LINK_FROM_OPTICAL: Array = np.array([[0.0, 0.0, 1.0], [-1.0, 0.0, 0.0], [0.0, -1.0, 0.0]])
"""(3, 3): optical vectors (right, down, forward) into forward, left, up."""


def mounting(xyz_m: ArrayLike, rpy_rad: ArrayLike) -> Mounting:
    """That of a camera whose housing (x forward, y left, z up) is turned so and sits there.

    Args:
        xyz_m: (3,) forward, left, up of the body.
        rpy_rad: (3,) roll, pitch, yaw as in URDF; a pitch of pi/2 looks down.
    """
    x, y, z = (float(value) for value in np.asarray(xyz_m, np.float64))
    turn = rotation_matrix(quaternion_from_rpy(*np.asarray(rpy_rad, np.float64)))
    # Rounded so that right angles are exact; 1e-12 of a turn moves nothing on any ground.
    return Mounting(np.round(turn @ _LINK_FROM_OPTICAL, 12) + 0.0, (x, y, z))


def pixel_rays(camera: CameraModel, uv: ArrayLike) -> Array:
    """Rays through pixels.

    Args:
        camera: the camera.
        uv: (n, 2) pixel coordinates, the centre of the top left pixel is (0, 0).

    Returns:
        (n, 3) vectors in the optical frame with z = 1.
    """
    points = np.asarray(uv, np.float64).reshape(-1, 2)
    target = (points - (camera.cx, camera.cy)) / (camera.fx, camera.fy)
    xy = undistort(camera, target)
    return np.column_stack([xy, np.ones(len(xy))])


def project(camera: CameraModel, points_optical: ArrayLike) -> Array:
    """(n, 2) pixels of (n, 3) points in the optical frame; NaN behind the camera."""
    points = np.asarray(points_optical, np.float64).reshape(-1, 3)
    z = np.where(points[:, 2] > 0, points[:, 2], np.nan)
    xy = distort(camera, points[:, :2] / z[:, None])
    return np.asarray(xy * (camera.fx, camera.fy) + (camera.cx, camera.cy))


def ground_intersection(origin_m: ArrayLike, rays: ArrayLike, ground_m: float = 0.0) -> Array:
    """Where rays meet the horizontal ground.

    Args:
        origin_m: (3,) east, north, up of the camera.
        rays: (n, 3) directions in the fleet frame, any length.
        ground_m: height of the ground.

    Returns:
        (n, 3) points; NaN for a ray that is too flat or points away from the ground.
    """
    origin = np.asarray(origin_m, np.float64)
    directions = np.asarray(rays, np.float64).reshape(-1, 3)
    directions = directions / np.linalg.norm(directions, axis=1, keepdims=True)
    drop = ground_m - origin[2]
    usable = (directions[:, 2] * np.sign(drop) > _LOWEST_RAY) & (drop != 0)
    length = np.where(usable, drop / np.where(usable, directions[:, 2], 1.0), np.nan)
    return np.asarray(origin + directions * length[:, None])


@dataclass(frozen=True)
class LocalFrame:
    """The fleet frame ``map``: east-north-up metres at a WGS-84 origin."""

    latitude_deg: float
    longitude_deg: float
    altitude_m: float = 0.0

    def to_wgs84(self, enu_m: ArrayLike) -> Array:
        """(n, 3) latitude, longitude (degrees), ellipsoid height (m) of (n, 3) ENU points."""
        import pymap3d

        points = np.asarray(enu_m, np.float64).reshape(-1, 3)
        columns = pymap3d.enu2geodetic(
            points[:, 0], points[:, 1], points[:, 2],
            self.latitude_deg, self.longitude_deg, self.altitude_m,
        )  # fmt: skip
        return np.column_stack(columns)

    def from_wgs84(self, geodetic: ArrayLike) -> Array:
        """(n, 3) ENU metres of (n, 3) latitude, longitude (degrees), height (m)."""
        import pymap3d

        points = np.asarray(geodetic, np.float64).reshape(-1, 3)
        columns = pymap3d.geodetic2enu(
            points[:, 0], points[:, 1], points[:, 2],
            self.latitude_deg, self.longitude_deg, self.altitude_m,
        )  # fmt: skip
        return np.column_stack(columns)
