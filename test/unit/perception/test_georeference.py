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

"""Placing boxes on the ground: the inverse of projection, and an honest covariance."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_infer.domain import CameraModel, Pose
from edge_infer.errors import PoseError
from edge_infer.geometry import (
    BASE_FROM_OPTICAL_NADIR,
    mounting,
    project,
    quaternion_from_rpy,
    rotation_matrix,
)
from edge_infer.perception.georeference import VARIANCE_FLOOR_M2, georeference

PLAIN = CameraModel(640, 512, 500.0, 500.0, 319.5, 255.5)
CAMERA = CameraModel(640, 512, 500.0, 510.0, 319.5, 255.5, (-0.2, 0.05, 0.001, -0.001))


def pose(position=(0.0, 0.0, 20.0), rpy=(0.0, 0.0, 0.0), **variances):
    return Pose(0, position, tuple(quaternion_from_rpy(*rpy)), **variances)


def boxes_at(uv):
    """Boxes of 10 pixels about pixel coordinates (the first pixel's centre is 0, 0)."""
    uv = np.asarray(uv, np.float64) + 0.5
    return np.hstack([uv - 5, uv + 5]).astype(np.float32)


def pixels_of(points, pose_, camera=CAMERA):
    map_from_optical = rotation_matrix(pose_.orientation_xyzw) @ BASE_FROM_OPTICAL_NADIR
    return project(camera, (points - np.array(pose_.position_m)) @ map_from_optical)


small = st.floats(-0.2, 0.2)


@settings(max_examples=50)
@given(
    east=st.floats(-500, 500),
    north=st.floats(-500, 500),
    height=st.floats(5, 60),
    roll=small,
    pitch=small,
    yaw=st.floats(-3.1, 3.1),
    seed=st.integers(0, 1000),
)
def test_it_is_the_inverse_of_projection(east, north, height, roll, pitch, yaw, seed):
    at = pose((east, north, height), (roll, pitch, yaw))
    rng = np.random.default_rng(seed)
    pixels = rng.uniform((100, 100), (540, 412), (8, 2))
    placed = georeference(boxes_at(pixels), at, CAMERA)
    assert placed.kept.tolist() == list(range(8))
    assert np.abs(placed.position_m[:, 2]).max() < 1e-9
    assert np.abs(pixels_of(placed.position_m, at) - pixels).max() < 0.01


def test_straight_down_is_under_the_drone():
    placed = georeference(boxes_at([[319.5, 255.5]]), pose((12.0, -7.0, 30.0)), CAMERA)
    np.testing.assert_allclose(placed.position_m, [[12.0, -7.0, 0.0]], atol=1e-9)


def test_the_ground_may_lie_anywhere():
    placed = georeference(boxes_at([[419.5, 255.5]]), pose((0, 0, 130.0)), PLAIN, ground_m=100.0)
    # The top of the image is the nose (east), so to the right is south: 100 px of 500 at 30 m.
    np.testing.assert_allclose(placed.position_m, [[0.0, -6.0, 100.0]], atol=1e-6)


def test_rays_that_miss_the_ground_are_dropped_and_the_others_keep_their_number():
    tilted = pose(rpy=(0.0, -1.3, 0.0))
    boxes = boxes_at([[319.5, 20], [319.5, 255.5], [319.5, 20], [319.5, 480]])
    placed = georeference(boxes, tilted, CAMERA)
    assert placed.kept.tolist() == [1, 3]
    assert placed.position_m.shape == placed.covariance_m2.shape == (2, 3)


@pytest.mark.parametrize("yaw", [0.0, 1.0, -2.5])
def test_where_the_camera_sits_on_the_drone_counts(yaw):
    """Half a metre ahead of the body, looking ahead and 60 degrees down."""
    camera = mounting((0.5, 0.0, 0.0), (0.0, np.radians(60.0), 0.0))
    at = pose((3.0, 4.0, 20.0), (0.0, 0.0, yaw))
    placed = georeference(boxes_at([[319.5, 255.5]]), at, PLAIN, mounting=camera)
    ahead = 0.5 + 20.0 / np.tan(np.radians(60.0))
    expected = (3.0 + ahead * np.cos(yaw), 4.0 + ahead * np.sin(yaw), 0.0)
    np.testing.assert_allclose(placed.position_m[0], expected, atol=1e-9)


def test_no_boxes_give_no_places():
    placed = georeference(np.empty((0, 4), np.float32), pose(), CAMERA)
    assert placed.position_m.shape == placed.covariance_m2.shape == (0, 3)


@pytest.mark.parametrize(
    "position", [(np.nan, 0, 20), (0, np.inf, 20), (0, 0, -np.inf)], ids=["nan", "inf", "-inf"]
)
def test_a_pose_that_is_not_finite_is_refused(position):
    with pytest.raises(PoseError, match="not finite"):
        georeference(boxes_at([[1, 1]]), pose(position), CAMERA)


def test_a_rotation_that_is_not_finite_is_refused():
    bad = Pose(0, (0.0, 0.0, 20.0), (np.nan, 0.0, 0.0, 1.0))
    with pytest.raises(PoseError, match="no rotation"):
        georeference(boxes_at([[1, 1]]), bad, CAMERA)


def test_a_variance_that_is_not_finite_is_refused():
    with pytest.raises(PoseError, match="not finite"):
        georeference(boxes_at([[1, 1]]), pose(position_variance_m2=(np.nan, 0, 0)), CAMERA)


def test_a_camera_below_the_ground_is_refused():
    with pytest.raises(PoseError, match="below the ground"):
        georeference(boxes_at([[1, 1]]), pose((0, 0, -1.0)), CAMERA)


# --- covariance ---------------------------------------------------------------------


def test_straight_down_the_covariance_is_plain():
    at = pose(
        (0, 0, 20.0), position_variance_m2=(0.04, 0.09, 1.0), attitude_variance_rad2=(1e-4, 4e-4, 1)
    )
    xx, xy, yy = georeference(
        boxes_at([[319.5, 255.5]]), at, PLAIN, pixel_variance_px2=4.0
    ).covariance_m2[0]
    # Roll (about x, east) moves the point along north, pitch along east; height and yaw do not.
    pixel = 4.0 * (20.0 / 500) ** 2
    assert xx == pytest.approx(0.04 + 400 * 4e-4 + pixel + VARIANCE_FLOOR_M2)
    assert yy == pytest.approx(0.09 + 400 * 1e-4 + pixel + VARIANCE_FLOOR_M2)
    assert xy == pytest.approx(0.0, abs=1e-12)


def test_a_certain_pose_keeps_the_floor():
    placed = georeference(boxes_at([[10, 10]]), pose(), CAMERA, pixel_variance_px2=0.0)
    np.testing.assert_allclose(
        placed.covariance_m2, [[VARIANCE_FLOOR_M2, 0, VARIANCE_FLOOR_M2]], atol=1e-15
    )


def test_the_covariance_is_that_of_many_noisy_tries():
    rng = np.random.default_rng(4)
    pixel = np.array([[600.0, 40.0]])
    rpy = (0.05, -0.1, 0.8)
    sigma_m, sigma_rad = np.array([0.05, 0.1, 0.08]), np.array([0.004, 0.006, 0.01])
    variances = {
        "position_variance_m2": tuple(sigma_m**2),
        "attitude_variance_rad2": tuple(sigma_rad**2),
    }
    at = pose((1, 2, 20), rpy, **variances)
    stated = georeference(boxes_at(pixel), at, PLAIN, pixel_variance_px2=1.0).covariance_m2[0]

    points = []
    turned = rotation_matrix(at.orientation_xyzw)
    for _ in range(4000):
        small_turn = rotation_matrix(quaternion_from_rpy(*(rng.normal(size=3) * sigma_rad)))
        position = at.position_m + rng.normal(size=3) * sigma_m
        ray = (pixel[0] + rng.normal(size=2) - (319.5, 255.5)) / 500
        down = turned @ small_turn @ BASE_FROM_OPTICAL_NADIR @ [*ray, 1.0]
        points.append((position - down * position[2] / down[2])[:2])
    seen = np.cov(np.array(points).T)
    # 4000 tries know a variance to about 2.2 %; three of those.
    np.testing.assert_allclose(stated[[0, 2]], [seen[0, 0], seen[1, 1]], rtol=0.07)
    assert stated[1] == pytest.approx(seen[0, 1], abs=0.07 * np.sqrt(seen[0, 0] * seen[1, 1]))
