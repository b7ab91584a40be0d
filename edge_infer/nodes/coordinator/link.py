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

"""A replica's ears and voice on the topics of one cluster, or of the backbone.

What it asks for and when it answers is decided in ``fleet/gossip.py``; what
becomes of what it hears, by ``replication.py``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from edge_infer.domain import Sighting
from edge_infer.errors import FleetError
from edge_infer.fleet.floors import Floor
from edge_infer.fleet.gossip import Answer, Ask, Gossip, GossipConfig
from edge_infer.fleet.ranges import LogRange
from edge_infer.fleet.replica import Replica
from edge_infer.nodes import topics
from edge_infer.nodes.conversions.common import header_to_msg
from edge_infer.nodes.conversions.ranges import (
    floors_from_msg,
    floors_to_msgs,
    ranges_from_msg,
    ranges_to_msgs,
)
from edge_infer.nodes.conversions.sightings import sightings_from_msg, sightings_to_msgs
from edge_infer.nodes.coordinator.records import RecordExchange
from edge_infer.nodes.reporting.status import StatusReporter
from edge_infer.runtime.api import Node


class Link:
    """One replica on one set of topics.

    Args:
        node: the handle.
        status: where requests and answers are counted.
        replica: what is kept complete; not changed here.
        cluster: whose topics; empty for those of the fleet.
        gossip: how eager; one budget per link.
        map_frame: frame id of the sightings that it sends.
        on_sightings: called with this link and what was heard, known or not.
        on_digest: called with the name, digest, ranges and floors of whoever tells them, this
            one included.
        on_floors: called with the floors of a peer that differs.
        on_records: called after records have changed.
        on_refused: called with the counter of what could not be taken in, and why.
    """

    def __init__(
        self,
        node: Node,
        status: StatusReporter,
        replica: Replica,
        *,
        cluster: str,
        gossip: GossipConfig,
        map_frame: str,
        on_sightings: Callable[[Link, Sequence[Sighting]], None],
        on_digest: Callable[[str, str, Sequence[LogRange], Sequence[Floor]], None],
        on_floors: Callable[[Iterable[Floor]], None],
        on_records: Callable[[], None],
        on_refused: Callable[[str, FleetError], None],
    ) -> None:
        self._node = node
        self._status = status
        self._replica = replica
        self._map_frame = map_frame
        self._on_sightings = on_sightings
        self._on_digest = on_digest
        self._on_floors = on_floors
        self._on_refused = on_refused
        self._name = node.get_fully_qualified_name()
        self._gossip = Gossip(self._name, gossip)
        self.heard: set[str] = set()
        """Who has told a digest since this was last looked at."""
        self.records = RecordExchange(node, replica.records, cluster, on_records, on_refused)
        sightings, digest, request = (
            topic.of(cluster)
            for topic in (topics.SIGHTINGS, topics.DIGEST, topics.SIGHTING_REQUEST)
        )
        self._sightings = sightings.publisher(node)
        self._digests = digest.publisher(node)
        self._requests = request.publisher(node)
        self._subscriptions = [
            sightings.subscription(node, self._hear_sightings),
            digest.subscription(node, self._hear_digest),
            request.subscription(node, self._hear_request),
        ]

    def close(self) -> None:
        """Leave the topics."""
        self.records.close()
        for subscription in self._subscriptions:
            self._node.destroy_subscription(subscription)
        for publisher in (self._sightings, self._digests, self._requests):
            self._node.destroy_publisher(publisher)

    def send(self, sightings: Sequence[Sighting]) -> None:
        """Tell sightings to all on these topics."""
        for array in sightings_to_msgs(self._node.messages, sightings, self._map_frame, ""):
            self._sightings.publish(array)

    def tick(self) -> None:
        """Say what is due; to be called often, see ``Gossip.poll``."""
        self._act()
        self.records.tick(self._now_s())
        if not self._gossip.due(self._now_s()):
            return
        messages, replica = self._node.messages, self._replica
        told = self._gossip.excerpt(replica.ranges(), self._now_s())
        self._digests.publish(
            messages["edge_infer_msgs/msg/Digest"](
                header=self._header(),
                coordinator=self._name,
                digest=replica.digest(),
                ranges=ranges_to_msgs(messages, told),
                floors=floors_to_msgs(messages, replica.floors()),
            )
        )

    def _hear_sightings(self, msg: Any) -> None:
        try:
            heard = sightings_from_msg(msg)
        except FleetError as error:
            self._on_refused("sightings_refused", error)
            return
        self._on_sightings(self, heard)
        self._gossip.hear_sightings([sighting.id for sighting in heard], self._now_s())

    def _hear_digest(self, msg: Any) -> None:
        ranges, floors = ranges_from_msg(msg), floors_from_msg(msg)
        self._on_digest(msg.coordinator, msg.digest, ranges, floors)
        if msg.coordinator == self._name:
            return
        self.heard.add(msg.coordinator)
        if floors and msg.digest != self._replica.digest():
            self._on_floors(floors)
        missing = self._gossip.on_digest(
            msg.coordinator, msg.digest, ranges, self._replica, self._now_s()
        )
        if missing:
            self._ask(Ask(msg.coordinator, missing))

    def _hear_request(self, msg: Any) -> None:
        self._gossip.hear_request(
            msg.requester, msg.responder, ranges_from_msg(msg), self._replica, self._now_s()
        )
        self._act()

    def _act(self) -> None:
        for action in self._gossip.poll(self._replica, self._now_s()):
            if isinstance(action, Ask):
                self._ask(action)
            else:
                self._answer(action)

    def _ask(self, ask: Ask) -> None:
        self._status.count("sighting_requests")
        messages = self._node.messages
        self._requests.publish(
            messages["edge_infer_msgs/msg/SightingRequest"](
                header=self._header(),
                requester=self._name,
                responder=ask.peer,
                ranges=ranges_to_msgs(messages, ask.ranges),
            )
        )

    def _answer(self, answer: Answer) -> None:
        self.send(answer.sightings)
        self._status.count("sightings_sent_again", len(answer.sightings))

    def _header(self) -> Any:
        now_ns = self._node.get_clock().now().nanoseconds
        return header_to_msg(self._node.messages, now_ns, "")

    def _now_s(self) -> float:
        return self._node.get_clock().now().nanoseconds / 1e9
