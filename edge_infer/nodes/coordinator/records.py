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

"""A replica's records on one link: told while somebody differs, own writes at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from edge_infer.errors import FleetError, IdentityConflictError
from edge_infer.fleet.record_gossip import RecordGossip
from edge_infer.fleet.records import Part, Records
from edge_infer.nodes import topics
from edge_infer.nodes.conversions.common import header_to_msg
from edge_infer.nodes.conversions.records import counts_to_msgs, entries_to_msgs, part_from_msg
from edge_infer.runtime.api import Node


class RecordExchange:
    """Tells and hears records.

    Args:
        node: the handle.
        records: of the replica.
        cluster: on whose topic.
        on_change: called after records have come that were not known.
        on_refused: called with the counter of what could not be taken in, and why.
    """

    def __init__(
        self,
        node: Node,
        records: Records,
        cluster: str,
        on_change: Callable[[], None],
        on_refused: Callable[[str, FleetError], None],
    ) -> None:
        self._node = node
        self._records = records
        self._on_change = on_change
        self._on_refused = on_refused
        self._name = node.get_fully_qualified_name()
        self._gossip = RecordGossip(self._name)
        topic = topics.RECORDS.of(cluster)
        self._publisher = topic.publisher(node)
        self._subscription = topic.subscription(node, self._hear)

    def close(self) -> None:
        """Leave the topic."""
        self._node.destroy_subscription(self._subscription)
        self._node.destroy_publisher(self._publisher)

    def tick(self, now_s: float) -> None:
        """Say what is due."""
        part = self._gossip.poll(self._records, now_s)
        if part is not None:
            self._publish(part)

    def tell(self, part: Part) -> None:
        """Send own writes now."""
        self._gossip.tell(part, self._now_ns() / 1e9)
        self._publish(part)

    def _publish(self, part: Part) -> None:
        messages = self._node.messages
        self._publisher.publish(
            messages["edge_infer_msgs/msg/Records"](
                header=header_to_msg(messages, self._now_ns(), ""),
                coordinator=self._name,
                digest=self._records.digest(),
                records=entries_to_msgs(messages, part.entries),
                counts=counts_to_msgs(messages, part.counts),
            )
        )

    def _hear(self, msg: Any) -> None:
        if msg.coordinator == self._name:
            return
        part, before = part_from_msg(msg), self._records.digest()
        try:
            self._records.add(part)
        except FleetError as error:
            self._on_refused("records_refused", error)
            if not isinstance(error, IdentityConflictError):
                part = Part()
        if self._records.digest() != before:
            self._on_change()
        self._gossip.hear(msg.coordinator, msg.digest, part, self._records, self._now_ns() / 1e9)

    def _now_ns(self) -> int:
        return self._node.get_clock().now().nanoseconds
