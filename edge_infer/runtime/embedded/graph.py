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

"""What is in the network, in ROS 2's terms, and what this process tells the others of itself.

Cyclone DDS knows participants and endpoints. Which node an endpoint belongs to,
ROS 2 processes tell each other on the topic ``ros_discovery_info``, one message
per process. Both are read when somebody asks.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from ctypes import c_void_p
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NamedTuple, TypeVar

from edge_infer.runtime.embedded.endpoints import create_reader, create_writer, send
from edge_infer.runtime.embedded.executor import DdsExecutor
from edge_infer.runtime.embedded.library import (
    ALIVE,
    BUILTIN_PARTICIPANTS,
    BUILTIN_READERS,
    BUILTIN_WRITERS,
    DATA_AVAILABLE,
    BuiltinEndpoint,
    BuiltinParticipant,
    SampleInfo,
    checked,
    library,
)
from edge_infer.runtime.embedded.participant import Participant
from edge_infer.runtime.embedded.profiles import qos_of
from edge_infer.runtime.embedded.samples import Batch
from edge_infer.runtime.embedded.types import ros_type_name
from edge_infer.runtime.endpoint_info import UNKNOWN_NODE, TopicEndpointInfo
from edge_infer.runtime.messages import message_types
from edge_infer.runtime.names import join
from edge_infer.runtime.qos import Durability, History, QoS
from edge_infer.runtime.transport import Endpoint

TOPIC = "ros_discovery_info"
TYPE = "rmw_dds_common/msg/ParticipantEntitiesInfo"

_WRITER_QOS = QoS(depth=1, durability=Durability.TRANSIENT_LOCAL)
_READER_QOS = QoS(durability=Durability.TRANSIENT_LOCAL, history=History.KEEP_ALL)
_GUID_IN_PAYLOAD = slice(4, 20)
_OF_THE_LIBRARY = "DCPS"

Found = TypeVar("Found")


@dataclass
class _OwnNode:
    name: str
    namespace: str
    readers: list[bytes] = field(default_factory=list)
    writers: list[bytes] = field(default_factory=list)


class _Known(NamedTuple):
    """A writer or reader somewhere."""

    wire_topic: str
    type_name: str


class _Endpoint(NamedTuple):
    """One of a topic that somebody asks about."""

    guid: bytes
    type_name: str
    qos: QoS


class Graph:
    """The nodes, topics and endpoints that this process sees."""

    def __init__(self, participant: Participant, executor: DdsExecutor) -> None:
        self._guid = participant.guid
        self._own: dict[str, _OwnNode] = {}
        self._others: dict[bytes, memoryview] = {}
        self._lock = threading.RLock()
        self._batch = Batch()
        user_data = f"typehash={message_types().type_hash(TYPE)};"
        self._writer = create_writer(participant, Endpoint(TOPIC, TYPE, _WRITER_QOS, "", user_data))
        self._reader = create_reader(
            participant, Endpoint(TOPIC, TYPE, _READER_QOS, "", user_data), ignore_own=True
        )
        self._participants, self._writers, self._readers = (
            checked(library().dds_create_reader(participant.entity, topic, None, None), "discover")
            for topic in (BUILTIN_PARTICIPANTS, BUILTIN_WRITERS, BUILTIN_READERS)
        )
        executor.attach(self._reader, DATA_AVAILABLE, self._listen)

    # --- what this process says ------------------------------------------------

    def add_node(self, name: str, namespace: str) -> None:
        """Announce a node."""
        with self._lock:
            self._own.setdefault(join(namespace, name), _OwnNode(name, namespace))
            self._announce()

    def remove_node(self, name: str, namespace: str) -> None:
        """Withdraw it."""
        with self._lock:
            if self._own.pop(join(namespace, name), None):
                self._announce()

    def add_writer(self, node: str, guid: bytes) -> Callable[[], None]:
        """A node has one more writer; the result takes it away again."""
        return self._add(self._own[node].writers, guid)

    def add_reader(self, node: str, guid: bytes) -> Callable[[], None]:
        """A node has one more reader; the result takes it away again."""
        return self._add(self._own[node].readers, guid)

    def _add(self, guids: list[bytes], guid: bytes) -> Callable[[], None]:
        def remove() -> None:
            with self._lock:
                guids.remove(guid)
                self._announce()

        with self._lock:
            guids.append(guid)
            self._announce()
        return remove

    def _announce(self) -> None:
        types = message_types()
        gid = types["rmw_dds_common/msg/Gid"]
        node_info = types["rmw_dds_common/msg/NodeEntitiesInfo"]
        nodes = [
            node_info(
                node.namespace,
                node.name,
                [gid(guid) for guid in node.readers],
                [gid(guid) for guid in node.writers],
            )
            for node in self._own.values()
        ]
        send(self._writer, types.encode(types[TYPE](gid(self._guid), nodes)))

    # --- what others say ---------------------------------------------------------

    def node_names(self) -> list[tuple[str, str]]:
        """(name, namespace) of every node known, own ones included."""
        with self._lock:
            own = [(node.name, node.namespace) for node in self._own.values()]
        return own + [(node.node_name, node.node_namespace) for node in self._other_nodes()]

    def writers(self, wire_topic: str) -> list[TopicEndpointInfo]:
        """Of a topic, in the whole network."""
        with self._lock:
            own = [(node, node.writers) for node in self._own.values()]
        others = ((node, node.writer_gid_seq) for node in self._other_nodes())
        return self._described(self._writers, wire_topic, own, others)

    def readers(self, wire_topic: str) -> list[TopicEndpointInfo]:
        """Of a topic, in the whole network."""
        with self._lock:
            own = [(node, node.readers) for node in self._own.values()]
        others = ((node, node.reader_gid_seq) for node in self._other_nodes())
        return self._described(self._readers, wire_topic, own, others)

    def _described(
        self,
        discovered: int,
        wire_topic: str,
        own: Iterable[tuple[_OwnNode, list[bytes]]],
        others: Iterable[tuple[Any, list[Any]]],
    ) -> list[TopicEndpointInfo]:
        """The endpoints of a topic with the nodes that own them."""
        nodes = {guid: (node.name, node.namespace) for node, guids in own for guid in guids}
        for node, gids in others:
            name = (node.node_name, node.node_namespace)
            nodes.update({bytes(gid.data): name for gid in gids})
        unknown = (UNKNOWN_NODE, "/")
        return [
            TopicEndpointInfo(*nodes.get(end.guid, unknown), ros_type_name(end.type_name), end.qos)
            for end in _read(discovered, partial(_endpoint_of, wire_topic.encode()))
            if end is not None
        ]

    def _other_nodes(self) -> list[Any]:
        """What processes that are there told of their nodes."""
        types = message_types()
        self._listen()
        alive = set(_read(self._participants, _participant))
        with self._lock:
            self._others = {guid: said for guid, said in self._others.items() if guid in alive}
            others = [types.decode(said, types[TYPE]) for said in self._others.values()]
        return [node for other in others for node in other.node_entities_info_seq]

    def topics(self) -> list[tuple[str, list[str]]]:
        """(wire topic, its types) of every topic with an endpoint."""
        found: dict[str, set[str]] = {}
        for known in _read(self._writers, _endpoint) + _read(self._readers, _endpoint):
            if not known.wire_topic.startswith(_OF_THE_LIBRARY):
                found.setdefault(known.wire_topic, set()).add(ros_type_name(known.type_name))
        return [(topic, sorted(types)) for topic, types in sorted(found.items())]

    def count_writers(self, wire_topic: str) -> int:
        """In the whole network."""
        return sum(known.wire_topic == wire_topic for known in _read(self._writers, _endpoint))

    def count_readers(self, wire_topic: str) -> int:
        """In the whole network."""
        return sum(known.wire_topic == wire_topic for known in _read(self._readers, _endpoint))

    def _listen(self) -> None:
        """Keep the newest word of each process; it is read when somebody asks."""
        with self._lock:
            may_be_more = True
            while may_be_more:
                samples, may_be_more = self._batch.take(self._reader)
                for sample in samples:
                    self._others[bytes(sample.payload[_GUID_IN_PAYLOAD])] = sample.payload


def _read(reader: int, convert: Callable[[int], Found]) -> list[Found]:
    """All that a reader of discovery data holds and that is alive."""
    dds = library()
    room = 128
    while True:
        pointers, infos = (c_void_p * room)(), (SampleInfo * room)()
        count = checked(dds.dds_read_mask(reader, pointers, infos, room, room, ALIVE), "discover")
        try:
            if count < room:
                pairs = zip(pointers[:count], infos[:count], strict=True)
                return [convert(place) for place, info in pairs if place and info.valid_data]
        finally:
            if count:
                dds.dds_return_loan(reader, pointers, count)
        room *= 4


def _participant(address: int) -> bytes:
    return bytes(BuiltinParticipant.from_address(address).key.value)


def _endpoint(address: int) -> _Known:
    found = BuiltinEndpoint.from_address(address)
    return _Known(found.topic_name.decode(), found.type_name.decode())


def _endpoint_of(wire_topic: bytes, address: int) -> _Endpoint | None:
    found = BuiltinEndpoint.from_address(address)
    if found.topic_name != wire_topic:
        return None
    return _Endpoint(bytes(found.key.value), found.type_name.decode(), qos_of(found.qos))
