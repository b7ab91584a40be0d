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

"""A drone's updater on the loopback runtime, beside a real detector and a gateway."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("onnx", reason="needs the extra train: onnx is not installed")

from update_fleet import FlyingDrone, Looks, UpdateFleet

from edge_infer.errors import UpdateError
from edge_infer.nodes.updater.config import UpdaterConfig
from edge_infer.nodes.updater.node import UpdaterNode
from edge_infer.runtime.loopback import LoopbackNetwork

PAIR = ("drone_1", "drone_2")

Make = Callable[..., UpdateFleet]


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    fleets: list[UpdateFleet] = []

    def make(*drones: str, **how: Any) -> UpdateFleet:
        fleets.append(UpdateFleet(tmp_path, drones or ("drone_1",), **how))
        return fleets[-1]

    yield make
    for fleet in fleets:
        fleet.land()


def start_again(fleet: UpdateFleet, name: str) -> None:
    """A drone is switched off and on."""
    fleet.drones[name].land()
    fleet.drones[name] = FlyingDrone(fleet, name)


def flies(fleet: UpdateFleet, number: int) -> Callable[[], bool]:
    """Whether a release serves on all drones, as a condition to wait for."""
    return lambda: set(fleet.running.values()) == {number}


# --- the way of a release ----------------------------------------------------------------


def test_a_release_goes_through_all_states_and_what_is_told_of_it_is_true(make: Make) -> None:
    fleet = make()
    fleet.publish(2)
    assert fleet.reaches(2)
    fleet.network.run_for(6.0)
    seen = fleet.seen["drone_1"]
    assert [state for _, state in seen.states] == [
        "IDLE", "DOWNLOADING", "STAGED", "ON_TRIAL", "COMMITTED",
    ]  # fmt: skip
    report = fleet.reports()["drone_1"]
    assert (report.model, report.model_version, report.running_release) == ("tiny", "2", 2)
    assert (report.wanted_release, report.progress, report.message) == (0, 1.0, "")
    assert (report.installs, report.rollbacks, report.refusals) == (1, 0, 0)
    assert fleet.told("drone_1", "updater") == (0, "")


def test_a_release_that_failed_is_not_tried_again_but_a_newer_one_is(make: Make) -> None:
    fleet = make()
    fleet.publish(2, Looks(breaks=True))
    assert fleet.reaches(2, "aborted")
    fleet.network.run_for(20.0)
    report = fleet.reports()["drone_1"]
    assert (report.installs, report.rollbacks, report.state.value) == (1, 1, "ROLLED_BACK")
    level, message = fleet.told("drone_1", "updater")
    assert (level, "100% of the frames fail" in message) == (1, True)
    fleet.publish(3)
    assert fleet.reaches(3)
    assert fleet.network.run_until(flies(fleet, 3), 5.0)


# --- what is switched off ----------------------------------------------------------------


def test_a_drone_that_was_away_catches_up(make: Make) -> None:
    fleet = make(*PAIR)
    fleet.network.partition([["drone_2"]])
    fleet.network.run_for(8.0)
    fleet.publish(2)
    assert fleet.reaches(2)
    fleet.network.run_for(2.0)
    assert fleet.running == {"drone_1": 2, "drone_2": 1}
    fleet.gateway.land()
    fleet.network.heal()
    assert fleet.network.run_until(flies(fleet, 2), 30.0)
    fleet.network.run_for(6.0)
    assert set(fleet.states.values()) == {"COMMITTED"}


def test_a_drone_that_starts_again_with_a_release_ready_checks_it_and_takes_it(make: Make) -> None:
    fleet = make(auto_start=False)
    fleet.publish(2)
    assert fleet.network.run_until(lambda: fleet.states == {"drone_1": "STAGED"}, 10.0)
    start_again(fleet, "drone_1")
    fleet.network.run_for(1.0)
    assert fleet.states == {"drone_1": "STAGED"}
    fleet.command("start")
    assert fleet.network.run_until(flies(fleet, 2), 20.0)


def test_a_drone_that_starts_again_and_again_on_trial_goes_back_by_itself(make: Make) -> None:
    fleet = make()
    fleet.publish(2)
    assert fleet.network.run_until(flies(fleet, 2), 20.0)
    fleet.network.partition([["gateway"]])  # so that nobody else says so
    went = []
    for _ in range(3):
        start_again(fleet, "drone_1")
        fleet.network.run_for(2.5)
        went.append((fleet.states["drone_1"], fleet.running["drone_1"]))
    assert went == [("ON_TRIAL", 2), ("ON_TRIAL", 2), ("ROLLED_BACK", 1)]
    report = fleet.reports()["drone_1"]
    assert (report.rollbacks, report.message) == (1, "the drone started 3 times during its trial")


def test_a_camera_that_stops_during_a_trial_sends_the_release_back(make: Make) -> None:
    fleet = make()
    fleet.publish(2)
    assert fleet.network.run_until(flies(fleet, 2), 20.0)
    fleet.network.partition([["gateway"]])
    fleet.drones["drone_1"].is_looking = False
    assert fleet.network.run_until(flies(fleet, 1), 15.0)
    assert "it looked at no frame for 8 s" in fleet.reports()["drone_1"].message


# --- who is believed ---------------------------------------------------------------------


def test_an_updater_without_a_root_of_trust_says_so(tmp_path: Path) -> None:
    node = LoopbackNetwork().runtime("drone_1").create_node("updater")
    with pytest.raises(UpdateError, match="no root of trust is given"):
        UpdaterNode(node, UpdaterConfig(state_dir=str(tmp_path)))
