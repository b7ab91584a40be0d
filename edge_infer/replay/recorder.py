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

"""Records topics while they are alive, as raw CDR, whatever their types are.

Messages are stamped with the time at which they came. A thread of its own writes them, so
that a slow disk holds no node up; what waits for it is bounded. When the disk
is full, the recording ends, the flight does not.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from queue import Empty, SimpleQueue

from edge_infer.errors import MessageError, ReplayError
from edge_infer.replay.messages import Output
from edge_infer.replay.recording import BagWriter
from edge_infer.runtime.api import Runtime
from edge_infer.runtime.qos import Durability, QoS, Reliability

LOOK_S = 1.0
"""How often is looked for topics that are new."""
MOST_WAITING = 256 << 20
"""Bytes; what comes on top of them is left out, and counted."""
DEPTH = 200

LEFT_OUT = {"/clock", "/rosout", "/parameter_events"}
"""Of the client library, not of the node; and /clock is made again by who plays the bag."""

_Item = tuple[Output, Sequence[QoS]]


class Recorder:
    """A node that listens and writes.

    Args:
        runtime: whose topics are recorded.
        folder: of the bag; made with the first message.

    Attributes:
        messages: that came so far.

    Raises:
        ReplayError: the folder is there already, or cannot be made.
    """

    def __init__(self, runtime: Runtime, folder: Path) -> None:
        self._writer = BagWriter(folder)
        self._runtime = runtime
        self._node = runtime.create_node("recorder")
        self.messages = 0
        self._topics: set[str] = set()
        self._follows = False
        self._is_closed = False
        self._queue: SimpleQueue[_Item | None] = SimpleQueue()
        self._lock = threading.Lock()
        self._waiting = 0
        self._left_out = 0
        self._failure: ReplayError | None = None
        self._look = self._node.create_guard_condition(self._look_around)
        self._thread = threading.Thread(target=self._write, name="recorder", daemon=True)
        self._thread.start()

    def record(self, topic: str, type_name: str, offered: Sequence[QoS]) -> None:
        """Listen to a topic.

        Args:
            topic: absolute.
            type_name: ``pkg/msg/Name``.
            offered: by its publishers; it is asked for what all of them offer.
        """
        self._topics.add(topic)
        kind = self._node.messages[type_name]
        take = partial(self._take, topic, type_name, tuple(offered))
        self._node.create_subscription(kind, topic, take, _asked(offered), raw=True)

    def follow(self) -> None:
        """Record all that the nodes of this process publish and subscribe to, now and later."""
        self._follows = True
        self._look.trigger()

    def close(self) -> None:
        """End the bag; a second call does nothing.

        Raises:
            ReplayError: not all could be written.
        """
        if self._is_closed:
            return
        self._is_closed = True
        self._queue.put(None)
        self._thread.join()
        self._node.destroy_node()
        if self._left_out:
            self._node.get_logger().warning(
                f"{self._left_out} messages are not in the bag: the disk was too slow"
            )
        if self._failure:
            raise self._failure

    # --- in the executor's thread ---------------------------------------------------------

    def _look_around(self) -> None:
        if not self._follows or self._failure:
            return
        for topic in sorted(self._used() - self._topics - LEFT_OUT):
            if not self._node.count_publishers(topic):  # in a fleet cheaper than the next
                continue
            if found := self._node.get_publishers_info_by_topic(topic):
                self._try(topic, found[0].topic_type, [each.qos_profile for each in found])

    def _used(self) -> set[str]:
        nodes = [node for node in self._runtime.nodes if node is not self._node]
        published = (each.topic_name for node in nodes for each in node.publishers)
        heard = (each.topic_name for node in nodes for each in node.subscriptions)
        return {*published, *heard}

    def _try(self, topic: str, type_name: str, offered: Sequence[QoS]) -> None:
        try:
            self.record(topic, type_name, offered)
        except MessageError as error:
            self._node.get_logger().warning(f"{topic} is not recorded: {error}")

    def _take(
        self, topic: str, type_name: str, offered: Sequence[QoS], payload: bytes | memoryview
    ) -> None:
        if self._failure:
            return
        now_ns = self._node.get_clock().now().nanoseconds
        with self._lock:
            if self._waiting + len(payload) > MOST_WAITING:
                self._left_out += 1
                return
            self._waiting += len(payload)
        self.messages += 1
        self._queue.put((Output(topic, type_name, now_ns, memoryview(payload)), offered))

    # --- in the thread that writes ------------------------------------------------------------

    def _write(self) -> None:
        self._guarded(self._write_all)
        self._guarded(self._writer.close)

    def _write_all(self) -> None:
        while True:
            try:
                item = self._queue.get(timeout=LOOK_S)
            except Empty:
                self._look.trigger()
                continue
            if item is None:
                return
            output, offered = item
            with self._lock:
                self._waiting -= len(output.payload)
            self._writer.add(output, offered)

    def _guarded(self, work: Callable[[], None]) -> None:
        """The first failure is said at once, and ends the recording."""
        try:
            work()
        except ReplayError as error:
            if self._failure is None:
                self._failure = error
                self._node.get_logger().error(f"nothing more is recorded: {error}")


def _asked(offered: Iterable[QoS]) -> QoS:
    """What all publishers can give, as ``ros2 bag record`` asks."""
    profiles = list(offered)
    reliable = all(each.reliability is Reliability.RELIABLE for each in profiles)
    latched = all(each.durability is Durability.TRANSIENT_LOCAL for each in profiles)
    return QoS(
        depth=DEPTH,
        reliability=Reliability.RELIABLE if reliable else Reliability.BEST_EFFORT,
        durability=Durability.TRANSIENT_LOCAL if latched else Durability.VOLATILE,
    )
