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

"""The shipped presets: right parameters, and the topics that the launch file and the docs name."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from edge_infer.nodes import topics
from edge_infer.nodes.registry import NODES, start_node
from edge_infer.runtime.loopback import LoopbackNetwork

ROOT = Path(__file__).parents[3]
FILES = {file.stem: file for file in sorted((ROOT / "config" / "presets").glob("*.yaml"))}
SCHEMA = json.loads((ROOT / "config" / "parameters.schema.json").read_text())


def launched() -> dict[str, dict[str, str]]:
    """The table of topics in drone.launch.py, read without ROS 2."""
    module = ast.parse((ROOT / "launch" / "drone.launch.py").read_text())
    (table,) = (
        node.value
        for node in module.body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "PRESETS"
    )
    found: dict[str, dict[str, str]] = ast.literal_eval(table)
    return found


LAUNCHED = launched()


def nodes_of(file: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    for pattern, document in yaml.safe_load(file.read_text()).items():
        yield pattern.removeprefix("/**/"), document["ros__parameters"]


def test_the_launch_file_knows_each_preset() -> None:
    assert set(LAUNCHED) == {"none", *FILES}


@pytest.mark.parametrize("name", FILES)
def test_a_preset_follows_the_schema_and_sets_what_the_nodes_have(name: str) -> None:
    text = FILES[name].read_text()
    assert text.startswith("# yaml-language-server: $schema=../parameters.schema.json\n")
    jsonschema.Draft202012Validator(SCHEMA).validate(yaml.safe_load(text))
    for node, parameters in nodes_of(FILES[name]):
        NODES[node].load()[1].model_validate(parameters)


@pytest.mark.parametrize("name", FILES)
def test_who_needs_the_pose_is_told_the_same(name: str) -> None:
    parameters = dict(nodes_of(FILES[name]))
    assert parameters["georeferencer"] == parameters["heartbeat"]


@pytest.mark.parametrize("name", FILES)
def test_the_integration_guide_names_the_topics(name: str) -> None:
    guide = (ROOT / "docs" / "integration.md").read_text()
    for ours, theirs in LAUNCHED[name].items():
        assert f"`{theirs}`" in guide, f"{name} takes {ours} from {theirs}"


@pytest.mark.parametrize("name", FILES)
def test_nodes_with_a_preset_listen_where_its_stack_publishes(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    odometry = tmp_path / "px4_msgs" / "msg" / "VehicleOdometry.msg"
    odometry.parent.mkdir(parents=True)
    odometry.write_text("uint64 timestamp\n")
    monkeypatch.setenv("EDGE_INFER_INTERFACES", str(tmp_path))
    remaps = [w for ours, theirs in LAUNCHED[name].items() for w in ("-r", f"{ours}:={theirs}")]
    words = ["-r", "__ns:=/drone_1", "--params-file", str(FILES[name]), *remaps]
    network = LoopbackNetwork()
    runtime = network.runtime("drone_1", ["--ros-args", *words, "-p", f"state_dir:={tmp_path}"])
    for node in ("georeferencer", "heartbeat"):
        start_node(runtime, node)
    there = dict(network.runtime("operator").create_node("operator").get_topic_names_and_types())
    expected = {"camera_info": topics.CAMERA_INFO.type}
    expected["pose"] = dict(nodes_of(FILES[name]))["georeferencer"]["pose_type"]
    for ours, kind in expected.items():
        theirs = LAUNCHED[name].get(ours, ours)
        full = theirs if theirs.startswith("/") else f"/drone_1/{theirs}"
        assert list(there[full]) == [kind]
