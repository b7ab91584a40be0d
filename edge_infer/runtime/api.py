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

"""The part of rclpy that our nodes use, as Protocols, in rclpy's own names.

Under ROS 2 a node's handle *is* an rclpy node (with the few additions that
``runtime/ros.py`` makes); without ROS 2 it is one of ours that behaves alike.
Nothing here imports a middleware. What rclpy does not have and our nodes need
is small: ``Node.messages`` and ``qos_faults``, and ``Runtime`` for starting and stopping.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Literal, Protocol, runtime_checkable

from edge_infer.runtime.endpoint_info import TopicEndpointInfo
from edge_infer.runtime.qos import QoS
from edge_infer.runtime.qos_matching import QosFault

Message = Any
"""An instance of a message class: fields are attributes, ``Msg()`` gives the defaults."""

RuntimeName = Literal["ros", "embedded", "loopback"]


class Time(Protocol):
    """A point in time of one clock."""

    @property
    def nanoseconds(self) -> int:
        """Since that clock's epoch."""

    def to_msg(self) -> Message:
        """The builtin_interfaces/msg/Time of the same instant."""


class Clock(Protocol):
    """A source of time."""

    def now(self) -> Time:
        """This instant."""


class Logger(Protocol):
    """Leveled log of one node."""

    def debug(self, message: str) -> Any: ...
    def info(self, message: str) -> Any: ...
    def warning(self, message: str) -> Any: ...
    def error(self, message: str) -> Any: ...
    def fatal(self, message: str) -> Any: ...


class Publisher(Protocol):
    """Sends messages of one type to one topic; ``publish`` may be called from any thread."""

    @property
    def topic_name(self) -> str: ...
    def publish(self, msg: Message) -> None: ...
    def get_subscription_count(self) -> int: ...


class Subscription(Protocol):
    """Calls back for each message, in the executor's thread."""

    @property
    def topic_name(self) -> str: ...


class Timer(Protocol):
    """Calls back periodically, in the executor's thread."""

    def cancel(self) -> None: ...
    def reset(self) -> None: ...


class GuardCondition(Protocol):
    """Lets another thread have its callback run in the executor's thread."""

    def trigger(self) -> None: ...


class Future(Protocol):
    """The result of a service call to come."""

    def done(self) -> bool: ...
    def result(self) -> Message: ...
    def exception(self) -> BaseException | None: ...
    def add_done_callback(self, callback: Callable[[Any], None]) -> None: ...


class Service(Protocol):
    """Answers requests, in the executor's thread."""

    @property
    def srv_name(self) -> str: ...


class Client(Protocol):
    """Calls a service."""

    @property
    def srv_name(self) -> str: ...
    def service_is_ready(self) -> bool: ...
    def wait_for_service(self, timeout_sec: float | None = None) -> bool: ...
    def call_async(self, request: Message) -> Future: ...


class Parameter(Protocol):
    """A declared parameter."""

    @property
    def name(self) -> str: ...
    @property
    def value(self) -> Any: ...


@runtime_checkable
class Node(Protocol):
    """What a node of ours is handed.

    Topic and service names follow ROS 2: relative to the namespace, ``/absolute``
    or ``~/private``, then remapped. Every callback runs in the executor's
    thread, one at a time. Quality of service of publishers and subscriptions can be
    overridden by parameters, see ``qos_overrides.py``.
    """

    @property
    def messages(self) -> Mapping[str, type]:
        """Message and service classes by full name, e.g. ``"std_msgs/msg/Header"``.

        A service class has ``Request`` and ``Response``. An unknown name raises
        MessageError.
        """

    @property
    def runtime_name(self) -> RuntimeName:
        """Which runtime stands behind this handle."""

    def get_name(self) -> str: ...
    def get_namespace(self) -> str: ...
    def get_fully_qualified_name(self) -> str: ...
    def get_logger(self) -> Logger: ...
    def get_clock(self) -> Clock:
        """The ROS clock: system time, or /clock when use_sim_time is set."""

    def create_publisher(self, msg_type: type, topic: str, qos_profile: QoS) -> Publisher: ...
    def create_subscription(
        self,
        msg_type: type,
        topic: str,
        callback: Callable[[Any], None],
        qos_profile: QoS,
        *,
        raw: bool = False,
        views: bool = False,
    ) -> Subscription:
        """Call back for each message.

        Args:
            msg_type: of ``messages``.
            topic: before remapping.
            callback: called in the executor's thread.
            qos_profile: what is asked for.
            raw: hand over the CDR of each message, with its header, not the message.
            views: large arrays of messages may be views of what came, and their classes others
                than those of ``messages``, with the same fields. For images: rclpy would copy
                each several times.
        """

    def create_timer(self, timer_period_sec: float, callback: Callable[[], None]) -> Timer:
        """By the ROS clock, as in rclpy."""

    def create_guard_condition(self, callback: Callable[[], None]) -> GuardCondition: ...
    def create_service(
        self, srv_type: type, srv_name: str, callback: Callable[[Any, Any], Any]
    ) -> Service: ...
    def create_client(self, srv_type: type, srv_name: str) -> Client: ...

    def declare_parameter(
        self, name: str, value: Any, descriptor: Any = None, ignore_override: bool = False
    ) -> Parameter: ...
    def get_parameter(self, name: str) -> Parameter: ...
    def has_parameter(self, name: str) -> bool: ...
    def add_on_set_parameters_callback(self, callback: Callable[[Any], Any]) -> None:
        """Have changes judged: a list of Parameter in, a SetParametersResult out."""

    @property
    def publishers(self) -> Iterable[Publisher]:
        """Its own."""

    @property
    def subscriptions(self) -> Iterable[Subscription]:
        """Its own."""

    def get_node_names_and_namespaces(self) -> Sequence[tuple[str, str]]: ...
    def get_topic_names_and_types(self) -> Sequence[tuple[str, Sequence[str]]]: ...
    def count_publishers(self, topic_name: str) -> int: ...
    def count_subscribers(self, topic_name: str) -> int: ...
    def get_publishers_info_by_topic(self, topic_name: str) -> Sequence[TopicEndpointInfo]: ...
    def get_subscriptions_info_by_topic(self, topic_name: str) -> Sequence[TopicEndpointInfo]: ...
    def qos_faults(self) -> Sequence[QosFault]:
        """Pairs of an endpoint of this node's and another that now hear nothing of each other."""

    def destroy_publisher(self, publisher: Any) -> bool: ...
    def destroy_subscription(self, subscription: Any) -> bool: ...
    def destroy_timer(self, timer: Any) -> bool: ...
    def destroy_service(self, service: Any) -> bool: ...
    def destroy_client(self, client: Any) -> bool: ...
    def destroy_guard_condition(self, guard: Any) -> bool: ...
    def destroy_node(self) -> None: ...


class Runtime(Protocol):
    """One process's connection to a middleware; nodes made by it share one executor."""

    @property
    def name(self) -> RuntimeName: ...

    @property
    def nodes(self) -> Sequence[Node]:
        """The handles that it has made."""

    def create_node(self, node_name: str, *, namespace: str = "") -> Node:
        """A handle; ``--ros-args`` given to the runtime (remaps, parameters) apply to it."""

    def spin(self) -> None:
        """Run callbacks until ``stop`` is called."""

    def spin_until(self, condition: Callable[[], bool], timeout_sec: float) -> bool:
        """Run callbacks until the condition holds; False when the time ran out first."""

    def stop(self) -> None:
        """Make ``spin`` return; from any thread or a signal handler."""

    def shutdown(self) -> None:
        """Destroy the nodes and leave the middleware; may be called twice."""
