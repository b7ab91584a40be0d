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

"""The runtime on ROS 2: rclpy, and the little that our nodes want beyond it.

The only file that imports rclpy. It works from Humble on.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache, partial
from importlib import import_module
from typing import Any, TypeVar

from rclpy.context import Context
from rclpy.duration import Duration
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.parameter import Parameter
from rclpy.qos import (
    DurabilityPolicy,
    HistoryPolicy,
    LivelinessPolicy,
    QoSProfile,
    ReliabilityPolicy,
    qos_policy_name_from_kind,
)

try:
    from rclpy.event_handler import (
        PublisherEventCallbacks,
        SubscriptionEventCallbacks,
        UnsupportedEventTypeError,
    )
except ImportError:  # ROS 2 Humble
    from rclpy.qos_event import (
        PublisherEventCallbacks,
        SubscriptionEventCallbacks,
        UnsupportedEventTypeError,
    )

from edge_infer.errors import MessageError, ParameterError, RuntimeUnavailableError
from edge_infer.runtime.api import RuntimeName
from edge_infer.runtime.arguments import RosArguments, parse_ros_arguments
from edge_infer.runtime.endpoint_info import TopicEndpointInfo
from edge_infer.runtime.messages import message_types
from edge_infer.runtime.parameter_files import Setting
from edge_infer.runtime.parameters import check_unknown
from edge_infer.runtime.qos import Durability, History, Liveliness, QoS, Reliability
from edge_infer.runtime.qos_matching import QosFault
from edge_infer.runtime.qos_overrides import in_force
from edge_infer.runtime.qos_watch import QosWatch
from edge_infer.runtime.signals import stopped_by_signals
from edge_infer.runtime.wiring import delivery, incompatible_sentence

_LONGEST_WAIT_S = 0.2
"""A signal is handled after at most this time."""

_LONGEST_LOOK_S = 0.02
"""How often a condition is asked that no callback makes true."""

_ETERNITY_S = 2**31 - 1
"""From here on a duration is what one rmw or another takes for infinite."""

Policy = TypeVar("Policy", History, Reliability, Durability, Liveliness)


class RosMessages(Mapping[str, type]):
    """The classes that rosidl generated, by full name."""

    def __init__(self) -> None:
        self._classes: dict[str, type] = {}

    def __getitem__(self, name: str) -> type:
        found = self._classes.get(name)
        if found is None:
            found = self._classes[name] = _load(name)
        return found

    def __iter__(self) -> Iterator[str]:
        return iter(tuple(self._classes))

    def __len__(self) -> int:
        return len(self._classes)


@cache
def ros_messages() -> RosMessages:
    """The classes of this process."""
    return RosMessages()


class RosNode(Node):  # type: ignore[misc]
    """An rclpy node that takes our quality of service and knows messages by name."""

    def __init__(
        self, node_name: str, namespace: str, context: Context, arguments: RosArguments
    ) -> None:
        name = arguments.node_name(node_name)
        full_name = f"{arguments.namespace(name, namespace).rstrip('/')}/{name}"
        settings = arguments.overrides.for_node(full_name).values()
        self.parameter_overrides = arguments.overrides
        self._is_destroyed = False
        self._qos_watch = QosWatch(self)
        super().__init__(
            node_name,
            namespace=namespace,
            context=context,
            parameter_overrides=[_parameter(setting) for setting in settings],
        )

    @property
    def messages(self) -> RosMessages:
        return ros_messages()

    @property
    def runtime_name(self) -> RuntimeName:
        return "ros"

    def create_publisher(self, msg_type: type, topic: str, qos_profile: Any, **options: Any) -> Any:
        make = partial(super().create_publisher, msg_type, topic)
        if not isinstance(qos_profile, QoS):  # rclpy's own
            return make(qos_profile, **options)
        name = self.resolve_topic_name(topic)
        profile = to_profile(in_force(self, "publisher", name, qos_profile))
        told = PublisherEventCallbacks(incompatible_qos=self._complain("publisher of", name))
        return _with_events(partial(make, profile, **options), told)

    def create_subscription(
        self,
        msg_type: type,
        topic: str,
        callback: Callable[[Any], None],
        qos_profile: Any,
        *,
        views: bool = False,
        **options: Any,
    ) -> Any:
        if views:
            callback, options["raw"] = self._viewing(msg_type, topic, callback), True
        make = partial(super().create_subscription, msg_type, topic, callback)
        if not isinstance(qos_profile, QoS):  # rclpy's own
            return make(qos_profile, **options)
        name = self.resolve_topic_name(topic)
        profile = to_profile(in_force(self, "subscription", name, qos_profile))
        told = SubscriptionEventCallbacks(incompatible_qos=self._complain("subscription to", name))
        return _with_events(partial(make, profile, **options), told)

    def _viewing(
        self, msg_type: type, topic: str, callback: Callable[[Any], None]
    ) -> Callable[[bytes], None]:
        """Takes messages by our own codec."""
        messages = message_types()
        package, kind, *_ = msg_type.__module__.split(".")
        ours = messages[f"{package}/{kind}/{msg_type.__name__}"]
        deliver = delivery(
            f"subscription to {self.resolve_topic_name(topic)}",
            lambda payload: messages.decode(payload, ours),
            lambda _, message: callback(message),
            self.get_logger().warning,
        )
        return lambda payload: deliver(memoryview(payload))

    def _complain(self, what: str, topic: str) -> Callable[[Any], None]:
        """Told by rclpy of endpoints that do not match one of ours."""

        def complain(event: Any) -> None:
            policy = qos_policy_name_from_kind(event.last_policy_kind)
            self.get_logger().warning(incompatible_sentence(f"{what} {topic}", policy))
            self._qos_watch.met(topic)

        return complain

    def qos_faults(self) -> Sequence[QosFault]:
        return self._qos_watch.faults()

    def declare_parameter(
        self, name: str, value: Any = None, descriptor: Any = None, ignore_override: bool = False
    ) -> Any:
        self.parameter_overrides.known_names.add(name)
        return super().declare_parameter(name, value, descriptor, ignore_override)

    def count_publishers(self, topic_name: str) -> int:
        """Of the topic that the name means to this node, remapped as its endpoints are."""
        count: int = super().count_publishers(self.resolve_topic_name(topic_name))
        return count

    def count_subscribers(self, topic_name: str) -> int:
        """Of the topic that the name means to this node, remapped as its endpoints are."""
        count: int = super().count_subscribers(self.resolve_topic_name(topic_name))
        return count

    def get_publishers_info_by_topic(
        self, topic_name: str, no_mangle: bool = False
    ) -> list[TopicEndpointInfo]:
        """As rclpy does, with our quality of service."""
        return [_info(each) for each in super().get_publishers_info_by_topic(topic_name, no_mangle)]

    def get_subscriptions_info_by_topic(
        self, topic_name: str, no_mangle: bool = False
    ) -> list[TopicEndpointInfo]:
        """As rclpy does, with our quality of service."""
        found = super().get_subscriptions_info_by_topic(topic_name, no_mangle)
        return [_info(each) for each in found]

    def destroy_node(self) -> None:
        """Leave the executor and the graph; a second call does nothing."""
        if self._is_destroyed:
            return
        self._is_destroyed = True
        if self.executor is not None:
            self.executor.remove_node(self)
        super().destroy_node()


class RosRuntime:
    """Nodes of rclpy in one context with one executor.

    Args:
        args: command line; what stands after ``--ros-args`` counts.

    Raises:
        RuntimeUnavailableError: ROS 2 is there but does not start.
        UsageError, ParameterError: the arguments cannot be carried out.
    """

    name: RuntimeName = "ros"

    def __init__(self, args: Sequence[str] | None = None) -> None:
        self._arguments = parse_ros_arguments(args or ())
        self._context = Context()
        try:
            self._context.init(list(args or ()))
        except Exception as error:  # rclpy raises whatever rcl and the rmw tell it
            raise RuntimeUnavailableError(
                f"ROS 2 does not start ({str(error).splitlines()[0]})",
                "check RMW_IMPLEMENTATION, ROS_DOMAIN_ID and the arguments, or use "
                "--runtime embedded",
            ) from error
        self._executor = SingleThreadedExecutor(context=self._context)
        self._nodes: list[RosNode] = []
        self._is_stopped = False

    @property
    def nodes(self) -> Sequence[RosNode]:
        """The handles that it has made."""
        return tuple(self._nodes)

    def create_node(self, node_name: str, *, namespace: str = "") -> RosNode:
        """An rclpy node."""
        node = RosNode(node_name, namespace, self._context, self._arguments)
        self._executor.add_node(node)
        self._nodes.append(node)
        return node

    def spin(self) -> None:
        """Run callbacks until ``stop``, SIGINT or SIGTERM.

        Raises:
            ParameterError: a setting names a parameter that no node here has.
        """
        with stopped_by_signals(self.stop):
            self._run(lambda: False, None)

    def spin_until(self, condition: Callable[[], bool], timeout_sec: float) -> bool:
        """Run callbacks until the condition holds; False when time or a stop came first."""
        return self._run(condition, time.monotonic() + timeout_sec)

    def stop(self) -> None:
        """Make ``spin`` return; from any thread or a signal handler."""
        self._is_stopped = True
        self._executor.wake()

    def shutdown(self) -> None:
        """Destroy the nodes and leave ROS; a second call does nothing."""
        while self._nodes:
            self._nodes.pop().destroy_node()
        self._executor.shutdown(timeout_sec=0.0)
        self._context.try_shutdown()

    def _run(self, done: Callable[[], bool], deadline_s: float | None) -> bool:
        """Run callbacks until done; False at the deadline or when stopped."""
        if self._nodes:
            check_unknown(self._arguments.overrides, self._nodes[0].get_logger().warning)
        try:
            while not done():
                wait_s = _LONGEST_WAIT_S
                if deadline_s is not None:
                    wait_s = min(_LONGEST_LOOK_S, deadline_s - time.monotonic())
                if self._is_stopped or wait_s <= 0 or not self._context.ok():
                    return False
                self._executor.spin_once(timeout_sec=wait_s)
            return True
        finally:
            self._is_stopped = False


def _with_events(make: Callable[..., Any], told: Any) -> Any:
    """An endpoint that tells whom it does not match, where the middleware knows such events."""
    try:
        return make(event_callbacks=told)
    except UnsupportedEventTypeError:
        return make()


def to_profile(qos: QoS) -> QoSProfile:
    """Our quality of service as rclpy's."""
    durations = {
        "deadline": qos.deadline_s,
        "lifespan": qos.lifespan_s,
        "liveliness_lease_duration": qos.liveliness_lease_s,
    }
    return QoSProfile(
        depth=qos.depth,
        history=_HISTORY[qos.history],
        reliability=_RELIABILITY[qos.reliability],
        durability=_DURABILITY[qos.durability],
        liveliness=_LIVELINESS[qos.liveliness],
        **{
            name: Duration(nanoseconds=round(seconds * 1e9))
            for name, seconds in durations.items()
            if seconds is not None
        },
    )


def from_profile(profile: QoSProfile) -> QoS:
    """The way back; what ours has no word for becomes the nearest."""
    return QoS(
        depth=profile.depth,
        history=_ours(_HISTORY, profile.history, History.KEEP_LAST),
        reliability=_ours(_RELIABILITY, profile.reliability, Reliability.BEST_EFFORT),
        durability=_ours(_DURABILITY, profile.durability, Durability.VOLATILE),
        liveliness=_ours(_LIVELINESS, profile.liveliness, Liveliness.AUTOMATIC),
        deadline_s=_seconds(profile.deadline),
        lifespan_s=_seconds(profile.lifespan),
        liveliness_lease_s=_seconds(profile.liveliness_lease_duration),
    )


def _ours(table: Mapping[Policy, Any], theirs: Any, otherwise: Policy) -> Policy:
    return next((mine for mine, value in table.items() if value == theirs), otherwise)


def _info(found: Any) -> TopicEndpointInfo:
    return TopicEndpointInfo(
        found.node_name, found.node_namespace, found.topic_type, from_profile(found.qos_profile)
    )


def _seconds(duration: Duration) -> float | None:
    """None for the zero and for the eternity by which rmw says «without limit»."""
    seconds = duration.nanoseconds / 1e9
    return seconds if 0 < seconds < _ETERNITY_S else None


_HISTORY = {
    History.KEEP_LAST: HistoryPolicy.KEEP_LAST,
    History.KEEP_ALL: HistoryPolicy.KEEP_ALL,
}
_RELIABILITY = {
    Reliability.RELIABLE: ReliabilityPolicy.RELIABLE,
    Reliability.BEST_EFFORT: ReliabilityPolicy.BEST_EFFORT,
}
_DURABILITY = {
    Durability.VOLATILE: DurabilityPolicy.VOLATILE,
    Durability.TRANSIENT_LOCAL: DurabilityPolicy.TRANSIENT_LOCAL,
}
_LIVELINESS = {
    Liveliness.AUTOMATIC: LivelinessPolicy.AUTOMATIC,
    Liveliness.MANUAL_BY_TOPIC: LivelinessPolicy.MANUAL_BY_TOPIC,
}


def _load(name: str) -> type:
    """Import the class of ``pkg/msg/Name`` or ``pkg/srv/Name``."""
    package, _, rest = name.partition("/")
    kind, _, stem = rest.partition("/")
    try:
        found: type = getattr(import_module(f"{package}.{kind}"), stem)
    except (ImportError, AttributeError, ValueError) as error:
        raise MessageError(
            f"nobody defines the type {name} ({error})", f"install or source the package {package}"
        ) from error
    return found


def _parameter(setting: Setting) -> Any:
    """What rclpy makes of a setting."""
    try:
        return Parameter(setting.name, value=setting.value)
    except (TypeError, AssertionError) as error:
        raise ParameterError(
            f"{setting.value!r} cannot be the value of parameter {setting.name!r} "
            f"({setting.origin})",
            "use a bool, an integer, a float, a string or a list of one of these",
        ) from error
