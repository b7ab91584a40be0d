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

"""Whole fleets through drawn stories: the invariants hold at every step of every one.

``make soak`` goes on with other seeds until it is stopped.
"""

from __future__ import annotations

import pytest
from flight import failure, fly
from hardships import HARDSHIPS, coverage
from planted import PLANTS
from regressions import HUNDRED, LOST_CLOCK, NAMESAKES, REGRESSIONS, Regression
from scenario import LARGE, draw
from soak import again

SEEDS = 300
CROWDS = [(1, 50), (12, 60)]
"""Seed and number of drones."""
PLANTED_SEEDS = 40
"""Within so many seeds each planted bug must show."""


@pytest.mark.parametrize("seed", range(SEEDS))
def test_a_fleet_agrees_whatever_befalls_it(seed: int) -> None:
    problem = failure(draw(seed))
    assert not problem, f"{problem}; {again(seed)}"


@pytest.mark.crowd
@pytest.mark.parametrize(("seed", "drones"), CROWDS)
def test_a_crowd_agrees_too(seed: int, drones: int) -> None:
    problem = failure(draw(seed, (drones, drones)))
    assert not problem, f"{problem}; {again(seed, drones)}"


@pytest.mark.crowd
def test_a_hundred_agree_too() -> None:
    result = fly(HUNDRED)
    assert result.sightings == result.published > 50


@pytest.mark.parametrize("regression", REGRESSIONS, ids=lambda r: r.name.replace(" ", "_"))
def test_what_went_wrong_once_stays_right(regression: Regression) -> None:
    assert fly(regression.scenario).published > 0


def test_who_lost_its_disk_and_its_clock_starts_again_by_itself() -> None:
    result = fly(LOST_CLOCK)
    assert list(result.ended) == ["drone_001"]
    assert "is raised: start this node again" in result.ended["drone_001"]
    assert result.sightings == result.published


def test_the_later_of_two_with_one_name_is_refused_and_all_it_saw_is_known() -> None:
    result = fly(NAMESAKES)
    assert list(result.ended) == ["drone_001_again"]
    assert "calls itself 'drone_001': give each" in result.ended["drone_001_again"]
    assert result.sightings == result.published


@pytest.mark.parametrize("plant", PLANTS)
def test_a_planted_bug_is_found(plant: str, monkeypatch: pytest.MonkeyPatch) -> None:
    PLANTS[plant](monkeypatch)
    assert any(failure(draw(seed)) for seed in range(PLANTED_SEEDS))


def test_one_seed_is_one_story_and_one_flight() -> None:
    first, again, other = (fly(draw(seed)) for seed in (11, 11, 12))
    assert first == again
    assert first.digest != other.digest


def test_every_hardship_is_reached() -> None:
    drawn = coverage(draw(seed) for seed in range(SEEDS))
    crowds = coverage(draw(seed, (drones, drones)) for seed, drones in CROWDS)
    named = coverage([LOST_CLOCK, NAMESAKES, HUNDRED])
    assert {name for name in HARDSHIPS if drawn[name] < 5} <= crowds.keys() | named.keys()
    assert set(HARDSHIPS) == drawn.keys() | crowds.keys() | named.keys()


def test_the_seeds_go_to_the_limits() -> None:
    scenarios = [draw(seed) for seed in range(SEEDS)]
    assert {story.drones for story in scenarios} == set(range(3, 9))
    assert HUNDRED.drones == LARGE[1]
    assert max(story.loss for story in scenarios) > 0.45
    assert max(story.delay_s for story in scenarios) == 3.0
    offsets = [offset for story in scenarios for offset in story.clock_offsets_s]
    assert (min(offsets), max(offsets)) == (-600.0, 600.0)
    for hardship in ("loss", "vanish", "duplicate", "reorder", "suppress"):
        assert {bool(getattr(story, hardship)) for story in scenarios} == {False, True}
