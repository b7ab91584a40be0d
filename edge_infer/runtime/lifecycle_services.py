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

"""The services and the topic by which ``ros2 lifecycle`` and nav2's manager drive a node.

Made of what every runtime has, so that a node answers alike under rclpy and without it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from edge_infer.errors import EdgeInferError
from edge_infer.runtime import qos
from edge_infer.runtime.api import Node
from edge_infer.runtime.lifecycle import TRANSITIONS, Lifecycle, State, Transition


class LifecycleServices:
    """Offers one node's lifecycle under ``~/``.

    Args:
        node: the handle.
        lifecycle: of the node.
        refused: told why a transition that was asked for did not come about; the service's
            answer has no room for it.
    """

    def __init__(
        self, node: Node, lifecycle: Lifecycle, refused: Callable[[EdgeInferError], None]
    ) -> None:
        self._node = node
        self._lifecycle = lifecycle
        self._refused = refused
        self._event: Any = node.messages["lifecycle_msgs/msg/TransitionEvent"]
        self._events = node.create_publisher(self._event, "~/transition_event", qos.COMMANDS)
        for name, service, answer in (
            ("change_state", "ChangeState", self._change),
            ("get_state", "GetState", self._get_state),
            ("get_available_states", "GetAvailableStates", self._get_states),
            ("get_available_transitions", "GetAvailableTransitions", self._get_available),
            ("get_transition_graph", "GetAvailableTransitions", self._get_graph),
        ):
            node.create_service(node.messages[f"lifecycle_msgs/srv/{service}"], f"~/{name}", answer)

    def tell(self, transition: Transition) -> None:
        """Publish a step."""
        self._events.publish(
            self._event(
                timestamp=self._node.get_clock().now().nanoseconds,
                **self._described(transition),
            )
        )

    def _change(self, request: Any, response: Any) -> Any:
        try:
            self._lifecycle.ask(request.transition.id, request.transition.label)
        except EdgeInferError as error:
            self._refused(error)
            response.success = False
        else:
            response.success = True
        return response

    def _get_state(self, _request: Any, response: Any) -> Any:
        response.current_state = self._state(self._lifecycle.state)
        return response

    def _get_states(self, _request: Any, response: Any) -> Any:
        response.available_states = [self._state(state) for state in State]
        return response

    def _get_available(self, _request: Any, response: Any) -> Any:
        response.available_transitions = self._descriptions(self._lifecycle.available())
        return response

    def _get_graph(self, _request: Any, response: Any) -> Any:
        response.available_transitions = self._descriptions(TRANSITIONS)
        return response

    def _descriptions(self, transitions: Iterable[Transition]) -> list[Any]:
        description: Any = self._node.messages["lifecycle_msgs/msg/TransitionDescription"]
        return [description(**self._described(each)) for each in transitions]

    def _described(self, transition: Transition) -> dict[str, Any]:
        name: Any = self._node.messages["lifecycle_msgs/msg/Transition"]
        return {
            "transition": name(id=transition.id, label=transition.label),
            "start_state": self._state(transition.start),
            "goal_state": self._state(transition.goal),
        }

    def _state(self, state: State) -> Any:
        return self._node.messages["lifecycle_msgs/msg/State"](id=int(state), label=state.label)
