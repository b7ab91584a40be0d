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

"""The ways to move an image between two processes, behind one face.

Every way is handed a whole sensor_msgs/Image object and hands one over, as a node
would see it, on a reliable topic that keeps everything.
"""

from __future__ import annotations

import array
import dataclasses
import time
from collections.abc import Callable
from typing import Any, Protocol

IMAGE = "sensor_msgs/msg/Image"
TOPIC = "bench/image"

OVERHEAD = 60
"""Bytes of a payload that are not pixels, about."""

Heard = Callable[[Any], None]


class Side(Protocol):
    """A way to publish and to hear images."""

    def image(self, size: int) -> Any:
        """A message whose payload takes about that many bytes."""

    def publish(self, message: Any) -> None: ...

    def matched(self) -> int:
        """How many are on the other side."""

    def spin_until(self, condition: Callable[[], bool], timeout_s: float) -> bool: ...


class Embedded:
    """The embedded runtime."""

    def __init__(self, heard: Heard | None) -> None:
        from edge_infer.runtime.embedded.runtime import EmbeddedRuntime
        from edge_infer.runtime.qos import History, QoS

        self._runtime = EmbeddedRuntime()
        node = self._runtime.create_node("bench_receiver" if heard else "bench_sender")
        self._type: Any = node.messages[IMAGE]
        quality = QoS(history=History.KEEP_ALL)
        if heard:
            subscription = node.create_subscription(self._type, TOPIC, heard, quality)
            self.matched = subscription.get_publisher_count
        else:
            publisher = node.create_publisher(self._type, TOPIC, quality)
            self.publish, self.matched = publisher.publish, publisher.get_subscription_count
        self.spin_until = self._runtime.spin_until

    def image(self, size: int) -> Any:
        import numpy as np

        return self._type(data=np.zeros(size - OVERHEAD, np.uint8))


class Ros:
    """The rclpy of a sourced ROS 2."""

    def __init__(self, heard: Heard | None) -> None:
        import rclpy
        from rclpy.executors import SingleThreadedExecutor
        from rclpy.qos import HistoryPolicy, QoSProfile
        from rosidl_runtime_py.utilities import get_message

        rclpy.init()
        node = rclpy.create_node("bench_receiver" if heard else "bench_sender")
        self._type = get_message(IMAGE)
        quality = QoSProfile(history=HistoryPolicy.KEEP_ALL)
        self._executor = SingleThreadedExecutor()
        self._executor.add_node(node)
        if heard:
            node.create_subscription(self._type, TOPIC, heard, quality)
            self.matched = lambda: node.count_publishers(TOPIC)
        else:
            publisher = node.create_publisher(self._type, TOPIC, quality)
            self.publish, self.matched = publisher.publish, publisher.get_subscription_count

    def image(self, size: int) -> Any:
        return self._type(data=array.array("B", bytes(size - OVERHEAD)))

    def spin_until(self, condition: Callable[[], bool], timeout_s: float) -> bool:
        deadline = time.monotonic() + timeout_s
        while not condition():
            if time.monotonic() >= deadline:
                return False
            self._executor.spin_once(timeout_sec=0.2)
        return True


class Package:
    """The ``cyclonedds`` package as its documentation shows it, with its own serialiser."""

    def __init__(self, heard: Heard | None) -> None:
        from cyclonedds.core import ReadCondition, WaitSet
        from cyclonedds.domain import DomainParticipant
        from cyclonedds.pub import DataWriter
        from cyclonedds.qos import Policy, Qos
        from cyclonedds.sub import DataReader
        from cyclonedds.topic import Topic
        from cyclonedds.util import duration

        from edge_infer.runtime.embedded.participant import Participant
        from edge_infer.runtime.embedded.types import idl_struct

        self._network = Participant()
        self._participant = DomainParticipant(self._network.domain_id)
        parts = ("builtin_interfaces/msg/Time", "std_msgs/msg/Header", IMAGE)
        types: list[Any] = [dataclasses.dataclass(idl_struct(part)) for part in parts]
        self._time, self._header, self._type = types
        self._heard = heard
        quality = Qos(Policy.Reliability.Reliable(duration(seconds=60)), Policy.History.KeepAll)
        topic = Topic(self._participant, f"rt/{TOPIC}", self._type)
        if heard:
            self._reader = DataReader(self._participant, topic, quality)
            self._waitset = WaitSet(self._participant)
            self._condition = ReadCondition(self._reader, 0x7F)
            self._waitset.attach(self._condition)
        else:
            self._writer = DataWriter(self._participant, topic, quality)
            self.publish = self._writer.write

    def image(self, size: int) -> Any:
        header = self._header(stamp=self._time(sec=0, nanosec=0), frame_id="")
        data = bytes(size - OVERHEAD)
        return self._type(header, 1, size, "", 0, size, data)

    def matched(self) -> int:
        ends = self._reader if self._heard else self._writer
        get = ends.get_matched_publications if self._heard else ends.get_matched_subscriptions
        return len(get())

    def spin_until(self, condition: Callable[[], bool], timeout_s: float) -> bool:
        from cyclonedds.util import duration

        deadline = time.monotonic() + timeout_s
        while not condition():
            if time.monotonic() >= deadline:
                return False
            if self._heard:
                self._waitset.wait(duration(milliseconds=200))
                for message in self._reader.take(N=32):
                    self._heard(message)
            else:
                time.sleep(0.01)
        return True


WAYS: dict[str, Callable[[Heard | None], Side]] = {
    "embedded": Embedded,
    "rclpy": Ros,
    "package": Package,
}
"""Name in the report -> how to make one side."""
