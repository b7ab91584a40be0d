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

"""The shipped configuration of diagnostic_aggregator: every status has its group."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from edge_infer.nodes.registry import NODES

CONFIG = Path(__file__).parents[4] / "config" / "diagnostics_aggregator.yaml"
GROUPS = {
    value["path"]: value
    for value in yaml.safe_load(CONFIG.read_text())["/**"]["ros__parameters"].values()
    if isinstance(value, dict)
}
EXPECTED = {
    "heartbeat": "members",
    "updater": "models",
    "rollout": "gateway",
    "dashboard": "gateway",
    "foxglove": "gateway",
}


def groups_of(status: str) -> list[str]:
    """Those that a status falls into; the aggregator wants the whole name to match."""
    return [
        path
        for path, group in GROUPS.items()
        if any(re.fullmatch(pattern, status) for pattern in group["regex"])
    ]


@pytest.mark.parametrize("node", sorted(NODES))
def test_every_status_falls_into_one_group(node: str) -> None:
    assert groups_of(f"drone_1/{node}") == [EXPECTED.get(node, node)]
    assert groups_of(f"drone_1/{node}: QoS") == ["QoS"]


def test_what_is_not_ours_is_left_alone() -> None:
    assert groups_of("mavros: GPS") == []
    assert groups_of("camera_driver: /camera") == []
    assert all(group["type"].endswith("/GenericAnalyzer") for group in GROUPS.values())
