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

"""The tree of frames: where one is in another, at an instant, or which link is missing."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_infer.domain import Pose
from edge_infer.errors import PoseError
from edge_infer.geometry import quaternion_from_rpy, rotation_matrix
from edge_infer.perception.transforms import IDENTITY, TransformBuffer, compose, inverse

MS = 1_000_000
numbers = st.floats(-50, 50)
turns = st.tuples(st.floats(-3, 3), st.floats(-1.5, 1.5), st.floats(-3, 3))


def pose(x: float = 0.0, y: float = 0.0, z: float = 0.0, yaw: float = 0.0, ms: int = 0) -> Pose:
    q = quaternion_from_rpy(0.0, 0.0, yaw)
    return Pose(ms * MS, (x, y, z), (q[0], q[1], q[2], q[3]))


def drone() -> TransformBuffer:
    """map -> odom -> base_link move, base_link -> gimbal -> camera stand still."""
    tree = TransformBuffer(tolerance_s=0.1)
    for ms in (100, 200):
        tree.add("map", "odom", pose(x=100.0, ms=ms))
        tree.add("odom", "base_link", pose(y=ms / 10, yaw=np.pi / 2, ms=ms))
    tree.add("base_link", "gimbal", pose(z=-0.1), is_static=True)
    tree.add("gimbal", "camera", pose(x=0.5), is_static=True)
    tree.add("base_link", "imu", pose(x=-1.0), is_static=True)
    return tree


def test_links_are_chained_and_interpolated() -> None:
    found = drone().at("map", "camera", 150 * MS)
    # The nose points north: half a metre ahead is north of the body, which is at 15 m.
    assert found.position_m == pytest.approx((100.0, 15.5, -0.1))
    assert found.stamp_ns == 150 * MS


def test_frames_on_two_branches_meet_at_their_common_parent() -> None:
    assert drone().at("imu", "camera", 0).position_m == pytest.approx((1.5, 0.0, -0.1))
    assert drone().at("camera", "camera", 0) == IDENTITY


def test_what_stands_still_has_no_time_and_what_moves_has() -> None:
    tree = drone()
    assert tree.at("base_link", "camera", 10**18).position_m == pytest.approx((0.5, 0.0, -0.1))
    assert tree.newest_ns("map", "camera") == 200 * MS
    assert tree.newest_ns("base_link", "camera") is None


@given(st.tuples(numbers, numbers, numbers), turns, st.tuples(numbers, numbers, numbers), turns)
def test_the_way_there_is_the_way_back(a, a_rpy, b, b_rpy) -> None:
    def made(position, rpy) -> Pose:
        q = quaternion_from_rpy(*rpy)
        return Pose(0, position, (q[0], q[1], q[2], q[3]))

    tree = TransformBuffer(0.1)
    tree.add("root", "a", made(a, a_rpy), is_static=True)
    tree.add("root", "b", made(b, b_rpy), is_static=True)
    there, back = tree.at("a", "b", 0), tree.at("b", "a", 0)
    round_trip = compose(there, back)
    assert round_trip.position_m == pytest.approx((0, 0, 0), abs=1e-9)
    assert rotation_matrix(round_trip.orientation_xyzw) == pytest.approx(np.eye(3), abs=1e-9)
    assert inverse(there).position_m == pytest.approx(back.position_m, abs=1e-9)


def test_a_slash_in_front_of_a_frame_says_nothing() -> None:
    assert drone().at("/map", "/camera", 150 * MS) == drone().at("map", "camera", 150 * MS)


@pytest.mark.parametrize("ms", [301, -1])
def test_nothing_is_extrapolated(ms: int) -> None:
    with pytest.raises(PoseError, match="no transform odom -> base_link near the frame's stamp"):
        drone().at("map", "camera", ms * MS)


def test_a_frame_that_nobody_publishes_is_named() -> None:
    with pytest.raises(PoseError, match=r"no frame 'lidar'.*base_link, camera, gimbal"):
        drone().at("map", "lidar", 150 * MS)
    with pytest.raises(PoseError, match=r"no frame 'map'.*none yet"):
        TransformBuffer(0.1).at("map", "camera", 0)


def test_two_trees_are_told_by_their_roots() -> None:
    tree = drone()
    tree.add("earth", "station", pose(), is_static=True)
    with pytest.raises(PoseError, match=r"no link between 'earth'.*'station', and 'map'.*'camera'"):
        tree.at("station", "camera", 150 * MS)


def test_a_frame_moves_to_another_parent() -> None:
    tree = drone()
    tree.add("map", "base_link", pose(x=7.0, ms=150))
    assert tree.at("map", "base_link", 150 * MS).position_m == pytest.approx((7.0, 0.0, 0.0))


def test_a_circle_is_no_way() -> None:
    tree = TransformBuffer(0.1)
    tree.add("a", "b", pose(), is_static=True)
    tree.add("b", "a", pose(), is_static=True)
    with pytest.raises(PoseError, match="no frame 'map'"):
        tree.at("map", "a", 0)


@pytest.mark.parametrize(
    "bad",
    [
        Pose(0, (np.nan, 0.0, 0.0), (0.0, 0.0, 0.0, 1.0)),
        Pose(0, (0.0, 0.0, 0.0), (0.0, 0.0, 0.0, 0.0)),
    ],
)
def test_what_is_no_transform_is_refused(bad: Pose) -> None:
    tree = drone()
    with pytest.raises(PoseError):
        tree.add("odom", "base_link", bad)
    with pytest.raises(PoseError, match="map -> map"):
        tree.add("map", "map", pose())
    assert tree.at("map", "camera", 150 * MS).position_m == pytest.approx((100.0, 15.5, -0.1))
