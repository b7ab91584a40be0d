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

"""What drones told lately, so that a rollout has something to compare with when it begins.

Of each drone what its present model did: what another one did before says nothing of what a
new one should be compared with.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from edge_infer.updates.rollout.reports import DroneReport, HealthSample
from edge_infer.updates.rollout.rollout import Rollout

KEEP_S = 60.0


@dataclass
class _Told:
    """By one drone.

    Attributes:
        heard_s: when it told something last.
        report: the newest, and when it came.
        samples: in their order, each with the time at which it came.
    """

    heard_s: float = 0.0
    report: tuple[DroneReport, float] | None = None
    samples: deque[tuple[HealthSample, float]] = field(default_factory=deque)


class FleetMemory:
    """Remembers what a fleet tells.

    Args:
        keep_s: for how long; who is silent for longer is forgotten.
    """

    def __init__(self, keep_s: float = KEEP_S) -> None:
        self._keep_s = keep_s
        self._told: dict[str, _Told] = {}

    def on_report(self, report: DroneReport, now_s: float) -> None:
        """A drone told how far it is; what cannot be meant is ignored."""
        if report.flaw:
            return
        self._of(report.drone, now_s).report = report, now_s

    def on_health(self, sample: HealthSample, now_s: float) -> None:
        """A drone told how its model does; what cannot be meant is ignored."""
        if sample.flaw:
            return
        samples = self._of(sample.drone, now_s).samples
        if samples and samples[-1][0].digest != sample.digest:
            samples.clear()
        samples.append((sample, now_s))
        while samples[0][1] < now_s - self._keep_s:
            samples.popleft()

    def tell(self, rollout: Rollout) -> None:
        """Let a rollout hear all of it, as if it had been there."""
        for told in self._told.values():
            if told.report is not None:
                rollout.on_report(*told.report)
        heard = [each for told in self._told.values() for each in told.samples]
        for sample, heard_s in sorted(heard, key=lambda each: each[1]):
            rollout.on_health(sample, heard_s)

    def _of(self, drone: str, now_s: float) -> _Told:
        """What a drone told; who was silent for the longest time comes first."""
        told = self._told.pop(drone, None) or _Told()
        told.heard_s = now_s
        self._told[drone] = told
        while self._told[first := next(iter(self._told))].heard_s < now_s - self._keep_s:
            del self._told[first]
        return told
