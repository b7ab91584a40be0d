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

"""What every node of ROS 2 tells unasked: its log, and what becomes of its parameters.

rqt_console and viewers show the one, parameter editors and handlers of parameter events follow
the other. rclpy's nodes do it by themselves.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

from edge_infer.errors import EdgeInferError
from edge_infer.runtime import qos
from edge_infer.runtime.api import Publisher
from edge_infer.runtime.clocks import RosClock, Time
from edge_infer.runtime.local_parameters import value_to_msg
from edge_infer.runtime.messages import message_types

Publish = Callable[[type, str, qos.QoS], Publisher]
"""Makes a publisher of a type on a topic."""


class Rosout:
    """A node's log on /rosout.

    Args:
        publisher: makes the publisher.
    """

    def __init__(self, publisher: Publish) -> None:
        self._type: type[Any] = message_types()["rcl_interfaces/msg/Log"]
        self._publisher = publisher(self._type, "/rosout", qos.LOGS)

    def __call__(self, stamp_ns: int, level: int, name: str, text: str) -> None:
        """Tell an entry; the levels of logging are those of the message."""
        sendable = text.encode(errors="replace").decode().replace("\0", " ")
        entry = self._type(stamp=Time(stamp_ns).to_msg(), level=level, name=name, msg=sendable)
        with suppress(EdgeInferError):  # what cannot be told stands on standard error at least
            self._publisher.publish(entry)


class ParameterEvents:
    """A node's parameters on /parameter_events.

    Args:
        node: fully qualified name.
        clock: of the node.
        publisher: makes the publisher.
    """

    def __init__(self, node: str, clock: RosClock, publisher: Publish) -> None:
        self._node = node
        self._clock = clock
        self._type: type[Any] = message_types()["rcl_interfaces/msg/ParameterEvent"]
        self._publisher = publisher(self._type, "/parameter_events", qos.PARAMETER_EVENTS)

    def tell(self, name: str, value: Any, is_new: bool) -> None:
        """A parameter was declared, or has another value."""
        if not self._publisher.get_subscription_count():
            return  # who comes later asks the services
        parameter = message_types()["rcl_interfaces/msg/Parameter"]
        event = self._type(stamp=self._clock.now().to_msg(), node=self._node)
        told = event.new_parameters if is_new else event.changed_parameters
        told.append(parameter(name=name, value=value_to_msg(value)))
        self._publisher.publish(event)
