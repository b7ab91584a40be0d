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

"""Hears what the fleet says of itself: members, statuses, and whether replicas agree.

It sends nothing. The dashboard and ``edge-infer fleet`` look at the fleet through it.
"""

from __future__ import annotations

from typing import Any

from edge_infer.dashboard.snapshot import RolloutView
from edge_infer.domain import Pose
from edge_infer.errors import FleetError, PoseError
from edge_infer.fleet.agreement import Agreement, Standing
from edge_infer.fleet.members.membership import Membership, MembershipConfig
from edge_infer.nodes import topics
from edge_infer.nodes.conversions.common import stamp_from_msg
from edge_infer.nodes.conversions.figures import histogram_from_msg
from edge_infer.nodes.conversions.members import beat_from_msg
from edge_infer.nodes.conversions.poses import pose_from_msg
from edge_infer.nodes.conversions.ranges import floors_from_msg, ranges_from_msg
from edge_infer.nodes.conversions.reports import drone_report_from_msg, rollout_view_from_msg
from edge_infer.runtime.api import Node
from edge_infer.swarm.observer import FleetObserver, NodeStatus, SignOfLife
from edge_infer.updates.rollout.reports import DroneReport

LEASE_S = 1.0
"""For the eye: a member that misses a few heartbeats does not flicker."""
LOOK_S = 1.0
"""Time between two looks for clusters, whose digests have topics of their own."""


class FleetListener:
    """A pair of ears.

    Args:
        node: the handle.
        tick_s: time between two judgements of silence.

    Attributes:
        updates: how far each drone is with a model, as it told last.
        rollout: how far the fleet is, as a gateway told last; None before the first one.
    """

    def __init__(self, node: Node, tick_s: float = 0.2) -> None:
        self.node = node
        self.observer = FleetObserver()
        self.agreement = Agreement()
        self.membership = Membership(MembershipConfig(tick_s=tick_s, lease_s=LEASE_S))
        self.updates: dict[str, DroneReport] = {}
        self.rollout: RolloutView | None = None
        self._digest_topics: set[str] = set()
        topics.STATUS.subscription(node, self._on_status)
        topics.HEARTBEAT.subscription(node, self._on_heartbeat)
        topics.UPDATE_STATUS.subscription(node, self._on_update)
        topics.ROLLOUT_STATUS.subscription(node, self._on_rollout)
        self._listen_to(topics.DIGEST.name)
        node.create_timer(tick_s, self._tick)
        node.create_timer(LOOK_S, self._look_for_clusters)

    def now_s(self) -> float:
        """Of the node's clock; the agreement's times, too."""
        return self.node.get_clock().now().nanoseconds / 1e9

    def standings(self) -> list[Standing]:
        """How the coordinators stand to each other now."""
        return self.agreement.standings(self.now_s())

    def _tick(self) -> None:
        self.membership.tick(self.now_s())

    def _on_status(self, msg: Any) -> None:
        status = NodeStatus(
            stamp_ns=stamp_from_msg(msg.header.stamp),
            runtime=msg.runtime,
            counters={counter.name: int(counter.value) for counter in msg.counters},
            durations={d.name: histogram_from_msg(d) for d in msg.durations},
            level=int(msg.level),
            message=msg.message,
        )
        self.observer.on_status(msg.source, int(msg.boot), msg.node, status)

    def _on_heartbeat(self, msg: Any) -> None:
        now_s = self.now_s()
        try:
            self.membership.hear(beat_from_msg(msg), now_s, now_s)
        except FleetError:
            return  # the drones, which need to know each other, complain
        life = SignOfLife(
            stamp_ns=stamp_from_msg(msg.header.stamp),
            incarnation=int(msg.incarnation),
            pose=_pose_of(msg),
            footprint_m=tuple((float(p.x), float(p.y)) for p in msg.footprint),
            battery=float(msg.battery),
            model_name=msg.model_name,
            model_version=msg.model_version,
        )
        self.observer.on_heartbeat(msg.source, life)

    def _on_update(self, msg: Any) -> None:
        report = drone_report_from_msg(msg)
        if report is not None and not report.flaw:
            self.updates[report.drone] = report

    def _on_rollout(self, msg: Any) -> None:
        self.rollout = rollout_view_from_msg(msg) if msg.state else None

    def _on_digest(self, msg: Any) -> None:
        self.agreement.hear(
            msg.coordinator, msg.digest, ranges_from_msg(msg), floors_from_msg(msg), self.now_s()
        )

    def _look_for_clusters(self) -> None:
        root, leaf = topics.DIGEST.name.rsplit("/", 1)
        for name, _ in self.node.get_topic_names_and_types():
            if name.startswith(f"{root}/") and name.endswith(f"/{leaf}"):
                self._listen_to(name)

    def _listen_to(self, name: str) -> None:
        if name not in self._digest_topics:
            self._digest_topics.add(name)
            topics.DIGEST.named(name).subscription(self.node, self._on_digest)


def _pose_of(heartbeat: Any) -> Pose | None:
    """The pose of a heartbeat; None before the drone knows its own."""
    try:
        return pose_from_msg(heartbeat) if heartbeat.footprint else None
    except PoseError:
        return None
