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

"""All nodes of one drone in one process: one participant, our camera's frames handed over."""

from __future__ import annotations

from collections.abc import Callable

from pydantic import Field

from edge_infer.domain import CameraFrame
from edge_infer.nodes.config import NodeConfig
from edge_infer.nodes.identity import identify
from edge_infer.nodes.managed import ManagedNode
from edge_infer.nodes.registry import Closable, start_node
from edge_infer.runtime.api import Runtime
from edge_infer.runtime.parameters import load_config


class DroneConfig(NodeConfig):
    """Parameters of the composition."""

    camera: bool = Field(
        True, description="Whether our camera node flies here; else images come from a driver"
    )
    coordinator: bool = Field(
        True, description="Whether a coordinator flies here (mesh), or only elsewhere (star)"
    )
    updater: bool = Field(
        False, description="Whether this drone takes new models; the updater needs a root of trust"
    )


def start_drone(runtime: Runtime) -> list[Closable]:
    """Start the nodes; the camera, if it is ours, last, when everything that it feeds is there."""
    node = runtime.create_node("drone")
    config = load_config(node, DroneConfig)
    identity = identify(node, config.state_dir)
    names = ["heartbeat", "georeferencer"]
    if config.coordinator:
        names.append("coordinator")
    nodes = [start_node(runtime, name, identity=identity) for name in names]
    if config.updater:
        folder = config.state_dir
        nodes.append(start_node(runtime, "updater", identity=identity, state_dir=folder))
    detector = start_node(runtime, "detector", identity=identity, subscribe=not config.camera)
    if not config.camera:
        return [detector, *nodes]
    camera = start_node(runtime, "camera", identity=identity, sink=_sink(detector))
    return [camera, detector, *nodes]


def _sink(detector: ManagedNode) -> Callable[[CameraFrame], None]:
    """Hands frames to a detector, while it is active."""

    def submit(frame: CameraFrame) -> None:
        if (active := detector.active) is not None:
            active.submit(frame)

    return submit
