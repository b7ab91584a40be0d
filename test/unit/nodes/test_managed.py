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

"""Nodes of ours through their lifecycle, and parameters that change while they run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from edge_infer.errors import LifecycleError, ModelError
from edge_infer.nodes import topics
from edge_infer.nodes.conversions.images import frame_to_msg
from edge_infer.nodes.managed import ManagedNode
from edge_infer.nodes.registry import start_node
from edge_infer.runtime.lifecycle import State
from edge_infer.runtime.loopback import LoopbackNetwork
from edge_infer.simulation.world import World

MANAGED = ("detector", "georeferencer", "coordinator")


class Stage:
    """One managed node of a drone, and an operator with ROS 2's tools."""

    def __init__(self, tmp_path: Path, name: str, *args: str) -> None:
        self.network = LoopbackNetwork(seed=1)
        arguments = ["--ros-args", "-r", "__ns:=/drone_1", "-p", f"state_dir:={tmp_path}", *args]
        self.name = name
        self.runtime = self.network.runtime("drone_1", arguments)
        self.node: ManagedNode = start_node(self.runtime, name)
        self.other = self.network.runtime("operator").create_node("operator")
        self.status: list[Any] = []
        topics.STATUS.subscription(self.other, self.status.append)

    def run(self, seconds: float = 1.1) -> None:
        self.network.run_for(seconds)

    def call(self, service: str, srv: str, **fields: Any) -> Any:
        srv_type: Any = self.other.messages[srv]
        client = self.other.create_client(srv_type, f"/drone_1/{self.name}/{service}")
        future = client.call_async(srv_type.Request(**fields))
        assert self.network.run_until(future.done, 10.0)
        return future.result()

    def change(self, label: str) -> bool:
        transition: Any = self.other.messages["lifecycle_msgs/msg/Transition"]
        srv = "lifecycle_msgs/srv/ChangeState"
        return bool(self.call("change_state", srv, transition=transition(label=label)).success)

    def set(self, **values: Any) -> str:
        """Why they were refused; empty when they were not."""
        messages: Any = self.other.messages
        parameter = messages["rcl_interfaces/msg/Parameter"]
        value = messages["rcl_interfaces/msg/ParameterValue"]
        kinds = {bool: (1, "bool_value"), int: (2, "integer_value"),
                 float: (3, "double_value"), str: (4, "string_value")}  # fmt: skip
        changes = []
        for name, given in values.items():
            kind, field = kinds[type(given)]
            changes.append(parameter(name=name, value=value(type=kind, **{field: given})))
        srv = "rcl_interfaces/srv/SetParametersAtomically"
        result = self.call("set_parameters_atomically", srv, parameters=changes).result
        assert result.successful == (not result.reason)
        return str(result.reason)

    def told(self) -> Any:
        """The newest status."""
        self.status.clear()
        self.run()
        return self.status[-1]


@pytest.mark.parametrize("name", MANAGED)
def test_it_is_active_at_once_and_can_be_taken_down_and_up(tmp_path: Path, name: str) -> None:
    stage = Stage(tmp_path, name)
    assert stage.node.state is State.ACTIVE
    first = stage.told()
    assert first.level == 0
    for label in ("deactivate", "cleanup", "configure", "activate"):
        assert stage.change(label), label
    assert stage.node.state is State.ACTIVE
    again = stage.told()
    assert again.level == 0
    assert again.boot > first.boot


@pytest.mark.parametrize("name", MANAGED)
def test_it_waits_for_a_manager_where_it_is_told_to(tmp_path: Path, name: str) -> None:
    stage = Stage(tmp_path, name, "-p", "autostart:=false")
    assert stage.node.state is State.UNCONFIGURED
    told = stage.told()
    assert (told.level, told.message) == (1, "unconfigured")
    assert stage.change("configure")
    assert (stage.told().level, stage.told().message) == (1, "inactive")
    assert stage.change("activate")
    assert stage.told().level == 0
    assert stage.change("shutdown")
    assert stage.node.state is State.FINALIZED
    assert not stage.change("configure")
    stage.node.close()


def test_a_detector_looks_at_nothing_while_it_is_inactive(tmp_path: Path) -> None:
    stage = Stage(tmp_path, "detector", "-r", "/drone_1/image:=/camera")
    images = topics.IMAGE.named("/camera").publisher(stage.other)
    answers: list[Any] = []
    topics.DETECTIONS.named("/drone_1/detector/detections").subscription(
        stage.other, answers.append
    )
    frame = World.build(seed=0, drones=1).drone(0).frame(0, 0.0).frame

    def send() -> int:
        answers.clear()
        images.publish(frame_to_msg(stage.other.messages, frame))
        stage.run()
        return len(answers)

    assert send() == 1
    assert stage.change("deactivate")
    assert send() == 0
    assert stage.other.count_subscribers("/camera") == 0
    assert stage.change("activate")
    assert send() == 1
    counters = {counter.name: counter.value for counter in stage.told().counters}
    assert counters["frames_received"] == counters["frames_processed"] == 2


def test_a_georeferencer_never_says_two_things_under_one_number(tmp_path: Path) -> None:
    stage = Stage(tmp_path, "georeferencer")
    assert stage.node.active is not None
    numbers = set()
    for _ in range(3):
        numbers.add(stage.told().boot)
        assert stage.change("deactivate")
        assert stage.change("cleanup")
        assert stage.change("configure")
        assert stage.change("activate")
    assert len(numbers) == 3


def test_a_model_that_is_not_there_is_an_answer_and_can_be_put_right(tmp_path: Path) -> None:
    stage = Stage(tmp_path, "detector", "-p", "autostart:=false", "-p", f"model:={tmp_path}/none")
    assert not stage.change("configure")
    assert stage.node.state is State.UNCONFIGURED
    told = stage.told()
    assert told.level == 2
    assert "none" in told.message
    assert stage.set(model="") == ""
    assert stage.change("configure")
    assert stage.told().level == 1


def test_a_model_that_is_not_there_ends_a_node_that_starts_by_itself(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="none"):
        Stage(tmp_path, "detector", "-p", f"model:={tmp_path}/none")


def test_what_may_change_at_any_time_counts_at_once(tmp_path: Path) -> None:
    stage = Stage(tmp_path, "detector")
    detector: Any = stage.node.active
    frame = World.build(seed=0, drones=1).drone(0).frame(40, 10.0).frame
    answers: list[Any] = []
    topics.DETECTIONS.named("/drone_1/detector/detections").subscription(
        stage.other, answers.append
    )

    def found(threshold: float) -> int:
        assert stage.set(score_threshold=threshold) == ""
        answers.clear()
        detector.submit(frame)
        stage.run()
        return len(answers[-1].detections)

    assert found(0.01) > found(1.0) == 0
    assert stage.set(faulty_share=0.05) == ""


@pytest.mark.parametrize(
    ("node", "values", "words"),
    [
        ("detector", {"threads": 2}, ["threads", "unconfigured"]),
        ("detector", {"state_dir": "/tmp"}, ["state_dir", "read-only"]),
        ("detector", {"score_threshold": 1.5}, ["between 0.0 and 1.0"]),
        ("detector", {"counts_low": 9, "counts_high": 5}, ["counts_low must not be above"]),
        ("georeferencer", {"pixel_sigma": -1.0}, ["between 0.0 and 1000.0"]),
        ("coordinator", {"radius_m": 3.0, "refined": True}, ["radius_m", "unconfigured"]),
    ],
)
def test_a_change_that_is_refused_says_why_and_changes_nothing(
    tmp_path: Path, node: str, values: dict[str, Any], words: list[str]
) -> None:
    stage = Stage(tmp_path, node)
    handle = stage.runtime._nodes[0]
    before = {name: handle.get_parameter(name).value for name in values}
    reason = stage.set(**values)
    assert all(word in reason for word in words), reason
    assert {name: handle.get_parameter(name).value for name in values} == before
    assert stage.node.state is State.ACTIVE


def test_what_changes_while_it_is_unconfigured_counts_from_then_on(tmp_path: Path) -> None:
    stage = Stage(tmp_path, "detector")
    assert stage.change("deactivate")
    assert "unconfigured" in stage.set(cameras="left, right")
    assert stage.change("cleanup")
    assert stage.set(cameras="left, right") == ""
    assert stage.change("configure")
    assert stage.change("activate")
    stage.run()
    for camera in ("left", "right"):
        assert stage.other.count_subscribers(f"/drone_1/{camera}/image") == 1
    assert stage.other.count_subscribers("/drone_1/image") == 0


def test_a_way_that_is_none_is_an_error_to_who_asks(tmp_path: Path) -> None:
    stage = Stage(tmp_path, "coordinator")
    assert stage.change("deactivate")
    assert stage.node.active is None
    with pytest.raises(LifecycleError, match="inactive cannot deactivate"):
        stage.node.ask("deactivate")
