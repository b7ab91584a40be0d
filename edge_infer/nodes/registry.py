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

"""The nodes by name, with how each is made; imported when asked for."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Protocol

from edge_infer.errors import UsageError
from edge_infer.nodes.config import ManagedConfig
from edge_infer.nodes.managed import ManagedNode
from edge_infer.runtime.api import Runtime
from edge_infer.runtime.parameters import load_config


class Closable(Protocol):
    """A node of ours at work."""

    def close(self) -> None:
        """Stop its threads and tell its last counts."""


class Entry(NamedTuple):
    """Where a node's class and its parameters stand."""

    room: str
    node: str
    config: str

    def load(self) -> tuple[Callable[..., Any], type[Any]]:
        """The class of the node and that of its configuration."""
        module = importlib.import_module(f"edge_infer.nodes.{self.room}.node")
        return getattr(module, self.node), getattr(module, self.config)


NODES: Mapping[str, Entry] = {
    "camera": Entry("camera", "CameraNode", "CameraConfig"),
    "detector": Entry("detector", "DetectorNode", "DetectorConfig"),
    "georeferencer": Entry("georeferencer", "GeoreferencerNode", "GeoreferencerConfig"),
    "coordinator": Entry("coordinator", "CoordinatorNode", "CoordinatorConfig"),
    "heartbeat": Entry("heartbeat", "HeartbeatNode", "HeartbeatConfig"),
    "updater": Entry("updater", "UpdaterNode", "UpdaterConfig"),
    "rollout": Entry("rollout", "RolloutNode", "RolloutNodeConfig"),
    "dashboard": Entry("dashboard", "DashboardNode", "DashboardConfig"),
    "foxglove": Entry("foxglove", "FoxgloveNode", "FoxgloveConfig"),
}


def start_node(runtime: Runtime, name: str, **wiring: Any) -> Any:
    """Make one node with its own handle and parameters.

    Args:
        runtime: where the handle comes from.
        name: a key of NODES; also the node's name unless it is remapped.
        wiring: what a composition hands to its nodes.

    Returns:
        The node, or the ManagedNode around it.

    Raises:
        UsageError: there is no such node.
        EdgeInferError: a parameter, a model or a device cannot be used.
    """
    if name not in NODES:
        raise UsageError(f"there is no node {name!r}", f"choose one of {', '.join(NODES)}")
    node_class, config_class = NODES[name].load()
    node = runtime.create_node(name)
    if issubclass(config_class, ManagedConfig):
        return ManagedNode(node, node_class, config_class, **wiring)
    return node_class(node, load_config(node, config_class), **wiring)
