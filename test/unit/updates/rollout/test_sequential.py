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

"""Tests that may be looked at after every frame keep their error rates all the same."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_infer.updates.rollout.sequential import Evidence, RateEvidence, share_evidence

ALPHA, BETA = 0.05, 0.05
ALLOWED, BAD = 0.1, 0.5


def ends(share: float, seeds: int, looks: int) -> tuple[int, int]:
    """How many of many tests call it bad before they clear it, and how many clear it."""
    bad = cleared = 0
    for seed in range(seeds):
        random = np.random.default_rng(seed)
        evidence = Evidence(ALPHA, BETA)
        for _ in range(looks):
            failed = random.random() < share
            evidence.add(share_evidence(float(failed), ALLOWED, BAD))
            if evidence.is_bad or evidence.is_cleared:
                break
        bad += evidence.is_bad
        cleared += evidence.is_cleared
    return bad, cleared


def test_what_is_well_is_seldom_called_bad_and_what_is_bad_seldom_cleared() -> None:
    false_alarms, _ = ends(ALLOWED, seeds=600, looks=300)
    _, missed = ends(BAD, seeds=600, looks=300)
    # Three standard deviations above what is promised.
    most = 600 * ALPHA + 3 * math.sqrt(600 * ALPHA * (1 - ALPHA))
    assert false_alarms <= most
    assert missed <= most


def test_what_is_clear_is_decided_soon() -> None:
    bad, good = Evidence(0.001, 0.01), Evidence(0.001, 0.01)
    for _ in range(5):
        bad.add(share_evidence(1.0, ALLOWED, BAD))
    for _ in range(8):
        good.add(share_evidence(0.0, ALLOWED, BAD))
    assert bad.is_bad
    assert not bad.is_cleared
    assert good.is_cleared
    assert not good.is_bad


def test_what_turns_bad_late_is_found_as_fast() -> None:
    evidence = Evidence(0.001, 0.01)
    for _ in range(10_000):
        evidence.add(share_evidence(0.0, ALLOWED, BAD))
    looks = 0
    while not evidence.is_bad:
        evidence.add(share_evidence(1.0, ALLOWED, BAD))
        looks += 1
    assert looks == 8
    assert not evidence.is_cleared


def test_a_new_wave_must_be_cleared_anew_but_forgets_no_alarm() -> None:
    evidence = Evidence(0.001, 0.01)
    for _ in range(20):
        evidence.add(share_evidence(0.0, ALLOWED, BAD))
    evidence.begin()
    assert not evidence.is_cleared
    evidence.add(share_evidence(1.0, ALLOWED, BAD))
    before = evidence.alarm
    evidence.begin()
    assert evidence.alarm == before


@given(st.lists(st.booleans(), min_size=1, max_size=50), st.floats(0.01, 0.5))
def test_a_look_says_no_more_than_the_average_of_its_trials(
    trials: list[bool], allowed: float
) -> None:
    bad = (1 + allowed) / 2
    share = sum(trials) / len(trials)
    each = [math.exp(share_evidence(float(trial), allowed, bad)) for trial in trials]
    assert math.exp(share_evidence(share, allowed, bad)) <= sum(each) / len(each) + 1e-9


@pytest.mark.parametrize("allowed", [0.02, 0.1, 0.5, 0.9])
def test_a_trial_is_an_e_value_where_all_is_well(allowed: float) -> None:
    bad = (1 + allowed) / 2
    good, wrong = (math.exp(share_evidence(x, allowed, bad)) for x in (0.0, 1.0))
    for share in (0.0, allowed / 2, allowed):
        assert share * wrong + (1 - share) * good <= 1 + 1e-12


def test_two_ends_in_a_few_seconds_are_too_many_and_one_is_watched() -> None:
    evidence = RateEvidence(0.001, 0.01, (4.0, 16.0, 64.0, 256.0))
    per_s = 2 / 3600
    evidence.add(1, 5 * per_s)
    assert evidence.alarm > 0
    assert not evidence.is_bad
    evidence.add(1, 5 * per_s)
    assert evidence.is_bad


def test_one_end_is_forgiven_in_time() -> None:
    evidence = RateEvidence(0.001, 0.01, (4.0, 16.0, 64.0, 256.0))
    evidence.add(1, 0.0)
    for _ in range(600):
        evidence.add(0, 2 / 3600)
    assert evidence.alarm < 0


def test_the_allowed_rate_is_seldom_called_bad() -> None:
    alarms = 0
    for seed in range(300):
        random = np.random.default_rng(seed)
        evidence = RateEvidence(0.002, 0.01, (4.0, 16.0, 64.0, 256.0))
        for events in random.poisson(0.02, 300):
            evidence.add(int(events), 0.02)
            if evidence.is_bad:
                alarms += 1
                break
    # At first 0.002, and 0.002 * 0.01 at each of 300 looks after credit: 2.4 of 300 rollouts.
    assert alarms <= 2.4 + 3 * math.sqrt(2.4)
