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

"""A camera that listens to what becomes of its frames, and asks for another model meanwhile.

Started by ``swap.py`` as ``python -m edge_infer.bench.swap_peer``, on the embedded runtime.
Takes orders as JSON lines on standard input, an empty one to tell what the detector has
counted, and answers each with one on standard output.
"""

from __future__ import annotations

import json
import sys
import time
from typing import Any

import numpy as np

from edge_infer.bench.detector_peer import PATIENCE_S, answer
from edge_infer.nodes import topics
from edge_infer.nodes.detector.node import LOAD_MODEL
from edge_infer.runtime.embedded.runtime import EmbeddedRuntime
from edge_infer.simulation.world import World

PICTURES = 4
AFTERWARDS_S = 0.5
"""Frames go on for so long after another model serves."""
_NS = 1_000_000_000


class Peer:
    """Both ends of a detector, in one process, so that one clock times them."""

    def __init__(self, runtime: EmbeddedRuntime) -> None:
        node = runtime.create_node("bench_peer")
        self._runtime = runtime
        self._camera = topics.IMAGE.publisher(node)
        self._images = _images(node.messages)
        self._heard: list[tuple[int, int]] = []
        self._serving = ""
        self._served_ns = 0
        self._counters: dict[str, int] = {}
        detections = node.create_subscription(
            node.messages[topics.DETECTIONS.type],
            topics.DETECTIONS.name,
            self._on_detections,
            topics.DETECTIONS.qos,
        )
        topics.LABELS.subscription(node, self._on_labels)
        topics.STATUS.subscription(node, self._on_status)
        type_ = node.messages["edge_infer_msgs/srv/LoadModel"]
        self._client = node.create_client(type_, LOAD_MODEL)
        self._matched = lambda: (
            self._camera.get_subscription_count() > 0
            and detections.get_publisher_count() > 0
            and self._client.service_is_ready()
            and self._serving != ""
        )

    def connect(self) -> bool:
        """Wait for the detector."""
        return self._runtime.spin_until(self._matched, PATIENCE_S)

    def follow(self, order: dict[str, Any]) -> dict[str, Any]:
        """Send frames at a steady rate; where there is a model to load, ask in their middle.

        The stamp of each frame, stamp and arrival of each answer, when the model was asked for
        and when it served (0 for never).
        """
        self._heard.clear()
        self._served_ns = asked_ns = 0
        stamps_ns: list[int] = []
        start_s = time.monotonic()
        while not self._is_enough(order, len(stamps_ns), asked_ns):
            due_s = start_s + len(stamps_ns) * order["interval_s"]
            self._runtime.spin_until(lambda: False, max(due_s - time.monotonic(), 0.0))
            stamps_ns.append(self._send(len(stamps_ns)))
            if order["load"] and not asked_ns and len(stamps_ns) >= order["frames"] // 2:
                # Between two frames: at another moment of the period in each turn.
                self._runtime.spin_until(lambda: False, order["interval_s"] * order["phase"])
                asked_ns = time.time_ns()
                self._client.call_async(self._client.srv_type.Request(**order["load"]))
        self._runtime.spin_until(lambda: len(self._heard) >= len(stamps_ns), AFTERWARDS_S)
        return {
            "stamps_ns": stamps_ns,
            "heard": list(self._heard),
            "asked_ns": asked_ns,
            "served_ns": self._served_ns,
        }

    def count(self) -> dict[str, Any]:
        """What the detector has counted until now."""
        self._counters.clear()
        self._runtime.spin_until(lambda: bool(self._counters), PATIENCE_S)
        return dict(self._counters)

    def _is_enough(self, order: dict[str, Any], sent: int, asked_ns: int) -> bool:
        if sent < order["frames"] or not order["load"]:
            return bool(sent >= order["frames"])
        waited_s = (time.time_ns() - (self._served_ns or asked_ns)) / _NS
        return bool(waited_s > (AFTERWARDS_S if self._served_ns else PATIENCE_S))

    def _send(self, number: int) -> int:
        image = self._images[number % len(self._images)]
        now_ns = time.time_ns()
        image.header.stamp.sec, image.header.stamp.nanosec = divmod(now_ns, _NS)
        self._camera.publish(image)
        return now_ns

    def _on_detections(self, msg: Any) -> None:
        stamp = msg.header.stamp
        self._heard.append((stamp.sec * _NS + stamp.nanosec, time.time_ns()))

    def _on_labels(self, msg: Any) -> None:
        if msg.digest != self._serving:
            self._serving, self._served_ns = msg.digest, time.time_ns()

    def _on_status(self, msg: Any) -> None:
        if msg.node == "detector":
            self._counters = {counter.name: int(counter.value) for counter in msg.counters}


def _images(messages: Any) -> list[Any]:
    drone = World.build(seed=0, drones=1).drone(0)
    frames = [drone.frame(index, float(index)).frame.image for index in range(PICTURES)]
    return [
        messages["sensor_msgs/msg/Image"](
            height=frame.shape[0], width=frame.shape[1], encoding="mono8", step=frame.shape[1],
            data=np.ascontiguousarray(frame).ravel(),
        )
        for frame in frames
    ]  # fmt: skip


def main() -> None:
    """Follow orders until standard input ends."""
    runtime = EmbeddedRuntime()
    peer = Peer(runtime)
    answer({"connected": peer.connect()})
    for line in sys.stdin:
        order = json.loads(line)
        answer(peer.follow(order) if order else peer.count())
    runtime.shutdown()


if __name__ == "__main__":
    main()
