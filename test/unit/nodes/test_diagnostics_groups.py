"""The shipped configuration of diagnostic_aggregator: every status has its group."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from edge_infer.nodes.registry import NODES

CONFIG = Path(__file__).parents[3] / "config" / "diagnostics_aggregator.yaml"
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
