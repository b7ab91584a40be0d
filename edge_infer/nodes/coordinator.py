"""Sightings of the whole fleet in, one list of targets out; any number of replicas.

Every coordinator computes the same targets from the same sightings, in
whatever order they came, and asks the others for what it misses. There is
nothing to elect and nothing to lock.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import Field

from edge_infer.domain import Sighting, Target
from edge_infer.fleet.floors import FloorKeeper
from edge_infer.fleet.gate import Gate
from edge_infer.fleet.gossip import GossipConfig
from edge_infer.fleet.view import View
from edge_infer.nodes import topics
from edge_infer.nodes.config import Cluster, MapFrame, NodeConfig, Radius
from edge_infer.nodes.conversions import header_to_msg, target_to_msg
from edge_infer.nodes.identity import Identity, identify
from edge_infer.nodes.replication import Replication
from edge_infer.nodes.status import StatusReporter
from edge_infer.runtime.api import Node


class CoordinatorConfig(NodeConfig):
    """Parameters of the coordinator."""

    map_frame: MapFrame = "map"
    radius_m: Radius = 5.0
    targets_period_s: float = Field(
        0.05,
        gt=0.0,
        le=10.0,
        description="Shortest time between two target lists of this drone",
        json_schema_extra={"unit": "s"},
    )
    fleet_period_s: float = Field(
        1.0,
        gt=0.0,
        le=60.0,
        description="Time between two target lists to the fleet",
        json_schema_extra={"unit": "s"},
    )
    keep_s: float = Field(
        0.0,
        ge=0.0,
        description="How long this drone's sightings are kept; 0 for ever",
        json_schema_extra={"unit": "s"},
    )
    cluster: Cluster = ""
    gossip_bytes_per_s: float = Field(
        GossipConfig().bytes_per_s,
        gt=0.0,
        description="What digests, requests and answers may take on the average, on each link",
        json_schema_extra={"unit": "B/s"},
    )
    keep_for: str = Field(
        "",
        description="Lost drones, or drones without a coordinator, separated by commas, "
        "whose sightings this one forgets likewise",
    )


class CoordinatorNode:
    """One replica of the fleet's knowledge, and the targets that follow from it."""

    def __init__(
        self, node: Node, config: CoordinatorConfig, identity: Identity | None = None
    ) -> None:
        self._node = node
        self._config = config
        self._identity = identity or identify(node, config.state_dir)
        self._view = View(Gate(round(config.radius_m * 1000)))
        self._target_messages: dict[Target, Any] = {}
        self._unpublished: list[Sighting] = []
        self._has_forgotten = False
        self._last_published_ns = 0
        self._status = StatusReporter(node, self._identity, self._refresh_status)
        self._replication = Replication(
            node,
            self._status,
            config.map_frame,
            self._on_fresh,
            self._on_gone,
            FloorKeeper(config.keep_s, {self._identity.source, *_names(config.keep_for)}),
            config.cluster,
            GossipConfig(bytes_per_s=config.gossip_bytes_per_s),
        )
        self._targets_publisher = topics.TARGETS.publisher(node)
        self._fleet_publisher = topics.FLEET_TARGETS.publisher(node)
        node.create_service(
            node.messages["edge_infer_msgs/srv/GetTargets"],
            "coordinator/get_targets",
            self._on_get_targets,
        )
        node.create_timer(config.targets_period_s, self._publish)
        node.create_timer(config.fleet_period_s, self._publish_to_fleet)

    @property
    def is_head(self) -> bool:
        """Whether it joins its cluster with the others now."""
        return self._replication.is_head

    def close(self) -> None:
        """Tell the last counts and targets."""
        self._publish_to_fleet()
        self._status.publish()

    def _on_fresh(self, sightings: Sequence[Sighting]) -> None:
        for sighting in sightings:
            self._view.insert(sighting)
        self._unpublished.extend(sightings)
        # At once when it was quiet, else with the timer: soon, but never a flood.
        if self._now_ns() - self._last_published_ns >= self._config.targets_period_s * 1e9:
            self._publish()

    def _on_gone(self, sightings: Sequence[Sighting]) -> None:
        for sighting in sightings:
            self._view.discard(sighting.id)
        self._has_forgotten = True

    def _publish(self) -> None:
        if not self._unpublished and not self._has_forgotten:
            return
        self._has_forgotten = False
        self._last_published_ns = self._now_ns()
        self._targets_publisher.publish(self._targets_msg())
        for sighting in self._unpublished:
            if sighting.id.source != self._identity.source:
                self._status.since("frame_to_target_elsewhere", sighting.stamp_ns)
        self._unpublished.clear()

    def _publish_to_fleet(self) -> None:
        self._fleet_publisher.publish(self._targets_msg())

    def _on_get_targets(self, _request: Any, response: Any) -> Any:
        response.targets = self._targets_msg()
        return response

    def _targets_msg(self) -> Any:
        messages, known = self._node.messages, self._target_messages
        self._target_messages = {
            target: known.get(target) or target_to_msg(messages, target)
            for target in self._view.targets()
        }
        return messages["edge_infer_msgs/msg/TargetArray"](
            header=header_to_msg(messages, self._now_ns(), self._config.map_frame),
            coordinator=self._node.get_fully_qualified_name(),
            digest=self._replication.replica.digest(),
            sightings=len(self._replication.replica),
            targets=list(self._target_messages.values()),
        )

    def _refresh_status(self) -> None:
        self._status.set("sightings_known", len(self._replication.replica))
        self._status.set("targets", len(self._view.targets()))
        self._status.set("duplicates_removed", self._view.duplicates_removed)

    def _now_ns(self) -> int:
        return self._node.get_clock().now().nanoseconds


def _names(listed: str) -> list[str]:
    return [name.strip() for name in listed.split(",") if name.strip()]
