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

"""The benchmark of updates: what it makes of what was measured."""

from __future__ import annotations

from edge_infer.bench.update import Tally, goals


def test_goals_compare_a_transfer_with_none() -> None:
    ours = Tally([1.02, 1.05, 1.01], [2.1, 2.2, 2.0], quiet_ms=[1.0] * 100, busy_ms=[1.05] * 100)
    few = Tally([9.0], [9.0], quiet_ms=[1.0] * 100, busy_ms=[1.2] * 100)
    found = goals([(2, few), (20, ours)])
    assert [goal.value for goal in found] == [1.02, 2.1, 20.0, 5.0]
    assert [goal.met for goal in found] == [True, True, False, True]


def test_what_is_missing_says_so_in_its_row() -> None:
    row = Tally(problem="there is no mosquitto").row("mqtt", 20)
    assert row["way"] == "one message over MQTT (not measured: there is no mosquitto)"
    assert row["all have it after s"] is None
    assert row.keys() == Tally([1.0], [2.0], [1.0], [1.0]).row("multicast", 20).keys()
