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

"""What a drone believes about its pose: the truth with the errors of GPS and compass.

A receiver without corrections is off by a constant that lasts for the flight
(bias) and by a little more in each fix (noise). The reported variances cover
both, so they are honest about a single pose; that the bias is the same in all
poses of one drone is not said, as no autopilot says it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from edge_infer.domain import Pose
from edge_infer.geometry import quaternion_from_rpy

Array = NDArray[np.float64]


@dataclass(frozen=True)
class GpsError:
    """The errors of one drone.

    Attributes:
        seed: of this drone; decides its bias and, with the number of a fix, the noise.
        bias_m: sigma of the constant offset of each axis.
        noise_m: sigma of each fix about that, each axis.
        tilt_rad: sigma of roll and pitch.
        heading_rad: sigma of the heading.
    """

    seed: int
    bias_m: float = 0.5
    noise_m: float = 0.15
    tilt_rad: float = 0.004
    heading_rad: float = 0.015

    @cached_property
    def offset_m(self) -> Array:
        """(3,) the constant error, east, north, up."""
        return np.random.default_rng([self.seed, 1]).normal(0.0, self.bias_m, 3)

    def reported_pose(self, true_pose: Pose, fix: int) -> Pose:
        """The pose that the drone reports at its ``fix``-th measurement."""
        rng = np.random.default_rng([self.seed, 2, fix])
        error = self.offset_m + rng.normal(0.0, self.noise_m, 3)
        sigma = np.array([self.tilt_rad, self.tilt_rad, self.heading_rad])
        turned = _product(
            np.array(true_pose.orientation_xyzw), quaternion_from_rpy(*rng.normal(0.0, sigma))
        )
        east, north, up = (float(v) for v in np.array(true_pose.position_m) + error)
        x, y, z, w = (float(v) for v in turned)
        variance, tilt = self.bias_m**2 + self.noise_m**2, self.tilt_rad**2
        return replace(
            true_pose,
            position_m=(east, north, up),
            orientation_xyzw=(x, y, z, w),
            position_variance_m2=(variance, variance, variance),
            attitude_variance_rad2=(tilt, tilt, self.heading_rad**2),
        )


def _product(a: Array, b: Array) -> Array:
    """Hamilton product of two xyzw quaternions: the turn ``b`` in the frame turned by ``a``."""
    vector = a[3] * b[:3] + b[3] * a[:3] + np.cross(a[:3], b[:3])
    return np.append(vector, a[3] * b[3] - a[:3] @ b[:3])
