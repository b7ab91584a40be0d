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

"""A model that does worse is called bad by the right signal; one that does not is cleared."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from edge_infer.errors import UpdateError
from edge_infer.metrics import Histogram
from edge_infer.updates.rollout.judge import SIGNALS, Judge, JudgeConfig, Outcome
from edge_infer.updates.rollout.reference import HealthLog
from edge_infer.updates.rollout.reports import SCORE_BINS, HealthSample

OLD, NEW = "05" * 32, "06" * 32
CONFIG = JudgeConfig()


class Teller:
    """Drones that tell once a second how their models do; no dice are thrown."""

    def __init__(self, config: JudgeConfig = CONFIG) -> None:
        self.judge = Judge(NEW, config, 0.0)
        self.now_s = 0.0
        self._log = HealthLog()
        self._counters: dict[str, tuple[str, Histogram, list[int], list[int]]] = {}

    def second(
        self,
        drone: str = "drone_1",
        digest: str = NEW,
        frames: int = 5,
        failed: int = 0,
        ms: float = 20.0,
        found: int = 10,
        score: float = 0.8,
        fresh: bool = False,
    ) -> None:
        """One drone's second."""
        known = self._counters.get(drone)
        if fresh or known is None or known[0] != digest:
            known = (digest, Histogram(), [0] * SCORE_BINS, [0, 0])
        _, latency, scores, counts = self._counters[drone] = known
        for _ in range(frames - failed):
            latency.add(ms)
        scores[int(score * SCORE_BINS)] += found
        counts[0] += frames
        counts[1] += failed
        sample = HealthSample(drone, 1, digest, 6, *counts, tuple(latency.trimmed()), tuple(scores))
        increment = self._log.take(sample)
        assert increment is not None
        self.judge.take(increment, self.now_s)

    def passes(self) -> None:
        self.now_s += 1.0
        self.judge.tick(self.now_s)

    def old(self, seconds: int = 30, drones: int = 3, **told: float) -> None:
        """The old model flies."""
        for _ in range(seconds):
            for number in range(1, drones + 1):
                self.second(f"drone_{number}", OLD, **told)  # type: ignore[arg-type]
            self.passes()

    def until_decided(self, most_s: int, second: Callable[[], None]) -> int:
        """Seconds until the judge has made up its mind."""
        self.judge.begin()
        for waited in range(1, most_s + 1):
            second()
            self.passes()
            if self.judge.outcome is not Outcome.OPEN:
                return waited
        return most_s + 1


@pytest.fixture
def teller() -> Teller:
    told = Teller()
    told.old()
    return told


def test_a_model_like_the_one_before_is_cleared_soon(teller: Teller) -> None:
    assert teller.until_decided(60, teller.second) <= 10
    assert teller.judge.outcome is Outcome.GOOD
    assert teller.judge.accusation() == ""


@pytest.mark.parametrize(
    ("signal", "told", "words"),
    [
        ("latency", {"ms": 40.0}, "ms with the model before"),
        ("errors", {"failed": 3}, "60% of the frames fail, 0%"),
        ("errors", {"failed": 5, "found": 0}, "100% of the frames fail"),
        ("blind", {"found": 0}, "it finds 0 things per frame, the model before 2"),
        ("flood", {"found": 100}, "it finds 20 things per frame, the model before 2"),
        ("scores", {"score": 0.1}, "0.12 on average, 0.82"),
        ("scores", {"score": 0.99}, "0.97 on average, 0.82"),
    ],
    ids=["slow", "failing", "dead", "blind", "hallucinating", "unsure", "too sure"],
)
def test_what_is_worse_is_called_bad_within_ten_seconds(
    teller: Teller, signal: str, told: dict[str, float], words: str
) -> None:
    assert teller.until_decided(10, lambda: teller.second(**told)) <= 10  # type: ignore[arg-type]
    assert teller.judge.outcome is Outcome.BAD
    assert teller.judge.bad_signal == signal
    assert words in teller.judge.accusation()


def test_at_one_frame_a_second_it_takes_no_longer(teller: Teller) -> None:
    assert teller.until_decided(10, lambda: teller.second(frames=1, ms=40.0, found=2)) <= 10
    assert teller.judge.bad_signal == "latency"


def test_a_detector_that_begins_again_and_again_is_bad(teller: Teller) -> None:
    starts = iter(range(100))
    waited = teller.until_decided(12, lambda: teller.second(fresh=next(starts) % 4 == 3))
    assert waited <= 9
    assert teller.judge.bad_signal == "restarts"
    assert "ended 2 times" in teller.judge.accusation()


def test_after_one_new_start_it_is_watched_longer(teller: Teller) -> None:
    starts = iter(range(1000))
    waited = teller.until_decided(600, lambda: teller.second(fresh=next(starts) == 3))
    assert teller.judge.outcome is Outcome.GOOD
    assert 60 < waited < 600


# --- what is not the model's fault -----------------------------------------------------


def test_a_busy_moment_of_all_drones_is_nobodys_fault(teller: Teller) -> None:
    def busy() -> None:
        teller.second("drone_1", NEW, ms=60.0)
        teller.second("drone_2", OLD, ms=60.0)
        teller.second("drone_3", OLD, ms=60.0)

    teller.until_decided(20, busy)
    assert teller.judge.outcome is not Outcome.BAD


def test_a_drone_that_was_always_slow_is_compared_with_itself() -> None:
    told = Teller()
    for _ in range(30):
        told.second("drone_1", OLD, ms=60.0)
        told.second("drone_2", OLD, ms=20.0)
        told.passes()
    told.until_decided(20, lambda: told.second("drone_1", NEW, ms=60.0))
    assert told.judge.outcome is Outcome.GOOD


def test_a_drone_over_an_empty_place_is_not_blind() -> None:
    told = Teller()
    for second in range(60):
        told.second("drone_1", OLD, found=0)
        for other in range(2, 8):
            told.second(f"drone_{other}", OLD, found=10 * (second % 2))
        told.passes()
    told.until_decided(60, lambda: told.second("drone_1", NEW, found=0))
    assert told.judge.outcome is not Outcome.BAD


def test_the_first_moments_may_be_slow() -> None:
    told = Teller(JudgeConfig(settle_s=6.0))
    told.old()
    slow = iter([500.0] * 5)
    told.until_decided(30, lambda: told.second(ms=next(slow, 20.0)))
    assert told.judge.outcome is Outcome.GOOD


def test_what_is_fast_enough_is_never_slow() -> None:
    told = Teller(JudgeConfig(harmless_ms=30.0))
    told.old(ms=5.0)
    told.until_decided(30, lambda: told.second(ms=25.0))
    assert told.judge.outcome is Outcome.GOOD


def test_a_model_that_works_may_follow_one_that_does_not() -> None:
    told = Teller()
    told.old(failed=5, found=0)
    told.until_decided(60, told.second)
    assert told.judge.outcome is Outcome.GOOD


def test_failures_that_the_old_model_has_as_well_are_all_right() -> None:
    told = Teller()
    told.old(failed=2)
    told.until_decided(60, lambda: told.second(failed=2))
    assert told.judge.outcome is not Outcome.BAD


def test_without_an_old_model_errors_are_judged_still() -> None:
    good, bad = Teller(), Teller()
    good.until_decided(30, good.second)
    bad.until_decided(30, lambda: bad.second(failed=5, found=0))
    assert good.judge.outcome is Outcome.GOOD
    assert bad.judge.bad_signal == "errors"


def test_many_drones_in_one_busy_second_say_no_more_than_one(teller: Teller) -> None:
    teller.until_decided(20, teller.second)
    for number in range(4, 40):
        teller.second(f"drone_{number}", NEW, ms=80.0)
    teller.passes()
    for number in range(4, 40):
        teller.second(f"drone_{number}", NEW, ms=80.0)
    teller.passes()
    assert teller.judge.outcome is not Outcome.BAD


def test_it_is_not_cleared_by_too_few_frames(teller: Teller) -> None:
    teller.judge.begin()
    assert next(iter(teller.judge.doubts())) == "0 of 10 frames"
    for _ in range(60):
        teller.passes()
    assert teller.judge.outcome is Outcome.OPEN


def test_where_nothing_is_to_be_seen_it_waits_and_then_goes_on() -> None:
    told = Teller()
    told.old(found=0)
    assert told.until_decided(100, lambda: told.second(found=0)) == 60
    assert told.judge.outcome is Outcome.GOOD


def test_a_new_wave_is_cleared_by_new_frames(teller: Teller) -> None:
    teller.until_decided(30, teller.second)
    teller.judge.begin()
    assert teller.judge.outcome is Outcome.OPEN
    assert teller.until_decided(30, teller.second) <= 10


def test_every_signal_has_a_figure(teller: Teller) -> None:
    teller.until_decided(30, teller.second)
    figures = {each.signal: each for each in teller.judge.figures()}
    assert tuple(figures) == SIGNALS
    assert figures["latency"].new == figures["latency"].old == pytest.approx(20, rel=0.05)
    assert figures["blind"].new == 2.0
    assert all(np.isfinite([each.new, each.old, each.alarm]).all() for each in figures.values())


@pytest.mark.parametrize(
    "changes",
    [
        {"alpha": 0.0},
        {"alpha": float("nan")},
        {"beta": 1.0},
        {"slow_share": 0.05},
        {"failed_share": 0.01},
        {"seen_allowed": 1.5},
        {"restart_ratios": ()},
        {"restart_ratios": (0.5,)},
        {"latency_allowance": 0.5},
        {"look_s": 0.0},
    ],
)
def test_a_judge_that_cannot_work_is_refused(changes: dict[str, float]) -> None:
    with pytest.raises(UpdateError, match=next(iter(changes))):
        JudgeConfig(**changes)  # type: ignore[arg-type]
