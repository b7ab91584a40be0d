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

"""What happens to samples between a writer and a reader of a loopback network.

Every match is a link. A reliable link keeps order and sends again; a
best-effort one drops. While its hosts are partitioned a link holds what a
reliable writer's history would, and after the lease it forgets; a transient
local writer then tells its whole history again, as DDS does.
"""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Callable, Iterator
from random import Random
from typing import Any, NamedTuple, Protocol

from edge_infer.runtime.qos import Durability, History, QoS, Reliability
from edge_infer.runtime.qos_matching import mismatch
from edge_infer.runtime.transport import Deliver, Endpoint, Incompatible, Payload

LOCAL_NS = 50_000
"""From one process to another on the same host."""

RETRY_NS = 20_000_000
"""From a lost transmission to the next of a reliable writer."""

OVERTAKEN_NS = 50_000_000
"""The most that a reordered sample comes late."""


class Conditions(NamedTuple):
    """Of transmissions between hosts."""

    loss: float
    delay_ns: int
    jitter_ns: int
    duplicate: float
    reorder: float
    vanish: float


class Sample(NamedTuple):
    """One payload on its way."""

    sequence: int
    sent_ns: int
    payload: memoryview


class Network(Protocol):
    """What links need of the network."""

    random: Random
    conditions: Conditions
    now_ns: int
    ready: deque[Callable[[], None]]
    guids: Iterator[int]

    def schedule(self, due_ns: int, function: Callable[[Any], None], argument: Any) -> None: ...
    def is_cut(self, host: str, other: str) -> bool: ...
    def sees(self, host: str, other: str) -> bool: ...


class Topic:
    """The two sides of one topic."""

    def __init__(self) -> None:
        self.writers: list[LoopbackWriter] = []
        self.readers: list[LoopbackReader] = []

    @property
    def ends(self) -> list[LoopbackWriter | LoopbackReader]:
        """Both sides."""
        return [*self.writers, *self.readers]


def history(qos: QoS) -> deque[Sample]:
    """An empty queue that keeps as much as the policy says."""
    return deque(maxlen=qos.depth if qos.history is History.KEEP_LAST else None)


class LoopbackWriter:
    """Sends to every reader that it matches."""

    def __init__(
        self,
        network: Network,
        topic: Topic,
        host: str,
        endpoint: Endpoint,
        incompatible: Incompatible,
    ) -> None:
        self.host = host
        self.endpoint = endpoint
        self.guid = next(network.guids)
        self.links: list[Link] = []
        self.is_latched = endpoint.qos.durability is Durability.TRANSIENT_LOCAL
        self.history = history(endpoint.qos)
        self.incompatible = incompatible
        self._network = network
        self._topic = topic
        self._sequence = itertools.count()
        topic.writers.append(self)
        for reader in topic.readers:
            _meet(network, self, reader)

    def write(self, payload: Payload) -> None:
        sample = memoryview(payload).toreadonly()
        self._network.ready.append(lambda: self._send(sample))

    def matched(self) -> list[str]:
        return [link.reader.endpoint.user_data for link in self.links if link.is_known()]

    def close(self) -> None:
        if self in self._topic.writers:
            self._topic.writers.remove(self)
            # What was written before goes out first.
            self._network.ready.append(self._unlink)

    def _send(self, payload: memoryview) -> None:
        sample = Sample(next(self._sequence), self._network.now_ns, payload)
        if self.is_latched:
            self.history.append(sample)
        for link in self.links:
            link.send(sample)

    def _unlink(self) -> None:
        for link in self.links:
            link.reader.links.remove(link)
        self.links = []


class LoopbackReader:
    """Queues what arrives and hands it to the node, one sample at a time."""

    def __init__(
        self,
        network: Network,
        topic: Topic,
        host: str,
        endpoint: Endpoint,
        deliver: Deliver,
        incompatible: Incompatible,
    ) -> None:
        self.host = host
        self.endpoint = endpoint
        self.links: list[Link] = []
        self.incompatible = incompatible
        self._network = network
        self._deliver = deliver
        self._queue = history(endpoint.qos)
        self._is_waiting = False
        self._topic = topic
        topic.readers.append(self)
        for writer in topic.writers:
            _meet(network, writer, self)

    def matched(self) -> list[str]:
        return [link.writer.endpoint.user_data for link in self.links if link.is_known()]

    def close(self) -> None:
        if self not in self._topic.readers:
            return
        self._topic.readers.remove(self)
        self._queue.clear()
        for link in self.links:
            link.close()
            link.writer.links = [other for other in link.writer.links if other is not link]
        self.links = []

    def receive(self, sample: Sample) -> None:
        """Queue a sample that came over a link; the oldest gives way."""
        self._queue.append(sample)
        if not self._is_waiting:
            self._is_waiting = True
            self._network.ready.append(self._take)

    def _take(self) -> None:
        self._is_waiting = len(self._queue) > 1
        if self._is_waiting:
            self._network.ready.append(self._take)
        if self._queue:
            self._deliver(self._queue.popleft().payload)


class Link:
    """The way from one writer to one reader."""

    def __init__(self, network: Network, writer: LoopbackWriter, reader: LoopbackReader) -> None:
        self.writer = writer
        self.reader = reader
        self._network = network
        self._is_remote = writer.host != reader.host
        self._is_reliable = reader.endpoint.qos.reliability is Reliability.RELIABLE
        self._is_cut = network.is_cut(writer.host, reader.host)
        self._is_undiscovered = self._is_cut
        self._is_closed = False
        self._held = history(writer.endpoint.qos)
        lifespan_s = writer.endpoint.qos.lifespan_s
        self._lifespan_ns = None if lifespan_s is None else round(lifespan_s * 1e9)
        self._last_arrival_ns = 0

    def is_known(self) -> bool:
        """Whether the two believe in each other."""
        sees = self._network.sees(self.writer.host, self.reader.host)
        return sees and not self._is_undiscovered

    def close(self) -> None:
        """Nothing arrives any more."""
        self._is_closed = True

    def replay(self) -> None:
        """Send what a latched writer wrote before."""
        if self.writer.is_latched and (
            self.reader.endpoint.qos.durability is Durability.TRANSIENT_LOCAL
        ):
            for sample in tuple(self.writer.history):
                self.send(sample)

    def send(self, sample: Sample) -> None:
        """Put a sample on its way, unless it gets lost."""
        if self._is_cut:
            self._hold(sample)
            return
        network = self._network
        if not self._is_remote:
            network.schedule(network.now_ns + LOCAL_NS, self._arrive, sample)
            return
        conditions, chance = network.conditions, network.random.random
        if conditions.vanish and chance() < conditions.vanish:
            return
        delay_ns = conditions.delay_ns + int(chance() * conditions.jitter_ns)
        while conditions.loss and chance() < conditions.loss:
            if not self._is_reliable:
                return
            delay_ns += RETRY_NS
        arrival_ns = max(network.now_ns + delay_ns, self._last_arrival_ns)
        if conditions.reorder and chance() < conditions.reorder:
            arrival_ns += int(chance() * OVERTAKEN_NS)
        else:
            self._last_arrival_ns = arrival_ns
        network.schedule(arrival_ns, self._arrive, sample)
        if conditions.duplicate and chance() < conditions.duplicate:
            network.schedule(arrival_ns + delay_ns, self._arrive, sample)

    def set_cut(self, is_cut: bool, *, is_forgotten: bool) -> None:
        """Follow a partition.

        Args:
            is_cut: whether nothing passes from now on.
            is_forgotten: whether the hosts have given each other up in the meantime.
        """
        was_cut, self._is_cut = self._is_cut, is_cut
        if is_cut or not was_cut:
            return
        is_forgotten |= self._is_undiscovered
        self._is_undiscovered = False
        held = sorted(self._held, key=lambda sample: sample.sequence)
        self._held.clear()
        if is_forgotten:
            self.replay()
        else:
            for sample in held:
                self.send(sample)

    def _hold(self, sample: Sample) -> None:
        if self._is_reliable:
            self._held.append(sample)

    def _arrive(self, sample: Sample) -> None:
        if self._is_closed:
            return
        if self._is_cut:
            self._hold(sample)
            return
        age_ns = self._network.now_ns - sample.sent_ns
        if self._lifespan_ns is None or age_ns <= self._lifespan_ns:
            self.reader.receive(sample)


def _meet(network: Network, writer: LoopbackWriter, reader: LoopbackReader) -> None:
    """Match two ends of a topic, or tell both why not."""
    if writer.endpoint.type_name != reader.endpoint.type_name:
        return
    policy = mismatch(writer.endpoint.qos, reader.endpoint.qos)
    if policy is not None:
        network.ready.append(lambda: writer.incompatible(policy))
        network.ready.append(lambda: reader.incompatible(policy))
        return
    link = Link(network, writer, reader)
    writer.links.append(link)
    reader.links.append(link)
    link.replay()
