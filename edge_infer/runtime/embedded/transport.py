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

"""A process's place in a DDS network; implements ``transport.Transport``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from edge_infer.runtime.embedded.endpoints import DdsReader, DdsWriter
from edge_infer.runtime.embedded.executor import DdsExecutor
from edge_infer.runtime.embedded.graph import Graph
from edge_infer.runtime.embedded.participant import Participant
from edge_infer.runtime.endpoint_info import TopicEndpointInfo
from edge_infer.runtime.transport import Deliver, Endpoint, Incompatible

Opened = TypeVar("Opened", DdsWriter, DdsReader)


class DdsTransport:
    """Opens endpoints on one participant and keeps its graph true."""

    def __init__(self, participant: Participant, executor: DdsExecutor) -> None:
        self._participant = participant
        self._executor = executor
        self._graph = Graph(participant, executor)
        self._open: set[DdsWriter | DdsReader] = set()

    def open_writer(self, endpoint: Endpoint, incompatible: Incompatible) -> DdsWriter:
        writer = DdsWriter(self._participant, self._executor, endpoint, incompatible)
        return self._keep(writer, self._graph.add_writer(endpoint.node, writer.network_guid))

    def open_reader(
        self, endpoint: Endpoint, deliver: Deliver, incompatible: Incompatible
    ) -> DdsReader:
        reader = DdsReader(self._participant, self._executor, endpoint, deliver, incompatible)
        return self._keep(reader, self._graph.add_reader(endpoint.node, reader.network_guid))

    def node_created(self, name: str, namespace: str) -> None:
        self._graph.add_node(name, namespace)

    def node_destroyed(self, name: str, namespace: str) -> None:
        self._graph.remove_node(name, namespace)

    def node_names(self) -> Sequence[tuple[str, str]]:
        return self._graph.node_names()

    def topics(self) -> Sequence[tuple[str, Sequence[str]]]:
        return self._graph.topics()

    def count_writers(self, wire_topic: str) -> int:
        return self._graph.count_writers(wire_topic)

    def count_readers(self, wire_topic: str) -> int:
        return self._graph.count_readers(wire_topic)

    def writers(self, wire_topic: str) -> Sequence[TopicEndpointInfo]:
        return self._graph.writers(wire_topic)

    def readers(self, wire_topic: str) -> Sequence[TopicEndpointInfo]:
        return self._graph.readers(wire_topic)

    def close(self) -> None:
        """Leave the network; a second call does nothing."""
        self._executor.stop()
        for endpoint in tuple(self._open):
            endpoint.close()
        self._participant.close()

    def _keep(self, endpoint: Opened, leave_graph: Callable[[], None]) -> Opened:
        def closed() -> None:
            self._open.discard(endpoint)
            leave_graph()

        endpoint.on_close = closed
        self._open.add(endpoint)
        return endpoint
