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

"""The command line's ROS arguments."""

import pytest

from edge_infer.errors import NameRuleError, ParameterError, UsageError
from edge_infer.runtime.arguments import parse_ros_arguments


def parse(*words):
    return parse_ros_arguments(["--ros-args", *words])


def test_what_is_not_for_ros_is_left_alone():
    parsed = parse_ros_arguments(
        ["a", "--ros-args", "-r", "x:=y", "--", "b", "--ros-args", "-p", "k:=1", "--ros-args"]
    )
    assert parsed.rest == ["a", "b"]
    assert len(parsed.remaps) == 1
    assert parsed.overrides.for_node("/any")["k"].value == 1
    assert parse_ros_arguments(["-r", "x:=y"]).rest == ["-r", "x:=y"]


@pytest.mark.parametrize(
    ("rules", "name", "kind", "full"),
    [
        (["a:=b"], "a", "topic", "/ns/b"),
        (["a:=/b"], "a", "topic", "/b"),
        (["/ns/a:=b"], "a", "topic", "/ns/b"),
        (["~/a:=b"], "~/a", "topic", "/ns/b"),
        (["a:=~/b"], "a", "topic", "/ns/probe/b"),
        (["a:=b", "a:=c"], "a", "topic", "/ns/b"),
        (["other:a:=b"], "a", "topic", "/ns/a"),
        (["probe:a:=b"], "a", "topic", "/ns/b"),
        (["rosservice://a:=b"], "a", "topic", "/ns/a"),
        (["rosservice://a:=b"], "a", "service", "/ns/b"),
        (["probe:rostopic://a:=b"], "a", "topic", "/ns/b"),
        (["a:=b"], "a/c", "topic", "/ns/a/c"),
    ],
)
def test_remapping(rules, name, kind, full):
    parsed = parse(*(word for rule in rules for word in ("-r", rule)))
    assert parsed.name(name, "probe", "/ns", kind) == full


def test_nodes_are_renamed():
    parsed = parse("-r", "__node:=new", "--remap", "__ns:=/a/b", "-r", "__name:=late")
    assert parsed.node_name("old") == "new"
    assert parsed.namespace("new", "/c") == "/a/b"
    scoped = parse("-r", "one:__node:=uno", "-r", "two:__ns:=/due")
    assert scoped.node_name("one") == "uno"
    assert scoped.node_name("two") == "two"
    assert scoped.namespace("one", "sub") == "/sub"
    assert scoped.namespace("two", "") == "/due"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("k:=1", 1),
        ("k:=1.5", 1.5),
        ("k:=true", True),
        ("k:=text", "text"),
        ("k:='1'", "1"),
        ("k:=[1, 2]", [1, 2]),
        ("k:=", ""),
        ("k:=a:=b", "a:=b"),
        ("k:=http://x:1/", "http://x:1/"),
    ],
)
def test_parameter_values_are_yaml(text, value):
    assert parse("-p", text).overrides.for_node("/probe")["k"].value == value


def test_parameters_may_be_for_one_node_and_nested():
    overrides = parse("-p", "probe:a.b:=1", "--param", "/x/probe:c:=2", "-p", "m:={n: 3}").overrides
    names = {node: sorted(overrides.for_node(node)) for node in ("/probe", "/x/probe", "/other")}
    assert names == {"/probe": ["a.b", "m.n"], "/x/probe": ["a.b", "c", "m.n"], "/other": ["m.n"]}


def test_the_command_line_wins_over_files_and_names_over_patterns(tmp_path):
    file = tmp_path / "p.yaml"
    file.write_text(
        "/probe: {ros__parameters: {a: 1, b: 1}}\n/**: {ros__parameters: {a: 2, b: 2, c: 2}}\n"
    )
    settings = parse("-p", "b:=3", "--params-file", str(file)).overrides.for_node("/probe")
    assert {name: setting.value for name, setting in settings.items()} == {"a": 1, "b": 3, "c": 2}
    assert settings["a"].origin == str(file)
    assert settings["b"].origin == "-p b:=3"


def test_log_levels():
    parsed = parse("--log-level", "WARN", "--log-level", "drone1.detector:=debug")
    assert parsed.log_levels == {"": "warn", "drone1.detector": "debug"}


def test_what_launch_files_add_is_accepted():
    parsed = parse("--disable-stdout-logs", "--enclave", "/x", "--log-file-name", "f", "-r", "a:=b")
    assert len(parsed.remaps) == 1


@pytest.mark.parametrize(
    ("words", "error", "text"),
    [
        (["--remapp", "a:=b"], UsageError, "did you mean --remap?"),
        (["stray"], UsageError, "put -- before"),
        (["-r"], UsageError, "-r from:=to"),
        (["-r", "a=b"], UsageError, "a=b"),
        (["-r", "a:=9b"], NameRuleError, "a:=9b"),
        (["-r", "__node:=a/b"], NameRuleError, "a/b"),
        (["-r", "__ns:=/a/"], NameRuleError, "/a/"),
        (["-p", "a=1"], UsageError, "-p name:=value"),
        (["-p", "a:=[1"], ParameterError, "a:=[1"),
        (["--params-file", "/no/such.yaml"], ParameterError, "/no/such.yaml"),
        (["--log-level", "loud"], UsageError, "loud"),
    ],
)
def test_mistakes_are_named(words, error, text):
    with pytest.raises(error) as caught:
        parse(*words)
    assert text in str(caught.value)
