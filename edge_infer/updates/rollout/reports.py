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

"""What drones tell about updates: how far they are, and how the model does that they run.

Both are told again and again and may be lost, repeated or late. Nothing in them is
signed, so nothing in them is believed before it has been checked: ``flaw`` says what a
report cannot mean.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from edge_infer.metrics import BUCKETS
from edge_infer.updates.release import UpdateState

SCORE_BINS = 20
"""Of equal width, from 0 to 1."""
MOST_COUNT = 1 << 53
"""Beyond it a counter is no count: at 1000 a second it would take 285,000 years."""
MOST_BOOT = (1 << 32) - 1


@dataclass(frozen=True)
class HealthSample:
    """How a model has done on one drone since it began to serve there.

    Counters only rise for one (drone, boot, digest); where one falls, the detector began
    again. (edge_infer_msgs/msg/ModelHealth)

    Attributes:
        drone: its name.
        boot: number of its start.
        digest: SHA-256 of the serving model's manifest.
        release: its number.
        frames: that it looked at, failed ones among them.
        failed: frames that no engine could do.
        latency: of a frame, counts in the buckets of ``metrics.Histogram``; trailing
            zeros may be left out.
        scores: (20,) detections by score, in steps of 0.05.
        refused_digest: the model that could not be loaded last; empty for none.
        message: why.
    """

    drone: str
    boot: int
    digest: str
    release: int
    frames: int
    failed: int
    latency: Sequence[int]
    scores: Sequence[int]
    refused_digest: str = ""
    message: str = ""

    @property
    def flaw(self) -> str:
        """Why it cannot be meant; empty when it can."""
        if not self.drone or not _is_count(self.boot, MOST_BOOT):
            return "it does not say whose it is"
        if len(self.latency) > BUCKETS or len(self.scores) != SCORE_BINS:
            return "a histogram has another length"
        counters = (self.frames, self.failed)
        if not all(map(_is_count, counters)) or not _are_counts(self.latency, self.scores):
            return "a counter is no count"
        if self.failed + sum(self.latency) > self.frames:
            return "it counts more than the frames that it looked at"
        return ""


@dataclass(frozen=True)
class DroneReport:
    """How far a drone is with a release. (edge_infer_msgs/msg/UpdateStatus).

    Attributes:
        drone: its name.
        boot: number of its start.
        hardware: kind of machine.
        state: of its updater.
        model: name of the running model.
        running_release: number of the running one; 0 when unknown.
        running_digest: SHA-256 of its manifest; empty when unknown.
        wanted_release: that it fetches, holds ready or tries; 0 for none.
        wanted_digest: likewise.
        progress: of the download, 0..1.
        message: why, where something failed or was refused.
        installs, rollbacks, refusals: since this start.
    """

    drone: str
    boot: int
    hardware: str
    state: UpdateState
    model: str = ""
    model_version: str = ""
    running_release: int = 0
    running_digest: str = ""
    wanted_release: int = 0
    wanted_digest: str = ""
    progress: float = 0.0
    message: str = ""
    installs: int = 0
    rollbacks: int = 0
    refusals: int = 0

    @property
    def flaw(self) -> str:
        """Why it cannot be meant; empty when it can."""
        if not self.drone or not _is_count(self.boot, MOST_BOOT):
            return "it does not say whose it is"
        if not isinstance(self.state, UpdateState):
            return "its state is not known"
        if not _is_count(self.running_release) or not _is_count(self.wanted_release):
            return "a release has no number"
        return ""


def _is_count(value: object, most: int = MOST_COUNT) -> bool:
    return isinstance(value, int) and 0 <= value <= most


def _are_counts(*rows: Sequence[int]) -> bool:
    for row in rows:
        try:
            counts = np.asarray(row)
        except (ValueError, OverflowError):
            return False
        if counts.size and not (
            counts.dtype.kind in "iu" and counts.min() >= 0 and counts.max() <= MOST_COUNT
        ):
            return False
    return True
