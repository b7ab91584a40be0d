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

"""Publishers and subscriptions that hear nothing of each other, because one asks for more.

The middleware says that such a pair was found, and of which policy, but not with whom, nor
when it is over. So whenever it has said so, the topic is looked at in the graph, until there
is nothing wrong any more.
"""

from __future__ import annotations

from edge_infer.runtime.api import Node
from edge_infer.runtime.qos_matching import QosFault, faults_of

PATIENCE = 10
"""Looks without a fault after which a topic is left alone: an endpoint may be met before the
graph has it."""


class QosWatch:
    """Looks after the topics on which one node met an endpoint that does not match.

    Args:
        node: the handle.
    """

    def __init__(self, node: Node) -> None:
        self._node = node
        self._patience: dict[str, int] = {}

    def met(self, topic: str) -> None:
        """There is such an endpoint on a topic; from any thread."""
        self._patience[topic] = PATIENCE

    def faults(self) -> list[QosFault]:
        """What is wrong now; costs nothing where nothing ever was."""
        return [fault for topic in list(self._patience) for fault in self._look_at(topic)]

    def _look_at(self, topic: str) -> list[QosFault]:
        node = self._node
        found = faults_of(
            node.get_fully_qualified_name(),
            topic,
            node.get_publishers_info_by_topic(topic),
            node.get_subscriptions_info_by_topic(topic),
        )
        left = PATIENCE if found else self._patience[topic] - 1
        if left:
            self._patience[topic] = left
        else:
            del self._patience[topic]
        return found
