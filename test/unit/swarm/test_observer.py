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

"""What is counted survives a restart, and quantiles are those of all frames."""

from __future__ import annotations

import pytest

from edge_infer.metrics import Histogram
from edge_infer.swarm.observer import FleetObserver, NodeStatus, natural_key
from edge_infer.swarm.report import build_report


def status(stamp_s: float, durations: list[float] | None = None, **counters: int) -> NodeStatus:
    histogram = Histogram()
    for duration in durations or []:
        histogram.add(duration)
    return NodeStatus(round(stamp_s * 1e9), "embedded", counters, {"infer": histogram})


@pytest.fixture
def observer() -> FleetObserver:
    made = FleetObserver()
    made.on_status("drone_1", 1, "detector", status(1.0, [5.0] * 99, frames_received=10))
    made.on_status("drone_1", 1, "detector", status(2.0, [5.0] * 99, frames_received=20))
    made.on_status("drone_1", 2, "detector", status(9.0, [50.0], frames_received=3))
    made.on_status("drone_2", 1, "detector", status(2.0, [20.0] * 100, frames_received=7))
    return made


def test_a_newer_status_replaces_and_an_earlier_start_stays(observer: FleetObserver) -> None:
    assert observer.counter("frames_received", "drone_1") == 23
    assert observer.counter("frames_received") == 30
    assert observer.restarts("drone_1") == 1
    assert observer.restarts("drone_2") == 0


def test_quantiles_are_over_all_frames_of_all_drones(observer: FleetObserver) -> None:
    assert observer.durations("infer", "drone_1").quantile(0.5) == pytest.approx(5.0, rel=0.03)
    assert observer.durations("infer", "drone_1").quantile(1.0) == pytest.approx(50.0, rel=0.03)
    assert observer.durations("infer").quantile(0.9) == pytest.approx(20.0, rel=0.03)
    assert observer.durations("infer").total == 200
    assert observer.durations("unknown").quantile(0.5) is None


def test_the_frame_rate_is_that_between_the_last_two_words() -> None:
    observer = FleetObserver()
    for stamp_s, frames in ((1.0, 0), (2.0, 5), (4.0, 25)):
        observer.on_status("d", 1, "detector", status(stamp_s, frames_processed=frames))
    assert observer.frame_rates["d"].per_second == pytest.approx(10.0)
    observer.on_status("d", 2, "detector", status(5.0, frames_processed=1))
    assert observer.frame_rates["d"].per_second == pytest.approx(10.0)


def test_drones_are_listed_as_people_count() -> None:
    names = ["drone_10", "drone_2", "gateway", "drone_1"]
    assert sorted(names, key=natural_key) == ["drone_1", "drone_2", "drone_10", "gateway"]


def test_a_drone_that_never_spoke_is_in_the_report_with_nothing(observer: FleetObserver) -> None:
    report = build_report(observer, ["drone_1", "drone_3"], [], None, seed=3)
    silent = report["drones"][1]
    assert silent["name"] == "drone_3"
    assert silent["frames"] == {"received": 0, "processed": 0, "dropped": 0}
    assert silent["latency_ms"]["infer"] == {"p50": None, "p99": None, "count": 0}
    assert report["seed"] == 3
    assert report["truth"] is None
