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

"""The pose at a frame's instant: exact, between two, near enough, or none."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_infer.domain import Pose
from edge_infer.errors import PoseError
from edge_infer.geometry import quaternion_from_rpy
from edge_infer.perception.poses import MOST, PoseBuffer

MS = 1_000_000


def pose(stamp_ms: int, x: float = 0.0, yaw: float = 0.0) -> Pose:
    q = quaternion_from_rpy(0.0, 0.0, yaw)
    return Pose(stamp_ms * MS, (x, 0.0, 20.0), (q[0], q[1], q[2], q[3]), (0.1, 0.2, 0.3))


def buffer(*poses: Pose) -> PoseBuffer:
    made = PoseBuffer(tolerance_s=0.1)
    for item in poses:
        made.add(item)
    return made


def test_the_exact_pose_is_taken_as_it_is() -> None:
    exact = pose(100, x=3.0)
    assert buffer(pose(50), exact, pose(150)).at(100 * MS) is exact


@given(st.floats(0, 1), st.floats(-3, 3))
def test_between_two_poses_it_is_interpolated(share: float, turn: float) -> None:
    stamp_ns = round(100 * MS + share * 100 * MS)
    found = buffer(pose(100, x=0.0), pose(200, x=10.0, yaw=turn)).at(stamp_ns)
    assert found is not None
    assert found.position_m[0] == pytest.approx(10 * share, abs=1e-6)
    z, w = found.orientation_xyzw[2:]
    yaw = 2 * math.atan2(z, w)
    assert abs(math.remainder(yaw - share * turn, 2 * math.pi)) < 0.15
    assert found.stamp_ns == stamp_ns


def test_the_order_of_arrival_does_not_matter() -> None:
    found = buffer(pose(200, x=10.0), pose(100, x=0.0)).at(150 * MS)
    assert found is not None
    assert found.position_m[0] == pytest.approx(5.0)


@pytest.mark.parametrize(("at_ms", "found"), [(299, True), (301, False), (1, True), (0, False)])
def test_outside_only_what_is_near_enough_counts(at_ms: int, found: bool) -> None:
    poses = buffer(pose(101), pose(199))
    assert (poses.at(at_ms * MS) is not None) is found


def test_a_gap_in_the_poses_is_not_bridged() -> None:
    assert buffer(pose(0), pose(1000)).at(500 * MS) is None


def test_an_empty_buffer_has_no_pose() -> None:
    assert buffer().at(0) is None


def test_old_poses_are_forgotten() -> None:
    poses = buffer(*(pose(ms) for ms in range(0, 15_100, 100)))
    assert poses.at(4800 * MS) is None
    assert poses.at(5000 * MS) is not None


def test_the_poses_of_a_slow_frame_are_there_at_any_rate() -> None:
    poses = buffer(*(pose(ms) for ms in range(0, 4 * MOST, 2)))
    assert poses.at(2 * MOST * MS) is not None
    assert poses.at((2 * MOST - 200) * MS) is None


def test_a_clock_that_is_set_back_leaves_nothing_of_what_was_to_come() -> None:
    poses = buffer(*(pose(ms) for ms in range(100_000, 105_000, 50)), pose(1000, x=7.0))
    assert poses.newest == pose(1000, x=7.0)
    assert poses.at(104_000 * MS) is None


@pytest.mark.parametrize(
    ("stamps_ms", "sentence"),
    [
        ([], "no pose has come: check its topic"),
        ([7000], "the latest is older by about 1 s"),
        ([7001, 12_900], "the latest is newer by about 1 s"),
    ],
)
def test_who_needs_a_pose_is_told_why_there_is_none(stamps_ms: list[int], sentence: str) -> None:
    poses = buffer(*(pose(ms) for ms in stamps_ms))
    with pytest.raises(PoseError, match=sentence):
        poses.need(10_000 * MS)


def test_the_same_problem_is_the_same_sentence() -> None:
    """Else every frame would have a line of its own in the log."""
    poses, sentences = buffer(pose(0)), set()
    for ms in range(4000, 5000, 33):
        with pytest.raises(PoseError) as caught:
            poses.need(ms * MS)
        sentences.add(str(caught.value))
    assert len(sentences) == 1
