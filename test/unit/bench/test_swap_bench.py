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

"""What the swap benchmark makes of its turns, and its two ends for one short turn each."""

from __future__ import annotations

import pytest

pytest.importorskip("cyclonedds")

from edge_infer.bench import swap
from edge_infer.bench.harness import Goal
from edge_infer.bench.swap import Outcome, Side
from edge_infer.bench.swap_rig import Way

MS = 1_000_000
PERIOD = 100 * MS


def turn(answered: dict[int, int], asked_ms: int = 0, served_ms: int = 0) -> dict[str, object]:
    """Ten frames, one each 100 ms from 1 s; answered: number -> age in ms."""
    stamps = [1000 * MS + number * PERIOD for number in range(10)]
    return {
        "stamps_ns": stamps,
        "heard": [(stamps[n], stamps[n] + age * MS) for n, age in answered.items()],
        "asked_ns": asked_ms * MS,
        "served_ns": served_ms * MS,
    }


def test_a_frame_without_an_answer_is_lost_and_makes_a_gap() -> None:
    side = Side()
    side.add(turn({number: 20 for number in range(10) if number != 4}))
    assert (side.sent, side.lost) == (10, 1)
    assert side.longest_gaps_ms == [200.0]
    assert side.ages_ms == [20.0] * 9
    assert (side.ages_loading_ms, side.loads_ms) == ([], [])


def test_answers_to_frames_of_an_earlier_turn_do_not_count() -> None:
    side = Side()
    told = turn(dict.fromkeys(range(10), 20))
    told["heard"].insert(0, (5, 10))
    side.add(told)
    assert (side.lost, len(side.ages_ms)) == (0, 10)


def test_frames_that_were_on_their_way_while_a_model_was_loaded_are_told_apart() -> None:
    side = Side()
    ages = {number: 40 if number in (3, 4, 5) else 20 for number in range(10)}
    side.add(turn(ages, asked_ms=1330, served_ms=1510))
    assert side.ages_loading_ms == [40.0] * 3
    assert side.ages_ms == [20.0] * 7
    assert side.loads_ms == [180.0]


def test_a_model_that_never_served_is_told() -> None:
    side = Side()
    side.add(turn(dict.fromkeys(range(10), 20), asked_ms=1330))
    outcome = Outcome(Way("one", 10), Side(), side, {"frames_failed": 2})
    met = {goal.name: (goal.value, goal.met) for goal in swap.goals([outcome], [100.0, 101.0])}
    assert met["models that never served"] == (1, False)
    assert met["frames that failed"] == (2, False)
    assert met["frames lost with a swap more than without, one"] == (0, True)


def test_only_what_is_lost_beyond_the_usual_is_the_swaps_price() -> None:
    def lost(plain: int, swapped: int) -> int:
        return Outcome(Way("one", 10), Side(lost=plain), Side(lost=swapped), {}).price

    assert [lost(0, 0), lost(2, 5), lost(5, 2)] == [0, 3, 0]


def test_growth_is_measured_from_where_the_sizes_have_settled() -> None:
    def growth(then: float) -> Goal:
        sizes = [*range(100, 130), *[130.0] * (swap.SETTLED_MODELS - 30), *[then] * 50]
        return next(goal for goal in swap.goals([], sizes) if goal.unit == "MB")

    assert (growth(130.0).value, growth(130.0).met) == (0.0, True)
    assert (growth(137.0).value, growth(137.0).met) == (7.0, False)


def test_the_models_are_two_releases_of_the_shipped_one(tmp_path) -> None:
    first, second = swap.copies(tmp_path)
    assert (first.manifest.release, second.manifest.release) == (1, 2)
    assert first.digest != second.digest
    assert first.manifest.labels == second.manifest.labels


def test_a_short_run_measures_both_sides() -> None:
    report = swap.measure([Way("one", 10)], 1, 0.3, 2, lambda _: None)
    plain, swapped, account, sizes = report.rows
    assert (plain["turns"], swapped["turns"]) == ("without a swap", "with a swap")
    assert plain["frames"] == 3
    assert swapped["until it serves ms"] > 0
    assert account["models"] == 2
    assert account["received"] == account["processed"] + account["dropped"]
    assert account["failed"] == 0
    assert sizes["last MB"] > 0
