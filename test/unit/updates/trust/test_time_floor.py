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

"""The time before which it cannot be: it rises, is kept, and never shuts a drone out for good."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from trust_scene import MODEL, START_S, Clock, decision, started

from edge_infer.errors import TrustError
from edge_infer.updates.trust.keys import rotate
from edge_infer.updates.trust.roles import DAY_S
from edge_infer.updates.trust.time_floor import STEP_S, TimeFloor

FAR_S = START_S + 20 * 365 * DAY_S


def test_it_rises_and_is_there_after_a_restart(tmp_path: Path) -> None:
    floor = TimeFloor(tmp_path / "floor.json")
    floor.follow(["b", "a"], 1000.0)
    floor.rise(90_000.0, 80_000.0)
    assert floor.floor_s == 80_000.0
    again = TimeFloor(tmp_path / "floor.json")
    again.follow(["a", "b"], 1000.0)
    assert again.floor_s == 80_000.0
    assert (again.now_s(0.0), again.now_s(90_000.0)) == (80_000.0, 90_000.0)


def test_it_is_forgotten_with_the_keys(tmp_path: Path) -> None:
    floor = TimeFloor(tmp_path / "floor.json")
    floor.follow(["a"], 1000.0)
    floor.rise(90_000.0, 90_000.0)
    floor.follow(["b"], 2000.0)
    assert floor.floor_s == 2000.0
    assert TimeFloor(tmp_path / "floor.json").floor_s == 2000.0


def test_small_steps_are_not_written(tmp_path: Path) -> None:
    file = tmp_path / "floor.json"
    floor = TimeFloor(file)
    floor.follow(["a"], 0.0)
    written = file.stat().st_mtime_ns, file.read_bytes()
    floor.rise(STEP_S - 1, FAR_S)
    assert (file.stat().st_mtime_ns, file.read_bytes()) == written
    floor.rise(STEP_S, FAR_S)
    assert TimeFloor(file).floor_s == STEP_S


@pytest.mark.parametrize("content", [b"", b"{}", b"[1]", b'{"floor_s": "x", "keys": []}', b"\xff"])
def test_what_cannot_be_read_counts_as_nothing(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "floor.json"
    file.write_bytes(content)
    assert TimeFloor(file).floor_s == 0.0


def test_a_full_disk_does_not_stop_it(tmp_path: Path) -> None:
    floor = TimeFloor(tmp_path / "nowhere" / "floor.json")
    floor.follow(["a"], 1000.0)
    floor.rise(90_000.0, 90_000.0)
    assert floor.floor_s == 90_000.0


@given(st.lists(st.tuples(st.floats(0, 1e10), st.floats(0, 1e10)), max_size=20))
def test_it_never_falls_and_never_passes_the_most(steps: list[tuple[float, float]]) -> None:
    floor = TimeFloor(Path("/nowhere/floor.json"))
    for seen_s, most_s in steps:
        before = floor.floor_s
        floor.rise(seen_s, most_s)
        assert floor.floor_s >= before
        assert floor.floor_s <= max(before, most_s)


# --- in a drone ---------------------------------------------------------------------------


@pytest.mark.parametrize("wall_s", [0.0, 1e9])
def test_a_drone_without_a_clock_takes_what_is_signed(tmp_path: Path, wall_s: float) -> None:
    fleet, gateway, _ = started(tmp_path)
    drone = fleet.drone("without", Clock(wall_s))
    assert drone.now_s() == START_S
    assert drone.update(gateway.metadata())
    assert drone.decision(MODEL) == decision(2, "drone_1")


def test_a_drone_without_a_clock_learns_the_time_from_what_the_publisher_signs(
    tmp_path: Path,
) -> None:
    fleet, gateway, _ = started(tmp_path)
    clock = Clock(0.0)
    drone = fleet.drone("without", clock)
    fleet.clock.pass_days(30)
    fleet.publish(3)
    gateway.refresh()
    assert drone.update(gateway.metadata())
    assert drone.now_s() == START_S + 30 * DAY_S
    assert fleet.drone("without", clock).now_s() == START_S + 30 * DAY_S


def test_a_clock_in_the_far_future_stops_updates_only_while_it_is_wrong(tmp_path: Path) -> None:
    fleet, gateway, _ = started(tmp_path)
    clock = Clock(FAR_S)
    drone = fleet.drone(clock=clock)
    assert drone.packages(MODEL) == []
    with pytest.raises(TrustError, match="is out of date"):
        drone.update(gateway.metadata())
    fleet.clock.pass_days(8)
    gateway.refresh()
    for each in (drone, fleet.drone(clock=clock)):
        clock.now_s = FAR_S
        each.now_s()
        clock.now_s = fleet.clock()
        assert each.packages(MODEL)
    assert drone.update(gateway.metadata())
    assert drone.packages(MODEL)


def test_a_gateway_in_the_far_future_does_not_move_the_fleet_there(tmp_path: Path) -> None:
    """Twenty years ahead it signs nothing; 200 days ahead it is heard, then and afterwards."""
    fleet, gateway, _ = started(tmp_path)
    own, drones = Clock(FAR_S), Clock(START_S)
    gateway = fleet.gateway(clock=own)
    drone = fleet.drone(clock=drones)
    with pytest.raises(TrustError, match=r"root\.json is expired"):
        gateway.decide(decision(2, "drone_2"))
    own.now_s = START_S + 200 * DAY_S
    gateway.decide(decision(2, "drone_3"))
    assert drone.update(gateway.metadata())
    own.now_s = START_S
    gateway.decide(decision(2, "drone_4"))
    assert drone.update(gateway.metadata())
    assert drone.decision(MODEL) == decision(2, "drone_4")
    assert drone.now_s() == START_S


def test_new_online_keys_free_a_drone_whose_floor_is_too_high(tmp_path: Path) -> None:
    fleet, _, _ = started(tmp_path)
    clock = Clock(FAR_S)
    drone = fleet.drone(clock=clock)
    drone.now_s()
    clock.now_s = fleet.clock()
    assert drone.now_s() == START_S + 90 * DAY_S - 1
    fleet.clock.pass_days(1)
    rotate(fleet.keys, "online", fleet.clock)
    fleet.publish()
    fresh = fleet.gateway("another gateway")
    fresh.refresh()
    assert drone.update(fresh.metadata(since_root=1))
    assert drone.now_s() == fleet.clock()
