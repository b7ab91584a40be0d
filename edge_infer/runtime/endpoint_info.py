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

"""Who stands at the other end of a topic, as rclpy tells it, with our quality of service."""

from __future__ import annotations

from dataclasses import dataclass

from edge_infer.runtime.names import join
from edge_infer.runtime.qos import QoS

UNKNOWN_NODE = "_NODE_NAME_UNKNOWN_"
"""As ROS 2 calls the owner of an endpoint that it has not heard of, or that is no node."""


@dataclass(frozen=True)
class TopicEndpointInfo:
    """A publisher or a subscription anywhere in the network.

    Attributes:
        node_name: without the namespace; UNKNOWN_NODE where nobody said whose it is.
        node_namespace: absolute.
        topic_type: ``pkg/msg/Name``.
        qos_profile: what it offers or asks for, as far as the middleware tells.
    """

    node_name: str
    node_namespace: str
    topic_type: str
    qos_profile: QoS

    @property
    def node(self) -> str:
        """The fully qualified name, for people."""
        if self.node_name == UNKNOWN_NODE:
            return "an unknown node"
        return join(self.node_namespace, self.node_name)


def endpoint_of(node: str, topic_type: str, qos: QoS) -> TopicEndpointInfo:
    """An endpoint of the node of that fully qualified name."""
    namespace, _, name = node.rpartition("/")
    return TopicEndpointInfo(name, namespace or "/", topic_type, qos)
