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

"""The benchmark of rollouts, in a small size."""

from edge_infer.bench import harness
from edge_infer.bench.rollout import BAD, GOOD, Sizes, measure


def test_it_counts_what_became_of_each_rollout():
    report = measure(Sizes(seeds=2, rates_hz=(5.0,)), lambda _: None)
    good = [row for row in report.rows if "a good model" in row]
    bad = [row for row in report.rows if "a bad model" in row]
    assert [row["a good model"] for row in good] == list(GOOD)
    assert [row["a bad model"] for row in bad][: len(BAD)] == list(BAD)
    assert all(row["rollouts"] == 2 for row in report.rows)
    assert all(row["on the canary"] + row["later"] + row["missed"] == 2 for row in bad)
    assert all(row["aborted"] == 0 for row in good)
    assert {goal.name: goal.met for goal in report.goals}[
        "drones that install what they should not"
    ]
    assert "rollout" in harness.BENCHES
