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

"""Who thinks what of whom, and when: real heartbeat nodes on the loopback runtime."""

from __future__ import annotations

import shutil
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from edge_infer.errors import FleetError
from edge_infer.fleet.members.heartbeats import MemberState
from edge_infer.nodes import topics
from edge_infer.nodes.heartbeat.node import HeartbeatConfig, HeartbeatNode
from edge_infer.nodes.identity import HIGHEST_BOOT, Identity
from edge_infer.runtime.loopback import LoopbackNetwork

ALIVE, SUSPECT, DEAD, LEFT = MemberState
YEAR_S = 31_556_952


class SlowHandle:
    """A node's handle whose callbacks queue up and then run all at once, every so often.

    What an overloaded executor looks like from the outside, for on the loopback
    runtime callbacks take no time.
    """

    def __init__(self, node: Any, every_s: float) -> None:
        self._node = node
        self._queue: deque[Callable[[], None]] = deque()
        self._waiting: set[int] = set()
        node.create_timer(every_s, self._work)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._node, name)

    def create_timer(self, period_s: float, callback: Callable[[], None]) -> Any:
        """A timer that is waiting already is not queued again."""
        return self._node.create_timer(period_s, lambda: self._put_once(callback))

    def create_subscription(
        self, msg_type: type, topic: str, callback: Callable[[Any], None], qos: Any, **options: Any
    ) -> Any:
        return self._node.create_subscription(
            msg_type, topic, lambda msg: self._queue.append(lambda: callback(msg)), qos, **options
        )

    def _put_once(self, callback: Callable[[], None]) -> None:
        if callback in self._waiting:
            return

        def run() -> None:
            self._waiting.discard(callback)
            callback()

        self._waiting.add(callback)
        self._queue.append(run)

    def _work(self) -> None:
        for _ in range(len(self._queue)):
            self._queue.popleft()()


class Drones:
    """Heartbeat nodes, each on a host of its own, and what their statuses say."""

    def __init__(self, folder: Path, count: int, seed: int = 5) -> None:
        self.network = LoopbackNetwork(seed=seed)
        self.folder = folder
        self.runtimes: dict[str, Any] = {}
        self.nodes: dict[str, HeartbeatNode] = {}
        self.troubles: dict[str, tuple[int, str]] = {}
        watcher = self.network.runtime("watcher").create_node("watcher")
        topics.STATUS.subscription(watcher, self._on_status)
        for number in range(1, count + 1):
            self.start(f"d{number}")
            self.network.run_for(0.07)

    def _on_status(self, msg: Any) -> None:
        self.troubles[msg.source] = (int(msg.level), msg.message)

    def start(
        self, name: str, host: str = "", *, slow_s: float = 0.0, clock_s: float = 0.0, boot: int = 0
    ) -> HeartbeatNode:
        host = host or name
        runtime = self.network.runtime(
            host, ["--ros-args", "-r", f"__ns:=/{name}"], clock_offset_s=clock_s
        )
        node: Any = runtime.create_node("heartbeat")
        if slow_s:
            node = SlowHandle(node, slow_s)
        config = HeartbeatConfig(state_dir=str(self.folder / host))
        self.runtimes[host] = runtime
        self.nodes[host] = HeartbeatNode(node, config, Identity(name, boot) if boot else None)
        return self.nodes[host]

    def kill(self, host: str) -> None:
        self.runtimes.pop(host).shutdown()
        del self.nodes[host]

    def leave(self, host: str) -> None:
        self.nodes[host].close()
        self.kill(host)

    def thinks(self, host: str) -> dict[str, MemberState]:
        return self.nodes[host].membership.states()

    def boot(self, host: str) -> int:
        return self.nodes[host].membership.incarnation.boot

    def of(self, name: str) -> set[MemberState | None]:
        """What the others think of one."""
        return {self.thinks(host).get(name) for host in self.nodes if host != name}


def test_monitors_read_who_is_in_which_state(tmp_path: Path) -> None:
    drones = Drones(tmp_path, 4)
    values: dict[str, str] = {}

    def hear(msg: Any) -> None:
        for status in msg.status:
            if status.name == "d1/heartbeat":
                values.update({value.key: value.value for value in status.values})

    topics.DIAGNOSTICS.subscription(drones.network.runtime("monitor").create_node("monitor"), hear)
    drones.network.run_for(5.0)
    assert values["members alive"] == "d2, d3, d4"
    drones.leave("d3")
    drones.kill("d4")
    drones.network.run_for(20.0)
    told = {state.value: values[f"members {state.value}"] for state in MemberState}
    assert told == {"alive": "d2", "suspect": "", "dead": "d4", "left": "d3"}


def test_one_dies_one_is_cut_off_and_one_is_slow(tmp_path: Path) -> None:
    drones = Drones(tmp_path, 4)
    run_for = drones.network.run_for
    drones.start("d5", slow_s=1.2)
    run_for(5.0)
    healthy = ("d1", "d2", "d3", "d4")
    assert all(drones.of(name) == {ALIVE} for name in healthy)
    assert DEAD not in drones.of("d5")

    drones.kill("d4")
    drones.network.partition([["d3"]])
    run_for(0.3)
    assert all(drones.thinks("d1")[name] is ALIVE for name in ("d2", "d3", "d4"))
    run_for(0.7)
    for observer in ("d1", "d2"):
        assert drones.thinks(observer)["d3"] is SUSPECT
        assert drones.thinks(observer)["d4"] is SUSPECT
    assert set(drones.thinks("d3").values()) == {ALIVE}, "it suspects itself first"
    assert {drones.thinks("d5")[name] for name in healthy} == {ALIVE}, "the slow one waits"
    assert drones.nodes["d3"].membership.doubt > 0
    assert drones.nodes["d5"].membership.notes() == ()

    run_for(4.5)
    for observer in ("d1", "d2"):
        states = drones.thinks(observer)
        assert (states["d3"], states["d4"]) == (DEAD, DEAD)
        assert states["d5"] in (ALIVE, SUSPECT)
        assert drones.nodes[observer].membership.gone() == ["d3", "d4"]
    assert DEAD not in drones.thinks("d3").values()
    assert {drones.thinks("d5")[name] for name in ("d1", "d2")} == {ALIVE}

    drones.network.heal()
    run_for(0.5)
    assert drones.thinks("d1")["d3"] is drones.thinks("d2")["d3"] is ALIVE
    assert {drones.thinks("d3")[name] for name in ("d1", "d2")} == {ALIVE}
    run_for(6.0)
    assert {drones.thinks(name)["d4"] for name in ("d1", "d2", "d3")} == {DEAD}
    assert drones.thinks("d5")["d4"] is SUSPECT, "it gives four times as long, of its own slow time"
    run_for(20.0)
    assert drones.of("d4") == {DEAD}
    assert DEAD not in drones.of("d5")


def test_goodbye_and_a_restart_are_no_deaths(tmp_path: Path) -> None:
    drones = Drones(tmp_path, 3)
    drones.network.run_for(2.0)
    before = drones.boot("d2")
    drones.leave("d2")
    drones.network.run_for(0.3)
    assert drones.of("d2") == {LEFT}
    drones.start("d2")
    drones.network.run_for(0.5)
    assert drones.of("d2") == {ALIVE}
    assert drones.boot("d2") == before + 1


@pytest.mark.parametrize("down_s", [0.1, 2.0, 60.0])
def test_a_drone_that_lost_its_disk_and_its_clock_repairs_itself(
    tmp_path: Path, down_s: float
) -> None:
    drones = Drones(tmp_path, 4)
    drones.network.run_for(5.0)
    before = drones.boot("d2")
    drones.kill("d2")
    shutil.rmtree(tmp_path / "d2")
    drones.network.run_for(down_s)
    reborn = drones.start("d2", clock_s=-YEAR_S)
    assert drones.boot("d2") < before
    with pytest.raises(FleetError, match=r"the boot counter .* is raised: start this node again"):
        drones.network.run_for(5.0)
    reborn.close()
    drones.kill("d2")
    drones.network.run_for(0.1)
    assert drones.troubles["d2"][0] == 2
    drones.start("d2", clock_s=-YEAR_S)
    drones.network.run_for(0.5)
    assert drones.boot("d2") == before + 1
    assert drones.of("d2") == {ALIVE}
    drones.network.run_for(20.0)
    assert drones.of("d2") == {ALIVE}


def test_a_number_that_no_counter_can_pass_ends_nobody(tmp_path: Path) -> None:
    drones = Drones(tmp_path, 2)
    stranger = drones.network.runtime("stranger").create_node("stranger")
    heartbeat, note = (
        stranger.messages[f"edge_infer_msgs/msg/{name}"] for name in ("Heartbeat", "MemberNote")
    )
    accusation = note(source="d2", incarnation=HIGHEST_BOOT, state=note.SUSPECT)
    topics.HEARTBEAT.publisher(stranger).publish(
        heartbeat(source="x", period=0.2, notes=[accusation])
    )
    drones.network.run_for(5.0)
    assert drones.nodes["d2"].membership.lost_boot == HIGHEST_BOOT
    assert drones.of("d2") == {ALIVE}


@pytest.mark.parametrize("boot", [1, HIGHEST_BOOT - 1])
def test_the_later_of_two_with_one_name_is_refused(tmp_path: Path, boot: int) -> None:
    drones = Drones(tmp_path, 3)
    drones.network.run_for(5.0)
    late = drones.start("d2", host="elsewhere", boot=boot)
    with pytest.raises(FleetError, match="calls itself 'd2': give each drone its own namespace"):
        drones.network.run_for(6.0)
    late.close()
    drones.network.run_for(0.1)
    level, sentence = drones.troubles["d2"]
    assert level == 2
    assert "'d2'" in sentence
    drones.kill("elsewhere")
    drones.network.run_for(8.0)
    assert drones.of("d2") == {ALIVE}
    assert drones.troubles["d2"] == (0, "")


def test_a_clock_ten_minutes_off_is_told_and_the_drone_is_alive(tmp_path: Path) -> None:
    drones = Drones(tmp_path, 3)
    drones.start("d4", clock_s=600.0)
    drones.network.run_for(8.0)
    assert drones.of("d4") == {ALIVE}
    assert set(drones.thinks("d4").values()) == {ALIVE}
    assert drones.troubles["d4"] == (1, "the clock is 600 s ahead of the fleet's: set it")
    assert {drones.troubles[name] for name in ("d1", "d2", "d3")} == {(0, "")}


def test_a_heartbeat_that_cannot_be_is_refused_and_counted(tmp_path: Path) -> None:
    drones = Drones(tmp_path, 2)
    stranger = drones.network.runtime("stranger").create_node("stranger")
    publisher = topics.HEARTBEAT.publisher(stranger)
    message = stranger.messages["edge_infer_msgs/msg/Heartbeat"]
    publisher.publish(message(source="x", period=float("nan")))
    publisher.publish(message(source="", period=0.2))
    drones.network.run_for(2.0)
    assert set(drones.thinks("d1")) == {"d2"}
