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

"""Our figures in the words of ros2_benchmark, by hand."""

from __future__ import annotations

import pytest

from edge_infer.bench.ros2_benchmark import metrics

MS = 1_000_000
SENT = {key: 1000 * MS + key * 10 * MS for key in range(5)}


def test_a_run_by_hand() -> None:
    """Frame 2 is missed; the ages are 4, 6, 5 and 9 ms."""
    received = {key: SENT[key] + age * MS for key, age in ((0, 4), (1, 6), (3, 5), (4, 9))}
    found = metrics(SENT, received)
    assert found["# of Frames Sent"] == 5
    assert found["# of Missed Frames"] == 1
    assert found["Mean Playback Frame Rate (fps)"] == pytest.approx(5 / 0.040)
    assert found["Delta between First & Last Received Frames (ms)"] == pytest.approx(45)
    assert found["Mean Frame Rate (fps)"] == pytest.approx(4 / 0.045)
    assert found["Min. End-to-End Latency (ms)"] == pytest.approx(4)
    assert found["Max. End-to-End Latency (ms)"] == pytest.approx(9)
    assert found["Mean End-to-End Latency (ms)"] == pytest.approx(6)
    # Intervals 12, 19, 14: they change by 7 and 5.
    assert found["Max. Frame-to-Frame Jitter (ms)"] == pytest.approx(7)
    assert found["Min. Frame-to-Frame Jitter (ms)"] == pytest.approx(5)
    assert found["Mean Frame-to-Frame Jitter (ms)"] == pytest.approx(6)
    assert found["Frame-to-Frame Jitter Std. Deviation (ms)"] == pytest.approx(1)


def test_answers_to_what_was_not_sent_do_not_count() -> None:
    found = metrics(SENT, {99: 0, 1: SENT[1] + 3 * MS})
    assert found["# of Missed Frames"] == 4
    assert found["Mean End-to-End Latency (ms)"] == pytest.approx(3)
    assert "Mean Frame Rate (fps)" not in found


def test_no_answer_is_no_figure() -> None:
    assert metrics(SENT, {}) == {
        "# of Frames Sent": 5,
        "# of Missed Frames": 5,
        "Mean Playback Frame Rate (fps)": pytest.approx(125),
    }
