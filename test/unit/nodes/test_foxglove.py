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

"""The server for Foxglove over real DDS, asked by a websocket client that knows no ROS."""

from __future__ import annotations

import json
import struct
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from domains import own_domain
from rosbags.typesys import Stores, get_types_from_msg, get_typestore

from edge_infer.errors import UsageError
from edge_infer.nodes import topics
from edge_infer.nodes.conversions.views import detections_3d_to_msg, markers_to_msg
from edge_infer.nodes.foxglove.node import FoxgloveConfig, FoxgloveNode
from edge_infer.runtime.api import Runtime
from edge_infer.runtime.loopback import LoopbackNetwork
from edge_infer.runtime.selection import available, open_runtime

websocket = pytest.importorskip("websocket", reason="websocket-client is not installed")
pytest.importorskip("foxglove", reason="needs the extra foxglove: foxglove-sdk is not installed")

SUBPROTOCOL = "foxglove.sdk.v1"
DATA = struct.Struct("<BIQ")
"""Opcode, subscription, time of a message in nanoseconds; the payload follows."""


class Viewer:
    """What Foxglove does first: hears which channels there are, and asks for some."""

    def __init__(self, url: str) -> None:
        self._socket = websocket.create_connection(url, subprotocols=[SUBPROTOCOL], timeout=5.0)
        self._socket.settimeout(0.02)
        self.channels: dict[str, dict[str, Any]] = {}
        self.received: dict[str, list[bytes]] = {}

    def hear(self) -> None:
        """Take one message, if there is one."""
        try:
            data = self._socket.recv()
        except websocket.WebSocketTimeoutException:
            return
        if isinstance(data, bytes):
            _, subscription, _ = DATA.unpack_from(data)
            topic = next(c["topic"] for c in self.channels.values() if c["id"] == subscription)
            self.received.setdefault(topic, []).append(data[DATA.size :])
            return
        for channel in json.loads(data).get("channels", []):
            self.channels[channel["topic"]] = channel

    def show(self, topic: str) -> None:
        number = self.channels[topic]["id"]
        asked = [{"id": number, "channelId": number}]
        self._socket.send(json.dumps({"op": "subscribe", "subscriptions": asked}))

    def read(self, topic: str) -> Any:
        """The last message of a topic, by nothing but the channel's own schema."""
        channel = self.channels[topic]
        assert (channel["encoding"], channel["schemaEncoding"]) == ("cdr", "ros2msg")
        store = get_typestore(Stores.EMPTY)
        store.register(get_types_from_msg(channel["schema"], channel["schemaName"]))
        return store.deserialize_cdr(self.received[topic][-1], channel["schemaName"])

    def leave(self) -> None:
        self._socket.close()


@pytest.fixture
def runtime(monkeypatch: pytest.MonkeyPatch) -> Iterator[Runtime]:
    if reason := available()["embedded"]:
        pytest.skip(reason)
    monkeypatch.setenv("ROS_DOMAIN_ID", str(own_domain()))
    monkeypatch.setenv("ROS_AUTOMATIC_DISCOVERY_RANGE", "LOCALHOST")
    runtime = open_runtime("embedded", [])
    yield runtime
    runtime.shutdown()


@pytest.fixture
def server(runtime: Runtime) -> Iterator[FoxgloveNode]:
    node = FoxgloveNode(runtime.create_node("foxglove"), FoxgloveConfig(port=0))
    yield node
    node.close()


def test_what_a_drone_publishes_is_shown_while_it_is_asked_for(
    runtime: Runtime, server: FoxgloveNode
) -> None:
    drone = runtime.create_node("drone", namespace="/drone_1")
    markers = topics.TARGET_MARKERS.publisher(drone)
    detections = topics.TARGET_DETECTIONS.publisher(drone)
    pictures = topics.ANNOTATED_IMAGE.named("detector/left/image_annotated").publisher(drone)
    for topic in (topics.LABELS, topics.TARGETS):  # not for viewers
        topic.publisher(drone)
    viewer = Viewer(server.url)

    def until(condition: Callable[[], bool]) -> None:
        assert runtime.spin_until(lambda: (viewer.hear(), condition())[1], 20.0)

    until(lambda: len(viewer.channels) >= 3)
    shown = ["/drone_1/coordinator/markers", "/drone_1/coordinator/detections_3d"]
    assert sorted(viewer.channels) == sorted([*shown, "/drone_1/detector/left/image_annotated"])
    assert markers.get_subscription_count() == 0
    for topic in shown:
        viewer.show(topic)
    until(lambda: markers.get_subscription_count() == detections.get_subscription_count() == 1)
    assert pictures.get_subscription_count() == 0

    markers.publish(markers_to_msg(drone.messages, [], [41], 7, "map"))
    detections.publish(detections_3d_to_msg(drone.messages, [], 9_000_000_001, "farm"))
    until(lambda: len(viewer.received) == 2)
    gone = viewer.read(shown[0]).markers
    assert [(m.ns, m.id, m.header.frame_id) for m in gone] == [
        ("targets", 41, "map"),
        ("labels", 41, "map"),
    ]
    header = viewer.read(shown[1]).header
    assert (header.stamp.sec, header.stamp.nanosec, header.frame_id) == (9, 1, "farm")

    viewer.leave()
    assert runtime.spin_until(lambda: markers.get_subscription_count() == 0, 20.0)


def test_a_port_that_is_taken_is_said(runtime: Runtime, server: FoxgloveNode) -> None:
    port = int(server.url.rpartition(":")[2])
    with pytest.raises(UsageError, match=r"cannot be served at .* choose another port"):
        FoxgloveNode(runtime.create_node("second"), FoxgloveConfig(port=port))


def test_without_the_sdk_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "foxglove", None)  # as Python remembers what is not there
    node = LoopbackNetwork().runtime("host").create_node("foxglove")
    with pytest.raises(UsageError, match=r"pip install 'edge_infer\[foxglove\]'"):
        FoxgloveNode(node, FoxgloveConfig())
