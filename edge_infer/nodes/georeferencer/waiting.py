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

"""Detections that wait for the pose after their frame, so that it lies between two.

A detector may be faster than whoever tells poses: a receiver gives five fixes a second. The
last one before the frame is as old as that, and the drone has flown on.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any, NamedTuple

from edge_infer.nodes.conversions.common import stamp_from_msg
from edge_infer.runtime.api import Node

LONGEST_PERIOD_S = 0.02
"""Between two looks at whether the pose is there."""


class _Waiting(NamedTuple):
    msg: Any
    since_ns: int


class WaitingRoom:
    """Hands messages on in their order: when their pose has come, or after the longest wait.

    Args:
        node: the handle.
        wait_s: longest wait by the ROS clock; 0 hands all on at once.
        is_settled: whether a pose of that instant, or a later one, has come.
        give: takes the messages.
    """

    def __init__(
        self,
        node: Node,
        wait_s: float,
        is_settled: Callable[[int], bool],
        give: Callable[[Any], None],
    ) -> None:
        self._node = node
        self._wait_ns = round(wait_s * 1e9)
        self._is_settled = is_settled
        self._give = give
        self._waiting: deque[_Waiting] = deque()
        if wait_s:
            node.create_timer(min(LONGEST_PERIOD_S, wait_s / 4), self._look)

    def take(self, msg: Any) -> None:
        """A message with a header."""
        self._waiting.append(_Waiting(msg, self._now_ns()))
        self._look()

    def _look(self) -> None:
        while self._waiting and self._may_go(self._waiting[0]):
            self._give(self._waiting.popleft().msg)

    def _may_go(self, first: _Waiting) -> bool:
        # A clock that was set back says nothing of how long it waited.
        if not 0 <= self._now_ns() - first.since_ns < self._wait_ns:
            return True
        return self._is_settled(stamp_from_msg(first.msg.header.stamp))

    def _now_ns(self) -> int:
        return self._node.get_clock().now().nanoseconds
