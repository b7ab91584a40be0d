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

"""What a lens does to a picture, and the way back.

The equations are those of OpenCV's calib3d (plumb_bob, rational_polynomial) and of its
fisheye module (equidistant); ROS has the same names. The way back is a fixed-point
iteration, Newton's for the fisheye, which needs no OpenCV here.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edge_infer.domain import CameraModel

Array = NDArray[np.float64]

_MOST_STEPS = 40
_NEAR_ENOUGH = 1e-9
"""In focal lengths: less than a millionth of a pixel."""
_FISHEYE_STEPS = 12
_WIDEST_RAD = np.pi / 2 - 1e-3
"""Half the angle that a picture on a plane can hold."""


def distort(camera: CameraModel, xy: Array) -> Array:
    """(n, 2) normalised image coordinates after the lens."""
    if camera.distortion and camera.distortion_model == "equidistant":
        return _fisheye(camera, xy)
    if not any(camera.distortion):
        return xy
    k1, k2, p1, p2, k3, k4, k5, k6 = _coefficients(camera, 8)
    x, y = xy[:, 0], xy[:, 1]
    r2 = x * x + y * y
    radial: Array = 1 + r2 * (k1 + r2 * (k2 + r2 * k3))
    if k4 or k5 or k6:
        radial = radial / (1 + r2 * (k4 + r2 * (k5 + r2 * k6)))
    return np.column_stack(
        [
            x * radial + 2 * p1 * x * y + p2 * (r2 + 2 * x * x),
            y * radial + p1 * (r2 + 2 * y * y) + 2 * p2 * x * y,
        ]
    )


def undistort(camera: CameraModel, xy: Array) -> Array:
    """(n, 2) normalised image coordinates before the lens."""
    if camera.distortion and camera.distortion_model == "equidistant":
        return _from_fisheye(camera, xy)
    if not any(camera.distortion):
        return xy
    found = xy
    for _ in range(_MOST_STEPS):
        missing = xy - distort(camera, found)
        found = np.asarray(found + missing)
        if np.abs(missing).max(initial=0.0) < _NEAR_ENOUGH:
            break
    return found


def _coefficients(camera: CameraModel, count: int) -> tuple[float, ...]:
    return (*camera.distortion, *[0.0] * count)[:count]


def _fisheye(camera: CameraModel, xy: Array) -> Array:
    """A ray lands as far from the centre as its angle says, not the angle's tangent."""
    k1, k2, k3, k4 = _coefficients(camera, 4)
    r = np.linalg.norm(xy, axis=1)
    theta = np.arctan(r)
    t2 = theta * theta
    bent = theta * (1 + t2 * (k1 + t2 * (k2 + t2 * (k3 + t2 * k4))))
    return _scaled(xy, bent, r)


def _from_fisheye(camera: CameraModel, xy: Array) -> Array:
    k1, k2, k3, k4 = _coefficients(camera, 4)
    bent = np.linalg.norm(xy, axis=1)
    theta = np.clip(bent, 0.0, _WIDEST_RAD)
    for _ in range(_FISHEYE_STEPS):
        t2 = theta * theta
        error = theta * (1 + t2 * (k1 + t2 * (k2 + t2 * (k3 + t2 * k4)))) - bent
        slope = 1 + t2 * (3 * k1 + t2 * (5 * k2 + t2 * (7 * k3 + t2 * 9 * k4)))
        theta = np.clip(theta - error / slope, 0.0, _WIDEST_RAD)
    return _scaled(xy, np.tan(theta), bent)


def _scaled(xy: Array, to: Array, of: Array) -> Array:
    """Points so much farther from the centre; where all is nearly there, nothing changes."""
    factors: Array = np.where(of > 1e-9, to / np.maximum(of, 1e-9), 1.0)
    return np.asarray(xy * factors[:, None], np.float64)
