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

"""Takes a release through the fleet: a canary per kind of machine, a quarter, all; or back.

Events in, decisions out: it is fed with what drones report and answers with the decision
that the gateway should sign next. Groups of the same hardware advance on their own; what
one of them finds wrong sends the release back everywhere. Whoever runs the release keeps
it through a pause. Once all groups are through, everybody may install it, those too that
were away; it is not judged any more then, each drone watches its own trial.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from edge_infer.errors import UpdateError
from edge_infer.updates.release import Decision, Release, RolloutState
from edge_infer.updates.rollout.judge import Figure
from edge_infer.updates.rollout.reference import HealthLog
from edge_infer.updates.rollout.reports import DroneReport, HealthSample
from edge_infer.updates.rollout.waves import Group, RolloutConfig

_MOST_REASON = 1000
"""Characters of a reason that a decision may carry."""


@dataclass(frozen=True)
class GroupView:
    """How far a group of drones of the same hardware is.

    Attributes:
        hardware: kind of machine.
        wave: that is under way, from 1; 0 before there is a canary.
        drones: name -> state, or "away".
        members: that may install the release.
        frames: that the release has looked at in this wave.
        outcome: what the judge says: good, bad, open.
        verdict: the same and what is waited for, in one sentence.
        waits_for: the latter alone; empty when nothing is.
        figures: of each signal.
    """

    hardware: str
    wave: int
    drones: Mapping[str, str]
    members: tuple[str, ...]
    frames: int
    outcome: str
    verdict: str
    waits_for: str
    figures: tuple[Figure, ...]


@dataclass(frozen=True)
class RolloutView:
    """How far a rollout is, for people.

    Attributes:
        model, version, release: what is rolled out.
        state: running, paused, aborted, done; empty before its start.
        wave: that the slowest group is in, from 1.
        waves: that there are.
        drones: that may install it.
        reason: of the last change.
        groups: by hardware.
    """

    model: str
    version: str
    release: int
    state: str
    wave: int
    waves: int
    drones: tuple[str, ...]
    reason: str
    groups: tuple[GroupView, ...]

    @property
    def verdicts(self) -> tuple[str, ...]:
        """What is said of each group, a sentence each."""
        return tuple(group.verdict for group in self.groups)

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


class Rollout:
    """One release on its way.

    Args:
        release: that is rolled out.
        config: how.
        now_s: steady time, as in all that follows.
    """

    def __init__(self, release: Release, config: RolloutConfig, now_s: float) -> None:
        self.release = release
        self._config = config
        self._now_s = now_s
        self._state: RolloutState | None = None
        self._reason = ""
        self._groups: dict[str, Group] = {}
        self._group_of: dict[str, Group] = {}
        self._health = HealthLog()
        self._unheard: frozenset[str] = frozenset()
        self._restored_wave = 0
        self._told: Decision | None = None

    @classmethod
    def restore(
        cls, release: Release, config: RolloutConfig, decision: Decision, now_s: float
    ) -> Rollout:
        """Go on from the last signed decision; the wave under way is judged anew.

        Raises:
            UpdateError: the decision is about another release.
        """
        if (decision.model, decision.release) != (release.model, release.number):
            raise UpdateError(
                f"the signed decision is about release {decision.release} of {decision.model}, "
                f"not about {release.number} of {release.model}",
                "start a rollout of this release",
            )
        rollout = cls(release, config, now_s)
        rollout._state, rollout._reason = decision.state, decision.reason
        rollout._unheard = frozenset(decision.drones)
        rollout._restored_wave = min(decision.wave, config.waves)
        rollout._told = rollout.decision
        return rollout

    # --- what is heard -------------------------------------------------------------------

    def on_report(self, report: DroneReport, now_s: float) -> None:
        """A drone told how far it is; what cannot be meant is ignored."""
        if report.flaw or not self.release.suits(report.hardware):
            return
        if report.model not in ("", self.release.model):
            return
        group = self._group_of.get(report.drone)
        if group is None:
            group = self._groups.get(report.hardware)
            if group is None:
                group = Group(report.hardware, self.release, self._config, now_s)
                self._groups[report.hardware] = group
            self._group_of[report.drone] = group
            if report.drone in self._unheard:
                self._unheard -= {report.drone}
                group.adopt(report, self._restored_wave, now_s)
        group.on_report(report, now_s)

    def on_health(self, sample: HealthSample, now_s: float) -> None:
        """A drone told how its model does; what cannot be meant is ignored."""
        group = self._group_of.get(sample.drone)
        increment = self._health.take(sample) if group else None
        if group is not None and increment is not None:
            group.on_health(sample, increment, now_s)

    def on_lost(self, drone: str, now_s: float) -> None:
        """The fleet has given a drone up, until it is heard again."""
        self._now_s = max(self._now_s, now_s)
        if drone in self._group_of:
            self._group_of[drone].drones[drone].is_lost = True

    # --- commands ------------------------------------------------------------------------

    def start(self) -> None:
        """Begin, or go on after a pause; raises UpdateError when it is aborted."""
        self._refuse_in(RolloutState.ABORTED, "publish another one under a higher number")
        if self._state is None:
            self._change(RolloutState.RUNNING, "started")
        elif self._state is RolloutState.PAUSED:
            self.resume()

    def pause(self, reason: str) -> None:
        """Let nobody else install it; raises UpdateError when it has come to its end."""
        self._refuse_in(RolloutState.ABORTED, "publish another one under a higher number")
        self._refuse_in(RolloutState.DONE, "abort it to send it back")
        self._change(RolloutState.PAUSED, reason)

    def resume(self) -> None:
        """Go on after a pause; raises UpdateError when it is not paused."""
        if self._state is not RolloutState.PAUSED:
            raise UpdateError(
                f"the rollout of {self._name} is {self._word}, not paused", "see its status"
            )
        self._change(RolloutState.RUNNING, "resumed")

    def abort(self, reason: str) -> None:
        """Send it back, for good."""
        if self._state is not RolloutState.ABORTED:
            self._change(RolloutState.ABORTED, reason)

    # --- deciding ------------------------------------------------------------------------

    def tick(self, now_s: float) -> Decision | None:
        """Decide; returns the decision to sign when it is another one than before."""
        self._now_s = max(self._now_s, now_s)
        if self._state in (RolloutState.RUNNING, RolloutState.PAUSED):
            self._judge()
        if self._state is RolloutState.RUNNING:
            self._advance()
        decision = self.decision
        if decision == self._told:
            return None
        self._told = decision
        return decision

    @property
    def decision(self) -> Decision | None:
        """What should be signed now; None before the start."""
        if self._state is None:
            return None
        return Decision(
            self.release.model,
            self.release.number,
            self._state,
            self._wave,
            self._config.waves,
            tuple(sorted(self._unheard.union(*(g.members for g in self._groups.values())))),
            self._reason,
        )

    def _judge(self) -> None:
        for group in self._groups.values():
            group.judge.tick(self._now_s)
            wrong = group.accusation()
            if wrong:
                self._change(RolloutState.ABORTED, wrong)
                return

    def _advance(self) -> None:
        may_begin = not self._unheard
        changes = [g.advance(self._now_s, may_begin) for g in self._groups.values()]
        told = "; ".join(each for each in changes if each)
        if told:
            self._change(RolloutState.RUNNING, told)
        waiting = [g for g in self._groups.values() if not g.is_absent(self._now_s)]
        if waiting and all(group.is_finished for group in waiting):
            self._change(RolloutState.DONE, "all that are here run it")

    def _change(self, state: RolloutState, reason: str) -> None:
        self._state, self._reason = state, reason[:_MOST_REASON]

    def _refuse_in(self, state: RolloutState, remedy: str) -> None:
        if self._state is state:
            raise UpdateError(f"the rollout of {self._name} is {state.value}", remedy)

    @property
    def _wave(self) -> int:
        """That the slowest group is in."""
        waves = [g.wave for g in self._groups.values() if not g.is_absent(self._now_s)]
        if self._state is RolloutState.DONE:
            return self._config.waves
        return max(1, min(waves, default=self._restored_wave))

    @property
    def _name(self) -> str:
        return f"{self.release.model} {self.release.version}"

    @property
    def _word(self) -> str:
        return self._state.value if self._state else "not started"

    # --- for people ----------------------------------------------------------------------

    @property
    def view(self) -> RolloutView:
        """How far it is."""
        decision = self.decision
        return RolloutView(
            self.release.model,
            self.release.version,
            self.release.number,
            self._state.value if self._state else "",
            self._wave,
            self._config.waves,
            decision.drones if decision else (),
            self._reason,
            tuple(self._group_view(group) for _, group in sorted(self._groups.items())),
        )

    def _group_view(self, group: Group) -> GroupView:
        judge = group.judge
        return GroupView(
            group.hardware,
            group.wave,
            dict(group.states(self._now_s)),
            tuple(sorted(group.members)),
            judge.frames,
            judge.outcome.value,
            self._verdict(group),
            self._waits_for(group),
            judge.figures(),
        )

    def _verdict(self, group: Group) -> str:
        said = f"{group.hardware}: wave {group.wave} of {self._config.waves}"
        wrong = group.accusation()
        if wrong:
            return f"{said}: bad: {wrong}"
        waits_for = self._waits_for(group)
        return f"{said}: {_judged(group)}{'; ' if waits_for else ''}{waits_for}"

    def _waits_for(self, group: Group) -> str:
        if self._state is not RolloutState.RUNNING:
            return ""
        if group.wave == 0 and self._unheard:
            unheard = ", ".join(sorted(self._unheard)[:3])
            return f"nothing is heard of {unheard}, which may run it"
        return group.waits_for


def _judged(group: Group) -> str:
    """What the judge says of a group, in a word and its frames."""
    if group.is_finished:
        return "through"
    return f"{group.judge.outcome.value} after {group.judge.frames} frames"
