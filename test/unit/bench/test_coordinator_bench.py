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

"""The benchmark of the coordinator, small: all ways do the same work, and the report says what."""

from __future__ import annotations

import pytest

from edge_infer.bench.coordinator import Sizes, _queue, measure
from edge_infer.bench.fleet_load import scene, schedule
from edge_infer.bench.harness import Report
from edge_infer.bench.merging import OURS, THEIRS, WIRE

SMALL = Sizes(
    swarm=(3, 10, 2.0),
    fleet=(20, 5, 1.0),
    known=(100, 400),
    passed=(300, 900),
    kept=100,
    merged=200,
    repeats=1,
)


@pytest.fixture(scope="module")
def report() -> Report:
    return measure(SMALL, lambda _: None)


def test_every_way_ends_with_all_sightings(report: Report) -> None:
    pytest.importorskip("pycrdt", reason="the comparison needs pycrdt, which is not installed")
    merged = {row["way"]: row for row in report.rows if "way" in row}
    assert set(merged) == {OURS, WIRE, THEIRS}
    assert all(row["complete"] for row in merged.values())


def test_the_coordinator_took_in_what_was_sent(report: Report) -> None:
    swarm, fleet = (row for row in report.rows if "load" in row)
    assert swarm["known"] == sum(a.sightings for a in schedule(*SMALL.swarm))
    assert fleet["known"] == sum(a.sightings for a in schedule(*SMALL.fleet))
    assert 0 < swarm["targets"] < swarm["known"]
    assert 0 < swarm["p50 ms"] <= swarm["p99 ms"] <= swarm["max ms"]


def test_what_has_passed_is_forgotten(report: Report) -> None:
    rows = [row for row in report.rows if "passed" in row]
    assert [row["passed"] for row in rows] == [300, 900]
    assert all(row["known still"] < 2 * SMALL.kept for row in rows)


def test_every_goal_has_a_figure(report: Report) -> None:
    assert len(report.goals) == 8
    assert all(goal.value is not None for goal in report.goals)


def test_who_comes_while_the_server_is_busy_waits() -> None:
    latencies_ms, busy_s = _queue(
        [(0.0, 0.5, True), (0.1, 0.2, False), (0.1, 0.1, True), (2.0, 0.25, True)]
    )
    assert latencies_ms == pytest.approx([500.0, 700.0, 250.0])
    assert busy_s == pytest.approx(1.05)


def test_a_scene_goes_on_as_dense_as_it_began() -> None:
    some = list(scene(40_000))
    assert len({one.id for one in some}) == 40_000
    west = [one for one in some if one.x_mm < 500_000]
    span_mm = max(one.x_mm for one in some)
    assert len(west) / 500_000 == pytest.approx(len(some) / span_mm, rel=0.05)
