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

"""The benchmark of fusion, small: scenes as described, matching as defined, every way reported."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise, permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_infer.bench.fusion import REFINED, by_arrival, interval, measure
from edge_infer.bench.fusion_scene import (
    NOTHING,
    Conditions,
    Scene,
    centres,
    draw,
    f1,
    matches,
    pair_f1,
)
from edge_infer.domain import SightingId
from edge_infer.fleet.refined.refine import refine

POINTS = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), max_size=5)


def test_a_scene_is_the_same_for_the_same_seed() -> None:
    conditions = Conditions(1.0, 0.75)
    one, again, other = (draw(conditions, seed) for seed in (7, 7, 8))
    assert one.sightings == again.sightings
    assert one.sightings != other.sightings
    assert len({s.id for s in one.sightings}) == len(one.sightings)


def test_neighbours_are_two_to_twelve_metres_apart_and_seen_often() -> None:
    scene = draw(Conditions(1.0, 0.75), 3)
    apart = np.hypot(*(scene.things_m[:, None] - scene.things_m[None]).transpose(2, 0, 1))
    np.fill_diagonal(apart, np.inf)
    assert apart.min() > 1.9
    assert apart.min(axis=1).max() <= 12.0
    assert len(scene.sightings) > 10 * len(scene.things_m)
    assert len({s.id.source for s in scene.sightings}) == 6


def test_without_noise_the_offset_is_all_that_is_wrong() -> None:
    scene = draw(Conditions(2.0, 1.0), 5)
    places = Counter((s.id.source, s.x_mm, s.y_mm) for s in scene.sightings)
    assert len(places) <= 6 * len(scene.things_m)
    assert {s.covariance_m2 for s in scene.sightings} == {(4.0, 0.0, 4.0)}


def most_matches(truth: list[tuple[int, int]], found: list[tuple[int, int]]) -> tuple[int, float]:
    """By trying all: how many pairs lie within 3, and the least sum of their distances."""
    few, many = sorted((truth, found), key=len)
    tried = []
    for some in permutations(many, len(few)):
        apart = [float(np.hypot(a[0] - b[0], a[1] - b[1])) for a, b in zip(few, some, strict=True)]
        near = [d for d in apart if d <= 3.0]
        tried.append((-len(near), sum(near)))
    count, total = min(tried)
    return -count, total


@given(POINTS, POINTS)
def test_the_matching_is_the_best_there_is(
    truth: list[tuple[int, int]], found: list[tuple[int, int]]
) -> None:
    arrays = [np.array(points, float).reshape(-1, 2) for points in (truth, found)]
    paired = matches(arrays[0], arrays[1], 3.0)
    count, total = most_matches(truth, found)
    assert len(paired) == count
    assert sum(paired) == pytest.approx(total, abs=0.01)


def test_f1_counts_what_is_missed_and_what_is_too_much() -> None:
    truth = np.array([[0.0, 0.0], [10.0, 0.0]])
    assert f1(truth, truth, 3.0) == 1.0
    assert f1(truth, truth[:1], 3.0) == pytest.approx(2 / 3)
    assert f1(truth, np.array([[0.0, 1.0], [0.0, 2.0], [10.0, 4.0]]), 3.0) == pytest.approx(2 / 5)
    assert f1(truth, np.empty((0, 2)), 3.0) == 0.0


def test_pairs_count_every_sighting_and_false_alarms_belong_nowhere() -> None:
    a, b, c, d = (SightingId("a", 1, k) for k in range(4))
    truth = {a: 0, b: 0, c: 1, d: NOTHING}
    assert pair_f1(truth, [[a, b], [c], [d]]) == 1.0
    assert pair_f1(truth, [[a, b, c], [d]]) == pytest.approx(2 / 4)
    assert pair_f1(truth, [[a], [b], [c, d]]) == 0.0


def test_false_alarms_and_narrow_frames_do_what_they_say() -> None:
    usual = draw(Conditions(1.0, 0.75), 2)
    assert NOTHING not in usual.truth.values()
    alarmed = draw(Conditions(1.0, 0.75, alarms=0.1), 2)
    share = Counter(alarmed.truth.values())[NOTHING] / len(alarmed.truth)
    assert 0.05 < share < 0.15
    narrow = draw(Conditions(1.0, 0.75, frame_m=8.0), 2)
    assert together(usual) == 40
    assert together(narrow) < 35


def together(scene: Scene) -> int:
    """How many of the pairs some frame shows as a pair."""
    frames: dict[tuple[str, int], set[int]] = {}
    for s in scene.sightings:
        frames.setdefault((s.id.source, s.frame), set()).add(scene.truth[s.id])
    return sum(any({2 * k, 2 * k + 1} <= seen for seen in frames.values()) for k in range(40))


def test_numbers_say_nothing_of_what_was_seen() -> None:
    scene = draw(Conditions(1.0, 0.75), 4)
    in_order = sorted(scene.sightings, key=lambda s: s.id)
    follow = [
        scene.truth[a.id] < scene.truth[b.id]
        for a, b in pairwise(in_order)
        if (a.id.source, a.frame) == (b.id.source, b.frame)
    ]
    assert 0.4 < sum(follow) / len(follow) < 0.6


def test_many_drones_do_not_split_what_they_see() -> None:
    scene = draw(Conditions(2.0, 0.75, drones=20), 1)
    assert len(refine(scene.sightings).groups) == len(scene.things_m)


def test_noise_points_make_no_centre() -> None:
    points = np.array([[0.0, 0.0], [2.0, 0.0], [50.0, 0.0]])
    assert centres(points, [0, 0, -1]).tolist() == [[1.0, 0.0]]


def test_by_arrival_depends_on_the_order() -> None:
    scene = draw(Conditions(1.5, 0.5), 1)
    forward, backward = by_arrival(scene.sightings), by_arrival(scene.sightings[::-1])
    assert {tuple(p) for p in forward.tolist()} != {tuple(p) for p in backward.tolist()}


def test_the_interval_holds_the_mean_and_is_frozen() -> None:
    values = [0.9, 0.95, 1.0, 0.97]
    low, high = interval(values)
    assert low < np.mean(values) < high
    assert interval(values) == (low, high)
    assert interval([1.0, 1.0]) == (1.0, 1.0)


def test_the_report_has_every_way_and_every_goal() -> None:
    told: list[str] = []
    report = measure((Conditions(2.0, 0.75),), (Conditions(1.0, 0.0),), (1,), told.append)
    ways = {row["way"] for row in report.rows if row["sigma m"] == 2.0}
    assert {
        REFINED,
        "arrival order, 5 m",
        "5 m radius",
        "5 m radius, same frame apart",
        "5 m radius, other class 1.5 m more",
        "99 % gate, same frame apart",
        "99 % gate, other class 1.5 m more",
    } <= ways
    assert [(goal.goal, goal.value is None) for goal in report.goals] == [
        (0.97, True),
        (0.98, False),
    ]
    refined = {row["sigma m"]: row for row in report.rows if row["way"] == REFINED}
    assert refined[2.0]["F1"] == report.goals[1].value
    assert refined[2.0]["F1"] > 0.95
    assert any("scene 1 of 1" in line for line in told)
