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

"""What every runtime owes to parameters."""

from typing import Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field

from edge_infer.errors import ParameterError
from edge_infer.runtime.parameters import load_config


class Config(BaseModel):
    model_config = ConfigDict(extra="forbid")

    period_s: float = Field(0.2, gt=0.0, le=10.0, description="Time between two beats")
    size: int = Field(3, ge=1, le=9)
    frame: str = "map"
    mode: Literal["mesh", "star"] = "mesh"
    tags: list[str] = ["camera"]
    enabled: bool = True
    limit: float | None = None
    none: list[str] = []


def call(world, node, service, **fields):
    """Ask a node's parameter service from another node."""
    caller = world.node("caller")
    srv_type = caller.messages[f"rcl_interfaces/srv/{service}"]
    words = "".join(f"_{c.lower()}" if c.isupper() else c for c in service)[1:]
    client = caller.create_client(srv_type, f"{node.get_fully_qualified_name()}/{words}")
    assert world.until(client.service_is_ready)
    future = client.call_async(srv_type.Request(**fields))
    assert world.until(future.done)
    return future.result()


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "params.yaml"

    def write(text):
        path.write_text(text)
        return str(path)

    return write


def test_defaults_are_declared(world):
    node = world.node()
    assert load_config(node, Config) == Config()
    assert node.has_parameter("period_s")
    assert node.get_parameter("period_s").value == 0.2
    assert node.get_parameter("tags").value == ["camera"]
    assert node.get_parameter("limit").value is None
    assert list(node.get_parameter("none").value) == []


def test_values_come_from_files_and_the_command_line(world, file):
    path = file(
        """
/**:
  ros__parameters: {period_s: 1, size: 4, tags: [a, b]}
/swarm/probe:
  ros__parameters: {size: 5, frame: odom}
/other:
  ros__parameters: {size: 9}
"""
    )
    node = world.node(
        "probe", "-r", "__ns:=/swarm", "--params-file", path, "-p", "mode:=star",
        "-p", "probe:frame:=earth", "-p", "elsewhere:size:=8",
    )  # fmt: skip
    config = load_config(node, Config)
    assert config == Config(period_s=1.0, size=5, frame="earth", mode="star", tags=["a", "b"])
    assert node.get_parameter("frame").value == "earth"
    assert node.get_parameter("period_s").value == 1.0


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("/probe: {ros__parameters: {perod_s: 1.0}}", ["perod_s", "params.yaml", "'period_s'"]),
        ("/probe: {ros__parameters: {size: 12}}", ["size", "12", "less than or equal to 9"]),
        ("/probe: {ros__parameters: {mode: ring}}", ["mode", "ring", "'mesh' or 'star'"]),
        ("/probe: {ros__parameters: {frame: 5}}", ["frame", "5", "string"]),
    ],
    ids=["unknown", "out of range", "no choice", "wrong type"],
)
def test_what_does_not_fit_is_named(world, file, text, parts):
    node = world.node("probe", "--params-file", file(text))
    with pytest.raises(ParameterError) as caught:
        load_config(node, Config)
    for part in parts:
        assert part in str(caught.value)


def test_what_no_node_has_is_named_when_all_are_made(world):
    runtime = world.runtime("-p", "sizes:=4")
    load_config(runtime.create_node("probe"), Config)
    with pytest.raises(ParameterError, match=r"'sizes' of -p sizes:=4.*did you mean 'size'"):
        runtime.spin_until(lambda: True, 1.0)


def test_a_setting_for_one_of_several_nodes_is_fine(world):
    runtime = world.runtime("-p", "size:=4", "-p", "other:=1")
    config = load_config(runtime.create_node("probe"), Config)
    other = runtime.create_node("other")
    assert other.declare_parameter("other", 0).value == 1
    assert config.size == 4
    assert runtime.spin_until(lambda: True, 1.0)


def test_a_declared_parameter_takes_its_override(world):
    node = world.node("probe", "-p", "speed:=2.5")
    assert node.declare_parameter("speed", 1.0).value == 2.5
    assert node.declare_parameter("other", "x").value == "x"


def test_other_nodes_can_read_parameters(world):
    node = world.node("probe")
    load_config(node, Config)
    values = call(world, node, "GetParameters", names=["period_s", "frame"]).values
    assert [value.type for value in values] == [3, 4]
    assert (values[0].double_value, values[1].string_value) == (0.2, "map")


def test_asking_for_an_unknown_parameter_gives_nothing(world):
    node = world.node("probe")
    load_config(node, Config)
    assert not call(world, node, "GetParameters", names=["frame", "absent"]).values


def test_other_nodes_see_descriptors(world):
    node = world.node("probe")
    load_config(node, Config)
    names = call(world, node, "ListParameters").result.names
    assert {"period_s", "size", "frame", "mode", "tags", "enabled", "use_sim_time"} <= set(names)
    period, mode = call(world, node, "DescribeParameters", names=["period_s", "mode"]).descriptors
    assert period.description == "Time between two beats"
    assert period.read_only
    assert period.floating_point_range[0].to_value == 10.0
    assert mode.additional_constraints == "one of mesh, star"


def test_other_nodes_may_set_what_is_not_read_only(world):
    node = world.node("probe")
    load_config(node, Config)
    node.declare_parameter("speed", 1.0)
    parameter = node.messages["rcl_interfaces/msg/Parameter"]
    value = node.messages["rcl_interfaces/msg/ParameterValue"]
    changes = [
        parameter(name="speed", value=value(type=3, double_value=2.0)),
        parameter(name="speed", value=value(type=4, string_value="fast")),
        parameter(name="size", value=value(type=2, integer_value=4)),
    ]
    results = call(world, node, "SetParameters", parameters=changes).results
    assert [result.successful for result in results] == [True, False, False]
    assert all(result.reason for result in results[1:])
    assert node.get_parameter("speed").value == 2.0
    assert node.get_parameter("size").value == 3
