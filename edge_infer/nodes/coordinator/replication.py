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

"""One replica of the fleet's sightings, kept complete by asking the others.

What coordinators and the dashboard have in common. What a replica is, and what
it asks for, is decided in ``fleet``; the topics are in ``link.py``. In a fleet of
clusters the head of each (``fleet/heads.py``) joins its cluster's link with the
backbone: what is new on one goes out on the other at once, the rest is asked for.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from edge_infer.domain import Sighting
from edge_infer.errors import FleetError
from edge_infer.fleet.elapsed import Elapsed
from edge_infer.fleet.floors import Floor, FloorKeeper
from edge_infer.fleet.gossip import GossipConfig
from edge_infer.fleet.heads import Heads
from edge_infer.fleet.ranges import LogRange
from edge_infer.fleet.records import Part
from edge_infer.fleet.replica import Replica
from edge_infer.nodes.conversions.sightings import sightings_from_msg
from edge_infer.nodes.coordinator.divergence import Divergence
from edge_infer.nodes.coordinator.link import Link
from edge_infer.nodes.identity import Identity
from edge_infer.nodes.reporting.complaints import Complaints
from edge_infer.nodes.reporting.status import StatusReporter
from edge_infer.runtime.api import Node

TICK_S = 0.05
REMEMBERED = 100
"""Own digests that are kept: those of the last seconds, while peers tell theirs once a second."""

BACKBONE = ""
"""The cluster of those that are in none: the heads', and the whole fleet's where there is one."""

OnSightings = Callable[[Sequence[Sighting]], None]


class Replication:
    """Feeds a replica from the fleet's topics.

    Args:
        node: the handle.
        status: where requests and refusals are counted.
        map_frame: frame id of the sightings that it sends again.
        on_fresh: called with sightings of one camera frame that were not known.
        on_gone: called with sightings that are forgotten now.
        keeper: raises the floors that this node may raise; None for none.
        cluster: that this node belongs to; empty for the whole fleet.
        gossip: how eager it is on each link.
    """

    def __init__(
        self,
        node: Node,
        status: StatusReporter,
        map_frame: str,
        on_fresh: OnSightings,
        on_gone: OnSightings | None = None,
        keeper: FloorKeeper | None = None,
        cluster: str = "",
        gossip: GossipConfig | None = None,
    ) -> None:
        self._node = node
        self._status = status
        self._map_frame = map_frame
        self._on_fresh = on_fresh
        self._on_gone = on_gone
        self._keeper = keeper
        self._gossip = gossip or GossipConfig()
        self._complaints = Complaints(node)
        self.replica = Replica()
        self._own_digests: deque[str] = deque([self.replica.digest()], maxlen=REMEMBERED)
        self._divergence = Divergence(node.get_fully_qualified_name())
        self._time = Elapsed()
        self._heads = (
            Heads(node.get_fully_qualified_name(), self._gossip.memory_s) if cluster else None
        )
        self._home = self._link(cluster)
        self._backbone: Link | None = None
        node.create_timer(TICK_S, self._tick)

    @property
    def is_head(self) -> bool:
        """Whether this node joins its cluster with the others now."""
        return self._backbone is not None

    def hear_own(self, msg: Any) -> None:
        """What this drone's georeferencer saw while nobody listened, or said to all as well."""
        try:
            self._take_in(self._home, sightings_from_msg(msg))
        except FleetError as error:
            self._refuse("sightings_refused", error)

    def was_ours(self, digest: str) -> bool:
        """Whether a digest is or lately was this replica's: what differs is on its way."""
        return digest in self._own_digests

    def diverging(self) -> Mapping[str, float]:
        """The coordinators that are heard and hold another truth, and for how many seconds."""
        return self._divergence.peers(self._now_s())

    def write(self, key: str, value: bytes, identity: Identity) -> None:
        """Write a record that the whole fleet is to hold; raises FleetError."""
        entry = self.replica.records.write(key, value, identity.source, identity.boot)
        self._tell_records(Part([entry]))

    def count(self, name: str, identity: Identity, by: int = 1) -> None:
        """Raise a count that the whole fleet is to hold; raises FleetError."""
        count = self.replica.records.count(identity.source, identity.boot, name, by)
        self._tell_records(Part(counts=[count]))

    def _tell_records(self, part: Part) -> None:
        self._remember_digest()
        for link in self._links():
            link.records.tell(part)

    def _remember_digest(self) -> None:
        if self.replica.digest() != self._own_digests[-1]:
            self._own_digests.append(self.replica.digest())

    def _link(self, cluster: str) -> Link:
        return Link(
            self._node,
            self._status,
            self.replica,
            cluster=cluster,
            gossip=self._gossip,
            map_frame=self._map_frame,
            on_sightings=self._take_in,
            on_digest=self._compare,
            on_floors=self._raise_floors,
            on_records=self._remember_digest,
            on_refused=self._refuse,
        )

    def _links(self) -> list[Link]:
        return [self._home, self._backbone] if self._backbone else [self._home]

    def _take_in(self, link: Link, heard: Sequence[Sighting]) -> None:
        fresh = [sighting for sighting in heard if self._add(sighting)]
        if fresh:
            self._remember_digest()
            for other in self._links():
                if other is not link:
                    other.send(fresh)
            self._on_fresh(fresh)
        self._status.set("sightings_late", self.replica.late)

    def _add(self, sighting: Sighting) -> bool:
        """Whether it was not known; one that cannot be, or contradicts a known one, is refused."""
        try:
            return self.replica.add(sighting)
        except FleetError as error:
            self._refuse("sightings_refused", error)
            return False

    def _refuse(self, counter: str, error: FleetError) -> None:
        self._status.count(counter)
        self._complaints.warn(error)

    def _compare(
        self, name: str, digest: str, ranges: Sequence[LogRange], floors: Sequence[Floor]
    ) -> None:
        self._divergence.hear(name, digest, ranges, floors, self._now_s())

    def _raise_floors(self, floors: Iterable[Floor]) -> None:
        gone = self.replica.raise_floors(floors)
        self._remember_digest()
        self._status.set("sightings_forgotten", self.replica.forgotten)
        if gone and self._on_gone:
            self._on_gone(gone)

    def _now_s(self) -> float:
        return self._node.get_clock().now().nanoseconds / 1e9

    def _tick(self) -> None:
        now_s = self._now_s()
        if self._keeper and (due := self._keeper.tick(self.replica, now_s)):
            self._raise_floors(due)
        if self._heads:
            self._lead_or_follow(self._heads, self._time.at(now_s))
        for link in self._links():
            link.tick()

    def _lead_or_follow(self, heads: Heads, elapsed_s: float) -> None:
        for name in self._home.heard:
            heads.hear(name, elapsed_s)
        self._home.heard.clear()  # they count again when they speak again
        leads = heads.is_head(elapsed_s)
        if leads == self.is_head:
            return
        if self._backbone:
            self._backbone.close()
        self._backbone = self._link(BACKBONE) if leads else None
        self._status.set("leads_cluster", int(leads))
        what = "speaks" if leads else "no longer speaks"
        self._node.get_logger().info(f"this coordinator {what} for its cluster")
