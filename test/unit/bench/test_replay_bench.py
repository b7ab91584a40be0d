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

"""The benchmark of replays, in small."""

from __future__ import annotations

import pytest

from edge_infer.bench import replay


def test_all_sides_are_measured_and_every_goal_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    small = {"LONG_S": 3, "SHORT_S": 3, "REPEATS": 1, "RATES": (20.0, None)}
    for name, value in small.items():
        monkeypatch.setattr(replay, name, value)
    report = replay.run(lambda _: None)
    speeds = [row for row in report.rows if "times real time" in row]
    assert [row["seconds of flight"] for row in speeds] == [3] * 4
    rates = [row["rate"] for row in report.rows if "rate" in row]
    assert rates == [20.0, "as fast as possible"]
    speed, digests, damage = report.goals
    assert speed.value == speeds[0]["times real time"] > 0
    assert (digests.value, digests.met) == (1, True)
    assert (damage.value, damage.met) == (0, True)
    broken = {row["bag"]: row for row in report.rows if "said" in row}
    assert 0 < broken["cut off in the middle"]["messages played"] < 45
    assert "is a bag of ROS 1" in str(broken["a bag of ROS 1"]["said"])
