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

"""When floors rise, what stays in memory, and how floors travel between coordinators."""

from __future__ import annotations

import gc
from pathlib import Path
from typing import Any

import wire
from fleet_oracle import GATE, sighting
from hypothesis import given
from hypothesis import strategies as st

from edge_infer.fleet.floors import HIGHEST, Floor, FloorKeeper
from edge_infer.fleet.replica import Replica
from edge_infer.fleet.view import View
from edge_infer.nodes import topics
from edge_infer.nodes.conversions.sightings import sightings_to_msgs
from edge_infer.nodes.coordinator.node import CoordinatorConfig, CoordinatorNode
from edge_infer.runtime.loopback import LoopbackNetwork


def ticks(keeper: FloorKeeper, replica: Replica, *times_s: float) -> list[Floor]:
    """The floors that rise at these times; the replica takes them in at once."""
    risen = []
    for now_s in times_s:
        due = keeper.tick(replica, now_s)
        replica.raise_floors(due)
        risen += due
    return risen


def test_a_floor_rises_when_what_is_below_is_old() -> None:
    replica, keeper = Replica([sighting("a", 1, 1), sighting("a", 1, 2)]), FloorKeeper(3.0, {"a"})
    assert ticks(keeper, replica, 100, 101) == []
    replica.add(sighting("a", 1, 3))
    assert ticks(keeper, replica, 102) == []
    assert ticks(keeper, replica, 103) == [Floor("a", 1, 3)]
    assert ticks(keeper, replica, 104) == []
    assert ticks(keeper, replica, 105) == [Floor("a", 1, 4)]
    assert ticks(keeper, replica, *range(106, 120)) == []


def test_gaps_do_not_hold_it_up_and_each_boot_has_its_own() -> None:
    ids = [("a", 1, 2), ("a", 1, 9), ("a", 2, 4), ("b", 1, 1)]
    keeper = FloorKeeper(1.0, {"a"})
    floors = ticks(keeper, Replica(sighting(*identity) for identity in ids), 0, 1)
    assert floors == [Floor("a", 1, 10), Floor("a", 2, 5)]


def test_it_raises_nobody_elses_unless_it_is_told_to() -> None:
    replica = Replica([sighting("b", 1, 1)])
    assert ticks(FloorKeeper(1.0, {"a"}), replica, *range(10)) == []
    assert ticks(FloorKeeper(1.0, {"a", "b"}), replica, 0, 1) == [Floor("b", 1, 2)]


def test_zero_keeps_for_ever() -> None:
    assert ticks(FloorKeeper(0.0, {"a"}), Replica([sighting("a")]), *range(0, 10**6, 1000)) == []


def test_the_highest_number_fits_on_the_wire() -> None:
    replica = Replica([sighting("a", 1, HIGHEST)])
    floors = ticks(FloorKeeper(1.0, {"a"}), replica, 0, 1)
    replica.raise_floors(floors)
    assert len(replica) == 1
    assert wire.digest_carried(replica).floors == floors == [Floor("a", 1, HIGHEST)]


@given(st.lists(st.sampled_from([-1e6, -600.0, 0.0, 0.25, 1.0, 3.0, 600.0, 1e6]), max_size=40))
def test_a_clock_that_is_set_ages_nothing_by_more_than_a_step(jumps: list[float]) -> None:
    replica, keeper = Replica([sighting("a")]), FloorKeeper(10.0, {"a"}, step_s=1.0)
    now_s = 0.0
    keeper.tick(replica, now_s)
    for count, jump in enumerate(jumps, 1):
        now_s += jump
        assert count >= 10 or keeper.tick(replica, now_s) == []


def test_memory_stays_where_it_was() -> None:
    """Counted in objects, while sightings come and go; the last tenth adds none to the first."""
    replica, view, keeper = Replica(), View(GATE), FloorKeeper(32.0, {"a", "b"})
    counts = []
    for second in range(400):
        for step in range(25):
            number = second * 25 + step + 1
            made = [
                sighting(
                    source, 1 + second // 100, number,
                    x_mm=number * 37 % 90_001, y_mm=number * 91 % 90_001, score=number % 97 / 97,
                )
                for source in ("a", "b")
            ]  # fmt: skip
            for fresh in replica.add_all(made):
                view.insert(fresh)
        for gone in replica.raise_floors(keeper.tick(replica, float(second))):
            view.discard(gone.id)
        view.targets()
        if second % 40 == 39:
            gc.collect()
            counts.append(len(gc.get_objects()))
    assert replica.forgotten + len(replica) == 20_000
    assert len(replica) == len(view) <= 34 * 50
    assert max(counts[5:]) - counts[2] < 500


# --- between coordinators ---------------------------------------------------------------------


class Flight:
    """Coordinators on a loopback network, and somebody who publishes sightings."""

    def __init__(self, folder: Path, **keep: dict[str, Any]) -> None:
        self.network = LoopbackNetwork(seed=3)
        self.nodes = {}
        self.targets: dict[str, Any] = {}
        for name, settings in keep.items():
            runtime = self.network.runtime(name, ["--ros-args", "-r", f"__ns:=/{name}"])
            node = runtime.create_node("coordinator")
            config = CoordinatorConfig(state_dir=str(folder / name), **settings)
            self.nodes[name] = CoordinatorNode(node, config)
            topics.TARGETS.subscription(
                runtime.create_node("ear"), lambda msg, name=name: self.targets.update({name: msg})
            )
        self.node = self.network.runtime("camera").create_node("camera")
        self.publisher = topics.SIGHTINGS.publisher(self.node)
        self.network.run_for(1.0)

    def see(self, *identity: Any, x_mm: int = 0) -> None:
        made = [sighting(*identity, x_mm=x_mm)]
        for msg in sightings_to_msgs(self.node.messages, made, "map", "camera"):
            self.publisher.publish(msg)
        self.network.run_for(0.1)

    def replica(self, name: str) -> Replica:
        return self.nodes[name]._replication.replica

    def status(self, name: str, counter: str) -> int:
        return int(self.nodes[name]._status._counters[counter])


def test_what_the_writer_forgets_all_forget_and_the_targets_go(tmp_path: Path) -> None:
    flight = Flight(tmp_path, a={"keep_s": 20.0}, b={})
    flight.see("a", 1, 1, x_mm=0)
    flight.see("b", 1, 1, x_mm=50_000)
    flight.network.run_for(15.0)
    assert [len(flight.replica(name)) for name in "ab"] == [2, 2]
    flight.network.run_for(10.0)
    for name in "ab":
        assert [s.id.source for s in flight.replica(name)] == ["b"]
        assert flight.replica(name).floors() == [Floor("a", 1, 2)]
        assert [t.id for t in flight.targets[name].targets] == ["b/1/1"]
    assert flight.replica("a").digest() == flight.replica("b").digest()
    flight.see("a", 1, 1, x_mm=0)
    flight.network.run_for(5.0)
    assert [len(flight.replica(name)) for name in "ab"] == [1, 1]
    assert flight.status("b", "sightings_late") == 1
    assert flight.status("b", "sightings_forgotten") == 1


def test_a_gateway_forgets_for_a_lost_drone(tmp_path: Path) -> None:
    flight = Flight(tmp_path, gateway={"keep_s": 20.0, "keep_for": "lost, gone"}, b={})
    for name in ("lost", "gone", "b"):
        flight.see(name, 1, 1)
    flight.network.run_for(25.0)
    assert flight.replica("b").floors() == [Floor("gone", 1, 2), Floor("lost", 1, 2)]
    assert [s.id.source for s in flight.replica("b")] == ["b"]


def test_a_late_joiner_learns_the_floors_and_not_the_garbage(tmp_path: Path) -> None:
    flight = Flight(tmp_path, a={"keep_s": 20.0}, b={}, c={})
    flight.network.partition([["a", "b", "camera"], ["c"]])
    flight.network.run_for(20.0)
    flight.see("a", 1, 1)
    flight.network.run_for(30.0)
    flight.see("a", 1, 2)
    flight.network.heal()
    flight.network.run_for(10.0)
    assert [s.id.sequence for s in flight.replica("c")] == [2]
    assert flight.replica("c").floors() == [Floor("a", 1, 2)]
    assert flight.replica("c").forgotten == 0
