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

"""Geometry: every way there has its way back."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import ArrayLike

from edge_infer import geometry
from edge_infer.domain import CameraModel
from edge_infer.errors import PoseError
from edge_infer.geometry import (
    BASE_FROM_OPTICAL_NADIR,
    Array,
    enu_flu_from_ned_frd,
    enu_from_ned,
    mounting,
    multiply,
    quaternion_from_rpy,
    rotation_matrix,
)

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


attitudes = st.tuples(st.floats(-3.1, 3.1), st.floats(-1.5, 1.5), st.floats(-3.1, 3.1))


def aircraft_attitude(roll_deg: float, pitch_deg: float, heading_deg: float) -> Array:
    """As an autopilot states it: forward, right, down into north, east, down."""
    return quaternion_from_rpy(*np.radians([roll_deg, pitch_deg, heading_deg]))


@pytest.mark.parametrize(
    ("attitude", "forward", "left"),
    [
        ((0, 0, 0), (0, 1, 0), (-1, 0, 0)),  # level, to the north: left is west
        ((0, 0, 90), (1, 0, 0), (0, 1, 0)),  # to the east: left is north
        ((0, 0, 180), (0, -1, 0), (1, 0, 0)),
        ((0, 30, 0), (0, np.cos(np.pi / 6), 0.5), (-1, 0, 0)),  # nose up
        ((30, 0, 0), (0, 1, 0), (-np.cos(np.pi / 6), 0, 0.5)),  # right wing down, left one up
    ],
)
def test_an_autopilots_attitude_in_the_words_of_ros(
    attitude: tuple[float, float, float], forward: ArrayLike, left: ArrayLike
) -> None:
    turn = rotation_matrix(enu_flu_from_ned_frd(aircraft_attitude(*attitude)))
    assert turn @ (1, 0, 0) == pytest.approx(np.array(forward, float), abs=1e-12)
    assert turn @ (0, 1, 0) == pytest.approx(np.array(left, float), abs=1e-12)


@given(attitudes, st.tuples(*[st.floats(-100, 100)] * 3))
def test_a_vector_of_the_body_is_the_same_in_both(
    rpy: tuple[float, float, float], frd: tuple[float, float, float]
) -> None:
    """Turned into the world and renamed, or renamed and turned."""
    ned_from_frd = quaternion_from_rpy(*rpy)
    in_ned = rotation_matrix(ned_from_frd) @ frd
    flu = (frd[0], -frd[1], -frd[2])
    in_enu = rotation_matrix(enu_flu_from_ned_frd(ned_from_frd)) @ flu
    assert enu_from_ned(in_ned) == pytest.approx(in_enu, abs=1e-9)


@given(attitudes)
def test_the_way_from_ned_is_the_way_back(rpy: tuple[float, float, float]) -> None:
    attitude = quaternion_from_rpy(*rpy)
    assert enu_flu_from_ned_frd(enu_flu_from_ned_frd(attitude)) == pytest.approx(attitude)
    assert np.linalg.norm(enu_flu_from_ned_frd(attitude)) == pytest.approx(1.0)
    assert enu_from_ned(enu_from_ned(attitude[:3])) == pytest.approx(attitude[:3])


@given(attitudes, attitudes)
def test_turning_by_a_product_is_turning_twice(
    a: tuple[float, float, float], b: tuple[float, float, float]
) -> None:
    qa, qb = quaternion_from_rpy(*a), quaternion_from_rpy(*b)
    both = rotation_matrix(qa) @ rotation_matrix(qb)
    assert rotation_matrix(multiply(qa, qb)) == pytest.approx(both, abs=1e-9)


def test_a_camera_that_is_pitched_down_is_the_one_that_looks_down() -> None:
    down = mounting((0, 0, 0), (0, np.pi / 2, 0))
    assert np.array_equal(down.base_from_optical, BASE_FROM_OPTICAL_NADIR)
    ahead = mounting((0.1, 0.0, -0.05), (0, 0, 0))
    assert ahead.base_from_optical @ (0, 0, 1) == pytest.approx((1, 0, 0))  # forward
    assert ahead.base_from_optical @ (1, 0, 0) == pytest.approx((0, -1, 0))  # right
    assert ahead.position_m == (0.1, 0.0, -0.05)
