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

"""Says of a new model, while it flies, whether it does worse than the one before it.

Six signals, each a sequential test (``sequential.py``) of the drones that run the release
against the old model: on the other drones of the group now, and on the same drones
before. What counts as worse is in ``JudgeConfig``, in units that a person can check.

- *latency*: a frame is slow when it takes so many times longer than the old model's median
  on the same drone. As many slow ones as the old model had there, or has on other drones
  at the same time, are all right.
- *errors*: a frame that no engine could do.
- *blind*, *flood*: a second in which the model finds nothing, or far too much. Whether
  there is something to see depends on the place, and that lasts: the null hypothesis is
  a chain in which a second depends on the one before, as it does with the old model.
- *scores*: detections whose score lies outside the old model's usual ones. Not found is a
  model that gives every detection one and the same usual score.
- *restarts*: the drone or its detector began again while the release ran.

What disturbs one frame disturbs its neighbours, and a busy moment disturbs all drones. So
all frames of a group within ``independent_s`` count as one look, however many there are:
averages of evidence stay evidence whatever hangs together (``share_evidence``).
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum

from edge_infer.errors import UpdateError
from edge_infer.metrics import FIRST_MS, GROWTH
from edge_infer.updates.rollout.reference import Increment, Reference
from edge_infer.updates.rollout.sequential import Evidence, RateEvidence, share_evidence

SIGNALS = ("latency", "errors", "blind", "flood", "scores", "restarts")
_OF_FRAMES = ("latency", "errors")
"""What every frame tells, whatever is to be seen."""
_HARMLESS = 0.25
"""Of the way to being called bad: what is not farther after a long while speaks against nothing."""
_MOST_SHARE = 0.98
"""Of bad frames: where all of the old model's are, a worse one cannot be told from it."""
FLOOD_FOUND = 0.95
"""Share of seconds with too much in them that is to be found."""
BLIND_FACTOR = 20
"""What is to be found finds something so many times less often than is allowed."""
_SHARES = (
    "alpha", "beta", "slow_allowed", "slow_share", "failed_allowed", "failed_share",
    "seen_allowed", "flood_share", "score_tail", "score_allowed", "score_share",
)  # fmt: skip
_LONGEST_LOOK_S = 5.0
"""Frames that come after a longer silence count as those of so many seconds."""


@dataclass(frozen=True)
class JudgeConfig:
    """What is worse, how sure the judge must be, and how soon.

    Attributes:
        alpha: probability that a good release is called bad, all signals of a group
            together, until it is cleared for the first time.
        beta: probability that frames as bad as ``slow_share`` and ``failed_share`` say
            are cleared.
        patience_s: how long a wave waits for something to be seen that speaks for the
            release; after that it is enough that little speaks against it.
        look_s: time over which reports are gathered for one look.
        independent_s: frames closer together count as one; seconds.
        settle_s: how long a new model may be slow after it began to serve on a drone.
        least_frames: that a group must have looked at in a wave before it is cleared.
        reference_frames: newest frames of the old model that are remembered per group.
        least_reference: frames of the old model without which nothing is compared.
        latency_allowance: a frame that takes so many times the old model's median is slow.
        harmless_ms: what is faster than this is never slow.
        slow_allowed: share of slow frames that is all right, or half as much again as the
            old model's.
        slow_share: that is to be found.
        failed_allowed: share of failed frames that is all right, or twice the old model's.
        failed_share: that is to be found.
        seen_allowed: a good model finds something in so many of the seconds in which the
            old one would, at least; what is to be found is a twentieth of that.
        flood_allowance, flood_extra: more detections per frame than so many times what the
            old model finds in 19 of 20 seconds, and so many more than that, are too many.
        flood_share: of such seconds that is all right.
        score_tail: share of the old model's scores at either end that is unusual.
        score_allowed, score_share: of unusual scores that is all right; that is to be found.
        restarts_per_h: of one drone that are all right, or twice the old model's.
        restart_ratios: how many times more are to be found.
        failures_allowed: share of the drones of a group that may send the release back
            or not load it, without an abort.
    """

    alpha: float = 0.01
    beta: float = 0.01
    patience_s: float = 60.0
    look_s: float = 1.0
    independent_s: float = 0.5
    settle_s: float = 1.0
    least_frames: int = 10
    reference_frames: float = 2000.0
    least_reference: int = 20
    latency_allowance: float = 1.5
    harmless_ms: float = 0.0
    slow_allowed: float = 0.1
    slow_share: float = 0.7
    failed_allowed: float = 0.02
    failed_share: float = 0.25
    seen_allowed: float = 0.7
    flood_allowance: float = 2.0
    flood_extra: float = 3.0
    flood_share: float = 0.25
    score_tail: float = 0.05
    score_allowed: float = 0.3
    score_share: float = 0.9
    restarts_per_h: float = 2.0
    restart_ratios: tuple[float, ...] = (4.0, 16.0, 64.0, 256.0)
    failures_allowed: float = 0.05

    def __post_init__(self) -> None:
        shares = {
            key: value for key, value in vars(self).items() if key in _SHARES and not 0 < value < 1
        }
        rising = {
            "slow_share": self.slow_share > self.slow_allowed,
            "failed_share": self.failed_share > self.failed_allowed,
            "score_share": self.score_share > self.score_allowed,
            "latency_allowance": self.latency_allowance >= 1,
            "flood_share": self.flood_share < FLOOD_FOUND,
            "restart_ratios": bool(self.restart_ratios) and min(self.restart_ratios) > 1,
            "restarts_per_h": self.restarts_per_h > 0,
            "look_s": self.look_s > 0,
            "independent_s": self.independent_s > 0,
            "reference_frames": self.reference_frames >= 1,
        }
        wrong = [*shares, *(key for key, holds in rising.items() if not holds)]
        if wrong:
            raise UpdateError(
                f"the judge cannot work with {wrong[0]} = {getattr(self, wrong[0])}",
                "see its range in edge_infer/updates/rollout/judge.py",
            )


class Outcome(Enum):
    """What the judge says."""

    OPEN = "open"
    GOOD = "good"
    BAD = "bad"


@dataclass(frozen=True)
class Figure:
    """One signal, for people.

    Attributes:
        signal: one of SIGNALS.
        new, old: what the models do.
        unit: of both.
        alarm: 1 is called bad; 0 and below, nothing speaks against it.
    """

    signal: str
    new: float
    old: float
    unit: str
    alarm: float


@dataclass
class _Drone:
    """What a drone did itself."""

    before: Reference
    new_since_s: float | None = None
    last_rate: float | None = None


def _sums() -> dict[str, float]:
    return defaultdict(float)


@dataclass
class _Look:
    """What came in since the last look.

    What a second said is gathered by drone. Seconds of one drone follow each other, each judged
    from the one before, so they add up; drones that look at the same time count as one.
    """

    since_s: float
    frames: int = 0
    failed: int = 0
    timed: int = 0
    slow: int = 0
    slow_allowed: float = 0.0
    old_timed: int = 0
    old_slow: int = 0
    blind: dict[str, float] = field(default_factory=_sums)
    flood: dict[str, float] = field(default_factory=_sums)
    scores: dict[str, float] = field(default_factory=_sums)
    drones: set[str] = field(default_factory=set)
    old_drones: set[str] = field(default_factory=set)
    restarts: int = 0
    old_restarts: int = 0


class Judge:
    """Judges one release on one group of drones of the same hardware.

    Args:
        digest: of the release.
        config: what is worse.
        now_s: steady time.

    Attributes:
        frames: that the release has looked at in this wave.
        judged: names of the drones that have told how the release does.
    """

    def __init__(self, digest: str, config: JudgeConfig, now_s: float) -> None:
        self._digest = digest
        self._config = config
        self._old = Reference(config.reference_frames)
        self._new = Reference(math.inf)
        self._drones: dict[str, _Drone] = {}
        level = config.alpha / len(SIGNALS)
        self._tests = {name: Evidence(level, config.beta) for name in SIGNALS[:-1]}
        self._restarts = RateEvidence(level, config.beta, config.restart_ratios)
        self._restart_count = self._old_restarts = 0
        self._old_drone_s = 0.0
        self._slow_elsewhere = (0.0, 0.0)
        self._look = _Look(now_s)
        self._now_s = self._began_s = now_s
        self.frames = 0
        self.judged: set[str] = set()

    def begin(self) -> None:
        """A wave begins: what is to be cleared begins anew, what speaks against it stays."""
        self.frames = 0
        self._began_s = self._now_s
        for test in self._tests.values():
            test.begin()

    def take(self, increment: Increment, now_s: float) -> None:
        """Gather what a drone told, of the old model or of the new one."""
        known = self._drones.setdefault(
            increment.drone, _Drone(Reference(self._config.reference_frames))
        )
        if increment.broke_off:
            if increment.broke_off == self._digest:
                self._look.restarts += 1
                self.judged.add(increment.drone)
            else:
                self._look.old_restarts += 1
        if increment.digest == self._digest:
            self._take_new(increment, known, now_s)
        else:
            self._take_old(increment, known)

    def tick(self, now_s: float) -> None:
        """Weigh what has come in, when it is time for it."""
        self._now_s = now_s
        look, config = self._look, self._config
        took_s = now_s - look.since_s
        if took_s < config.look_s or not (look.drones or look.old_drones or look.restarts):
            return
        self._look = _Look(now_s)
        took_s = min(took_s, _LONGEST_LOOK_S)
        self._weigh_restarts(look, took_s)
        looks = took_s / config.independent_s
        self._slow_elsewhere = (self._slow_elsewhere[1], look.old_slow / max(look.old_timed, 1))
        failed_allowed = max(config.failed_allowed, 2 * self._old.failed_share)
        slow_allowed = look.slow_allowed / max(look.timed, 1)
        slow_allowed = max(config.slow_allowed, 1.5 * slow_allowed, *self._slow_elsewhere)
        self._weigh("errors", look.failed, look.frames, looks, failed_allowed, config.failed_share)
        self._weigh("latency", look.slow, look.timed, looks, slow_allowed, config.slow_share)
        for name, told in (("blind", look.blind), ("flood", look.flood), ("scores", look.scores)):
            if told:
                self._tests[name].add(sum(told.values()) / len(told))

    @property
    def bad_signal(self) -> str:
        """The signal that has called the release bad; empty when none has."""
        return next((name for name, test in self._all_tests.items() if test.is_bad), "")

    @property
    def outcome(self) -> Outcome:
        """What is to be said of the release in this wave."""
        if self.bad_signal:
            return Outcome.BAD
        return Outcome.OPEN if any(self.doubts()) else Outcome.GOOD

    def doubts(self) -> Iterator[str]:
        """What keeps the release from being cleared, in words."""
        if self.frames < self._config.least_frames:
            yield f"{self.frames} of {self._config.least_frames} frames"
        is_patient = self._now_s - self._began_s < self._config.patience_s
        for name, test in self._tests.items():
            is_asked = name == "errors" or self.can_compare
            may_pass = name not in _OF_FRAMES and not is_patient and test.share <= _HARMLESS
            if is_asked and not test.is_cleared and not may_pass:
                yield f"{name} is open"
        if self._restarts.alarm > 0:
            yield "it began again"

    @property
    def can_compare(self) -> bool:
        """Whether enough frames of the old model are known."""
        return self._old.looked >= self._config.least_reference

    def figures(self) -> tuple[Figure, ...]:
        """What the models do, signal by signal."""
        old, new = self._old, self._new
        values = {
            "latency": (new.latency_ms(0.5), old.latency_ms(0.5), "ms, median"),
            "errors": (new.failed_share, old.failed_share, "of the frames"),
            "blind": (new.rate, old.rate, "detections per frame"),
            "flood": (new.rate, old.rate, "detections per frame"),
            "scores": (new.mean_score, old.mean_score, "mean score"),
            "restarts": (self._restart_count, self._old_restarts, "restarts"),
        }
        tests = self._all_tests
        return tuple(
            Figure(name, round(now, 4), round(before, 4), unit, round(tests[name].share, 2))
            for name, (now, before, unit) in values.items()
        )

    def accusation(self) -> str:
        """What is wrong, in one clause with its figures; empty when nothing is."""
        bad = self.bad_signal
        if not bad:
            return ""
        figure = next(each for each in self.figures() if each.signal == bad)
        new, old = figure.new, figure.old
        return {
            "latency": f"a frame takes {new:.3g} ms, {old:.3g} ms with the model before",
            "errors": f"{new:.0%} of the frames fail, {old:.0%} with the model before",
            "blind": f"it finds {new:.2g} things per frame, the model before {old:.2g}",
            "flood": f"it finds {new:.2g} things per frame, the model before {old:.2g}",
            "scores": f"its scores are {new:.2f} on average, {old:.2f} with the model before",
            "restarts": f"it ended {new:.0f} times in the middle of its work",
        }[figure.signal]

    @property
    def _all_tests(self) -> dict[str, Evidence | RateEvidence]:
        return {**self._tests, "restarts": self._restarts}

    # --- the old model -----------------------------------------------------------------

    def _take_old(self, increment: Increment, known: _Drone) -> None:
        self._look.old_drones.add(increment.drone)
        if known.new_since_s is not None:
            known.new_since_s = known.last_rate = None
        if self.can_compare and not increment.is_first:
            self._look.old_timed += increment.looked
            self._look.old_slow += int(increment.latency[self._slow_from(known) :].sum())
        self._old.take(increment)
        known.before.take(increment)
        if not increment.looked:
            return
        if known.last_rate is not None and not increment.is_first:
            self._old.follow(known.last_rate, increment.rate)
            known.before.follow(known.last_rate, increment.rate)
        known.last_rate = None if increment.is_first else increment.rate

    # --- the new model -----------------------------------------------------------------

    def _take_new(self, increment: Increment, known: _Drone, now_s: float) -> None:
        look = self._look
        if known.new_since_s is None:
            known.new_since_s, known.last_rate = now_s, None
        look.drones.add(increment.drone)
        self.judged.add(increment.drone)
        look.frames += increment.frames
        look.failed += increment.failed
        self.frames += increment.looked
        self._new.take(increment)
        if not increment.looked:
            return
        if self.can_compare:
            self._compare(increment, known, now_s - known.new_since_s)
        known.last_rate = increment.rate

    def _compare(self, increment: Increment, known: _Drone, served_s: float) -> None:
        look, name = self._look, increment.drone
        if served_s >= self._config.settle_s:
            look.timed += increment.looked
            first = self._slow_from(known)
            look.slow += int(increment.latency[first:].sum())
            look.slow_allowed += increment.looked * self._usual(known).slower_share(first)
        if known.last_rate is not None:
            look.blind[name] += self._blind(increment, known, known.last_rate)
            look.flood[name] += self._flood(increment, known)
        if increment.scores.any():
            look.scores[name] += self._unusual(increment, known)

    def _references(self, known: _Drone, enough: bool) -> tuple[Reference, ...]:
        """Those that a drone is compared with; it must be worse than each."""
        return (self._old, known.before) if enough else (self._old,)

    def _slow_from(self, known: _Drone) -> int:
        """The first bucket of a slow frame."""
        config = self._config
        allowed = self._usual(known).bucket(0.5) + _buckets(config.latency_allowance)
        harmless_ms = max(config.harmless_ms, FIRST_MS)
        return max(allowed, _buckets(harmless_ms / FIRST_MS)) + 1

    def _usual(self, known: _Drone) -> Reference:
        """The old model on the same drone; for one that is new, on its group."""
        enough = known.before.looked >= self._config.least_reference
        return known.before if enough else self._old

    def _blind(self, increment: Increment, known: _Drone, before: float) -> float:
        after_empty = before == 0.0
        elsewhere = self._old.empty_share(after_empty)
        here = known.before.empty_share(after_empty, elsewhere)
        seen = self._config.seen_allowed * (1 - max(elsewhere, here))
        return share_evidence(increment.rate == 0.0, 1 - seen, 1 - seen / BLIND_FACTOR)

    def _flood(self, increment: Increment, known: _Drone) -> float:
        config = self._config
        usual = max(each.usual_rate(0.95) for each in self._references(known, True))
        limit = max(config.flood_allowance * usual, usual + config.flood_extra)
        return share_evidence(increment.rate > limit, config.flood_share, FLOOD_FOUND)

    def _unusual(self, increment: Increment, known: _Drone) -> float:
        config = self._config
        enough = known.before.detections >= config.least_reference
        usual = [each.usual_scores(config.score_tail) for each in self._references(known, enough)]
        first, last = min(low for low, _ in usual), max(high for _, high in usual)
        inside = int(increment.scores[first : last + 1].sum())
        share = 1 - inside / int(increment.scores.sum())
        return share_evidence(share, config.score_allowed, config.score_share)

    # --- weighing ------------------------------------------------------------------------

    def _weigh(
        self, name: str, bad: int, trials: int, looks: float, allowed: float, found: float
    ) -> None:
        """Of frames: they count as so many looks at most."""
        allowed = min(allowed, _MOST_SHARE)
        if allowed > found / 2:
            found = (1 + allowed) / 2
        if trials:
            evidence = share_evidence(bad / trials, allowed, found)
            self._tests[name].add(evidence * min(trials, looks))

    def _weigh_restarts(self, look: _Look, took_s: float) -> None:
        self._old_restarts += look.old_restarts
        self._old_drone_s += took_s * len(look.old_drones)
        self._restart_count += look.restarts
        per_s = self._config.restarts_per_h / 3600
        if self._old_drone_s > 0:
            per_s = max(per_s, 2 * self._old_restarts / (self._old_drone_s + 3600))
        self._restarts.add(look.restarts, per_s * took_s * len(look.drones))


def _buckets(ratio: float) -> int:
    """How many buckets of a histogram lie between two durations."""
    return round(math.log(ratio) / math.log(GROWTH))
