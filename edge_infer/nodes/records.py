"""A replica's records on one link: told while somebody differs, own writes at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from edge_infer.errors import FleetError
from edge_infer.fleet.counters import Count
from edge_infer.fleet.records import Part, Records, Telling
from edge_infer.fleet.registers import Entry, Stamp
from edge_infer.nodes import topics
from edge_infer.nodes.conversions import header_to_msg
from edge_infer.nodes.status import StatusReporter
from edge_infer.runtime.api import Node


class RecordExchange:
    """Tells and hears records.

    Args:
        node: the handle.
        status: where refusals are counted.
        records: of the replica.
        cluster: on whose topic.
        on_change: called after records have come that were not known.
        on_refused: called with what could not be taken in.
    """

    def __init__(
        self,
        node: Node,
        status: StatusReporter,
        records: Records,
        cluster: str,
        on_change: Callable[[], None],
        on_refused: Callable[[FleetError], None],
    ) -> None:
        self._node = node
        self._status = status
        self._records = records
        self._on_change = on_change
        self._on_refused = on_refused
        self._name = node.get_fully_qualified_name()
        self._telling = Telling(self._name)
        topic = topics.RECORDS.of(cluster)
        self._publisher = topic.publisher(node)
        self._subscription = topic.subscription(node, self._hear)

    def close(self) -> None:
        """Leave the topic."""
        self._node.destroy_subscription(self._subscription)
        self._node.destroy_publisher(self._publisher)

    def tick(self, now_s: float) -> None:
        """Say what is due."""
        if self._telling.due(now_s):
            self.tell(self._telling.part(self._records, now_s))

    def tell(self, part: Part) -> None:
        """Send some records now, as after an own write."""
        messages = self._node.messages
        record, count = (messages[f"edge_infer_msgs/msg/{name}"] for name in ("Record", "Count"))
        now_ns = self._node.get_clock().now().nanoseconds
        self._publisher.publish(
            messages["edge_infer_msgs/msg/Records"](
                header=header_to_msg(messages, now_ns, ""),
                coordinator=self._name,
                digest=self._records.digest(),
                records=[
                    record(key=key, **stamp._asdict(), value=list(value))
                    for key, stamp, value in part.entries
                ],
                counts=[count(**one._asdict()) for one in part.counts],
            )
        )

    def _hear(self, msg: Any) -> None:
        if msg.coordinator == self._name:
            return
        part = _part_of(msg)
        try:
            if self._records.add(part):
                self._on_change()
        except FleetError as error:
            self._status.count("records_refused")
            self._on_refused(error)
        now_s = self._node.get_clock().now().nanoseconds / 1e9
        has_content = bool(part.entries or part.counts)
        self._telling.hear(msg.digest, has_content, self._records.digest(), now_s)


def _part_of(msg: Any) -> Part:
    entries = [
        Entry(r.key, Stamp(int(r.counter), r.source, int(r.boot)), bytes(r.value))
        for r in msg.records
    ]
    return Part(entries, [Count(c.source, int(c.boot), c.name, int(c.value)) for c in msg.counts])
