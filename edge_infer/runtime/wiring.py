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

"""What publishers, subscriptions, services and clients of one node share: opening endpoints."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from edge_infer.errors import MessageError
from edge_infer.runtime.messages import MessageTypes
from edge_infer.runtime.qos import QoS
from edge_infer.runtime.transport import Endpoint, Executor, Incompatible, Reader, Transport, Writer

Take = Callable[[memoryview, Any], None]
"""(payload, the message in it)."""


class Wiring:
    """Opens endpoints for one node and complains, once each, of what goes wrong at them.

    Args:
        transport: where endpoints are opened.
        executor: whose thread delivers.
        messages: classes and codec.
        node: fully qualified name.
        complain: writes to the node's log.
        mismatched: told the wire topic on which an endpoint met one that does not match.
    """

    def __init__(
        self,
        transport: Transport,
        executor: Executor,
        messages: MessageTypes,
        node: str,
        complain: Callable[[str], None],
        mismatched: Callable[[str], None],
    ) -> None:
        self.transport = transport
        self.executor = executor
        self.messages = messages
        self._node = node
        self._complain = complain
        self._mismatched = mismatched

    def writer(self, what: str, wire_topic: str, msg_type: Any, qos: QoS, mark: str = "") -> Writer:
        """A writer.

        Args:
            what: for whom, to name it in a complaint.
            wire_topic: DDS name.
            msg_type: what it will write.
            qos: what it offers.
            mark: user data besides the hash of the type.
        """
        endpoint = self._endpoint(wire_topic, msg_type, qos, mark)
        return self.transport.open_writer(endpoint, self._incompatible(what, wire_topic))

    def reader(
        self,
        what: str,
        wire_topic: str,
        msg_type: Any,
        qos: QoS,
        take: Take,
        mark: str = "",
        skip: int = 0,
        raw: bool = False,
    ) -> Reader:
        """A reader, like ``writer``; payloads that cannot be decoded are left out.

        ``take`` is called in the executor's thread; ``skip`` is the length of the prefix
        before each message; a raw reader decodes nothing and hands over None as the message.
        """

        def decode(payload: memoryview) -> Any:
            return None if raw else self.messages.decode(payload, msg_type, skip)

        endpoint = self._endpoint(wire_topic, msg_type, qos, mark)
        deliver = delivery(what, decode, take, self._complain)
        return self.transport.open_reader(endpoint, deliver, self._incompatible(what, wire_topic))

    def _endpoint(self, wire_topic: str, msg_type: Any, qos: QoS, mark: str) -> Endpoint:
        name = msg_type.__msgtype__
        user_data = f"{mark}typehash={self.messages.type_hash(name)};"
        return Endpoint(wire_topic, name, qos, self._node, user_data)

    def _incompatible(self, what: str, wire_topic: str) -> Incompatible:
        def complain(policy: str) -> None:
            self._complain(incompatible_sentence(what, policy))
            self._mismatched(wire_topic)

        return complain


def delivery(
    what: str, decode: Callable[[memoryview], Any], take: Take, complain: Callable[[str], None]
) -> Callable[[memoryview], None]:
    """What hands payloads on as messages; of those that are none it tells once.

    Args:
        what: for whom, to name it in the complaint.
        decode: gives the message in a payload; may raise MessageError.
        take: is handed both.
        complain: is told.
    """
    complained = False

    def deliver(payload: memoryview) -> None:
        nonlocal complained
        try:
            message = decode(payload)
        except MessageError as error:
            if not complained:
                complain(f"{what} left a message out: {error}")
            complained = True
            return
        take(payload, message)

    return deliver


def incompatible_sentence(what: str, policy: str) -> str:
    """The complaint about an endpoint that cannot hear, or be heard by, another."""
    return (
        f"{what} meets an endpoint with an incompatible {policy}, so nothing passes "
        "between them: give both the same quality of service"
    )
