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

"""What a node counts and times, told to the fleet and to ROS 2's monitors once a second."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable

from edge_infer.metrics import Histogram
from edge_infer.nodes import topics
from edge_infer.nodes.conversions.common import header_to_msg
from edge_infer.nodes.conversions.figures import histogram_to_msg
from edge_infer.nodes.identity import Identity
from edge_infer.nodes.reporting.diagnostics import Diagnostics
from edge_infer.nodes.reporting.input_watch import InputState
from edge_infer.runtime.api import Node

PERIOD_S = 1.0


class StatusReporter:
    """Counters and durations of one node; every method may be called from any thread.

    Args:
        node: the handle that publishes.
        identity: of the drone that the node belongs to.
        refresh: called before each report, for counts that live elsewhere.
    """

    def __init__(
        self, node: Node, identity: Identity, refresh: Callable[[], None] | None = None
    ) -> None:
        self._node = node
        self.identity = identity
        self._refresh = refresh
        self._lock = threading.Lock()
        self._counters: Counter[str] = Counter()
        self._durations: dict[str, Histogram] = {}
        self._health = (0, "")
        self._idle = (0, "")
        self._input = (0, "")
        self._described: dict[str, str] = {}
        self._publisher = topics.STATUS.publisher(node)
        self._diagnostics = Diagnostics(node, identity.source)
        node.create_timer(PERIOD_S, self.publish)

    def refresh_with(self, refresh: Callable[[], None] | None) -> None:
        """Call that before each report, instead of what was called until now."""
        self._refresh = refresh

    def begin_again(self, identity: Identity) -> None:
        """Count from nothing, for another start of the node."""
        with self._lock:
            self.identity = identity
            self._counters.clear()
            self._described.clear()
            self._input = (0, "")
            self._durations.clear()

    def count(self, name: str, by: int = 1) -> None:
        """Raise a counter."""
        with self._lock:
            self._counters[name] += by

    def set(self, name: str, value: int) -> None:
        """Set a counter that is kept elsewhere."""
        with self._lock:
            self._counters[name] = value

    def set_health(self, level: int, message: str) -> None:
        """How the node is doing: 0 OK, 1 WARN, 2 ERROR, and why."""
        with self._lock:
            self._health = (level, message)

    def set_idle(self, level: int, message: str) -> None:
        """That the node does not work now, which goes before its health; an empty message ends it.

        Args:
            level: as of ``set_health``.
            message: its state, or why.
        """
        with self._lock:
            self._idle = (level, message)

    def set_input(self, state: InputState) -> None:
        """How well the node is fed; only monitors are told, and its own health goes before."""
        with self._lock:
            self._input = (state.level, state.message)
            self._described.update(state.values)

    def describe(self, key: str, value: str | float) -> None:
        """What monitors show of the node besides its counts: a name, a frequency, a list."""
        with self._lock:
            self._described[key] = value if isinstance(value, str) else f"{value:g}"

    def time(self, name: str, duration_ms: float) -> None:
        """Add one duration."""
        with self._lock:
            self._durations.setdefault(name, Histogram()).add(duration_ms)

    def since(self, name: str, stamp_ns: int) -> None:
        """Add the time from a stamp of the ROS clock until now."""
        self.time(name, (self._node.get_clock().now().nanoseconds - stamp_ns) / 1e6)

    def publish(self) -> None:
        """Send the present state."""
        if self._refresh:
            self._refresh()
        node, messages = self._node, self._node.messages
        counter = messages["edge_infer_msgs/msg/Counter"]
        now_ns = node.get_clock().now().nanoseconds
        with self._lock:
            level, message = health = self._idle if self._idle[1] else self._health
            counters = dict(sorted(self._counters.items()))
            durations = sorted(self._durations.items())
            msg = messages["edge_infer_msgs/msg/NodeStatus"](
                header=header_to_msg(messages, now_ns, ""),
                source=self.identity.source,
                boot=self.identity.boot,
                node=node.get_name(),
                runtime=node.runtime_name,
                level=level,
                message=message,
                counters=[counter(name=name, value=value) for name, value in counters.items()],
                durations=[
                    histogram_to_msg(messages, name, histogram) for name, histogram in durations
                ],
            )
            shown = health if level or not self._input[0] else self._input
            values = self._diagnostics.values(counters, dict(durations), self._described, now_ns)
        self._publisher.publish(msg)
        if values is not None:
            self._diagnostics.publish(shown, values, now_ns)
