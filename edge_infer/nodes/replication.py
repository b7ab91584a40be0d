"""One replica of the fleet's sightings on its topics, kept complete by asking the others.

What coordinators and the dashboard have in common. What a replica is, and what
it asks for, is decided in ``fleet``; here are only the topics.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from edge_infer.domain import Sighting
from edge_infer.errors import FleetError
from edge_infer.fleet.floors import Floor, FloorKeeper
from edge_infer.fleet.gossip import Answer, Ask, Gossip
from edge_infer.fleet.replica import Replica
from edge_infer.nodes import topics
from edge_infer.nodes.complaints import Complaints
from edge_infer.nodes.conversions import (
    floors_from_msg,
    floors_to_msgs,
    header_to_msg,
    ranges_from_msg,
    ranges_to_msgs,
    sightings_from_msg,
    sightings_to_msgs,
)
from edge_infer.nodes.status import StatusReporter
from edge_infer.runtime.api import Node

TICK_S = 0.05
REMEMBERED = 100
"""Own digests that are kept: those of the last seconds, while peers tell theirs once a second."""

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
    """

    def __init__(
        self,
        node: Node,
        status: StatusReporter,
        map_frame: str,
        on_fresh: OnSightings,
        on_gone: OnSightings | None = None,
        keeper: FloorKeeper | None = None,
    ) -> None:
        self._node = node
        self._status = status
        self._map_frame = map_frame
        self._on_fresh = on_fresh
        self._on_gone = on_gone
        self._keeper = keeper
        self._name = node.get_fully_qualified_name()
        self._gossip = Gossip(self._name)
        self._complaints = Complaints(node)
        self.replica = Replica()
        self.peer_digests: dict[str, str] = {}
        self._own_digests: deque[str] = deque([self.replica.digest()], maxlen=REMEMBERED)
        self._sightings = topics.SIGHTINGS.publisher(node)
        self._digests = topics.DIGEST.publisher(node)
        self._requests = topics.SIGHTING_REQUEST.publisher(node)
        topics.SIGHTINGS.subscription(node, self._on_sightings)
        topics.DIGEST.subscription(node, self._on_digest)
        topics.SIGHTING_REQUEST.subscription(node, self._on_request)
        node.create_timer(TICK_S, self._tick)

    @property
    def all_equal(self) -> bool:
        """Whether every peer's latest digest is ours."""
        own = self.replica.digest()
        return all(digest == own for digest in self.peer_digests.values())

    @property
    def all_in_step(self) -> bool:
        """Whether every peer's latest digest is or lately was ours: what differs is on its way."""
        return all(digest in self._own_digests for digest in self.peer_digests.values())

    def _on_sightings(self, msg: Any) -> None:
        try:
            heard = sightings_from_msg(msg)
        except FleetError as error:
            self._refuse(error)
            return
        fresh = [sighting for sighting in heard if self._add(sighting)]
        self._gossip.hear_sightings([sighting.id for sighting in heard], self._now_s())
        if fresh:
            self._own_digests.append(self.replica.digest())
            self._on_fresh(fresh)
        self._status.set("sightings_late", self.replica.late)

    def _add(self, sighting: Sighting) -> bool:
        """Whether it was not known; one that cannot be, or contradicts a known one, is refused."""
        try:
            return self.replica.add(sighting)
        except FleetError as error:
            self._refuse(error)
            return False

    def _refuse(self, error: FleetError) -> None:
        self._status.count("sightings_refused")
        self._complaints.warn(error)

    def _raise_floors(self, floors: Iterable[Floor]) -> None:
        before = self.replica.digest()
        gone = self.replica.raise_floors(floors)
        if self.replica.digest() != before:
            self._own_digests.append(self.replica.digest())
        self._status.set("sightings_forgotten", self.replica.forgotten)
        if gone and self._on_gone:
            self._on_gone(gone)

    def _tick(self) -> None:
        if self._keeper and (due := self._keeper.tick(self.replica, self._now_s())):
            self._raise_floors(due)
        self._act()
        if not self._gossip.due(self._now_s()):
            return
        messages = self._node.messages
        self._digests.publish(
            messages["edge_infer_msgs/msg/Digest"](
                header=header_to_msg(messages, self._now_ns(), ""),
                coordinator=self._name,
                digest=self.replica.digest(),
                ranges=ranges_to_msgs(
                    messages, self._gossip.excerpt(self.replica.ranges(), self._now_s())
                ),
                floors=floors_to_msgs(messages, self.replica.floors()),
            )
        )

    def _on_digest(self, msg: Any) -> None:
        if msg.coordinator == self._name:
            return
        self.peer_digests[msg.coordinator] = msg.digest
        if msg.floors and msg.digest != self.replica.digest():
            self._raise_floors(floors_from_msg(msg))
        missing = self._gossip.on_digest(
            msg.coordinator, msg.digest, ranges_from_msg(msg), self.replica, self._now_s()
        )
        if missing:
            self._ask(Ask(msg.coordinator, missing))

    def _on_request(self, msg: Any) -> None:
        self._gossip.hear_request(
            msg.requester, msg.responder, ranges_from_msg(msg), self.replica, self._now_s()
        )
        self._act()

    def _act(self) -> None:
        for action in self._gossip.poll(self.replica, self._now_s()):
            if isinstance(action, Ask):
                self._ask(action)
            else:
                self._answer(action)

    def _ask(self, ask: Ask) -> None:
        self._status.count("sighting_requests")
        messages = self._node.messages
        self._requests.publish(
            messages["edge_infer_msgs/msg/SightingRequest"](
                header=header_to_msg(messages, self._now_ns(), ""),
                requester=self._name,
                responder=ask.peer,
                ranges=ranges_to_msgs(messages, ask.ranges),
            )
        )

    def _answer(self, answer: Answer) -> None:
        again = answer.sightings
        for array in sightings_to_msgs(self._node.messages, again, self._map_frame, ""):
            self._sightings.publish(array)
        self._status.count("sightings_sent_again", len(again))

    def _now_ns(self) -> int:
        return self._node.get_clock().now().nanoseconds

    def _now_s(self) -> float:
        return self._now_ns() / 1e9
