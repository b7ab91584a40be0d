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

"""Images of one camera, asked for as their publishers offer them, and only while they are wanted.

A subscription that asks for more than a publisher offers hears nothing, and one that asks for
less loses what would have been sent again. So it takes what all publishers that are there
offer, and is made anew when that changes. Another may come, or a camera's driver
be restarted with other settings, at any time.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from edge_infer.nodes.topics import Topic
from edge_infer.runtime.api import Node, Subscription
from edge_infer.runtime.qos import QoS
from edge_infer.runtime.qos_matching import best_available

PERIOD_S = 0.5
"""Time between two looks at who publishes and who listens."""


class ImageInput:
    """A subscription that comes and goes.

    Args:
        node: the handle.
        topic: the images, with the quality of service to ask for.
        callback: called with each message; its arrays may be views of what came.
        is_wanted: whether there shall be a subscription now; always when None.
    """

    def __init__(
        self,
        node: Node,
        topic: Topic,
        callback: Callable[[Any], None],
        is_wanted: Callable[[], bool] | None = None,
    ) -> None:
        self._node = node
        self._topic = topic
        self._callback = callback
        self._is_wanted = is_wanted
        self._subscription: Subscription | None = None
        self._asked: QoS | None = None
        is_fixed = is_wanted is None and not topic.qos.follows_publishers
        self._timer = None if is_fixed else node.create_timer(PERIOD_S, self._look)
        self._look()

    @property
    def state(self) -> str:
        """What is asked for now, for people."""
        if self._asked is None:
            return "none while nobody listens"
        return f"{self._asked.reliability.value}, {self._asked.durability.value}"

    def close(self) -> None:
        """Take no more images."""
        if self._timer is not None:
            self._node.destroy_timer(self._timer)
            self._timer = None
        self._ask_for(None)

    def _look(self) -> None:
        if self._is_wanted is None or self._is_wanted():
            self._ask_for(self._best())
        else:
            self._ask_for(None)

    def _best(self) -> QoS:
        if not self._topic.qos.follows_publishers:
            return self._topic.qos
        publishers = self._node.get_publishers_info_by_topic(self._topic.name)
        return best_available(self._topic.qos, [each.qos_profile for each in publishers])

    def _ask_for(self, qos: QoS | None) -> None:
        """Have a subscription with that quality of service, or none."""
        if qos == self._asked:
            return
        if self._subscription is not None:
            self._node.destroy_subscription(self._subscription)
            self._subscription = None
        if qos is not None:
            kind = self._node.messages[self._topic.type]
            self._subscription = self._node.create_subscription(
                kind, self._topic.name, self._callback, self._topic.qos, views=True
            )
        self._asked = qos
