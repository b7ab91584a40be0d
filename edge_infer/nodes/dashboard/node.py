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

"""Listens to the whole fleet and shows it: feeds the live page, and whoever asks.

It holds a replica like any coordinator, but nothing depends on it: start it,
stop it, start two.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Any

from pydantic import Field

from edge_infer.dashboard.server import DashboardServer
from edge_infer.dashboard.snapshot import DroneState, RemovalView, Snapshot
from edge_infer.domain import Sighting, Target
from edge_infer.fleet.agreement import Standing
from edge_infer.fleet.view import View
from edge_infer.nodes import topics
from edge_infer.nodes.config import GateConfig, MapFrame, Seed
from edge_infer.nodes.conversions.poses import pose_from_msg
from edge_infer.nodes.coordinator.replication import Replication
from edge_infer.nodes.dashboard.fleet_listener import FleetListener
from edge_infer.nodes.identity import Identity, identify
from edge_infer.nodes.reporting.status import StatusReporter
from edge_infer.runtime.api import Node
from edge_infer.simulation.camera import ThermalCamera
from edge_infer.simulation.truth import FaultsInView, Truth, score
from edge_infer.simulation.world import World
from edge_infer.swarm.observer import FleetObserver
from edge_infer.swarm.picture import (
    coordinator_views,
    drone_views,
    farm_outline,
    latency,
    removal_view,
    target_views,
    truth_view,
)

REMOVALS_SHOWN_S = 2.0


class DashboardConfig(GateConfig):
    """Parameters of the dashboard."""

    serve: bool = Field(True, description="Whether to serve the page")
    host: str = Field("127.0.0.1", description="Address to serve the page at")
    port: int = Field(8080, ge=0, le=65535, description="Port to serve the page at; 0 picks one")
    period_s: float = Field(
        0.2,
        gt=0.0,
        le=10.0,
        description="Time between two pictures",
        json_schema_extra={"unit": "s"},
    )
    map_frame: MapFrame = "map"
    topology: str = Field("mesh", description="Named on the page: mesh, star or hybrid")
    drones: int = Field(
        0, ge=0, le=1000, description="Drones in the simulated world; 0 when the world is real"
    )
    seed: Seed = 0


class DashboardNode:
    """A view of the fleet.

    Args:
        node: the handle.
        config: its parameters.
        identity: when a composition already has one.

    Raises:
        UsageError: the port is in use.
    """

    def __init__(
        self, node: Node, config: DashboardConfig, identity: Identity | None = None
    ) -> None:
        self._node = node
        self._config = config
        self._server = DashboardServer(config.host, config.port) if config.serve else None
        self.listener = FleetListener(node, config.period_s)
        self.view = View(config.gate())
        self._world = World.build(seed=config.seed, drones=config.drones) if config.drones else None
        self._in_view = (
            FaultsInView(self._world.farm, ThermalCamera().model) if self._world else None
        )
        self._outline = farm_outline(self._world.farm) if self._world else None
        self._removals: deque[tuple[int, Sighting]] = deque()
        self._true_poses: dict[str, Any] = {}
        self._started_ns = self._now_ns()
        status = StatusReporter(node, identity or identify(node, config.state_dir))
        self.replication = Replication(
            node, status, config.map_frame, self._on_fresh, self._on_gone
        )
        node.create_timer(config.period_s, self._publish)
        if self._server:
            self._server.start()

    @property
    def observer(self) -> FleetObserver:
        """What the fleet told of itself."""
        return self.listener.observer

    @property
    def url(self) -> str | None:
        """Of the page."""
        return self._server.url if self._server else None

    def close(self) -> None:
        """Show the last picture and close the page."""
        if self._server:
            self._server.publish(self.snapshot(finished=True))
            self._server.close()

    @property
    def targets(self) -> Sequence[Target]:
        """What the swarm has found."""
        return self.view.tracks()

    @property
    def replicas_agree(self) -> bool:
        """Whether every coordinator that is heard, in whatever cluster, holds this state."""
        return all(digest == self.digest for digest in _heard(self.listener.standings()))

    @property
    def digest(self) -> str:
        """Of the state."""
        return self.replication.replica.digest()

    def _replicas_in_step(self, standings: Sequence[Standing]) -> bool | None:
        """The same, but for what is on its way; None where nobody else is heard."""
        digests = _heard(standings)
        return all(map(self.replication.was_ours, digests)) if len(digests) > 1 else None

    @property
    def duplicates_removed(self) -> int:
        """Sightings that stand for nothing new: held back by drones, or removed by coordinators."""
        return self.view.duplicates_removed + self.observer.counter("sightings_suppressed")

    def truth(self) -> Truth | None:
        """The targets against the simulated world; None for a real one."""
        if self._in_view is None:
            return None
        found = [(t.class_name, t.x_mm / 1000, t.y_mm / 1000, t.score) for t in self.targets]
        return score(found, self._in_view)

    def snapshot(self, finished: bool = False) -> Snapshot:
        """Everything that the page shows, now."""
        now_ns = self._now_ns()
        truth, standings = self.truth(), self.listener.standings()
        return Snapshot(
            stamp_ns=now_ns,
            elapsed_s=(now_ns - self._started_ns) / 1e9,
            farm=self._outline,
            drones=drone_views(self.observer, self._state_of, self.listener.updates),
            targets=target_views(self.targets),
            removals=self._recent_removals(now_ns),
            coordinators=coordinator_views(standings),
            replicas_agree=self._replicas_in_step(standings),
            digest=self.digest,
            duplicates_removed=self.duplicates_removed,
            frame_to_target_ms=latency(self.observer.durations("frame_to_target_elsewhere")),
            truth=truth_view(truth) if truth else None,
            rollout=self.listener.rollout,
            topology=self._config.topology,
            seed=self._config.seed if self._world else None,
            finished=finished,
        )

    def _publish(self) -> None:
        self._follow_all()
        if self._server:
            self._server.publish(self.snapshot())

    def _on_fresh(self, sightings: Sequence[Sighting]) -> None:
        now_ns = self._now_ns()
        for sighting in sightings:
            for dropped in self.view.insert(sighting).dropped:
                self._removals.append((now_ns, dropped))

    def _on_gone(self, sightings: Sequence[Sighting]) -> None:
        for sighting in sightings:
            self.view.discard(sighting.id)

    def _recent_removals(self, now_ns: int) -> tuple[RemovalView, ...]:
        while self._removals and now_ns - self._removals[0][0] > REMOVALS_SHOWN_S * 1e9:
            self._removals.popleft()
        return tuple(
            removal_view(dropped, target)
            for _, dropped in self._removals
            if (target := self.view.stands_for(dropped))
        )

    def _state_of(self, source: str) -> DroneState:
        return DroneState(self.listener.membership.states()[source].value)

    def _follow_all(self) -> None:
        """In a simulation, listen to where the drones really are."""
        if self._in_view is None:
            return
        for source in self.observer.lives.keys() - self._true_poses.keys():
            truth = topics.TRUE_POSE.named(f"/{source}/{topics.TRUE_POSE.name}")
            self._true_poses[source] = truth.subscription(self._node, self._on_true_pose)

    def _on_true_pose(self, msg: Any) -> None:
        if self._in_view is not None:
            self._in_view.add(pose_from_msg(msg))

    def _now_ns(self) -> int:
        return self._node.get_clock().now().nanoseconds


def _heard(standings: Sequence[Standing]) -> list[str]:
    """The digests of those that are not silent."""
    return [one.digest for one in standings if one.part]
