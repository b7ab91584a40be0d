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

"""How the model that serves does on this drone, told to the fleet once a second."""

from __future__ import annotations

from collections.abc import Callable

from edge_infer.nodes import topics
from edge_infer.nodes.conversions.common import header_to_msg
from edge_infer.nodes.conversions.figures import model_health_to_msg
from edge_infer.nodes.detector.model_loader import Refusal
from edge_infer.nodes.detector.serving_model import ServingModel
from edge_infer.nodes.identity import Identity
from edge_infer.runtime.api import Node

PERIOD_S = 1.0


class ModelHealthReporter:
    """Publishes edge_infer_msgs/msg/ModelHealth.

    Args:
        node: the handle that publishes.
        identity: of the drone that the node belongs to.
        serving: gives the model that serves.
        refusal: gives the model that was not taken last, and why.
    """

    def __init__(
        self,
        node: Node,
        identity: Identity,
        serving: Callable[[], ServingModel],
        refusal: Callable[[], Refusal],
    ) -> None:
        self._node = node
        self._identity = identity
        self._serving = serving
        self._refusal = refusal
        self._publisher = topics.MODEL_HEALTH.publisher(node)
        node.create_timer(PERIOD_S, self.publish)

    def publish(self) -> None:
        """Send the present state."""
        messages, model, refusal = self._node.messages, self._serving(), self._refusal()
        msg = model_health_to_msg(messages, model.figures.now())
        now_ns = self._node.get_clock().now().nanoseconds
        msg.header = header_to_msg(messages, now_ns, "")
        msg.source, msg.boot = self._identity.source, self._identity.boot
        msg.digest, msg.release = model.bundle.digest, model.manifest.release
        msg.refused_digest, msg.message = refusal
        self._publisher.publish(msg)
