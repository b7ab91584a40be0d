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

"""A simulated fleet under a rollout: drones that obey the decision and tell how they do.

Hard on the judge where real fleets are: what there is to see depends on the place and
lasts, drones differ in speed, and busy moments slow all of them down at once. No drone
watches its own trial, so that nobody but the judge stands in the way of a bad model.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from edge_infer.metrics import BUCKETS, FIRST_MS, GROWTH
from edge_infer.nodes.detector.look_back import APART_S, LEAST, MOST, comparison
from edge_infer.updates.release import Decision, Release, RolloutState, UpdateState
from edge_infer.updates.rollout.memory import FleetMemory
from edge_infer.updates.rollout.reports import SCORE_BINS, DroneReport, HealthSample
from edge_infer.updates.rollout.rollout import Rollout
from edge_infer.updates.rollout.waves import RolloutConfig

STEP_S = 0.5
REPORT_S = 2.0
"""Between two reports of a drone's updater."""


@dataclass(frozen=True)
class Behaviour:
    """What a model does, against the one before it.

    Attributes:
        slower: factor of its latency.
        failed: share of frames that no engine can do.
        seen: factor of what it finds.
        flood: detections per frame of what is not there.
        score: added to every score, not above 0.
        lives_s: time until its detector begins again; infinite for never.
        refused: whether the detector does not load it.
    """

    slower: float = 1.0
    failed: float = 0.001
    seen: float = 1.0
    flood: float = 0.0
    score: float = 0.0
    lives_s: float = math.inf
    refused: bool = False


@dataclass(frozen=True)
class Scene:
    """Where a fleet flies.

    Attributes:
        hz: frames per second of a drone.
        hardware: kind of machine of each drone.
        latency_ms: of the median frame.
        found: detections per frame where there is something.
        rich_s, empty_s: how long a place with something, and one without, lasts on average.
        looks_back: whether a drone asks a new model about frames of the flight before it serves.
        busy_every_s, busy_s: how often all drones are slowed down at once, and how long.
    """

    hz: float = 5.0
    hardware: Sequence[str] = ("x86_64",) * 8
    latency_ms: float = 20.0
    found: float = 1.5
    rich_s: float = 6.0
    empty_s: float = 3.0
    looks_back: bool = False
    busy_every_s: float = 40.0
    busy_s: float = 1.5


OLD = Behaviour()


class SimulatedDrone:
    """One drone: its camera, its two slots and its counters."""

    def __init__(self, name: str, hardware: str, scene: Scene, seed: Sequence[int]) -> None:
        self.name, self.hardware = name, hardware
        self._scene = scene
        self._random = np.random.default_rng(seed)
        self._speed = float(self._random.lognormal(0.0, 0.1))
        self._is_rich = bool(self._random.integers(2))
        self._due = float(self._random.random())
        self._phase_s = float(self._random.random())
        self._next_report_s = 0.0
        self._born_s = 0.0
        self.boot = 1
        self.is_here = True
        self.running = Release("solar", "0", 0, digest_of(0))
        self.behaviour = OLD
        self.staged: Release | None = None
        self.state = UpdateState.IDLE
        self.refused = self.message = ""
        self._kept: list[int] = []
        self._kept_s = -math.inf
        self._clear(0.0)

    def publish(self, release: Release) -> None:
        """It has fetched a release."""
        self.staged, self.state = release, UpdateState.STAGED

    def obey(self, decision: Decision | None, behaviour: Behaviour, now_s: float) -> None:
        """Install the release or send it back, as the decision says."""
        if decision is None or not self.is_here:
            return
        number = decision.release
        if self.staged and number == self.staged.number and decision.allows(self.name):
            self._install(self.staged, behaviour, now_s)
        elif decision.state is RolloutState.ABORTED and self.running.number == number:
            self.running, self.behaviour = Release("solar", "0", 0, digest_of(0)), OLD
            self.state = UpdateState.ROLLED_BACK
            self._clear(now_s)

    def fly(self, seconds: float, slowed: float, now_s: float) -> None:
        """Look at the frames of some time."""
        scene, behaviour, random = self._scene, self.behaviour, self._random
        stays_s = scene.rich_s if self._is_rich else scene.empty_s
        if random.random() < seconds / stays_s:
            self._is_rich = not self._is_rich
        if now_s - self._born_s >= behaviour.lives_s:
            self._clear(now_s)
        self._due += seconds * scene.hz
        frames, self._due = int(self._due), self._due % 1.0
        failed = int(random.binomial(frames, behaviour.failed))
        self._frames += frames
        self._failed += failed
        median_ms = scene.latency_ms * self._speed * behaviour.slower * slowed
        taken = math.log(median_ms / FIRST_MS) + random.normal(0.0, 0.2, frames - failed)
        buckets = 1 + (taken / math.log(GROWTH)).astype(np.intp)
        np.add.at(self._latency, np.minimum(buckets, BUCKETS - 1), 1)
        rate = behaviour.flood + behaviour.seen * (scene.found if self._is_rich else 0.02)
        found = int(random.poisson(rate * (frames - failed)))
        scores = np.maximum(random.beta(5, 2, found) + behaviour.score, 0.0)
        np.add.at(self._scores, (scores * SCORE_BINS).astype(np.intp), 1)
        self._keep(found, frames, now_s)

    def _keep(self, found: int, frames: int, now_s: float) -> None:
        """As nodes/detector/look_back.py does, of the frame in the middle of this time."""
        one = math.ceil(found / frames) if frames else 0
        if one and now_s - self._kept_s >= APART_S:
            self._kept = [*self._kept, one][-MOST:]
            self._kept_s = now_s

    def _is_refused(self, behaviour: Behaviour) -> bool:
        """Whether the look back on these frames speaks against a model."""
        if not self._scene.looks_back or len(self._kept) < LEAST:
            return False
        random = self._random
        failed = random.binomial(len(self._kept), behaviour.failed)
        now = random.binomial(self._kept, min(behaviour.seen, 1.0))
        now = now + random.poisson(behaviour.flood, len(self._kept))
        told = list(zip(now.tolist(), self._kept, strict=True))
        return bool(2 * failed >= len(now) or comparison(told))

    def report(self) -> DroneReport:
        """How far it is."""
        wanted = self.staged or Release("", "", 0, "")
        return DroneReport(
            self.name, self.boot, self.hardware, self.state, "solar",
            running_release=self.running.number, running_digest=self.running.digest,
            wanted_release=wanted.number, wanted_digest=wanted.digest, message=self.message,
        )  # fmt: skip

    def health(self) -> HealthSample:
        """How its model does."""
        latency = np.trim_zeros(self._latency, "b").tolist()
        return HealthSample(
            self.name, self.boot, self.running.digest, self.running.number, self._frames,
            self._failed, latency, self._scores.tolist(), self.refused,
        )  # fmt: skip

    def tell(self, listeners: Sequence[FleetMemory | Rollout], now_s: float) -> None:
        """What is due at this moment."""
        if not self.is_here:
            return
        if now_s >= self._next_report_s:
            for each in listeners:
                each.on_report(self.report(), now_s)
            self._next_report_s = now_s + REPORT_S
        if (now_s + self._phase_s) % 1.0 < STEP_S:
            for each in listeners:
                each.on_health(self.health(), now_s)

    def _install(self, release: Release, behaviour: Behaviour, now_s: float) -> None:
        self.staged = None
        self._next_report_s = now_s
        if behaviour.refused or self._is_refused(behaviour):
            self.refused, self.state = release.digest, UpdateState.ROLLED_BACK
            self.message = "the engine refuses its weights"
            return
        self.running, self.behaviour, self.state = release, behaviour, UpdateState.ON_TRIAL
        self._clear(now_s)

    def _clear(self, now_s: float) -> None:
        """The detector begins to count."""
        self._born_s = now_s
        self._frames = self._failed = 0
        self._latency = np.zeros(BUCKETS, np.int64)
        self._scores = np.zeros(SCORE_BINS, np.int64)


class SimulatedFleet:
    """Drones, a gateway's rollout and the time between them.

    Args:
        scene: where they fly.
        config: of every rollout.
        seed: of everything.
    """

    def __init__(self, scene: Scene, config: RolloutConfig, seed: int) -> None:
        self._scene = scene
        self._config = config
        self._random = np.random.default_rng([seed, 0])
        self._seed = seed
        self._busy_until_s = 0.0
        self.now_s = 0.0
        self.drones: dict[str, SimulatedDrone] = {}
        for hardware in scene.hardware:
            self.add(hardware)
        self.rollout: Rollout | None = None
        self._memory = FleetMemory()
        self.decisions: list[Decision] = []
        self._behaviours: Mapping[str, Behaviour] = {}

    def add(self, hardware: str) -> SimulatedDrone:
        """One more drone."""
        number = len(self.drones) + 1
        drone = SimulatedDrone(f"drone_{number}", hardware, self._scene, [self._seed, number])
        self.drones[drone.name] = drone
        return drone

    def publish(self, number: int, behaviour: Behaviour, **others: Behaviour) -> Rollout:
        """Everybody has fetched a release, and its rollout starts.

        Args:
            number: of the release.
            behaviour: of its model.
            **others: on the machines of another kind.
        """
        release = Release("solar", str(number), number, digest_of(number))
        for drone in self.drones.values():
            drone.publish(release)
        self._behaviours = {
            name: others.get(each.hardware, behaviour) for name, each in self.drones.items()
        }
        self.rollout = Rollout(release, self._config, self.now_s)
        self._memory.tell(self.rollout)
        self.rollout.start()
        return self.rollout

    def step(self) -> None:
        """A moment passes."""
        self.now_s += STEP_S
        if self._random.random() < STEP_S / self._scene.busy_every_s:
            self._busy_until_s = self.now_s + self._scene.busy_s
        slowed = 2.5 if self.now_s < self._busy_until_s else 1.0
        decision = self.rollout.decision if self.rollout else None
        for name, drone in self.drones.items():
            drone.obey(decision, self._behaviours.get(name, OLD), self.now_s)
            drone.fly(STEP_S, slowed, self.now_s)
            drone.tell([self._memory, *([self.rollout] if self.rollout else [])], self.now_s)
        if self.rollout:
            changed = self.rollout.tick(self.now_s)
            self.decisions += [changed] if changed else []

    def fly(self, seconds: float) -> None:
        """Time passes."""
        for _ in range(round(seconds / STEP_S)):
            self.step()

    def settle(self, most_s: float = 300.0) -> RolloutState | None:
        """Time passes until the rollout has come to its end; how it did, None for not yet."""
        ends = (RolloutState.DONE, RolloutState.ABORTED)
        until_s = self.now_s + most_s
        while self.now_s < until_s:
            self.step()
            if self.decisions and self.decisions[-1].state in ends:
                return self.decisions[-1].state
        return None

    @property
    def running(self) -> set[str]:
        """Who runs the release of the rollout."""
        number = self.rollout.release.number if self.rollout else -1
        return {name for name, each in self.drones.items() if each.running.number == number}


def digest_of(number: int) -> str:
    """A digest for a release."""
    return hashlib.sha256(str(number).encode()).hexdigest()
