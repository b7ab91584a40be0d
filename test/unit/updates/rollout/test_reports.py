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

"""What drones tell is checked before it counts, and counters become increments."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from edge_infer.metrics import BUCKETS, Histogram
from edge_infer.updates.release import UpdateState
from edge_infer.updates.rollout.reference import HealthLog, Reference
from edge_infer.updates.rollout.reports import SCORE_BINS, DroneReport, HealthSample

NONE = (0,) * SCORE_BINS
SAMPLE = HealthSample("drone_1", 1, "aa", 5, 10, 1, (0, 4, 5), (*NONE[:-1], 7))
REPORT = DroneReport("drone_1", 1, "x86_64", UpdateState.STAGED)


def test_what_makes_sense_has_no_flaw() -> None:
    assert SAMPLE.flaw == ""
    assert REPORT.flaw == ""
    assert replace(SAMPLE, latency=np.array([0, 4, 5], np.uint32)).flaw == ""


@pytest.mark.parametrize(
    ("changes", "flaw"),
    [
        ({"drone": ""}, "whose"),
        ({"boot": -1}, "whose"),
        ({"boot": 1 << 40}, "whose"),
        ({"frames": float("nan")}, "no count"),
        ({"frames": -1}, "no count"),
        ({"frames": 1 << 60}, "no count"),
        ({"failed": 1.5}, "no count"),
        ({"latency": (float("nan"),)}, "no count"),
        ({"latency": (-1, 2)}, "no count"),
        ({"latency": (1 << 70,)}, "no count"),
        ({"latency": ("a",)}, "no count"),
        ({"latency": ((1, 2), (3,))}, "no count"),
        ({"latency": (0,) * (BUCKETS + 1)}, "length"),
        ({"scores": NONE[1:]}, "length"),
        ({"scores": (-1, *NONE[1:])}, "no count"),
        ({"latency": (11,)}, "more than the frames"),
        ({"failed": 11, "latency": ()}, "more than the frames"),
    ],
)
def test_a_sample_that_cannot_be_meant_is_left_out(changes: dict[str, Any], flaw: str) -> None:
    sample = replace(SAMPLE, **changes)
    assert flaw in sample.flaw
    assert HealthLog().take(sample) is None


@pytest.mark.parametrize(
    "changes", [{"drone": ""}, {"boot": -1}, {"state": "FLYING"}, {"running_release": -1}]
)
def test_a_report_that_cannot_be_meant_says_so(changes: dict[str, Any]) -> None:
    assert replace(REPORT, **changes).flaw


# --- increments ------------------------------------------------------------------------


def test_an_increment_is_what_came_in_between() -> None:
    log = HealthLog()
    first = log.take(SAMPLE)
    assert first is not None
    assert (first.frames, first.failed, first.is_first) == (10, 1, True)
    later = replace(SAMPLE, frames=14, latency=(0, 4, 8, 1), scores=(2, *NONE[1:-1], 9))
    second = log.take(later)
    assert second is not None
    assert (second.frames, second.failed, second.is_first, second.broke_off) == (4, 0, False, "")
    assert second.latency[:4].tolist() == [0, 0, 3, 1]
    assert second.scores.tolist() == [2, *NONE[1:-1], 2]
    assert second.rate == 1.0


@pytest.mark.parametrize(
    ("changes", "broke_off"),
    [
        ({"frames": 2, "failed": 0, "latency": (0, 2), "scores": NONE}, "aa"),
        ({"boot": 2, "frames": 2, "failed": 0, "latency": (0, 2), "scores": NONE}, "aa"),
        ({"boot": 2, "digest": "bb"}, "aa"),
        ({"digest": "bb"}, ""),
    ],
    ids=["the detector began again", "the drone began again", "with another model", "a swap"],
)
def test_counters_begin_again(changes: dict[str, Any], broke_off: str) -> None:
    log = HealthLog()
    log.take(SAMPLE)
    sample = replace(SAMPLE, **changes)
    increment = log.take(sample)
    assert increment is not None
    assert increment.is_first
    assert increment.broke_off == broke_off
    assert increment.frames == sample.frames


def test_an_earlier_start_changes_nothing() -> None:
    log = HealthLog()
    log.take(replace(SAMPLE, boot=3))
    assert log.take(replace(SAMPLE, boot=2, frames=99)) is None
    again = log.take(replace(SAMPLE, boot=3))
    assert again is not None
    assert again.frames == 0


# --- what is usual ------------------------------------------------------------------------


def taken(durations_ms: list[float], scores: tuple[int, ...] = NONE) -> Reference:
    reference = Reference(1000)
    histogram = Histogram()
    for each in durations_ms:
        histogram.add(each)
    sample = replace(
        SAMPLE, frames=len(durations_ms), failed=0, latency=histogram.trimmed(), scores=scores
    )
    increment = HealthLog().take(sample)
    assert increment is not None
    reference.take(increment)
    return reference


def test_the_usual_latency_is_the_quantile() -> None:
    reference = taken([10.0] * 9 + [100.0])
    assert reference.latency_ms(0.5) == pytest.approx(10, rel=0.05)
    assert reference.latency_ms(0.99) == pytest.approx(100, rel=0.05)
    assert reference.slower_share(reference.bucket(0.5) + 1) == pytest.approx(0.1)


def test_nothing_is_known_at_first() -> None:
    reference = Reference(1000)
    assert (reference.bucket(0.5), reference.rate, reference.mean_score) == (0, 0.0, 0.0)
    assert (reference.failed_share, reference.usual_rate(0.95)) == (0.0, 0.0)
    assert reference.empty_share(after_empty=True) == 0.625


def test_old_frames_fade() -> None:
    reference = taken([10.0] * 1000)
    for _ in range(5):
        histogram = Histogram()
        for _ in range(1000):
            histogram.add(40.0)
        increment = HealthLog().take(
            replace(SAMPLE, frames=1000, failed=0, latency=histogram.trimmed(), scores=NONE)
        )
        assert increment is not None
        reference.take(increment)
    assert reference.frames == pytest.approx(1000)
    assert reference.latency_ms(0.1) == pytest.approx(40, rel=0.05)


def test_an_empty_place_lasts_and_that_is_learnt() -> None:
    reference = Reference(1000)
    for _ in range(20):
        for before, rate in ((1.0, 2.0), (2.0, 0.0), (0.0, 0.0), (0.0, 0.0), (0.0, 1.0)):
            reference.follow(before, rate)
    assert reference.empty_share(after_empty=True) == pytest.approx(0.69, abs=0.02)
    assert reference.empty_share(after_empty=False) == pytest.approx(0.54, abs=0.02)


def test_usual_scores_leave_the_tails_out() -> None:
    scores = [0] * SCORE_BINS
    scores[2], scores[10], scores[19] = 1, 98, 1
    assert taken([10.0] * 100, tuple(scores)).usual_scores(0.05) == (10, 10)
