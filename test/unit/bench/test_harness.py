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

"""The benchmarks' common part: figures, reports, the registry."""

import importlib.util
import io

import pytest
from rich.console import Console

from edge_infer.bench import harness
from edge_infer.bench.harness import Goal, Report
from edge_infer.errors import UsageError

REPORT = Report(
    "dds",
    [{"side": "ours", "median_ms": 0.25}, {"side": "theirs", "median_ms": 0.5}, {"lost": 0}],
    [Goal("median", 30.0, 20.0, "ms"), Goal("ratio", 2.0, None, "x", at_most=False)],
)


@pytest.mark.parametrize(
    ("value", "at_most", "met"),
    [(1.0, True, True), (2.0, True, True), (2.1, True, False), (2.0, False, True),
     (1.9, False, False), (None, True, None), (None, False, None)],
)  # fmt: skip
def test_a_goal_is_met_when_its_value_is_on_the_right_side(value, at_most, met):
    assert Goal("figure", 2.0, value, "ms", at_most).met is met


def test_a_report_carries_the_machine_the_command_and_every_goal():
    written = REPORT.to_json()
    assert set(written) == {"bench", "machine", "command", "rows", "goals"}
    assert written["command"] == "edge-infer bench dds --json"
    assert written["rows"][1] == {"side": "theirs", "median_ms": 0.5}
    assert written["machine"]["cpu"]
    assert written["machine"]["numpy"]
    assert written["goals"] == [
        {"name": "median", "goal": 30.0, "value": 20.0, "unit": "ms", "met": True},
        {"name": "ratio", "goal": 2.0, "value": None, "unit": "x", "met": None},
    ]


def test_the_table_shows_rows_of_each_kind_and_what_was_not_measured():
    out = io.StringIO()
    harness.print_table(REPORT, Console(file=out, width=120))
    shown = out.getvalue()
    assert all(word in shown for word in ("theirs", "0.5", "lost", "≥ 2 x", "not measured here"))


def test_durations_leave_the_warm_up_out():
    calls = []
    taken = harness.durations_ms(lambda: calls.append(1), repeats=5, warm_up=2)
    assert len(taken) == 5
    assert len(calls) == 7
    assert all(duration >= 0 for duration in taken)


def test_quantiles_of_known_values():
    assert harness.median([3, 1, 2]) == 2
    assert harness.quantile(range(101), 0.99) == pytest.approx(99)
    assert harness.rounded(1234.567) == 1230


def test_an_unknown_benchmark_is_a_users_mistake():
    with pytest.raises(UsageError, match="no benchmark 'speed'"):
        harness.run("speed")


@pytest.mark.parametrize("name", harness.BENCHES)
def test_every_registered_benchmark_is_a_module(name):
    assert importlib.util.find_spec(harness.BENCHES[name]) is not None
