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

"""One process of the detector benchmark: the camera, or who listens to the detections.

Started by ``side_by_side.py`` as ``python -m edge_infer.bench.detector_peer ROLE``; both
are on the embedded runtime, whatever runs between them. Takes orders as JSON lines on
standard input and answers each with one on standard output. A frame is stamped when it
is handed to the middleware, by the system's clock, which all processes share.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from edge_infer.bench.detector_networks import picture
from edge_infer.runtime import qos
from edge_infer.runtime.embedded.runtime import EmbeddedRuntime
from edge_infer.runtime.qos import QoS

PATIENCE_S = 60.0
PICTURES = 4
IMAGE, DETECTIONS = "image", "detector/detections"
_NS = 1_000_000_000


class Camera:
    """Sends pictures at a rate that does not wait for anybody."""

    def __init__(self, runtime: EmbeddedRuntime) -> None:
        node = runtime.create_node("bench_camera")
        messages = node.messages
        self._publisher = node.create_publisher(
            messages["sensor_msgs/msg/Image"], IMAGE, qos.SENSOR_DATA
        )
        self.matched = self._publisher.get_subscription_count
        frames = [picture(seed) for seed in range(1, PICTURES + 1)]
        self._images: list[Any] = [
            messages["sensor_msgs/msg/Image"](
                height=frame.height, width=frame.width, encoding="bgr8", step=3 * frame.width,
                data=np.ascontiguousarray(frame.image).ravel(),
            )
            for frame in frames
        ]  # fmt: skip

    def follow(self, order: dict[str, Any]) -> dict[str, Any]:
        """Send so many frames; the stamp of each."""
        stamps_ns = []
        next_s = time.monotonic()
        for number in range(order["frames"]):
            time.sleep(max(next_s - time.monotonic(), 0))
            next_s += order["interval_s"]
            image = self._images[number % len(self._images)]
            now_ns = time.time_ns()
            image.header.stamp.sec, image.header.stamp.nanosec = divmod(now_ns, _NS)
            self._publisher.publish(image)
            stamps_ns.append(now_ns)
        return {"stamps_ns": stamps_ns}


class Listener:
    """Notes when the detections of each frame come."""

    def __init__(self, runtime: EmbeddedRuntime) -> None:
        node = runtime.create_node("bench_listener")
        message = node.messages["vision_msgs/msg/Detection2DArray"]
        subscription = node.create_subscription(message, DETECTIONS, self._hear, QoS(depth=100))
        self.matched = subscription.get_publisher_count
        self._runtime = runtime
        self._heard: list[tuple[int, int, int]] = []

    def follow(self, order: dict[str, Any]) -> dict[str, Any]:
        """Listen for so long; stamp, arrival and number of boxes of each answer."""
        self._heard.clear()
        answer({"ready": True})
        self._runtime.spin_until(lambda: False, order["for_s"])
        return {"heard": list(self._heard)}

    def _hear(self, message: Any) -> None:
        now_ns = time.time_ns()
        stamp = message.header.stamp
        self._heard.append((stamp.sec * _NS + stamp.nanosec, now_ns, len(message.detections)))


ROLES: dict[str, Callable[[EmbeddedRuntime], Camera | Listener]] = {
    "camera": Camera,
    "listener": Listener,
}


def answer(result: dict[str, Any]) -> None:
    """One JSON line."""
    sys.stdout.write(json.dumps(result) + "\n")
    sys.stdout.flush()


def main(role: str) -> None:
    """Follow orders until standard input ends."""
    runtime = EmbeddedRuntime()
    peer = ROLES[role](runtime)
    answer({"connected": runtime.spin_until(lambda: peer.matched() > 0, PATIENCE_S)})
    for line in sys.stdin:
        answer(peer.follow(json.loads(line)))
    runtime.shutdown()


if __name__ == "__main__":
    main(*sys.argv[1:])
