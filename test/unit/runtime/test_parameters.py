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

"""Configurations as parameters; the conformance suite covers what runtimes share."""

import enum
import math
from pathlib import Path
from typing import Literal

import pytest
from pydantic import BaseModel, Field, field_validator, model_validator

from edge_infer.errors import ParameterError
from edge_infer.runtime.loopback import LoopbackNetwork
from edge_infer.runtime.parameter_files import Overrides, Setting
from edge_infer.runtime.parameters import check_unknown, load_config


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Inner(BaseModel):
    depth_m: float = Field(1.0, ge=0.5, json_schema_extra={"unit": "m"}, description="How deep")
    on: bool = False


class Config(BaseModel):
    inner: Inner = Inner()
    colour: Colour = Colour.RED
    path: Path = Path("/tmp/x")
    choice: Literal["a", "b"] = "a"
    word: str = Field("abc", min_length=2, pattern="^a")
    limit: float | None = None
    corner: tuple[float, float] = (1.0, 2.0)
    tuned: int = Field(5, ge=-1, le=7, json_schema_extra={"read_only": False})
    rate: float = Field(1.0, gt=0.0)

    @field_validator("word")
    @classmethod
    def is_short(cls, word):
        if len(word) > 5:
            raise ValueError("must be short")
        return word

    @model_validator(mode="after")
    def fits(self):
        if self.limit is not None and self.rate > self.limit:
            raise ValueError("rate is above limit")
        return self


def node(*args):
    words = [word for arg in args for word in ("-p", arg)]
    runtime = LoopbackNetwork().runtime("host", ["--ros-args", *words])
    return runtime.create_node("probe", namespace="/ns")


def descriptor(handle, name):
    return handle._parameters.descriptor(name)


def test_every_kind_of_field_is_declared():
    handle = node()
    assert load_config(handle, Config) == Config()
    values = {
        name: handle.get_parameter(name).value
        for name in ("inner.depth_m", "inner.on", "colour", "path", "choice", "limit", "corner")
    }
    assert values == {
        "inner.depth_m": 1.0,
        "inner.on": False,
        "colour": "red",
        "path": "/tmp/x",
        "choice": "a",
        "limit": None,
        "corner": [1.0, 2.0],
    }


def test_values_of_every_kind():
    config = load_config(
        node("inner.depth_m:=2", "colour:=blue", "path:=/y", "limit:=3", "corner:=[3, 4]"), Config
    )
    assert config.inner.depth_m == 2.0
    assert config.colour is Colour.BLUE
    assert config.path == Path("/y")
    assert config.limit == 3.0
    assert config.corner == (3.0, 4.0)


def test_descriptors_say_what_the_field_says():
    handle = node()
    load_config(handle, Config)
    depth = descriptor(handle, "inner.depth_m")
    assert depth.description == "How deep [m]"
    assert depth.read_only
    assert depth.floating_point_range[0].from_value == 0.5
    assert math.isfinite(depth.floating_point_range[0].to_value)
    tuned = descriptor(handle, "tuned")
    assert not tuned.read_only
    assert (tuned.integer_range[0].from_value, tuned.integer_range[0].to_value) == (-1, 7)
    assert descriptor(handle, "rate").additional_constraints == "> 0.0"
    assert descriptor(handle, "colour").additional_constraints == "one of red, blue"
    assert descriptor(handle, "choice").additional_constraints == "one of a, b"
    assert descriptor(handle, "word").additional_constraints == "length >= 2, matches ^a"
    assert descriptor(handle, "limit").dynamic_typing


@pytest.mark.parametrize(
    ("setting", "parts"),
    [
        ("colour:=green", ["'colour'", "'green'", "-p colour:=green", "'red' or 'blue'"]),
        ("word:=abcdefgh", ["'word'", "it must be short"]),
        ("word:=xyz", ["'word'", "pattern"]),
        ("inner.depth_m:=0.1", ["'inner.depth_m'", "greater than or equal to 0.5"]),
        ("corner:=[1, x]", ["'corner'", "number"]),
        ("limit:=0.5", ["/ns/probe", "rate is above limit"]),
        ("probe:wrod:=abc", ["'wrod'", "-p probe:wrod:=abc", "did you mean 'word'?"]),
        ("probe:zzz:=1", ["'zzz'", "use one of choice, colour, corner, inner.depth_m"]),
    ],
)
def test_mistakes_are_named(setting, parts):
    with pytest.raises(ParameterError) as caught:
        load_config(node(setting), Config)
    for part in parts:
        assert part in str(caught.value)


def test_built_in_parameters_are_no_mistakes():
    handle = node("probe:use_sim_time:=false", "probe:qos_overrides./x.publisher.depth:=3")
    assert load_config(handle, Config) == Config()


class BareNode:
    """The parameter methods of an rclpy node that did not come from our runtime."""

    def __init__(self, **overrides):
        self._parameter_overrides = {
            name: type("Parameter", (), {"value": value}) for name, value in overrides.items()
        }
        self.messages = node().messages
        self.declared = {}

    def get_fully_qualified_name(self):
        return "/bare"

    def has_parameter(self, name):
        return name in self.declared

    def declare_parameter(self, name, value, descriptor, ignore_override):
        assert ignore_override
        self.declared[name] = value


def test_a_bare_rclpy_node_will_do():
    handle = BareNode(word="axe")
    assert load_config(handle, Config).word == "axe"
    assert handle.declared["word"] == "axe"
    with pytest.raises(ParameterError, match="'wrod'"):
        load_config(BareNode(wrod="axe"), Config)


def overrides(*settings):
    result = Overrides()
    result.known_names |= {"period_s", "size"}
    for setting in settings:
        result.add(setting)
    result.for_node("/probe")
    return result


def test_settings_for_others_are_remarked_once():
    remarks = []
    found = overrides(Setting("/**", "robot_radius", 1, "stack.yaml"))
    check_unknown(found, remarks.append)
    check_unknown(found, remarks.append)
    assert remarks == ["no node here has the parameter 'robot_radius' of stack.yaml"]


@pytest.mark.parametrize(
    ("setting", "hint"),
    [
        (Setting("/**", "perod_s", 1, "p.yaml"), "did you mean 'period_s'?"),
        (Setting("/**", "colour", 1, "-p colour:=1", True), "use one of period_s, size"),
    ],
)
def test_near_misses_and_what_was_typed_are_mistakes(setting, hint):
    with pytest.raises(ParameterError) as caught:
        check_unknown(overrides(setting), lambda _: None)
    assert str(caught.value).endswith(hint)
