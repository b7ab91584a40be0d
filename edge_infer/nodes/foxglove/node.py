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

"""Serves what there is to see of a fleet to Foxglove, over a websocket.

Messages go on as they are on the wire, so nothing is unpacked. A topic is subscribed to
only while Foxglove shows it: what nobody looks at costs nothing, here and on the drones.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from edge_infer.errors import UsageError, first_line
from edge_infer.nodes import topics
from edge_infer.runtime.api import Node, Subscription
from edge_infer.runtime.definitions import definitions
from edge_infer.runtime.qos import QoS

LOOK_S = 0.5
"""Time between two looks at which topics there are and which are shown."""

SHOWN = (
    topics.FLEET_TARGETS,
    topics.DIAGNOSTICS,
    topics.LOGS,
    topics.TARGET_MARKERS,
    topics.TARGET_DETECTIONS,
    topics.ANNOTATED_IMAGE,
    topics.DETECTIONS,
    topics.POSE,
)
"""What is served, of every drone that has it and of each of its cameras."""


class FoxgloveConfig(BaseModel):
    """Parameters of the server for Foxglove."""

    model_config = ConfigDict(extra="forbid")

    host: str = Field("127.0.0.1", description="Address to serve at")
    port: int = Field(8765, ge=0, le=65535, description="Port to serve at; 0 picks one")


class FoxgloveNode:
    """A window on the fleet.

    Args:
        node: the handle.
        config: its parameters.

    Raises:
        UsageError: foxglove-sdk is not installed, or the address cannot be had.
    """

    def __init__(self, node: Node, config: FoxgloveConfig) -> None:
        self._node = node
        self._foxglove = _sdk()
        self._context = self._foxglove.Context()
        self._windows: dict[str, _Window] = {}
        self._server = self._serve(config)
        self.url = f"ws://{config.host}:{self._server.port}"
        node.get_logger().info(f"open {self.url} in Foxglove")
        node.create_timer(LOOK_S, self._look)

    def close(self) -> None:
        """Let all viewers go."""
        self._server.stop()

    def _serve(self, config: FoxgloveConfig) -> Any:
        try:
            return self._foxglove.start_server(
                name="edge_infer", host=config.host, port=config.port, context=self._context
            )
        except (OSError, RuntimeError, ValueError) as error:
            raise UsageError(
                f"{config.host}:{config.port} cannot be served at ({first_line(error)})",
                "choose another port with -p port:=N",
            ) from error

    def _look(self) -> None:
        for name, types in self._node.get_topic_names_and_types():
            if name not in self._windows and (qos := _offered(name, types)):
                channel = self._channel(name, types[0])
                self._windows[name] = _Window(self._node, channel, name, types[0], qos)
        for window in self._windows.values():
            window.look()

    def _channel(self, name: str, type_name: str) -> Any:
        text = definitions().text(type_name)
        schema = self._foxglove.Schema(name=type_name, encoding="ros2msg", data=text.encode())
        return self._foxglove.Channel(
            name, schema=schema, message_encoding="cdr", context=self._context
        )


class _Window:
    """One topic, handed on while it is shown."""

    def __init__(self, node: Node, channel: Any, name: str, type_name: str, qos: QoS) -> None:
        self._node = node
        self._channel = channel
        take = partial(self._take, node.get_clock())
        kind = node.messages[type_name]
        self._subscribe = partial(node.create_subscription, kind, name, take, qos, raw=True)
        self._subscription: Subscription | None = None

    def look(self) -> None:
        is_shown = self._channel.has_sinks()
        if is_shown and self._subscription is None:
            self._subscription = self._subscribe()
        elif not is_shown and self._subscription is not None:
            self._node.destroy_subscription(self._subscription)
            self._subscription = None

    def _take(self, clock: Any, payload: bytes | memoryview) -> None:
        self._channel.log(bytes(payload), log_time=clock.now().nanoseconds)


def _offered(name: str, types: Any) -> QoS | None:
    """What to ask of a topic's publishers; None for one that is not served."""
    for topic in SHOWN:
        is_one = name == topic.name
        if not topic.name.startswith("/"):  # in a drone's namespace, and perhaps a camera's
            is_one = name.endswith("/" + topic.name.rsplit("/", 1)[-1])
        if is_one and list(types) == [topic.type]:
            return topic.qos
    return None


def _sdk() -> Any:
    try:
        import foxglove
    except ImportError as error:
        raise UsageError(
            "foxglove-sdk is not installed", "pip install 'edge_infer[foxglove]'"
        ) from error
    return foxglove
