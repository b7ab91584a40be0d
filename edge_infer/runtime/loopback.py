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

"""A whole network in one process: virtual time, seeded loss, delay and partitions.

For tests and replay. Callbacks take no time; time jumps to the next thing that is
due. One seed gives one run, bit for bit, as long as only one thread publishes.
Discovery is immediate; what links do to samples is in ``loopback_links.py``.
"""

from __future__ import annotations

import heapq
import itertools
import random
from collections import deque
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any

from edge_infer.runtime.endpoint_info import TopicEndpointInfo, endpoint_of
from edge_infer.runtime.local import LocalRuntime
from edge_infer.runtime.loopback_links import Conditions, LoopbackReader, LoopbackWriter, Topic
from edge_infer.runtime.transport import Deliver, Endpoint, Incompatible

START_NS = 1_700_000_000_000_000_000
"""System time when a network begins, unless it is told otherwise."""

Task = Callable[[], None]


class LoopbackNetwork:
    """Hosts, the network between them and the time they live in.

    Args:
        seed: decides every loss, delay, duplicate and overtaking.
        loss: share of transmissions between hosts that get lost. A reliable writer
            sends again, so there it only takes longer.
        delay_ms: least and most that a transmission between hosts takes.
        duplicate: share of samples that arrive twice, more than DDS would allow.
        reorder: share of samples that later ones overtake, likewise.
        vanish: share of samples between hosts that never arrive, reliable or not, likewise.
        lease_s: how long a host that cannot be reached is still believed to be there.
        start_ns: system time at the beginning.
    """

    def __init__(
        self,
        seed: int = 0,
        *,
        loss: float = 0.0,
        delay_ms: tuple[float, float] = (0.2, 2.0),
        duplicate: float = 0.0,
        reorder: float = 0.0,
        vanish: float = 0.0,
        lease_s: float = 10.0,
        start_ns: int = START_NS,
    ) -> None:
        low, high = (round(limit * 1e6) for limit in delay_ms)
        self.conditions = Conditions(loss, low, high - low, duplicate, reorder, vanish)
        self.random = random.Random(seed)
        self.now_ns = 0
        self.start_ns = start_ns
        self.guids: Iterator[int] = itertools.count(1)
        self.topics: dict[str, Topic] = {}
        self.nodes: list[tuple[str, str, str]] = []
        self.ready: deque[Task] = deque()
        self._lease_ns = round(lease_s * 1e9)
        self._due: list[tuple[int, int, Callable[[Any], None], Any]] = []
        self._count = itertools.count()
        self._groups: dict[str, int] = {}
        self._cut_since: dict[tuple[str, str], int] = {}
        self._runtimes: list[LocalRuntime] = []
        self._executors: dict[str, list[LoopbackExecutor]] = {}
        """Of each host."""
        self._is_running = False

    # --- what a test does ----------------------------------------------------

    def runtime(
        self, host: str, args: Sequence[str] | None = None, *, clock_offset_s: float = 0.0
    ) -> LocalRuntime:
        """One more process on a host.

        Args:
            host: where it runs; a new name is a new host.
            args: command line.
            clock_offset_s: so far is its system clock ahead of the network's.
        """
        if host not in self._executors:
            self._executors[host] = []
            if self._groups:
                self._update_links()
        executor = LoopbackExecutor(self, round(clock_offset_s * 1e9))
        self._executors[host].append(executor)
        runtime = LocalRuntime("loopback", LoopbackTransport(self, host), executor, args)
        self._runtimes.append(runtime)
        return runtime

    def run_for(self, seconds: float) -> None:
        """Let virtual time pass."""
        self._check_parameters()
        self.run(lambda: False, self.now_ns + round(seconds * 1e9), lambda: False)

    def run_until(self, condition: Callable[[], bool], timeout_s: float) -> bool:
        """Let virtual time pass until the condition holds; False when it ran out first."""
        self._check_parameters()
        return self.run(condition, self.now_ns + round(timeout_s * 1e9), lambda: False)

    def set_clock(self, host: str, by_s: float) -> None:
        """The system clock of a host jumps, as when it is corrected in flight."""
        for executor in self._executors[host]:
            executor.offset_ns += round(by_s * 1e9)

    def partition(self, groups: Sequence[Collection[str]]) -> None:
        """Cut every connection between hosts of different groups.

        Hosts that no group names are together in one more.
        """
        self._groups = {host: index for index, group in enumerate(groups) for host in group}
        self._update_links()

    def heal(self) -> None:
        """Connect all hosts again."""
        self._groups = {}
        self._update_links()

    # --- what transports and executors need -----------------------------------

    def schedule(self, due_ns: int, function: Callable[[Any], None], argument: Any) -> None:
        """Call a function at some time."""
        heapq.heappush(self._due, (due_ns, next(self._count), function, argument))

    def is_cut(self, host: str, other: str) -> bool:
        """Whether nothing passes between two hosts."""
        return self._groups.get(host, -1) != self._groups.get(other, -1)

    def sees(self, host: str, other: str) -> bool:
        """Whether a host believes that another is there."""
        since = self._cut_since.get((host, other))
        return since is None or self.now_ns - since < self._lease_ns

    def run(
        self,
        done: Callable[[], bool],
        deadline_ns: int | None,
        stopped: Callable[[], bool],
    ) -> bool:
        """Run what is due until done, stopped, past the deadline or out of things to do.

        ``done`` is asked between the callbacks of one instant and the next, so it may
        publish each time and time goes on all the same.
        """
        if self._is_running:
            raise RuntimeError("the network is running: a callback must not run it again")
        self._is_running = True
        settled_ns = -1
        try:
            while not done():
                if self._settle(stopped) and settled_ns != self.now_ns:
                    settled_ns = self.now_ns
                elif stopped() or not self._go_on(deadline_ns):
                    return done()
            return True
        finally:
            self._is_running = False

    def wait(self, done: Callable[[], bool], deadline_ns: int | None) -> bool:
        """As ``run``; within a callback time stands still, so there it only looks."""
        return done() if self._is_running else self.run(done, deadline_ns, lambda: False)

    def _settle(self, stopped: Callable[[], bool]) -> bool:
        """Do all that is due at this instant, in order; False when there was nothing."""
        due, ready = self._due, self.ready
        has_run = False
        while not stopped():
            if due and due[0][0] <= self.now_ns:
                _, _, function, argument = heapq.heappop(due)
                function(argument)
            elif ready:
                ready.popleft()()
            else:
                break
            has_run = True
        return has_run

    def _go_on(self, deadline_ns: int | None) -> bool:
        """Move to the next instant; False when nothing is due before the deadline."""
        if self._due and (deadline_ns is None or self._due[0][0] <= deadline_ns):
            self.now_ns = max(self.now_ns, self._due[0][0])
            return True
        self.now_ns = max(self.now_ns, deadline_ns or 0)
        return False

    def _update_links(self) -> None:
        """Cut or mend links after the groups or the hosts changed."""
        pairs = list(itertools.permutations(self._executors, 2))
        forgotten = {pair for pair in pairs if not self.sees(*pair)}
        for pair in pairs:
            if self.is_cut(*pair):
                self._cut_since.setdefault(pair, self.now_ns)
            else:
                self._cut_since.pop(pair, None)
        for topic in self.topics.values():
            for link in (link for writer in topic.writers for link in writer.links):
                pair = (link.writer.host, link.reader.host)
                link.set_cut(pair in self._cut_since, is_forgotten=pair in forgotten)

    def _check_parameters(self) -> None:
        for runtime in self._runtimes:
            runtime.check_parameters()


class LoopbackTransport:
    """One process's place in a loopback network."""

    def __init__(self, network: LoopbackNetwork, host: str) -> None:
        self._network = network
        self._host = host
        self._own: list[LoopbackWriter | LoopbackReader] = []
        self._own_nodes: list[tuple[str, str, str]] = []

    def open_writer(self, endpoint: Endpoint, incompatible: Incompatible) -> LoopbackWriter:
        topic = self._network.topics.setdefault(endpoint.wire_topic, Topic())
        writer = LoopbackWriter(self._network, topic, self._host, endpoint, incompatible)
        self._own.append(writer)
        return writer

    def open_reader(
        self, endpoint: Endpoint, deliver: Deliver, incompatible: Incompatible
    ) -> LoopbackReader:
        topic = self._network.topics.setdefault(endpoint.wire_topic, Topic())
        reader = LoopbackReader(self._network, topic, self._host, endpoint, deliver, incompatible)
        self._own.append(reader)
        return reader

    def node_created(self, name: str, namespace: str) -> None:
        node = (self._host, name, namespace)
        self._own_nodes.append(node)
        self._network.nodes.append(node)

    def node_destroyed(self, name: str, namespace: str) -> None:
        node = (self._host, name, namespace)
        self._own_nodes.remove(node)
        self._network.nodes.remove(node)

    def node_names(self) -> list[tuple[str, str]]:
        sees = self._network.sees
        return [
            (name, namespace)
            for host, name, namespace in self._network.nodes
            if sees(self._host, host)
        ]

    def topics(self) -> list[tuple[str, list[str]]]:
        found = []
        for name, topic in sorted(self._network.topics.items()):
            types = {end.endpoint.type_name for end in topic.ends if self._sees(end)}
            if types:
                found.append((name, sorted(types)))
        return found

    def count_writers(self, wire_topic: str) -> int:
        topic = self._network.topics.get(wire_topic, Topic())
        return sum(self._sees(writer) for writer in topic.writers)

    def count_readers(self, wire_topic: str) -> int:
        topic = self._network.topics.get(wire_topic, Topic())
        return sum(self._sees(reader) for reader in topic.readers)

    def writers(self, wire_topic: str) -> list[TopicEndpointInfo]:
        return self._seen(self._network.topics.get(wire_topic, Topic()).writers)

    def readers(self, wire_topic: str) -> list[TopicEndpointInfo]:
        return self._seen(self._network.topics.get(wire_topic, Topic()).readers)

    def close(self) -> None:
        while self._own:
            self._own.pop().close()
        while self._own_nodes:
            self._network.nodes.remove(self._own_nodes.pop())

    def _seen(
        self, ends: Sequence[LoopbackWriter] | Sequence[LoopbackReader]
    ) -> list[TopicEndpointInfo]:
        found = (end.endpoint for end in ends if self._sees(end))
        return [endpoint_of(each.node, each.type_name, each.qos) for each in found]

    def _sees(self, end: LoopbackWriter | LoopbackReader) -> bool:
        return self._network.sees(self._host, end.host)


class _Alarm:
    """One call that is due."""

    def __init__(self, callback: Task) -> None:
        self._callback: Task | None = callback

    def cancel(self) -> None:
        self._callback = None

    def ring(self, _: None) -> None:
        if self._callback is not None:
            self._callback()


class LoopbackExecutor:
    """Runs callbacks of one process, and meanwhile those of all others in the network."""

    def __init__(self, network: LoopbackNetwork, offset_ns: int = 0) -> None:
        self._network = network
        self.offset_ns = offset_ns
        self._is_stopped = False

    def steady_ns(self) -> int:
        return self._network.now_ns

    def system_ns(self) -> int:
        return self._network.start_ns + self.offset_ns + self._network.now_ns

    def call_soon(self, callback: Task) -> None:
        self._network.ready.append(callback)

    def call_at(self, steady_ns: int, callback: Task) -> _Alarm:
        alarm = _Alarm(callback)
        self._network.schedule(steady_ns, alarm.ring, None)
        return alarm

    def run_until(self, done: Callable[[], bool], deadline_ns: int | None = None) -> bool:
        try:
            return self._network.run(done, deadline_ns, lambda: self._is_stopped)
        finally:
            self._is_stopped = False

    def wait_until(self, done: Callable[[], bool], deadline_ns: int | None = None) -> bool:
        return self._network.wait(done, deadline_ns)

    def stop(self) -> None:
        self._is_stopped = True
