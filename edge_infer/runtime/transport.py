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

"""The seam between a node of ours and the middleware that carries its bytes.

``node.py`` builds publishers, services, parameters and clocks on these
Protocols once; ``embedded/`` implements them with Cyclone DDS, ``loopback.py``
in memory with virtual time. Whatever passes here is bytes and wire names:
messages, ROS names and parameters are the node's business, discovery, quality
of service and waiting are the transport's.

On the wire (as rmw_cyclonedds does it):

* A topic ``/a/b`` is ``rt/a/b``. A service ``/a/b`` is the pair ``rq/a/bRequest``
  and ``rr/a/bReply``.
* A payload is CDR, little endian, with its header ``00 01 00 00``, padded to a
  multiple of four bytes. In the payload of a service, ``{u64 guid, i64 sequence}``
  stands between the header and the message; ``guid`` is that of the client's
  request writer. The node writes and reads both; the transport looks at neither.
* The user data of an endpoint are ``key=value;`` pairs: ``typehash=RIHS01_…``, and
  for services ``serviceid=…`` or ``clientid=…``. The node makes them; the
  transport carries them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from edge_infer.runtime.endpoint_info import TopicEndpointInfo
from edge_infer.runtime.qos import QoS

Payload = bytes | bytearray | memoryview
"""One sample, CDR with its header."""

Deliver = Callable[[memoryview], None]
"""Takes a received payload, in the executor's thread, one call at a time.

The memory stays valid for as long as somebody holds the view, or an array made
from it; it must not be written to. Up to three bytes of padding may follow the
message. What it raises, a fault in a node's callback, leaves through the
executor's ``run_until``, which may be called again afterwards.
"""

Incompatible = Callable[[str], None]
"""Told once per remote endpoint that asks for, or offers, another quality of
service: the name of the policy, e.g. ``"RELIABILITY"``. In the executor's thread."""


@dataclass(frozen=True)
class Endpoint:
    """One writer or reader.

    Attributes:
        wire_topic: e.g. ``rt/fleet/sightings``.
        type_name: ``pkg/msg/Name``; of a service ``pkg/srv/Name_Request`` or
            ``pkg/srv/Name_Response``, whose payload starts with the 16 bytes above.
        qos: what it offers or asks for.
        node: fully qualified name of the node that owns it, for the graph.
        user_data: ``key=value;`` pairs.
    """

    wire_topic: str
    type_name: str
    qos: QoS
    node: str
    user_data: str = ""

    @property
    def is_service(self) -> bool:
        """Whether payloads carry the service's prefix."""
        return self.wire_topic.startswith(("rq/", "rr/"))


class Writer(Protocol):
    """Sends payloads to one topic."""

    @property
    def guid(self) -> int:
        """64 bits that no other writer in the network has (the instance handle in DDS)."""

    def write(self, payload: Payload) -> None:
        """Send; from any thread. A reliable writer may block while readers catch up."""

    def matched(self) -> Sequence[str]:
        """The user data of each matched reader."""

    def close(self) -> None:
        """Leave the topic; a second call does nothing."""


class Reader(Protocol):
    """Receives payloads from one topic until it is closed."""

    def matched(self) -> Sequence[str]:
        """The user data of each matched writer."""

    def close(self) -> None:
        """Leave the topic; nothing is delivered afterwards. A second call does nothing."""


class Transport(Protocol):
    """One process's place in the network, and what it sees there. All calls from any thread."""

    def open_writer(self, endpoint: Endpoint, incompatible: Incompatible) -> Writer: ...

    def open_reader(
        self, endpoint: Endpoint, deliver: Deliver, incompatible: Incompatible
    ) -> Reader: ...

    def node_created(self, name: str, namespace: str) -> None:
        """Announce a node; called before its first endpoint."""

    def node_destroyed(self, name: str, namespace: str) -> None:
        """Withdraw it; called after its last endpoint was closed."""

    def node_names(self) -> Sequence[tuple[str, str]]:
        """(name, namespace) of every node known, own ones included."""

    def topics(self) -> Sequence[tuple[str, Sequence[str]]]:
        """(wire topic, its type names in ROS form) of every topic that has an endpoint."""

    def count_writers(self, wire_topic: str) -> int:
        """In the whole network, own ones included."""

    def count_readers(self, wire_topic: str) -> int:
        """In the whole network, own ones included."""

    def writers(self, wire_topic: str) -> Sequence[TopicEndpointInfo]:
        """In the whole network, own ones included, with the nodes that they belong to."""

    def readers(self, wire_topic: str) -> Sequence[TopicEndpointInfo]:
        """In the whole network, own ones included, with the nodes that they belong to."""

    def close(self) -> None:
        """Leave the network; a second call does nothing."""


class Alarm(Protocol):
    """A callback that is due at some time."""

    def cancel(self) -> None:
        """It will not be called; nothing happens when it already was."""


class Executor(Protocol):
    """One thread that runs callbacks, one at a time, and the clocks they are due by."""

    def steady_ns(self) -> int:
        """Never jumps; only differences mean anything."""

    def system_ns(self) -> int:
        """Since the Unix epoch."""

    def call_soon(self, callback: Callable[[], None]) -> None:
        """Run it in the executor's thread, in order; from any thread or a signal handler."""

    def call_at(self, steady_ns: int, callback: Callable[[], None]) -> Alarm:
        """Run it once, not before that time; from any thread."""

    def run_until(self, done: Callable[[], bool], deadline_ns: int | None = None) -> bool:
        """Run callbacks until ``done()``; False when the (steady) deadline or a stop came first.

        ``done`` is asked before anything runs and between callbacks. A stop that was
        requested beforehand counts.
        """

    def wait_until(self, done: Callable[[], bool], deadline_ns: int | None = None) -> bool:
        """Block the calling thread, from a callback too, until ``done()``; False at the deadline.

        For what the middleware does by itself, discovery above all; other
        callbacks of this executor may or may not run meanwhile.
        """

    def stop(self) -> None:
        """Make the present or else the next ``run_until`` return; from any thread."""
