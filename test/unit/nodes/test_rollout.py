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

"""A gateway and three drones on the loopback runtime: releases that reach all, and that go back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("onnx", reason="needs the extra train: onnx is not installed")

from update_fleet import SLOW_LAYERS, Looks, UpdateFleet

from edge_infer.errors import UpdateError
from edge_infer.nodes.rollout.config import RolloutNodeConfig
from edge_infer.nodes.rollout.node import RolloutNode
from edge_infer.runtime.loopback import LoopbackNetwork

DRONES = ("drone_1", "drone_2", "drone_3")
PAIR = DRONES[:2]
BACK_S = 10.0
"""A release that is bad in every frame has gone from its canary by then."""

Make = Callable[..., UpdateFleet]


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    fleets: list[UpdateFleet] = []

    def make(*drones: str, **how: Any) -> UpdateFleet:
        fleets.append(UpdateFleet(tmp_path, drones or DRONES, **how))
        return fleets[-1]

    yield make
    for fleet in fleets:
        fleet.land()


# --- releases that reach all -------------------------------------------------------------


def test_three_updates_in_a_row_reach_all(make: Make) -> None:
    fleet = make()
    for number in (2, 3, 4):
        fleet.publish(number)
        assert fleet.network.run_until(lambda: had_by(fleet, number) > 0, 30.0)  # noqa: B023
        assert had_by(fleet, number) == 1
        assert fleet.reaches(number)
        fleet.network.run_for(2.0)
        assert fleet.running == dict.fromkeys(DRONES, number)
    assert set(fleet.states.values()) == {"COMMITTED"}
    assert [(r.installs, r.rollbacks) for r in fleet.reports().values()] == [(3, 0)] * 3


def had_by(fleet: UpdateFleet, number: int) -> int:
    """How many drones look with a release."""
    return list(fleet.running.values()).count(number)


# --- releases that go back ---------------------------------------------------------------

BAD = {
    "slow": (Looks(layers=SLOW_LAYERS), "ms with the model before"),
    "flags nothing": (Looks(things=0), "finds 0 things"),
    "flags everything": (Looks(things=20), "finds 20 things"),
    "raises": (Looks(breaks=True), "100% of the frames fail"),
}


@pytest.mark.parametrize("kind", BAD)
def test_a_bad_release_is_on_its_canary_only_and_not_for_long(make: Make, kind: str) -> None:
    looks, words = BAD[kind]
    fleet = make(*PAIR)
    fleet.publish(2, looks)
    assert fleet.reaches(2, "aborted", 60.0)
    fleet.network.run_for(2.0)
    (canary,) = fleet.rollout.drones
    assert fleet.rollout.reason.startswith(f"x86_64, {canary}: ")
    assert words in fleet.rollout.reason
    assert f"bad: x86_64, {canary}: " in fleet.rollout.verdicts[0]
    assert fleet.running == dict.fromkeys(PAIR, 1)
    assert {n: (r.installs, r.rollbacks) for n, r in fleet.reports().items()} == {
        name: (1, 1) if name == canary else (0, 0) for name in PAIR
    }
    went_s = {state: second for second, state in fleet.seen[canary].states}
    assert went_s["ROLLED_BACK"] - went_s["ON_TRIAL"] < BACK_S


def test_a_release_that_never_ends_its_check_is_installed_by_nobody(make: Make) -> None:
    fleet = make("drone_1", check_timeout_s=1.0)
    fleet.publish(2, Looks(hangs=True))
    assert fleet.network.run_until(lambda: fleet.states == {"drone_1": "FAILED"}, 20.0)
    fleet.network.run_for(15.0)
    report = fleet.reports()["drone_1"]
    assert report.installs == 0
    assert "did not end its check within 1 s" in report.message
    assert "no drone can take it" in fleet.rollout.verdicts[0]
    assert fleet.rollout.drones == []


# --- by hand -----------------------------------------------------------------------------


def test_a_rollout_waits_for_its_start_and_in_a_pause_and_goes_back_when_aborted(
    make: Make,
) -> None:
    fleet = make(*PAIR, auto_start=False)
    assert not fleet.command("pause").success
    fleet.publish(2)
    fleet.network.run_for(12.0)
    assert (set(fleet.states.values()), fleet.rollout) == ({"STAGED"}, None)
    assert fleet.command("start").success
    assert fleet.network.run_until(lambda: had_by(fleet, 2) == 1, 20.0)
    assert fleet.command("pause").success
    fleet.network.run_for(30.0)
    assert (had_by(fleet, 2), fleet.rollout_state) == (1, (2, "paused"))
    assert "goes on" in fleet.command("start").message
    assert fleet.reaches(2)
    assert fleet.command("abort").success
    fleet.network.run_for(3.0)
    assert fleet.running == dict.fromkeys(PAIR, 1)
    assert set(fleet.states.values()) == {"ROLLED_BACK"}
    assert "is aborted" in fleet.command("pause").message


@pytest.mark.parametrize(
    ("command", "release", "words"),
    [("start", 0, "no such release"), ("abort", 0, "no rollout"), ("pause", 0, "no rollout")],
)
def test_what_cannot_be_done_is_answered_in_a_sentence(
    make: Make, command: str, release: int, words: str
) -> None:
    answer = make("drone_1").command(command, release)
    assert not answer.success
    assert words in answer.message


# --- what is switched off ----------------------------------------------------------------


def test_a_fleet_keeps_what_it_has_until_its_gateway_starts_again_and_goes_on(make: Make) -> None:
    fleet = make(*PAIR)
    fleet.publish(2)
    assert fleet.network.run_until(lambda: had_by(fleet, 2) == 1, 30.0)
    (canary,) = fleet.rollout.drones
    fleet.gateway.land()
    fleet.network.run_for(15.0)
    assert sorted(fleet.states.values()) == ["COMMITTED", "STAGED"]
    fleet.start_gateway()
    fleet.network.run_for(1.5)
    assert (fleet.rollout_state, fleet.rollout.drones) == ((2, "running"), [canary])
    assert fleet.reaches(2)
    fleet.network.run_for(2.0)
    assert fleet.running == dict.fromkeys(PAIR, 2)
    assert {r.installs for r in fleet.reports().values()} == {1}
    fleet.gateway.land()
    fleet.start_gateway()
    fleet.network.run_for(1.5)
    assert fleet.rollout_state == (2, "done")


def test_a_gateway_that_starts_again_goes_on_although_something_newer_waits(make: Make) -> None:
    fleet = make("drone_1", auto_start=False)
    fleet.publish(2)
    fleet.network.run_for(3.0)
    fleet.command("start")
    assert fleet.network.run_until(lambda: had_by(fleet, 2) == 1, 30.0)
    fleet.gateway.land()
    fleet.publish(3)
    fleet.start_gateway()
    fleet.network.run_for(1.5)
    assert fleet.rollout_state == (2, "running")


# --- a store and a disk that fail --------------------------------------------------------


def test_a_package_that_the_store_lacks_is_offered_when_it_is_there(make: Make) -> None:
    fleet = make("drone_1")
    fleet.gateway.land()
    fleet.publish(2)
    away = fleet.folder / "away"
    (fleet.store / "targets").rename(away)
    fleet.start_gateway()
    fleet.network.run_for(3.0)
    assert fleet.states == {"drone_1": "DOWNLOADING"}
    level, message = fleet.told("gateway", "rollout")
    assert (level, "is not in" in message) == (1, True)
    away.rename(fleet.store / "targets")
    assert fleet.reaches(2)
    assert fleet.told("gateway", "rollout") == (0, "")


def test_an_abort_that_cannot_be_signed_is_signed_as_soon_as_it_can(make: Make) -> None:
    fleet = make("drone_1")
    fleet.publish(2)
    assert fleet.reaches(2)
    trust = next(fleet.folder.glob("gateway/*.updates/trust"))
    trust.rename(fleet.folder / "trust")
    trust.write_text("no folder")
    fleet.command("abort")
    fleet.network.run_for(5.0)
    assert fleet.running == {"drone_1": 2}
    assert fleet.told("gateway", "rollout")[0] == 2
    trust.unlink()
    (fleet.folder / "trust").rename(trust)
    assert fleet.network.run_until(lambda: fleet.running == {"drone_1": 1}, 5.0)
    fleet.network.run_for(1.0)
    assert fleet.told("gateway", "rollout") == (0, "")


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({}, "needs a store and the online key"),
        ({"store": "s", "online_key": "k"}, "no root of trust is given"),
        ({"store": "s", "online_key": "k", "root": "nowhere.json"}, "cannot be read"),
    ],
)
def test_a_gateway_without_what_it_needs_says_so(
    tmp_path: Path, config: dict[str, str], words: str
) -> None:
    node = LoopbackNetwork().runtime("gateway").create_node("rollout")
    with pytest.raises(UpdateError, match=words):
        RolloutNode(node, RolloutNodeConfig(**config, state_dir=str(tmp_path)))
