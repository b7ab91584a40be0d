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

"""The DDS benchmark on loads small enough for a test: every message arrives, goals have values."""

import pytest

pytest.importorskip("cyclonedds")

from edge_infer.bench import dds
from edge_infer.bench.dds import LOADS, OURS, PACKAGE, ROS, Load, Tally

SMALL = Load("4 kB", 4_000, 4, 0.001, 20, 0.5)


@pytest.mark.parametrize("way", [OURS, PACKAGE])
def test_a_pair_of_processes_counts_what_arrives(way):
    tally = Tally()
    with dds._pair(way) as pair:
        pair.measure(SMALL, 1.0, tally)
        pair.measure(SMALL, 0.5, tally)
    assert len(tally.one_way_ms) == 4 + 3
    assert all(0 < age_ms < 10_000 for age_ms in tally.one_way_ms)
    assert len(tally.rates_hz) == len(tally.cpu_us) == 2
    row = tally.row(way, SMALL)
    assert (row["size"], row["way"]) == ("4 kB", way)
    assert row["messages/s"] > 1


def tallies(**rates_hz):
    return {
        (way, load): Tally([2.0 if way == OURS else 5.0], [rates_hz[way]], [1.0])
        for way in rates_hz
        for load in LOADS
    }


def test_goals_compare_ours_with_each_of_the_others():
    found = {goal.name: goal for goal in dds.goals(tallies(embedded=90, rclpy=30, package=2))}
    assert [goal.value for goal in found.values()] == [0.4, 3.0, 45.0, 0.4]
    assert all(goal.met for goal in found.values())


def test_without_ros_its_goals_stand_there_without_a_value():
    found = dds.goals(tallies(embedded=90, package=30))
    assert [goal.value for goal in found] == [None, None, 3.0, None]
    assert [goal.met for goal in found] == [None, None, False, None]
    assert ROS in found[0].name
