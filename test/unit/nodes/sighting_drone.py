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

"""A drone of a coordinator, a heartbeat, and a hand that publishes sightings."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

from edge_infer.domain import Sighting, SightingId
from edge_infer.nodes import topics
from edge_infer.nodes.conversions.sightings import sightings_to_msgs
from edge_infer.nodes.coordinator.node import CoordinatorConfig, CoordinatorNode
from edge_infer.nodes.heartbeat.node import HeartbeatConfig, HeartbeatNode
from edge_infer.runtime.loopback import LoopbackNetwork


class SightingDrone:
    """One host of a loopback network.

    Args:
        network: where it flies.
        name: of the drone and of its host.
        folder: for its boot counters.
        cluster: that it belongs to.
    """

    def __init__(
        self, network: LoopbackNetwork, name: str, folder: Path, cluster: str = ""
    ) -> None:
        self.name = name
        self._numbers = itertools.count()
        self._runtime = network.runtime(name, ["--ros-args", "-r", f"__ns:=/{name}"])
        state = str(folder / name)
        coordinator, heartbeat = (
            self._runtime.create_node(part) for part in ("coordinator", "heartbeat")
        )
        self.coordinator = CoordinatorNode(
            coordinator, CoordinatorConfig(state_dir=state, cluster=cluster)
        )
        self.heartbeat = HeartbeatNode(heartbeat, HeartbeatConfig(state_dir=state))
        self.node = self._runtime.create_node("hand")
        self._sightings = topics.SIGHTINGS.of(cluster).publisher(self.node)
        self._targets: list[Any] = []
        topics.TARGETS.subscription(self.node, lambda msg: self._targets.append(msg))

    @property
    def known(self) -> int:
        """Sightings that its coordinator told last that it knows."""
        return int(self._targets[-1].sightings) if self._targets else 0

    @property
    def digest(self) -> str:
        """Of its coordinator's state when it last told targets; empty before."""
        return str(self._targets[-1].digest) if self._targets else ""

    def crash(self) -> None:
        """Switched off."""
        self._runtime.shutdown()

    def see(self, count: int = 1) -> list[Sighting]:
        """Publish so many sightings, each of another thing."""
        found = self.imagine(count)
        self.tell(found)
        return found

    def imagine(self, count: int, frame: int | None = None) -> list[Sighting]:
        """So many new sightings, not published; each in a camera frame of its own by default."""
        row_mm = 10_000_000 * int(self.name.rpartition("_")[2])
        return [
            Sighting(
                SightingId(self.name, 1, number), self.node.get_clock().now().nanoseconds,
                number if frame is None else frame, "Diode", 0.5, 10_000 * number, row_mm, 0,
                (1.0, 0.0, 1.0), "m 1",
            )
            for number in itertools.islice(self._numbers, count)
        ]  # fmt: skip

    def tell(self, sightings: list[Sighting]) -> None:
        """Publish sightings, new or again."""
        for msg in sightings_to_msgs(self.node.messages, sightings, "map", "camera"):
            self._sightings.publish(msg)
