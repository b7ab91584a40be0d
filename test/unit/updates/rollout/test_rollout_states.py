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

"""Whatever drones report, in whatever order: what a rollout never does."""

from __future__ import annotations

import hypothesis.strategies as st
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from edge_infer.bench.rollout_fleet import digest_of
from edge_infer.updates.release import Decision, Release, RolloutState, UpdateState
from edge_infer.updates.rollout.judge import JudgeConfig
from edge_infer.updates.rollout.reports import SCORE_BINS, DroneReport, HealthSample
from edge_infer.updates.rollout.rollout import Rollout
from edge_infer.updates.rollout.waves import RolloutConfig

RELEASE = Release("solar", "6", 6, digest_of(6))
CONFIG = RolloutConfig(wave_s=1.0, reference_wait_s=1.0, judge=JudgeConfig(least_frames=1))
HARDWARE = {f"drone_{n}": "jetson" if n < 3 else "x86_64" for n in range(8)}
NAMES = st.sampled_from(sorted(HARDWARE))
BOOTS = st.integers(1, 3)
COUNTS = st.integers(0, 40)
RELEASES = st.sampled_from([5, 6, 7])
ODDITIES = st.sampled_from(["", "", "fails", "goes back", "slow to install"])


class Rollouts(RuleBasedStateMachine):
    """A gateway that hears anything."""

    @initialize()
    def begin(self) -> None:
        self.now_s = 0.0
        self.rollout = Rollout(RELEASE, CONFIG, 0.0)
        self.rollout.start()
        self.last = self.rollout.decision
        assert self.last is not None
        self.runs: set[str] = set()
        self.seconds = 0

    @precondition(lambda self: self.seconds % 6 == 0)
    @rule(name=NAMES, boot=BOOTS, state=st.sampled_from(UpdateState), runs=RELEASES, wants=RELEASES)
    def report(self, name: str, boot: int, state: UpdateState, runs: int, wants: int) -> None:
        self.rollout.on_report(
            DroneReport(name, boot, HARDWARE[name], state, "solar", "", runs, digest_of(runs),
                        wants, digest_of(wants)),
            self.now_s,
        )  # fmt: skip

    @rule(
        silent=st.sets(NAMES, max_size=2),
        odd=st.sets(st.tuples(NAMES, ODDITIES), max_size=1),
        order=st.permutations(sorted(HARDWARE)),
        moments=st.integers(1, 4),
    )
    def time_passes(
        self, silent: set[str], odd: set[tuple[str, str]], order: list[str], moments: int
    ) -> None:
        """Drones do as they are told, but for a few."""
        for _ in range(moments):
            self.now_s += 2.0
            self.seconds += 2
            decision = self.rollout.decision
            for name in order:
                if decision.allows(name) and (name, "slow to install") not in odd:
                    self.runs.add(name)
                if decision.state is RolloutState.ABORTED:
                    self.runs.discard(name)
                if name not in silent:
                    self.tell(name, dict(odd).get(name, ""))
            self.rollout.tick(self.now_s)
            self.what_holds()

    def tell(self, name: str, oddity: str) -> None:
        is_new = name in self.runs
        state = UpdateState.COMMITTED if is_new else UpdateState.STAGED
        if oddity == "fails":
            state = UpdateState.FAILED
        if oddity == "goes back" and is_new:
            self.runs.discard(name)
            is_new, state = False, UpdateState.ROLLED_BACK
        self.report(name, 1, state, 6 if is_new else 5, 5 if is_new else 6)
        frames = 10 * self.seconds
        scores = [0] * SCORE_BINS
        scores[15] = frames
        self.rollout.on_health(
            HealthSample(name, 1, digest_of(6 if is_new else 5), 6, frames, 0, (0, 0, frames),
                         scores),
            self.now_s,
        )  # fmt: skip

    @precondition(lambda self: self.seconds % 6 == 2)
    @rule(
        name=NAMES, boot=BOOTS, runs=RELEASES, frames=COUNTS, failed=COUNTS,
        latency=st.lists(COUNTS, max_size=4), score=COUNTS, refused=RELEASES,
        bins=st.sampled_from([SCORE_BINS, SCORE_BINS, SCORE_BINS, 3]),
    )  # fmt: skip
    def health(
        self, name: str, boot: int, runs: int, frames: int, failed: int, latency: list[int],
        score: int, refused: int, bins: int,
    ) -> None:  # fmt: skip
        scores = [0] * bins
        scores[-1] = score
        self.rollout.on_health(
            HealthSample(name, boot, digest_of(runs), runs, frames, failed, latency, scores,
                         digest_of(refused) if refused == 5 else ""),
            self.now_s,
        )  # fmt: skip

    @rule(name=st.one_of(NAMES, st.just("nobody")))
    def lost(self, name: str) -> None:
        self.rollout.on_lost(name, self.now_s)

    @rule(seconds=st.sampled_from([0.0, 0.5, 2.0, 20.0, -3.0]))
    def tick(self, seconds: float) -> None:
        self.now_s += seconds
        decision = self.rollout.tick(self.now_s)
        assert decision is None or decision == self.rollout.decision

    @precondition(lambda self: self.rollout.decision.state is RolloutState.RUNNING)
    @rule()
    def pause(self) -> None:
        self.rollout.pause("a pause")

    @precondition(lambda self: self.rollout.decision.state is RolloutState.PAUSED)
    @rule()
    def resume(self) -> None:
        self.rollout.resume()

    @precondition(lambda self: self.seconds % 10 == 0)
    @rule()
    def gateway_begins_again(self) -> None:
        decision = self.rollout.decision
        assert decision is not None
        self.rollout = Rollout.restore(RELEASE, CONFIG, decision, self.now_s)

    @invariant()
    def what_holds(self) -> None:
        if not hasattr(self, "rollout"):
            return
        now = self.rollout.decision
        assert now is not None
        assert set(self.last.drones) <= set(now.drones), "nobody is taken out"
        if self.last.state in (RolloutState.ABORTED, RolloutState.DONE):
            assert now.state is self.last.state, "an end is an end"
            assert now.drones == self.last.drones
        if self.last.state is RolloutState.PAUSED and now.state is RolloutState.PAUSED:
            assert now.drones == self.last.drones
        for group in self.rollout.view.groups:
            assert group.wave != 1 or len(group.members) <= 1, "never two canaries"
            assert group.wave > 0 or not group.members
        read = Decision.from_custom(now.path, now.to_custom())
        assert read == now
        self.last = now


TestRollouts = Rollouts.TestCase
TestRollouts.settings = settings(max_examples=40, stateful_step_count=25, deadline=None)
