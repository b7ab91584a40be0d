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

"""One group of drones of the same hardware on its way through the waves of a rollout.

First one drone, the canary; then shares of the group, the last of which is all of it. A
wave is through when all its drones that are here run the release and the judge has
cleared it. What is not here is not waited for.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field

from edge_infer.errors import UpdateError
from edge_infer.updates.release import Release, UpdateState
from edge_infer.updates.rollout.judge import Judge, JudgeConfig, Outcome
from edge_infer.updates.rollout.reference import Increment
from edge_infer.updates.rollout.reports import DroneReport, HealthSample

_MOST_NAMES = 3
"""So many drones are named in a sentence; the others are counted."""
LOOKING_S = 5.0
"""A drone whose frames have risen within so many seconds can tell something as a canary."""


@dataclass(frozen=True)
class RolloutConfig:
    """How careful a rollout is.

    Attributes:
        shares: of a group that run the release in the waves after the canary, rising to 1.
        wave_s: how long a wave is watched after all its drones run the release, at least;
            up to days.
        away_s: a drone that is not heard for so long is away.
        reference_wait_s: how long the first canary waits for frames of the old model.
        canaries: names of drones to prefer as a group's canary.
        judge: what is worse.
    """

    shares: tuple[float, ...] = (0.25, 1.0)
    wave_s: float = 10.0
    away_s: float = 15.0
    reference_wait_s: float = 10.0
    canaries: tuple[str, ...] = ()
    judge: JudgeConfig = field(default_factory=JudgeConfig)

    def __post_init__(self) -> None:
        rising = all(a < b for a, b in zip((0.0, *self.shares), self.shares, strict=False))
        if not rising or self.shares[-1:] != (1.0,) or len(self.shares) >= 100:
            raise UpdateError(
                f"the waves {self.shares} of a rollout do not rise from above 0 to 1",
                "end them with 1, for example 0.25, 1.0",
            )
        if not all(each >= 0 for each in (self.wave_s, self.away_s, self.reference_wait_s)):
            raise UpdateError("a rollout cannot wait for less than 0 s", "give 0 or more seconds")

    @property
    def waves(self) -> int:
        """How many there are, the canary's among them."""
        return 1 + len(self.shares)


@dataclass
class Drone:
    """What is known of one drone in a rollout.

    Attributes:
        report: the newest.
        heard_s: when anything of it was heard last.
        is_lost: whether the fleet has given it up.
        had_it: it held the release ready, or tried it.
        ran_it: it said that it runs the release.
        looked_s: when its frames had risen last.
        failure: why it counts against the release; empty when it does not.
    """

    report: DroneReport
    heard_s: float
    is_lost: bool = False
    had_it: bool = False
    ran_it: bool = False
    looked_s: float = -math.inf
    failure: str = ""


class Group:
    """The drones of one kind of machine.

    Args:
        hardware: the kind.
        release: that is rolled out.
        config: how.
        now_s: steady time.

    Attributes:
        wave: that is under way, from 1; 0 before there is a canary.
        members: names of those that may install it.
        is_finished: whether the last wave is through.
        waits_for: in words.
        judge: of the release on these drones.
        drones: by name.
    """

    def __init__(
        self, hardware: str, release: Release, config: RolloutConfig, now_s: float
    ) -> None:
        self.hardware = hardware
        self._release = release
        self._config = config
        self._began_s = now_s
        self._complete_s: float | None = None
        self.wave = 0
        self.members: set[str] = set()
        self.is_finished = False
        self.waits_for = ""
        self.judge = Judge(release.digest, config.judge, now_s)
        self.drones: dict[str, Drone] = {}

    # --- what is heard -------------------------------------------------------------------

    def on_report(self, report: DroneReport, now_s: float) -> None:
        """Take in how far a drone is; an earlier start's report changes nothing."""
        drone = self.drones.setdefault(report.drone, Drone(report, now_s))
        if report.boot < drone.report.boot:
            return
        drone.report, drone.heard_s, drone.is_lost = report, now_s, False
        runs = self.runs(drone)
        drone.ran_it |= runs
        drone.had_it |= runs or (
            self._wants(drone) and report.state in (UpdateState.STAGED, UpdateState.ON_TRIAL)
        )
        went_back = report.state is UpdateState.ROLLED_BACK and (drone.had_it or self._wants(drone))
        if (went_back or drone.ran_it) and not runs and not self._is_newer(drone):
            self._failed(report.drone, report.message or "it runs another model again")

    def on_health(self, sample: HealthSample, increment: Increment, now_s: float) -> None:
        """Take in how a drone's model does."""
        drone = self.drones[sample.drone]
        drone.heard_s, drone.is_lost = now_s, False
        if sample.refused_digest == self._release.digest != sample.digest:
            self._failed(sample.drone, sample.message or "it could not load it")
        self.judge.take(increment, now_s)
        if increment.frames:
            drone.looked_s = now_s

    def adopt(self, report: DroneReport, wave: int, now_s: float) -> None:
        """Let a drone be a member that was one before the gateway began again.

        It had the release ready then, or it would not have been chosen; only the last
        wave takes everybody.
        """
        self.members.add(report.drone)
        # The signed wave is the slowest group's; with a second member this one was farther.
        self.wave = max(self.wave, wave, min(len(self.members), 2))
        had_it = wave < self._config.waves
        self.drones[report.drone] = Drone(report, now_s, had_it=had_it)

    # --- deciding ------------------------------------------------------------------------

    def accusation(self) -> str:
        """Why the release must go back, in one sentence; empty when it need not."""
        wrong = self.judge.accusation()
        if wrong:
            return f"{self.hardware}, {_named(sorted(self.judge.judged))}: {wrong}"
        failed = {n: self.drones[n].failure for n in self._known_members() if self._failure(n)}
        if len(failed) > self._config.judge.failures_allowed * len(self.members):
            name, why = next(iter(failed.items()))
            return f"{_named(list(failed))} of {self.hardware} did not keep it: {name}: {why}"
        return ""

    def advance(self, now_s: float, may_begin: bool) -> str:
        """Go on where it is time to; returns what has changed, in words.

        Args:
            now_s: steady time.
            may_begin: whether a canary may be chosen.
        """
        if self.wave == 0:
            return self._choose_canary(now_s) if may_begin else ""
        if self.wave == self._config.waves:
            joined = self._join(self._open(now_s))
            if joined:
                return f"{_named(joined)} joined"
        if self.is_finished or not self._is_through(now_s):
            return ""
        return self._next_wave(now_s)

    def is_absent(self, now_s: float) -> bool:
        """Whether there is nobody here to begin with."""
        return self.wave == 0 and not any(self._is_here(each, now_s) for each in self._all())

    def runs(self, drone: Drone) -> bool:
        """Whether a drone says that it runs the release."""
        report = drone.report
        if report.running_digest:
            return report.running_digest == self._release.digest
        return report.running_release == self._release.number

    def _choose_canary(self, now_s: float) -> str:
        open_ = self._open(now_s)
        if not open_:
            return self._skip_canary(now_s)
        staged = [name for name in open_ if self._is_staged(name)]
        waited = now_s - self._began_s >= self._config.reference_wait_s
        if not staged:
            self.waits_for = f"no drone has it ready ({self._states(open_)})"
        elif not self.judge.can_compare and not waited:
            self.waits_for = "there are too few frames of the old model to compare with"
        else:
            canary = min(staged, key=lambda name: self._preference(name, now_s))
            self._begin(1, [canary])
            return f"{canary} is the canary of {self.hardware}"
        return ""

    def _skip_canary(self, now_s: float) -> str:
        """There is nobody to try it: all run it already, or none can."""
        here = [name for name, each in self.drones.items() if self._is_here(each, now_s)]
        running = [name for name in here if self._runs_here(name)]
        if running:
            self._begin(self._config.waves, running)
            return f"{_named(running)} run it already"
        told = [self.drones[name].report.message for name in here]
        why = next((each for each in told if each), "they run something newer")
        self.waits_for = f"no drone can take it: {why}" if here else "no drone is here"
        return ""

    def _is_through(self, now_s: float) -> bool:
        here = [n for n in self._known_members() if self._is_here(self.drones[n], now_s)]
        pending = [n for n in here if not self._runs_here(n) and not self._is_excused(n)]
        running = [n for n in here if self._runs_here(n)]
        if pending or not running:
            self._complete_s = None
            self.waits_for = (
                f"{_named(pending)} should install it ({self._states(pending)})"
                if pending
                else f"{_named(sorted(self.members))} should come back; "
                "start the release again to choose another"
            )
            return False
        if self._complete_s is None:
            self._complete_s = now_s
        left_s = self._complete_s + self._config.wave_s - now_s
        self.waits_for = f"{left_s:.0f} s more are watched" if left_s > 0 else ""
        doubts = ", ".join(self.judge.doubts())
        if doubts and left_s <= 0:
            self.waits_for = f"the judge needs more: {doubts}"
        return left_s <= 0 and self.judge.outcome is Outcome.GOOD

    def _next_wave(self, now_s: float) -> str:
        open_ = self._open(now_s)
        here = len(open_) + sum(self._is_here(self.drones[n], now_s) for n in self.members)
        for wave in range(self.wave + 1, self._config.waves + 1):
            missing = math.ceil(self._config.shares[wave - 2] * here) - len(self.members)
            if missing <= 0:
                continue
            if wave == self._config.waves:
                picked = open_
            else:
                picked = [name for name in open_ if self._is_staged(name)][:missing]
            if picked:
                self._begin(wave, picked)
                return f"{self.hardware} goes on to wave {wave} with {_named(picked)}"
            if open_:
                self.waits_for = f"no other drone has it ready ({self._states(open_)})"
                return ""
        self.wave, self.is_finished, self.waits_for = self._config.waves, True, ""
        return f"{self.hardware} is through"

    def _begin(self, wave: int, picked: list[str]) -> None:
        self.wave = wave
        self._join(picked)
        self.judge.begin()

    def _join(self, names: list[str]) -> list[str]:
        if names:
            self.members.update(names)
            self._complete_s, self.waits_for = None, ""
        return names

    # --- drones --------------------------------------------------------------------------

    def states(self, now_s: float) -> Iterator[tuple[str, str]]:
        """Each drone's name and how far it is, in a word."""
        for name, drone in sorted(self.drones.items()):
            word = drone.report.state.value if self._is_here(drone, now_s) else "away"
            yield name, "failed it" if drone.failure and name in self.members else word

    def _open(self, now_s: float) -> list[str]:
        """Who is here and may be asked to install it."""
        return sorted(
            name
            for name, drone in self.drones.items()
            if name not in self.members
            and self._is_here(drone, now_s)
            and not self.runs(drone)
            and not self._is_excused(name)
        )

    def _is_here(self, drone: Drone, now_s: float) -> bool:
        return not drone.is_lost and now_s - drone.heard_s <= self._config.away_s

    def _is_excused(self, name: str) -> bool:
        """Whether it is no use to wait for a drone."""
        drone = self.drones[name]
        cannot = drone.report.state is UpdateState.FAILED and drone.report.wanted_release in (
            0,
            self._release.number,
        )
        return bool(drone.failure) or cannot or self._is_newer(drone)

    def _is_newer(self, drone: Drone) -> bool:
        return drone.report.running_release > self._release.number

    def _is_staged(self, name: str) -> bool:
        drone = self.drones[name]
        return drone.report.state is UpdateState.STAGED and self._wants(drone)

    def _wants(self, drone: Drone) -> bool:
        report = drone.report
        if report.wanted_digest:
            return report.wanted_digest == self._release.digest
        return report.wanted_release == self._release.number

    def _runs_here(self, name: str) -> bool:
        return name in self.drones and self.runs(self.drones[name])

    def _known_members(self) -> list[str]:
        return sorted(self.members & self.drones.keys())

    def _all(self) -> list[Drone]:
        return list(self.drones.values())

    def _failure(self, name: str) -> str:
        return self.drones[name].failure

    def _failed(self, name: str, why: str) -> None:
        if name in self.members:
            drone = self.drones[name]
            drone.failure = drone.failure or why

    def _preference(self, name: str, now_s: float) -> tuple[bool, bool, str]:
        is_looking = now_s - self.drones[name].looked_s <= LOOKING_S
        return name not in self._config.canaries, not is_looking, name

    def _states(self, names: list[str]) -> str:
        """How far some are, counted."""
        states = [self.drones[name].report.state.value for name in names]
        return ", ".join(f"{states.count(each)} {each}" for each in sorted(set(states)))


def _named(names: list[str]) -> str:
    more = len(names) - _MOST_NAMES
    named = ", ".join(names[:_MOST_NAMES])
    return f"{named} and {more} more" if more > 0 else named
