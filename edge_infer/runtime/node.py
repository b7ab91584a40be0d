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

"""A node without ROS 2: rclpy's interface on any transport and executor."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeVar

from edge_infer.runtime import qos
from edge_infer.runtime.api import RuntimeName
from edge_infer.runtime.arguments import RosArguments
from edge_infer.runtime.clocks import RosClock, Time, Timer
from edge_infer.runtime.endpoint_info import TopicEndpointInfo
from edge_infer.runtime.local_parameters import LocalParameters, Parameter
from edge_infer.runtime.loggers import NodeLogger
from edge_infer.runtime.messages import MessageTypes, message_types
from edge_infer.runtime.names import join, topic_from_wire, topic_on_wire
from edge_infer.runtime.parameter_files import Overrides
from edge_infer.runtime.parameter_services import ParameterServices
from edge_infer.runtime.qos import QoS
from edge_infer.runtime.qos_matching import QosFault
from edge_infer.runtime.qos_overrides import in_force
from edge_infer.runtime.qos_watch import QosWatch
from edge_infer.runtime.services import Client, Service
from edge_infer.runtime.standard_topics import ParameterEvents, Rosout
from edge_infer.runtime.transport import Executor, Reader, Transport, Writer
from edge_infer.runtime.wiring import Wiring


class Closable(Protocol):
    """Anything that a node owns."""

    def close(self) -> None: ...


Owned = TypeVar("Owned", bound=Closable)


class Publisher:
    """Sends messages to one topic; ``publish`` may be called from any thread."""

    def __init__(
        self, topic_name: str, msg_type: type, writer: Writer, codec: MessageTypes
    ) -> None:
        self.topic_name = topic_name
        self.msg_type = msg_type
        self._writer = writer
        self._codec = codec
        self._is_closed = False

    def publish(self, msg: Any) -> None:
        """Send one message; after ``close`` it goes nowhere.

        Raises:
            MessageError: a field holds what its type cannot.
        """
        if type(msg) is not self.msg_type:
            raise TypeError(f"{msg!r} is no {self.msg_type} for {self.topic_name}")
        if not self._is_closed:
            self._writer.write(self._codec.encode(msg))

    def get_subscription_count(self) -> int:
        """How many readers it reaches."""
        return len(self._writer.matched())

    def close(self) -> None:
        self._is_closed = True
        self._writer.close()


class Subscription:
    """Calls back for each message, in the executor's thread, until it is closed."""

    def __init__(self, topic_name: str, reader: Reader) -> None:
        self.topic_name = topic_name
        self._reader = reader

    def get_publisher_count(self) -> int:
        """How many writers reach it."""
        return len(self._reader.matched())

    def close(self) -> None:
        self._reader.close()


class GuardCondition:
    """Has its callback run in the executor's thread; triggers before that count as one."""

    def __init__(self, executor: Executor, callback: Callable[[], None]) -> None:
        self._executor = executor
        self._callback = callback
        self._is_triggered = False
        self._is_closed = False

    def trigger(self) -> None:
        """From any thread."""
        if not self._is_triggered:
            self._is_triggered = True
            self._executor.call_soon(self._run)

    def close(self) -> None:
        self._is_closed = True

    def _run(self) -> None:
        self._is_triggered = False
        if not self._is_closed:
            self._callback()


class LocalNode:
    """The handle that a node of ours is given where there is no rclpy.

    Args:
        name: before remapping.
        namespace: before remapping; empty for the root.
        runtime_name: which runtime made it.
        transport: the process's place in the network.
        executor: whose thread runs all callbacks.
        arguments: remapping rules and parameter overrides.
        parameter_services: whether other programs can reach its parameters.
    """

    def __init__(
        self,
        name: str,
        namespace: str,
        runtime_name: RuntimeName,
        transport: Transport,
        executor: Executor,
        arguments: RosArguments,
        *,
        parameter_services: bool = True,
    ) -> None:
        self.runtime_name = runtime_name
        self._arguments = arguments
        self._transport = transport
        self._executor = executor
        self._name = arguments.node_name(name)
        self._namespace = arguments.namespace(self._name, namespace)
        self._owned: list[Closable] = []
        self._clock = RosClock(executor)
        full_name = self.get_fully_qualified_name()
        self._logger = NodeLogger(full_name[1:].replace("/", "."), executor.system_ns)
        self._qos_watch = QosWatch(self)
        self._wiring = Wiring(
            transport, executor, message_types(), full_name, self._logger.warning, self._mismatched
        )
        transport.node_created(self._name, self._namespace)
        self._is_destroyed = False
        self._time_source: Subscription | None = None
        if arguments.tells_rosout:
            self._logger.also = Rosout(self._publisher)
        self._parameter_events = ParameterEvents(full_name, self._clock, self._publisher)
        self._parameters = LocalParameters(
            full_name, arguments.overrides.for_node(full_name), self._parameter_changed
        )
        self._parameters.declare("use_sim_time", False)
        if parameter_services:
            ParameterServices(self, self._parameters)

    @property
    def messages(self) -> MessageTypes:
        """Message and service classes by full name."""
        return self._wiring.messages

    @property
    def parameter_overrides(self) -> Overrides:
        """What files and the command line set, for all nodes of the process."""
        return self._arguments.overrides

    def get_name(self) -> str:
        return self._name

    def get_namespace(self) -> str:
        return self._namespace

    def get_fully_qualified_name(self) -> str:
        return join(self._namespace, self._name)

    def get_logger(self) -> NodeLogger:
        return self._logger

    def get_clock(self) -> RosClock:
        return self._clock

    # --- communication -------------------------------------------------------

    def create_publisher(self, msg_type: type, topic: str, qos_profile: QoS) -> Publisher:
        name = self._full("topic", topic)
        return self._publisher(msg_type, name, in_force(self, "publisher", name, qos_profile))

    def create_subscription(
        self,
        msg_type: type,
        topic: str,
        callback: Callable[[Any], None],
        qos_profile: QoS,
        *,
        raw: bool = False,
        views: bool = False,  # noqa: ARG002 - all messages here are
    ) -> Subscription:
        name = self._full("topic", topic)
        reader = self._wiring.reader(
            f"subscription to {name}",
            topic_on_wire(name),
            msg_type,
            in_force(self, "subscription", name, qos_profile),
            lambda payload, message: callback(payload if raw else message),
            raw=raw,
        )
        return self._own(Subscription(name, reader))

    def create_timer(self, timer_period_sec: float, callback: Callable[[], None]) -> Timer:
        return self._own(Timer(self._clock, round(timer_period_sec * 1e9), callback))

    def create_guard_condition(self, callback: Callable[[], None]) -> GuardCondition:
        return self._own(GuardCondition(self._executor, callback))

    def create_service(
        self,
        srv_type: type,
        srv_name: str,
        callback: Callable[[Any, Any], Any],
        qos_profile: QoS = qos.SERVICES,
    ) -> Service:
        name = self._full("service", srv_name)
        return self._own(Service(self._wiring, srv_type, name, callback, qos_profile))

    def create_client(
        self, srv_type: type, srv_name: str, qos_profile: QoS = qos.SERVICES
    ) -> Client:
        name = self._full("service", srv_name)
        return self._own(Client(self._wiring, srv_type, name, qos_profile))

    # --- parameters ----------------------------------------------------------

    def declare_parameter(
        self, name: str, value: Any, descriptor: Any = None, ignore_override: bool = False
    ) -> Parameter:
        self.parameter_overrides.known_names.add(name)
        return self._parameters.declare(name, value, descriptor, ignore_override)

    def get_parameter(self, name: str) -> Parameter:
        return self._parameters.get(name)

    def has_parameter(self, name: str) -> bool:
        return name in self._parameters

    def add_on_set_parameters_callback(self, callback: Callable[[Any], Any]) -> None:
        self._parameters.judges.insert(0, callback)

    # --- graph ---------------------------------------------------------------

    @property
    def publishers(self) -> Sequence[Publisher]:
        return [thing for thing in tuple(self._owned) if isinstance(thing, Publisher)]

    @property
    def subscriptions(self) -> Sequence[Subscription]:
        return [thing for thing in tuple(self._owned) if isinstance(thing, Subscription)]

    def get_node_names_and_namespaces(self) -> Sequence[tuple[str, str]]:
        return self._transport.node_names()

    def get_topic_names_and_types(self) -> Sequence[tuple[str, Sequence[str]]]:
        topics = ((topic_from_wire(wire), types) for wire, types in self._transport.topics())
        return sorted((name, types) for name, types in topics if name is not None)

    def count_publishers(self, topic_name: str) -> int:
        return self._transport.count_writers(topic_on_wire(self._full("topic", topic_name)))

    def count_subscribers(self, topic_name: str) -> int:
        return self._transport.count_readers(topic_on_wire(self._full("topic", topic_name)))

    def get_publishers_info_by_topic(self, topic_name: str) -> Sequence[TopicEndpointInfo]:
        return self._transport.writers(topic_on_wire(self._full("topic", topic_name)))

    def get_subscriptions_info_by_topic(self, topic_name: str) -> Sequence[TopicEndpointInfo]:
        return self._transport.readers(topic_on_wire(self._full("topic", topic_name)))

    def qos_faults(self) -> Sequence[QosFault]:
        return self._qos_watch.faults()

    # --- the end -------------------------------------------------------------

    def destroy_publisher(self, publisher: Publisher) -> bool:
        return self._disown(publisher)

    def destroy_subscription(self, subscription: Subscription) -> bool:
        return self._disown(subscription)

    def destroy_timer(self, timer: Timer) -> bool:
        return self._disown(timer)

    def destroy_service(self, service: Service) -> bool:
        return self._disown(service)

    def destroy_client(self, client: Client) -> bool:
        return self._disown(client)

    def destroy_guard_condition(self, guard: GuardCondition) -> bool:
        return self._disown(guard)

    def destroy_node(self) -> None:
        """Close all it owns and leave the graph; a second call does nothing."""
        while self._owned:
            self._owned.pop().close()
        if not self._is_destroyed:
            self._is_destroyed = True
            self._transport.node_destroyed(self._name, self._namespace)

    # --- inside --------------------------------------------------------------

    def _full(self, kind: str, name: str) -> str:
        return self._arguments.name(name, self._name, self._namespace, kind)

    def _publisher(self, msg_type: type, name: str, offered: QoS) -> Publisher:
        what, wire_topic = f"publisher of {name}", topic_on_wire(name)
        writer = self._wiring.writer(what, wire_topic, msg_type, offered)
        return self._own(Publisher(name, msg_type, writer, self.messages))

    def _own(self, thing: Owned) -> Owned:
        self._owned.append(thing)
        return thing

    def _disown(self, thing: Any) -> bool:
        """Close it; False when it is not, or no longer, this node's."""
        for index, owned in enumerate(self._owned):
            if owned is thing:
                del self._owned[index]
                owned.close()
                return True
        return False

    def _mismatched(self, wire_topic: str) -> None:
        topic = topic_from_wire(wire_topic)
        if topic is not None:
            self._qos_watch.met(topic)

    def _parameter_changed(self, name: str, value: Any, is_new: bool) -> None:
        self._parameter_events.tell(name, value, is_new)
        if name == "use_sim_time":
            self._follow_clock(value)

    def _follow_clock(self, value: bool) -> None:
        """Go by /clock, or no longer."""
        if value and self._time_source is None:
            clock_type = self.messages["rosgraph_msgs/msg/Clock"]
            self._time_source = self.create_subscription(
                clock_type, "/clock", self._advance, qos.CLOCK
            )
        elif not value and self._time_source is not None:
            self._disown(self._time_source)
            self._time_source = None
        self._clock.simulate(value)

    def _advance(self, msg: Any) -> None:
        self._clock.advance(Time.from_msg(msg.clock).nanoseconds)
