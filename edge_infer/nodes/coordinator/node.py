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

"""Sightings of the whole fleet in, one list of targets out; any number of replicas.

Every coordinator computes the same targets from the same sightings, in
whatever order they came, and asks the others for what it misses. There is
nothing to elect and nothing to lock.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import Field

from edge_infer.domain import Sighting, SightingId, Target
from edge_infer.fleet.floors import FloorKeeper
from edge_infer.fleet.gossip import GossipConfig
from edge_infer.fleet.refined.refine import DEFAULT
from edge_infer.fleet.view import View
from edge_infer.nodes import topics
from edge_infer.nodes.config import LIVE, Cluster, GateConfig, ManagedConfig, MapFrame
from edge_infer.nodes.conversions.common import header_to_msg
from edge_infer.nodes.conversions.targets import target_to_msg
from edge_infer.nodes.coordinator.refined import REFINEMENT, RefinedLayer, State
from edge_infer.nodes.coordinator.replication import Replication
from edge_infer.nodes.coordinator.views import TargetViews
from edge_infer.nodes.identity import Identity, identify
from edge_infer.nodes.reporting.status import StatusReporter
from edge_infer.runtime.api import Node

REST_PER_TARGET_S = 0.0002
"""Ten times what a target in a list costs on a slow core."""

LASTING_S = 10.0
"""Coordinators that hold another truth for this long are worth a warning."""


class CoordinatorConfig(GateConfig, ManagedConfig):
    """Parameters of the coordinator."""

    map_frame: MapFrame = "map"
    targets_period_s: float = Field(
        0.05,
        gt=0.0,
        le=10.0,
        description="Shortest time between two target lists of this drone; "
        "a list of more than 250 targets comes less often",
        json_schema_extra={"unit": "s"},
    )
    fleet_period_s: float = Field(
        1.0,
        gt=0.0,
        le=60.0,
        description="Time between two target lists to the fleet; "
        "a list of more than 5,000 targets comes less often",
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
    refined: bool = Field(
        False,
        description="Have all coordinators of the fleet publish refined targets too, on positions "
        "without the drones' offsets, until all have stopped; at most a fifth of the time goes "
        "into it: once takes 0.3 s for 1,000 sightings, 3.5 s for 5,000, 10 s for 10,000",
        json_schema_extra=LIVE,
    )


class CoordinatorNode:
    """One replica of the fleet's knowledge, and the targets that follow from it."""

    def __init__(
        self,
        node: Node,
        config: CoordinatorConfig,
        identity: Identity | None = None,
        status: StatusReporter | None = None,
    ) -> None:
        self._node = node
        self._config = config
        self._identity = identity or identify(node, config.state_dir)
        self._view = View(config.gate())
        self._target_messages: dict[SightingId, tuple[Target, Any]] = {}
        self._unpublished: list[Sighting] = []
        self._has_forgotten = False
        self._changes = 0
        """How often sightings came or went."""
        self._last_published_ns = 0
        self._last_told_ns = self._now_ns()
        self._status = status or StatusReporter(node, self._identity)
        self._status.refresh_with(self._refresh_status)
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
        topics.OWN_SIGHTINGS.subscription(node, self._replication.hear_own)
        self._refined = RefinedLayer(node, self._publish_refined)
        self._targets_publisher = topics.TARGETS.publisher(node)
        self._refined_publisher = topics.REFINED_TARGETS.publisher(node)
        self._fleet_publisher = topics.FLEET_TARGETS.publisher(node)
        self._views = TargetViews(node, config.map_frame, self._view.tracks)
        node.create_service(
            node.messages["edge_infer_msgs/srv/GetTargets"],
            "coordinator/get_targets",
            self._on_get_targets,
        )
        node.create_timer(min(config.targets_period_s, config.fleet_period_s), self._tick)
        node.create_timer(config.fleet_period_s, self._refine)

    @property
    def is_head(self) -> bool:
        """Whether it joins its cluster with the others now."""
        return self._replication.is_head

    def follow(self, config: CoordinatorConfig) -> None:
        """Publish refined targets, or leave that, from now on."""
        self._config = config

    def close(self) -> None:
        """Tell the last counts and targets."""
        self._refined.close()
        self._publish_to_fleet()
        self._status.publish()

    def _on_fresh(self, sightings: Sequence[Sighting]) -> None:
        for sighting in sightings:
            self._view.insert(sighting)
        self._unpublished.extend(sightings)
        self._changes += 1
        # At once when it was quiet, else with the timer: soon, but never a flood.
        self._publish_if_due()

    def _on_gone(self, sightings: Sequence[Sighting]) -> None:
        for sighting in sightings:
            self._view.discard(sighting.id)
        self._has_forgotten = True
        self._changes += 1

    def _tick(self) -> None:
        """One list at a time: sightings that come meanwhile wait for no two."""
        if self._has_rested(self._last_told_ns, self._config.fleet_period_s):
            self._publish_to_fleet()
        else:
            self._publish_if_due()

    def _publish_if_due(self) -> None:
        has_news = bool(self._unpublished) or self._has_forgotten
        if has_news and self._has_rested(self._last_published_ns, self._config.targets_period_s):
            self._publish()

    def _has_rested(self, since_ns: int, period_s: float) -> bool:
        """A long list comes less often, so that each kind takes a tenth of the time at most.

        A clock that was set back says nothing of how long that is ago: then it is due.
        """
        rest_s = max(period_s, len(self._target_messages) * REST_PER_TARGET_S)
        return not 0 <= self._now_ns() - since_ns < rest_s * 1e9

    def _publish(self) -> None:
        self._has_forgotten = False
        self._last_published_ns = self._now_ns()
        self._targets_publisher.publish(self._targets_msg())
        self._views.changed()
        for sighting in self._unpublished:
            if sighting.id.source != self._identity.source:
                self._status.since("frame_to_target_elsewhere", sighting.stamp_ns)
        self._unpublished.clear()

    def _publish_to_fleet(self) -> None:
        self._last_told_ns = self._now_ns()
        self._fleet_publisher.publish(self._targets_msg())

    def _refine(self) -> None:
        """Not at the start: a record that stands in the fleet comes first."""
        replica = self._replication.replica
        record = replica.records.get(REFINEMENT)
        if record is None and self._config.refined:
            record = DEFAULT.to_json().encode()
            self._replication.write(REFINEMENT, record, self._identity)
        if record is not None:
            state = State(self._changes, record, replica.digest(), len(replica))
            self._refined.follow(state, replica)

    def _publish_refined(self, targets: Sequence[Target], state: State) -> None:
        told = self._in_full(targets)
        self._refined_publisher.publish(self._array(told, state.digest, state.sightings))

    def _on_get_targets(self, _request: Any, response: Any) -> Any:
        replica = self._replication.replica
        response.targets = self._array(
            self._in_full(self._view.tracks()), replica.digest(), len(replica)
        )
        return response

    def _in_full(self, targets: Sequence[Target]) -> list[Any]:
        return [target_to_msg(self._node.messages, target) for target in targets]

    def _targets_msg(self) -> Any:
        """In brief: told often, and most of it again and again."""
        messages, known = self._node.messages, self._target_messages
        self._target_messages = {}
        for target in self._view.tracks():
            before, msg = known.get(target.id, (None, None))
            if before is not target:
                msg = target_to_msg(messages, target, in_full=False)
            self._target_messages[target.id] = target, msg
        replica = self._replication.replica
        targets = [msg for _, msg in self._target_messages.values()]
        return self._array(targets, replica.digest(), len(replica))

    def _array(self, targets: list[Any], digest: str, count: int) -> Any:
        messages = self._node.messages
        return messages["edge_infer_msgs/msg/TargetArray"](
            header=header_to_msg(messages, self._now_ns(), self._config.map_frame),
            coordinator=self._node.get_fully_qualified_name(),
            digest=digest,
            sightings=count,
            targets=targets,
        )

    def _refresh_status(self) -> None:
        self._status.set("sightings_known", len(self._replication.replica))
        self._status.set("targets", len(self._view.tracks()))
        self._status.set("duplicates_removed", self._view.duplicates_removed)
        diverging = self._replication.diverging()
        told = ", ".join(f"{name} for {since_s:.0f} s" for name, since_s in diverging.items())
        self._status.describe("digest", self._replication.replica.digest())
        self._status.describe("diverges from", told or "nobody")
        is_lasting = max(diverging.values(), default=0.0) >= LASTING_S
        self._status.set_health(int(is_lasting), f"diverges from {told}" if is_lasting else "")

    def _now_ns(self) -> int:
        return self._node.get_clock().now().nanoseconds


def _names(listed: str) -> list[str]:
    return [name.strip() for name in listed.split(",") if name.strip()]
