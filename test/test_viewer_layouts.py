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

"""The layouts for RViz and Foxglove: they can be read, and show topics that there are."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from edge_infer.nodes import topics
from edge_infer.runtime.qos import Reliability

CONFIG = Path(__file__).parent.parent / "config"
RVIZ = yaml.safe_load((CONFIG / "rviz" / "swarm.rviz").read_text())["Visualization Manager"]
FOXGLOVE = json.loads((CONFIG / "foxglove" / "swarm.json").read_text())

KNOWN = {topic.name: topic for topic in vars(topics).values() if isinstance(topic, topics.Topic)}
TYPES = {
    "rviz_default_plugins/MarkerArray": "visualization_msgs/msg/MarkerArray",
    "rviz_default_plugins/PoseWithCovariance": "geometry_msgs/msg/PoseWithCovarianceStamped",
    "rviz_default_plugins/Image": "sensor_msgs/msg/Image",
    "3D": "",
    "Image": "sensor_msgs/msg/Image",
    "DiagnosticSummary": "diagnostic_msgs/msg/DiagnosticArray",
    "Plot": "diagnostic_msgs/msg/DiagnosticArray",
    "RawMessages": "edge_infer_msgs/msg/TargetArray",
    "RosOut": "rcl_interfaces/msg/Log",
}
"""What a display or a panel shows; empty where it may be several."""

DISPLAYS = [display for display in RVIZ["Displays"] if "Topic" in display]


def topic_of(name: str) -> topics.Topic:
    """The row of the table that a name in a layout stands for."""
    in_namespace = re.fullmatch(r"/(?:drone_[1-5]|gateway)/(.+)", name)
    return KNOWN[in_namespace[1] if in_namespace else name]


def foxglove_topics() -> Iterator[tuple[str, str]]:
    """Kind of panel and topic of all that the layout names."""
    for panel, config in FOXGLOVE["configById"].items():
        kind = panel.split("!")[0]
        names = [*config.get("topics", {})]
        names += [config[key] for key in ("topicToRender", "topicPath") if key in config]
        names += filter(None, [config.get("imageMode", {}).get("imageTopic")])
        names += [path["value"].split(".")[0] for path in config.get("paths", [])]
        assert names, f"{panel} shows nothing"
        yield from ((kind, name) for name in names)


def panels(node: Any) -> Iterator[str]:
    """The panels of a layout's tree."""
    if isinstance(node, str):
        yield node
    else:
        assert node["direction"] in ("row", "column")
        yield from panels(node["first"])
        yield from panels(node["second"])


@pytest.mark.parametrize("display", DISPLAYS, ids=lambda display: display["Name"])
def test_rviz_subscribes_to_what_is_published_and_as_it_is(display: dict[str, Any]) -> None:
    topic = topic_of(display["Topic"]["Value"])
    assert topic.type == TYPES[display["Class"]]
    if display["Topic"]["Reliability Policy"] == "Reliable":
        assert topic.qos.reliability is Reliability.RELIABLE
    assert display["Topic"]["Durability Policy"] == "Volatile"


def test_rviz_shows_targets_poses_and_an_image_in_the_map() -> None:
    assert RVIZ["Global Options"]["Fixed Frame"] == "map"
    shown = {display["Topic"]["Value"] for display in DISPLAYS if display["Enabled"]}
    assert {f"/drone_{number}/pose" for number in range(1, 6)} < shown
    assert {"/drone_1/coordinator/markers", "/drone_1/detector/image_annotated"} < shown


@pytest.mark.parametrize(("kind", "name"), list(foxglove_topics()))
def test_foxglove_shows_topics_that_there_are(kind: str, name: str) -> None:
    assert topic_of(name).type == (TYPES[kind] or topic_of(name).type)


def test_foxgloves_layout_holds_each_panel_once() -> None:
    assert sorted(panels(FOXGLOVE["layout"])) == sorted(FOXGLOVE["configById"])
    assert {"globalVariables", "userNodes", "playbackConfig"} < FOXGLOVE.keys()
