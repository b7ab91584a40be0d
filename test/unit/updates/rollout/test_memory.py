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

"""What is remembered of a fleet for a rollout that begins, and what is not."""

from __future__ import annotations

from edge_infer.bench.rollout_fleet import digest_of
from edge_infer.updates.release import Release, UpdateState
from edge_infer.updates.rollout.memory import FleetMemory
from edge_infer.updates.rollout.reports import SCORE_BINS, DroneReport, HealthSample
from edge_infer.updates.rollout.rollout import Rollout
from edge_infer.updates.rollout.waves import RolloutConfig

RELEASE = Release("solar", "6", 6, digest_of(6))
OLD, OTHER = digest_of(5), digest_of(4)


def fly(memory: FleetMemory, name: str, digest: str, seconds: range, per_frame: int = 1) -> None:
    """Ten frames a second, each with so many detections."""
    memory.on_report(DroneReport(name, 1, "x86_64", UpdateState.IDLE, "solar"), seconds[0])
    for count, second in enumerate(seconds, 1):
        scores = [0] * SCORE_BINS
        scores[15] = 10 * count * per_frame
        latency = (0, 0, 10 * count)
        memory.on_health(
            HealthSample(name, 1, digest, 5, 10 * count, 0, latency, scores), float(second)
        )


def begun(memory: FleetMemory, now_s: float) -> Rollout:
    rollout = Rollout(RELEASE, RolloutConfig(), now_s)
    memory.tell(rollout)
    rollout.start()
    return rollout


def old_rate(rollout: Rollout) -> float:
    """Detections per frame of the model that a new one is compared with."""
    (group,) = rollout.view.groups
    return next(each.old for each in group.figures if each.signal == "blind")


def test_a_rollout_that_begins_knows_the_old_model() -> None:
    memory = FleetMemory()
    for name in ("drone_1", "drone_2"):
        fly(memory, name, OLD, range(10))
    rollout = begun(memory, 10.0)
    rollout.on_report(
        DroneReport("drone_2", 1, "x86_64", UpdateState.STAGED, wanted_digest=RELEASE.digest), 10.0
    )
    decision = rollout.tick(10.2)
    assert decision is not None
    assert decision.drones == ("drone_2",)
    assert old_rate(rollout) == 1.0


def test_what_another_model_did_before_is_forgotten() -> None:
    memory = FleetMemory()
    fly(memory, "drone_1", OTHER, range(20), per_frame=30)
    fly(memory, "drone_1", OLD, range(20, 40))
    assert old_rate(begun(memory, 40.0)) == 1.0


def test_what_is_long_ago_and_who_is_silent_is_forgotten() -> None:
    memory = FleetMemory(keep_s=30.0)
    fly(memory, "drone_1", OLD, range(10))
    fly(memory, "drone_2", OLD, range(100))
    (group,) = begun(memory, 100.0).view.groups
    assert list(group.drones) == ["drone_2"]
    assert len(memory._told["drone_2"].samples) == 31
