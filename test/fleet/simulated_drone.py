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

"""One drone of a simulated fleet: a real coordinator, and a stand-in for the georeferencer.

The stand-in publishes what the drone sees through the same topics, conversions
and boot counters, and holds back what is covered. Only cameras and poses are left out.
"""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from invariants import Ledger, Watch, floors_of
from scenario import Thing

from edge_infer.domain import Sighting, SightingId
from edge_infer.errors import FleetError
from edge_infer.fleet.suppression import Suppressor
from edge_infer.nodes import identity, topics
from edge_infer.nodes.conversions.sightings import sightings_from_msg, sightings_to_msgs
from edge_infer.nodes.coordinator.node import CoordinatorConfig, CoordinatorNode
from edge_infer.nodes.heartbeat.node import HeartbeatConfig, HeartbeatNode
from edge_infer.runtime.local import LocalRuntime
from edge_infer.runtime.loopback import LoopbackNetwork

SPREAD_MM = 1500
"""Standard deviation of where a drone believes a thing to be, per axis."""


@dataclass(frozen=True)
class Outfit:
    """What a drone keeps over its restarts.

    Attributes:
        host: its machine.
        name: its namespace.
        folder: its disk.
        clock_offset_s: how far its clock is ahead.
        keep_s: how long its sightings are kept; 0 for ever.
        suppress: whether it holds back what a better sighting covers.
        heart: whether it has heartbeats.
    """

    host: str
    name: str
    folder: Path
    clock_offset_s: float
    keep_s: float
    suppress: bool
    heart: bool

    def namesake(self) -> Outfit:
        """Another machine that somebody gave the same name."""
        host = f"{self.host}_again"
        return replace(self, host=host, folder=self.folder.with_name(host))

    def set_back(self, seconds: float) -> Outfit:
        """The same with a clock that has fallen back."""
        return replace(self, clock_offset_s=self.clock_offset_s - seconds)


class Eyes:
    """The stand-in for the georeferencer, over one boot."""

    def __init__(self, node: Any, own: identity.Identity, suppress: bool, ledger: Ledger) -> None:
        self._node = node
        self._own = own
        self._ledger = ledger
        self._suppressor = Suppressor() if suppress else None
        self._frame = 0
        self._sequence = 0
        self._publisher = topics.SIGHTINGS.publisher(node)
        topics.SIGHTINGS.subscription(node, self._on_sightings)

    def look(self, seen: Iterable[Thing], rng: random.Random) -> None:
        """See things in one frame, each a little off, and tell the fleet."""
        self._frame += 1
        sightings = [self._sighting(thing, rng) for thing in seen]
        if self._suppressor is None:
            self._publish(sightings)
            return
        for sighting in sightings:
            self._publish(self._suppressor.offer(sighting))

    def _sighting(self, thing: Thing, rng: random.Random) -> Sighting:
        self._sequence += 1
        return Sighting(
            id=SightingId(self._own.source, self._own.boot, self._sequence),
            stamp_ns=self._node.get_clock().now().nanoseconds,
            frame=self._frame,
            class_name=rng.choice(("hot_cell", "diode")),
            score=rng.randrange(1, 9) / 8,
            x_mm=thing.x_mm + round(rng.gauss(0, SPREAD_MM)),
            y_mm=thing.y_mm + round(rng.gauss(0, SPREAD_MM)),
            z_mm=0,
            covariance_m2=(0.25, 0.0, 0.25),
            model_version="1.0.0",
        )

    def _publish(self, sightings: Iterable[Sighting]) -> None:
        sent = list(sightings)
        for sighting in sent:
            self._ledger.publish(sighting)
        for msg in sightings_to_msgs(self._node.messages, sent, "map", "camera"):
            self._publisher.publish(msg)

    def _on_sightings(self, msg: Any) -> None:
        heard = sightings_from_msg(msg)
        for sighting in heard:
            self._ledger.hear(sighting)
        is_own = (msg.source, msg.boot) == (self._own.source, self._own.boot)
        if self._suppressor is not None and not is_own:
            for sighting in heard:
                self._publish(self._suppressor.hear(sighting))


class Heart(HeartbeatNode):
    """A real heartbeat; what would end its process it keeps, for the flight to do that."""

    problem = ""

    def __init__(self, runtime: LocalRuntime, own: identity.Identity) -> None:
        super().__init__(runtime.create_node("heartbeat"), HeartbeatConfig(), own)

    def _on_heartbeat(self, msg: Any) -> None:
        try:
            super()._on_heartbeat(msg)
        except FleetError as error:
            self.problem = str(error)


class Drone:
    """One drone's process, from its start to its end."""

    def __init__(
        self, network: LoopbackNetwork, outfit: Outfit, ledger: Ledger, targets_period_s: float
    ) -> None:
        args = ["--ros-args", "-r", f"__ns:=/{outfit.name}", "--log-level", "fatal"]
        self._runtime = network.runtime(outfit.host, args, clock_offset_s=outfit.clock_offset_s)
        self._ledger = ledger
        self._node = self._runtime.create_node("georeferencer")
        self.identity = identity.identify(self._node, str(outfit.folder))
        self.told = b""
        """The targets that it published last, as bytes."""
        topics.TARGETS.subscription(self._node, self._on_targets)
        config = CoordinatorConfig(
            state_dir=str(outfit.folder),
            targets_period_s=targets_period_s,
            fleet_period_s=60.0,
            keep_s=outfit.keep_s,
        )
        node = self._runtime.create_node("coordinator")
        self.coordinator = CoordinatorNode(node, config, self.identity)
        self.eyes = Eyes(self._node, self.identity, outfit.suppress, ledger)
        self.watch = Watch(f"{outfit.host}/{self.identity.boot}", ledger)
        self._heart = outfit.heart and Heart(self._runtime, self.identity)

    @property
    def problem(self) -> str:
        """Why it ends by itself; empty while it does not."""
        return self._heart.problem if self._heart else ""

    def write_floors(self) -> None:
        """Note the floors that it has raised."""
        self._ledger.write_floors(self.identity.source, floors_of(self.coordinator))

    def leave(self) -> None:
        """End as a program does that is told to."""
        self.coordinator.close()
        if self._heart:
            self._heart.close()
        self.crash()

    def crash(self) -> None:
        """End at once."""
        self._runtime.shutdown()

    def _on_targets(self, msg: Any) -> None:
        self.told = b"".join(bytes(self._node.messages.encode(target)) for target in msg.targets)
        self._ledger.targets(msg.digest, self.told)
