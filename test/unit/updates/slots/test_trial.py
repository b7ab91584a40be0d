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

"""A model on trial: kept when it does well, sent back when it plainly does not."""

from __future__ import annotations

import pytest

from edge_infer.metrics import Histogram
from edge_infer.updates.slots.trial import Trial, TrialConfig, Verdict

CONFIG = TrialConfig(window_s=10, least_frames=10, silence_s=8, load_s=30)


def serve(trial: Trial, start_s: int, end_s: int, failed_share: float = 0.0) -> list[Verdict]:
    """Ten frames a second, and what is to be done each time that health is heard."""
    verdicts = []
    for now_s in range(start_s, end_s + 1):
        frames = 10 * (now_s - start_s)
        trial.on_health(now_s, frames, round(failed_share * frames))
        verdicts.append(trial.verdict(now_s))
    return verdicts


def test_a_model_that_does_well_for_a_while_is_kept() -> None:
    verdicts = serve(Trial(CONFIG, 0), 3, 13)
    assert verdicts == [Verdict.CONTINUE] * 10 + [Verdict.COMMIT]


def test_the_window_begins_when_it_serves_not_when_it_was_asked_for() -> None:
    trial = Trial(CONFIG, 0)
    assert trial.verdict(29) is Verdict.CONTINUE
    assert serve(trial, 29, 39)[-2:] == [Verdict.CONTINUE, Verdict.COMMIT]


def test_a_slow_camera_takes_longer() -> None:
    trial = Trial(CONFIG, 0)
    verdicts = []
    for frames in range(1, 11):
        trial.on_health(5.0 * frames, frames, 0)
        verdicts.append(trial.verdict(5.0 * frames))
    assert verdicts == [Verdict.CONTINUE] * 9 + [Verdict.COMMIT]


def test_a_model_that_is_not_loaded_in_time_goes_back() -> None:
    trial = Trial(CONFIG, 100)
    assert trial.verdict(130) is Verdict.CONTINUE
    assert trial.verdict(130.1) is Verdict.ROLL_BACK
    assert trial.reason == "it did not begin to serve within 30 s"


@pytest.mark.parametrize(
    ("share", "end"), [(0.1, Verdict.COMMIT), (0.2, Verdict.ROLL_BACK), (1.0, Verdict.ROLL_BACK)]
)
def test_a_model_that_fails_on_frames_goes_back(share: float, end: Verdict) -> None:
    assert serve(Trial(CONFIG, 0), 0, 10, share)[-1] is end


def test_it_goes_back_as_soon_as_that_is_plain_and_says_why() -> None:
    trial = Trial(CONFIG, 0)
    trial.on_health(1, 9, 9)
    assert trial.verdict(1) is Verdict.CONTINUE
    trial.on_health(2, 10, 9)
    assert trial.verdict(2) is Verdict.ROLL_BACK
    assert trial.reason == "9 of 10 frames failed"


def test_a_detector_that_falls_silent_sends_it_back() -> None:
    trial = Trial(CONFIG, 0)
    serve(trial, 0, 3)
    assert trial.verdict(11) is Verdict.CONTINUE  # though the window is over
    assert trial.verdict(11.1) is Verdict.ROLL_BACK
    assert trial.reason == "the detector said nothing for 8 s"


def test_a_model_that_looks_at_no_frame_goes_back() -> None:
    trial = Trial(CONFIG, 0)
    serve(trial, 0, 3)
    for now_s in range(4, 12):
        trial.on_health(now_s, 30, 0)
        assert trial.verdict(now_s) is Verdict.CONTINUE
    trial.on_health(12, 30, 0)
    assert trial.verdict(12) is Verdict.ROLL_BACK
    assert trial.reason == "it looked at no frame for 8 s"


def test_a_camera_that_was_off_before_is_not_held_against_it() -> None:
    trial = Trial(CONFIG, 0, has_frames=False)
    for now_s in range(100):
        trial.on_health(now_s, 0, 0)
        assert trial.verdict(now_s) is Verdict.CONTINUE
    for now_s in range(100, 110):
        trial.on_health(now_s, now_s - 99, 0)
    assert trial.verdict(109) is Verdict.COMMIT


def test_a_crash_sends_it_back() -> None:
    trial = Trial(CONFIG, 0)
    serve(trial, 0, 9)
    trial.on_crash()
    assert trial.verdict(10) is Verdict.ROLL_BACK
    assert "began again" in trial.reason


def test_counters_that_fall_are_a_crash() -> None:
    trial = Trial(CONFIG, 0)
    trial.on_health(1, 20, 0)
    trial.on_health(2, 5, 0)
    assert trial.verdict(2) is Verdict.ROLL_BACK
    assert "began again" in trial.reason


def test_a_refusal_sends_it_back_with_its_reason() -> None:
    trial = Trial(CONFIG, 0)
    trial.on_refused("no engine reads it")
    assert trial.verdict(0) is Verdict.ROLL_BACK
    assert trial.reason == "it could not be loaded (no engine reads it)"


def test_what_has_gone_wrong_stays_wrong() -> None:
    trial = Trial(CONFIG, 0)
    trial.on_refused("")
    assert set(serve(trial, 0, 20)) == {Verdict.ROLL_BACK}
    assert trial.reason == "it could not be loaded"


@pytest.mark.parametrize(("took_ms", "end"), [(90, Verdict.COMMIT), (120, Verdict.ROLL_BACK)])
def test_frames_may_take_so_long(took_ms: float, end: Verdict) -> None:
    trial = Trial(TrialConfig(most_median_ms=100), 0)
    histogram = Histogram()
    for _ in range(20):
        histogram.add(took_ms)
    trial.on_health(0, 0, 0)
    trial.on_health(5, 20, 0, histogram.trimmed())
    trial.on_health(10, 21, 0, histogram.trimmed())
    assert trial.verdict(10) is end
