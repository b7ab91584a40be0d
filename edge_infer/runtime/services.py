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

"""Services and clients, made of a pair of topics as rmw_cyclonedds makes them.

A request carries the guid of the client's writer and a sequence number; the
reply repeats them, and every client of the service receives it and keeps what
is its own. ``serviceid`` and ``clientid`` in the endpoints' user data say which
writer and reader belong together.
"""

from __future__ import annotations

import itertools
import os
import struct
from collections.abc import Callable, Sequence
from typing import Any

from edge_infer.runtime.futures import Future
from edge_infer.runtime.names import service_on_wire
from edge_infer.runtime.qos import QoS
from edge_infer.runtime.transport import Payload
from edge_infer.runtime.wiring import Wiring

PREFIX = struct.Struct("<Qq")
"""Guid of the client's request writer, sequence number."""

_REPLY_PATIENCE_NS = 100_000_000
_REPLY_RETRY_NS = 10_000_000

_PROCESS = os.urandom(12)
_COUNT = itertools.count(1)


class Service:
    """Answers requests, in the executor's thread."""

    def __init__(
        self,
        wiring: Wiring,
        srv_type: Any,
        srv_name: str,
        callback: Callable[[Any, Any], Any],
        qos: QoS,
    ) -> None:
        self.srv_name = srv_name
        self.srv_type = srv_type
        self._wiring = wiring
        self._callback = callback
        requests, replies = service_on_wire(srv_name)
        what, mark = f"service {srv_name}", f"serviceid={_unique_id()};"
        self._writer = wiring.writer(what, replies, srv_type.Response, qos, mark)
        self._reader = wiring.reader(
            what, requests, srv_type.Request, qos, self._take, mark, PREFIX.size
        )

    def close(self) -> None:
        """Answer no more."""
        self._reader.close()
        self._writer.close()

    def _take(self, payload: memoryview, request: Any) -> None:
        prefix = _prefix(payload)
        response = self._callback(request, self.srv_type.Response())
        if not isinstance(response, self.srv_type.Response):
            raise TypeError(f"the callback of {self.srv_name} returned {response!r}")
        reply = self._wiring.messages.encode(response, PREFIX.pack(*prefix))
        self._reply(reply, self._wiring.executor.steady_ns() + _REPLY_PATIENCE_NS)

    def _reply(self, reply: Payload, deadline_ns: int) -> None:
        """Send when each client's reader is known; a client may be discovered by halves."""
        clients = _marks("clientid", self._reader.matched())
        now_ns = self._wiring.executor.steady_ns()
        if clients - _marks("clientid", self._writer.matched()) and now_ns < deadline_ns:
            again = now_ns + _REPLY_RETRY_NS
            self._wiring.executor.call_at(again, lambda: self._reply(reply, deadline_ns))
        else:
            self._writer.write(reply)


class Client:
    """Calls a service."""

    def __init__(self, wiring: Wiring, srv_type: Any, srv_name: str, qos: QoS) -> None:
        self.srv_name = srv_name
        self.srv_type = srv_type
        self._wiring = wiring
        self._sequence = itertools.count(1)
        self._pending: dict[int, Future] = {}
        requests, replies = service_on_wire(srv_name)
        what, mark = f"client of {srv_name}", f"clientid={_unique_id()};"
        self._reader = wiring.reader(
            what, replies, srv_type.Response, qos, self._take, mark, PREFIX.size
        )
        self._writer = wiring.writer(what, requests, srv_type.Request, qos, mark)

    def service_is_ready(self) -> bool:
        """Whether a service can both hear and answer."""
        hearing, answering = self._writer.matched(), self._reader.matched()
        marks = _marks("serviceid", hearing)
        if marks:
            return bool(marks & _marks("serviceid", answering))
        return bool(hearing) and bool(answering)

    def wait_for_service(self, timeout_sec: float | None = None) -> bool:
        """Block until it is ready; False when the time ran out first."""
        executor = self._wiring.executor
        deadline_ns = None
        if timeout_sec is not None:
            deadline_ns = executor.steady_ns() + round(timeout_sec * 1e9)
        return executor.wait_until(self.service_is_ready, deadline_ns)

    def call_async(self, request: Any) -> Future:
        """Send a request; the future is done in the executor's thread."""
        if not isinstance(request, self.srv_type.Request):
            raise TypeError(f"{request!r} is no request to {self.srv_name}")
        sequence, future = next(self._sequence), Future()
        prefix = PREFIX.pack(self._writer.guid, sequence)
        payload = self._wiring.messages.encode(request, prefix)
        self._pending[sequence] = future
        self._writer.write(payload)
        return future

    def remove_pending_request(self, future: Future) -> None:
        """Do not wait for the reply of a call any longer."""
        for sequence, pending in tuple(self._pending.items()):
            if pending is future:
                del self._pending[sequence]

    def close(self) -> None:
        """Give up what is pending."""
        self._reader.close()
        self._writer.close()
        pending, self._pending = self._pending, {}
        for future in pending.values():
            future.cancel()

    def _take(self, payload: memoryview, response: Any) -> None:
        guid, sequence = _prefix(payload)
        if guid == self._writer.guid and (future := self._pending.pop(sequence, None)):
            future.set_result(response)


def _prefix(payload: memoryview) -> tuple[int, int]:
    order = "<" if payload[1] else ">"
    guid, sequence = struct.unpack_from(f"{order}Qq", payload, 4)
    return guid, sequence


def _unique_id() -> str:
    """Sixteen bytes in the form of rmw_cyclonedds: hexadecimal, joined with dots."""
    return ".".join(f"{byte:x}" for byte in _PROCESS + next(_COUNT).to_bytes(4, "big"))


def _marks(key: str, user_data: Sequence[str]) -> set[str]:
    """The values of a key in several endpoints' user data."""
    pairs = (pair.partition("=") for text in user_data for pair in text.split(";"))
    return {value for name, _, value in pairs if name == key}
