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

"""Frames that were sent and answered, in the words of NVIDIA's ros2_benchmark.

Names and meanings are those of its BasicPerformanceMetrics with keys matched, release 3.x
(https://github.com/NVIDIA-ISAAC-ROS/ros2_benchmark), so that figures can be laid side by
side. What it concludes from several runs, each without its best and its worst, is not done
here: a benchmark of ours gives one row per turn.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

_NS_PER_MS = 1e6


def metrics(sent_ns: Mapping[int, int], received_ns: Mapping[int, int]) -> dict[str, float]:
    """The figures of one run, milliseconds and frames per second.

    Args:
        sent_ns: key of each frame -> when it was sent, in this order.
        received_ns: key of each answer -> when it came, in this order; keys that were not
            sent do not count.

    Returns:
        What can be said: of no answer nothing but how many are missing, of two no jitter.
    """
    received = {key: at for key, at in received_ns.items() if key in sent_ns}
    sent = np.array([*sent_ns.values()]) / _NS_PER_MS
    came = np.array([*received.values()]) / _NS_PER_MS
    found: dict[str, float] = {
        "# of Frames Sent": len(sent),
        "# of Missed Frames": len(sent) - len(came),
    }
    if len(sent) > 1:
        found["Mean Playback Frame Rate (fps)"] = _rate(sent)
    if not len(came):
        return found
    found["First Sent to First Received Latency (ms)"] = came[0] - sent[0]
    found["Last Sent to Last Received Latency (ms)"] = came[-1] - sent[-1]
    ages = [(at - sent_ns[key]) / _NS_PER_MS for key, at in received.items()]
    found["First Frame End-to-end Latency (ms)"] = ages[0]
    found["Last Frame End-to-end Latency (ms)"] = ages[-1]
    found["Max. End-to-End Latency (ms)"] = max(ages)
    found["Min. End-to-End Latency (ms)"] = min(ages)
    found["Mean End-to-End Latency (ms)"] = float(np.mean(ages))
    found["Delta between First & Last Received Frames (ms)"] = came[-1] - came[0]
    if len(came) > 1:
        found["Mean Frame Rate (fps)"] = _rate(came)
    if len(came) > 2:
        jitter = np.abs(np.diff(np.diff(came)))
        found["Max. Frame-to-Frame Jitter (ms)"] = jitter.max()
        found["Min. Frame-to-Frame Jitter (ms)"] = jitter.min()
        found["Mean Frame-to-Frame Jitter (ms)"] = jitter.mean()
        found["Frame-to-Frame Jitter Std. Deviation (ms)"] = jitter.std()
    return {name: float(value) for name, value in found.items()}


def _rate(times_ms: np.ndarray[tuple[int], np.dtype[np.float64]]) -> float:
    """Frames, not periods, by the time from the first to the last, as ros2_benchmark counts."""
    return float(len(times_ms) / (times_ms[-1] - times_ms[0]) * 1e3)
