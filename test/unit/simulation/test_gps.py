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

"""GPS error has the statistics that it states."""

import numpy as np
import pytest

from edge_infer.domain import Pose
from edge_infer.geometry import quaternion_from_rpy, rotation_matrix
from edge_infer.simulation.gps import GpsError

TRUE = Pose(9, (10.0, -4.0, 20.0), tuple(float(q) for q in quaternion_from_rpy(0.1, -0.05, 2.0)))


def errors_m(gps, fixes):
    reported = [gps.reported_pose(TRUE, fix).position_m for fix in range(fixes)]
    return np.array(reported) - TRUE.position_m


def test_a_drone_is_off_by_a_constant_and_some_noise():
    gps = GpsError(seed=3)
    errors = errors_m(gps, 800)
    assert errors.mean(axis=0) == pytest.approx(gps.offset_m, abs=0.02)
    assert errors.std(axis=0) == pytest.approx([0.15] * 3, rel=0.1)


def test_the_constant_differs_from_drone_to_drone():
    offsets = np.array([GpsError(seed=s).offset_m for s in range(800)])
    assert offsets.std(axis=0) == pytest.approx([0.5] * 3, rel=0.1)
    assert offsets.mean(axis=0) == pytest.approx([0.0] * 3, abs=0.07)


def test_the_stated_variance_is_that_of_a_single_pose():
    first_fixes = np.array([errors_m(GpsError(seed=s), 1)[0] for s in range(1500)])
    stated = GpsError(seed=0).reported_pose(TRUE, 0).position_variance_m2
    assert first_fixes.var(axis=0) == pytest.approx(stated, rel=0.15)


def test_the_stated_attitude_variance_is_right():
    gps = GpsError(seed=5, tilt_rad=0.01, heading_rad=0.03)
    poses = [gps.reported_pose(TRUE, fix) for fix in range(1500)]
    true = rotation_matrix(TRUE.orientation_xyzw)
    turns = [true.T @ rotation_matrix(p.orientation_xyzw) for p in poses]
    axes = np.array([(t[2, 1], t[0, 2], t[1, 0]) for t in turns])
    assert axes.var(axis=0) == pytest.approx(poses[0].attitude_variance_rad2, rel=0.15)


def test_a_fix_repeats_and_keeps_its_stamp():
    pose = GpsError(seed=1).reported_pose(TRUE, 7)
    assert pose == GpsError(seed=1).reported_pose(TRUE, 7)
    assert pose != GpsError(seed=1).reported_pose(TRUE, 8)
    assert pose.stamp_ns == 9
    assert np.linalg.norm(pose.orientation_xyzw) == pytest.approx(1.0)


def test_a_perfect_receiver_reports_the_truth():
    pose = GpsError(1, bias_m=0.0, noise_m=0.0, tilt_rad=0.0, heading_rad=0.0).reported_pose(
        TRUE, 0
    )
    assert pose.position_m == TRUE.position_m
    assert pose.orientation_xyzw == pytest.approx(TRUE.orientation_xyzw)
