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

"""Says a repeated problem once, not thirty times a second."""

from __future__ import annotations

from edge_infer.runtime.api import Node

QUIET_S = 10.0


class Complaints:
    """Warnings of one node: each distinct sentence at most once in ``QUIET_S`` seconds."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._last_said_ns: dict[str, int] = {}

    def warn(self, problem: object) -> None:
        """Log the problem unless it was just said."""
        sentence = str(problem)
        now_ns = self._node.get_clock().now().nanoseconds
        said_ns = self._last_said_ns.get(sentence)
        if said_ns is None or now_ns - said_ns > QUIET_S * 1e9:
            if len(self._last_said_ns) > 100:
                self._last_said_ns.clear()
            self._last_said_ns[sentence] = now_ns
            self._node.get_logger().warning(sentence)
