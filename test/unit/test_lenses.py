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

"""Lenses against OpenCV's, and there and back."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_infer.domain import CameraModel
from edge_infer.geometry import pixel_rays, project
from edge_infer.lenses import distort, undistort

LENSES = {
    "none": CameraModel(640, 512, 400.0, 410.0, 319.5, 255.5),
    "plumb_bob": CameraModel(640, 512, 400.0, 410.0, 319.5, 255.5, (-0.2, 0.05, 1e-3, -1e-3, 0.0)),
    "rational_polynomial": CameraModel(
        640, 512, 400.0, 410.0, 319.5, 255.5,
        (0.3, 0.05, 1e-3, -1e-3, 0.01, 0.5, 0.1, 0.02), "rational_polynomial",
    ),
    "equidistant": CameraModel(
        640, 512, 300.0, 310.0, 319.5, 255.5, (0.02, -0.01, 0.002, -0.0005), "equidistant"
    ),
    "equidistant without coefficients": CameraModel(
        640, 512, 300.0, 310.0, 319.5, 255.5, (0.0, 0.0, 0.0, 0.0), "equidistant"
    ),
}  # fmt: skip


def opencv(camera: CameraModel, points: np.ndarray) -> np.ndarray:
    """Pixels of points in the optical frame, by OpenCV."""
    k = np.array([[camera.fx, 0, camera.cx], [0, camera.fy, camera.cy], [0, 0, 1]])
    still, d = np.zeros(3), np.array(camera.distortion or (0.0,) * 4)
    if camera.distortion_model == "equidistant":
        return cv2.fisheye.projectPoints(points[None], still, still, k, d)[0][0]
    return cv2.projectPoints(points, still, still, k, d)[0][:, 0]


@pytest.mark.parametrize("name", LENSES)
def test_it_is_as_opencv_has_it(name: str) -> None:
    rng = np.random.default_rng(3)
    points = np.column_stack([rng.uniform(-0.8, 0.8, (50, 2)), np.ones(50)])
    assert project(LENSES[name], points) == pytest.approx(opencv(LENSES[name], points), abs=1e-6)


@pytest.mark.parametrize("name", LENSES)
@given(u=st.floats(0, 639), v=st.floats(0, 511))
def test_every_pixel_leads_to_a_ray_and_back(name: str, u: float, v: float) -> None:
    camera = LENSES[name]
    ray = pixel_rays(camera, [(u, v)])
    assert project(camera, ray)[0] == pytest.approx((u, v), abs=0.05)


def test_a_fisheye_sees_farther_than_a_tangent_grows() -> None:
    """80 degrees off the axis lie 5.67 focal lengths away on a plane, 1.40 in a fisheye."""
    camera = LENSES["equidistant without coefficients"]
    far = np.array([[np.tan(np.radians(80.0)), 0.0]])
    assert distort(camera, far)[0, 0] == pytest.approx(np.radians(80.0))
    assert undistort(camera, distort(camera, far)) == pytest.approx(far)
