"""Geometry: every way there has its way back."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_infer import geometry
from edge_infer.domain import CameraModel
from edge_infer.errors import PoseError

CAMERA = CameraModel(640, 512, 600.0, 610.0, 319.5, 255.5, (-0.12, 0.03, 0.001, -0.0005, 0.0))

angles = st.floats(-math.pi, math.pi)


@given(angles, st.floats(-1.5, 1.5), angles)
def test_a_quaternion_turns_as_roll_then_pitch_then_yaw(
    roll: float, pitch: float, yaw: float
) -> None:
    def axis(angle: float, i: int, j: int) -> np.ndarray:
        matrix = np.eye(3)
        matrix[i, i] = matrix[j, j] = math.cos(angle)
        matrix[i, j], matrix[j, i] = -math.sin(angle), math.sin(angle)
        return matrix

    expected = axis(yaw, 0, 1) @ axis(pitch, 2, 0) @ axis(roll, 1, 2)
    made = geometry.rotation_matrix(geometry.quaternion_from_rpy(roll, pitch, yaw))
    np.testing.assert_allclose(made, expected, atol=1e-12)


@given(st.floats(0, 639), st.floats(0, 511))
def test_a_pixel_comes_back_through_its_ray(u: float, v: float) -> None:
    ray = geometry.pixel_rays(CAMERA, [[u, v]])
    np.testing.assert_allclose(geometry.project(CAMERA, 7.5 * ray), [[u, v]], atol=1e-3)


def test_a_point_behind_the_camera_has_no_pixel() -> None:
    assert np.isnan(geometry.project(CAMERA, [[0.0, 0.0, -1.0]])).all()


def test_a_nadir_camera_sees_the_nose_at_the_top_of_its_image() -> None:
    ahead = np.array([1.0, 0.0, -20.0])  # base_link: forward and down
    optical = geometry.BASE_FROM_OPTICAL_NADIR.T @ ahead
    u, v = geometry.project(CAMERA, optical)[0]
    assert v < CAMERA.cy
    assert u == pytest.approx(CAMERA.cx, abs=0.1)


def test_rays_meet_the_ground_below_and_flat_ones_do_not() -> None:
    rays = [[0.0, 0.0, -2.0], [1.0, 0.0, -1.0], [1.0, 0.0, -0.01], [0.0, 0.0, 1.0]]
    points = geometry.ground_intersection([10.0, 20.0, 30.0], rays, ground_m=5.0)
    np.testing.assert_allclose(points[:2], [[10.0, 20.0, 5.0], [35.0, 20.0, 5.0]])
    assert np.isnan(points[2:]).all()


@pytest.mark.parametrize("bad", [(0, 0, 0, 0), (math.nan, 0, 0, 1), (0, math.inf, 0, 1)])
def test_a_quaternion_that_is_no_rotation_is_refused(bad: tuple[float, ...]) -> None:
    with pytest.raises(PoseError, match="is no rotation"):
        geometry.rotation_matrix(bad)


@given(st.floats(-2000, 2000), st.floats(-2000, 2000), st.floats(-50, 200))
def test_the_fleet_frame_comes_back_from_the_globe(east: float, north: float, up: float) -> None:
    frame = geometry.LocalFrame(37.4, -6.0, 12.0)
    there = frame.to_wgs84([[east, north, up]])
    np.testing.assert_allclose(frame.from_wgs84(there), [[east, north, up]], atol=1e-6)


def test_one_degree_north_is_about_111_km() -> None:
    frame = geometry.LocalFrame(45.0, 7.0)
    east, north, _ = frame.from_wgs84([[46.0, 7.0, 0.0]])[0]
    assert north == pytest.approx(111_000, rel=0.005)
    assert abs(east) < 1.0
