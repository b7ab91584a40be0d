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

"""The ways to bring a file to a whole fleet, behind one face.

Each keeps what it fetches on its disk, synced and checked, and carries small detections from
every drone to the gateway meanwhile.
"""

from __future__ import annotations

import hashlib
import os
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

from edge_infer.updates.release import Blob

GATEWAY = "gateway"
DETECTION_BYTES = 1_000
BYTES_PER_S = 2_500_000.0
PORT_VARIABLE = "EDGE_INFER_BENCH_MQTT_PORT"
_DETECTIONS = "/bench/detections"
_CARRIER = "sensor_msgs/msg/CompressedImage"


class Side(Protocol):
    """A member.

    Attributes:
        is_gateway: it has the file, and hears detections.
        heard: of each detection, when it was sent and when it was here, seconds.
        complete_s: when the file was here and checked; 0 before.
    """

    is_gateway: bool
    heard: list[tuple[float, float]]
    complete_s: float

    def matched(self) -> int:
        """How many of the others it knows to be there."""

    def prepare(self, content: bytes) -> None:
        """What will go round."""

    def begin(self, content: bytes) -> None:
        """The gateway gives, the drones fetch."""

    def detect_from(self, begin_s: float, period_s: float) -> None:
        """A drone sends a detection each period."""

    def stop_detecting(self) -> None: ...

    def spin_until(self, condition: Callable[[], bool], timeout_s: float) -> bool: ...

    def close(self) -> None: ...


def detection() -> bytes:
    """As it is sent now."""
    return time.monotonic_ns().to_bytes(8, "little") + bytes(DETECTION_BYTES - 8)


def times(payload: bytes) -> tuple[float, float]:
    """When a detection was sent, and now."""
    return int.from_bytes(payload[:8], "little") / 1e9, time.monotonic()


class Multicast:
    """The transfer of updates, on the embedded runtime."""

    def __init__(self, name: str, place: Path) -> None:
        from edge_infer.nodes import topics
        from edge_infer.nodes.identity import Identity
        from edge_infer.nodes.updater.transfer_link import TransferLink
        from edge_infer.runtime import qos
        from edge_infer.runtime.embedded.runtime import EmbeddedRuntime

        self.is_gateway = name == GATEWAY
        self.heard: list[tuple[float, float]] = []
        self.complete_s = 0.0
        self._place = place
        self._blob: Blob | None = None
        self._runtime = EmbeddedRuntime(["--ros-args", "-r", f"__ns:=/{name}"])
        self._node = self._runtime.create_node("bench")
        self._link = TransferLink(
            self._node, Identity(name, 1), bytes_per_s=BYTES_PER_S, versions=lambda: (1, 1),
            metadata=lambda _since: {}, on_metadata=lambda _files, _source: None,
            on_complete=self._on_complete, is_gateway=self.is_gateway,
        )  # fmt: skip
        self._type: Any = self._node.messages[_CARRIER]
        self._publisher = self._node.create_publisher(self._type, _DETECTIONS, qos.SIGHTINGS)
        if self.is_gateway:
            self._node.create_subscription(
                self._type, _DETECTIONS, self._on_detection, qos.SIGHTINGS
            )
            self._readers = topics.MODEL_CHUNK.publisher(self._node)
        self._timer: Any = None
        self.spin_until = self._runtime.spin_until

    def matched(self) -> int:
        """The gateway, which hears itself, counts the others; a drone the gateway."""
        if self.is_gateway:
            return self._readers.get_subscription_count() - 1
        return self._publisher.get_subscription_count()

    def prepare(self, content: bytes) -> None:
        """What the signed metadata would tell."""
        self._blob = Blob.of(content)

    def begin(self, content: bytes) -> None:
        from edge_infer.updates.transfer.partial import PartialBlob

        assert self._blob is not None
        if self.is_gateway:
            self._link.offer(self._blob, content)
        else:
            self._link.fetch(self._blob, PartialBlob(self._place, self._blob))

    def detect_from(self, begin_s: float, period_s: float) -> None:
        self.spin_until(lambda: time.monotonic() >= begin_s, 10.0)
        if not self.is_gateway:
            self._timer = self._node.create_timer(period_s, self._detect)

    def stop_detecting(self) -> None:
        if self._timer is not None:
            self._node.destroy_timer(self._timer)
            self._timer = None

    def close(self) -> None:
        self._link.close()
        self._runtime.shutdown()

    def _detect(self) -> None:
        import numpy as np

        self._publisher.publish(self._type(data=np.frombuffer(detection(), np.uint8)))

    def _on_detection(self, msg: Any) -> None:
        self.heard.append(times(bytes(msg.data[:8])))

    def _on_complete(self, _content: bytes) -> None:
        self.complete_s = time.monotonic()  # checked chunk by chunk, and as a whole


class Mqtt:
    """The file as one message through a broker, as is usual; tuned as well as we know.

    Both ends send small packets at once and wait for no earlier acknowledgement.
    """

    def __init__(self, name: str, place: Path) -> None:
        from paho.mqtt import client as mqtt

        self.is_gateway = name == GATEWAY
        self.heard: list[tuple[float, float]] = []
        self.complete_s = 0.0
        self._file = place / "model.bin"
        self._sha256 = b""
        self._is_known = 0
        self._next_s = float("inf")
        self._period_s = 1.0
        place.mkdir(parents=True, exist_ok=True)
        self._client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, name)
        self._client.max_inflight_messages_set(0)
        self._client.on_socket_open = _send_at_once
        self._client.on_connect = self._on_connect
        self._client.on_subscribe = self._on_subscribe
        self._client.on_message = self._on_message
        self._client.connect("127.0.0.1", int(os.environ[PORT_VARIABLE]))
        self._client.loop_start()

    def matched(self) -> int:
        """A broker does not tell who is there; once it is subscribed a member is ready."""
        return self._is_known

    def prepare(self, content: bytes) -> None:
        self._sha256 = hashlib.sha256(content).digest()

    def begin(self, content: bytes) -> None:
        if self.is_gateway:
            self._client.publish("bench/model", content, qos=1)

    def detect_from(self, begin_s: float, period_s: float) -> None:
        if not self.is_gateway:
            self._next_s, self._period_s = begin_s, period_s

    def stop_detecting(self) -> None:
        self._next_s = float("inf")

    def spin_until(self, condition: Callable[[], bool], timeout_s: float) -> bool:
        deadline_s = time.monotonic() + timeout_s
        while not condition():
            now_s = time.monotonic()
            if now_s >= deadline_s:
                return False
            if now_s >= self._next_s:
                self._client.publish("bench/detections", detection(), qos=1)
                self._next_s += self._period_s
            time.sleep(min(max(self._next_s - time.monotonic(), 0.0), 0.02))
        return True

    def close(self) -> None:
        self._client.loop_stop()

    def _on_connect(self, *_told: Any) -> None:
        self._client.subscribe("bench/detections" if self.is_gateway else "bench/model", qos=1)

    def _on_subscribe(self, *_told: Any) -> None:
        self._is_known = 1_000_000

    def _on_message(self, _client: Any, _data: Any, message: Any) -> None:
        if self.is_gateway:
            self.heard.append(times(message.payload))
            return
        with self._file.open("wb") as stream:
            stream.write(message.payload)
            stream.flush()
            os.fsync(stream.fileno())
        if hashlib.sha256(message.payload).digest() == self._sha256:
            self.complete_s = time.monotonic()


def _send_at_once(_client: Any, _data: Any, sock: socket.socket) -> None:
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


WAYS: dict[str, Callable[[str, Path], Side]] = {"multicast": Multicast, "mqtt": Mqtt}
"""Name on the command line -> how to make a member."""
