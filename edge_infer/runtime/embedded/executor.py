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

"""The thread that runs callbacks: one WaitSet for samples, alarms and calls of other threads.

There are no listeners: the library would call them from its own threads, which
then wait for the interpreter's lock while that lock's holder waits for them.
"""

from __future__ import annotations

import ctypes
import heapq
import itertools
import threading
import time
from collections import deque
from collections.abc import Callable

from edge_infer.runtime.embedded.library import checked, library
from edge_infer.runtime.embedded.participant import Participant

LONGEST_WAIT_NS = 200_000_000
"""Python handles signals between two waits, so none may be long."""

POLL_S = 0.005
_WOKEN = 0
_ROOM = 64


class DdsAlarm:
    """A callback that is due at some time."""

    def __init__(self, callback: Callable[[], None]) -> None:
        self._callback: Callable[[], None] | None = callback

    def cancel(self) -> None:
        """It will not be called; nothing happens when it already was."""
        self._callback = None

    def ring(self) -> None:
        """Call it, once, unless it was cancelled."""
        callback, self._callback = self._callback, None
        if callback is not None:
            callback()


class DdsExecutor:
    """Runs callbacks one at a time; implements ``transport.Executor``."""

    def __init__(self, participant: Participant) -> None:
        dds = library()
        self._waitset = checked(dds.dds_create_waitset(participant.entity), "wait")
        self._guard = checked(dds.dds_create_guardcondition(participant.entity), "wait")
        checked(dds.dds_waitset_attach(self._waitset, self._guard, _WOKEN), "wait")
        self._cookies = (ctypes.c_ssize_t * _ROOM)()
        self._attached: dict[int, Callable[[], None]] = {}
        self._numbers = itertools.count(_WOKEN + 1)
        self._queue: deque[Callable[[], None]] = deque()
        self._round = 0
        self._alarms: list[tuple[int, int, DdsAlarm]] = []
        self._alarms_lock = threading.Lock()
        self._stopping = threading.Event()

    def steady_ns(self) -> int:
        """Never jumps; only differences mean anything."""
        return time.monotonic_ns()

    def system_ns(self) -> int:
        """Since the Unix epoch."""
        return time.time_ns()

    def attach(self, entity: int, statuses: int, ready: Callable[[], None]) -> int:
        """Have ``ready`` called, in the executor's thread, while an entity has one of the statuses.

        It is called between callbacks, shall reset the status, and only queue what it finds.
        """
        cookie = next(self._numbers)
        self._attached[cookie] = ready
        checked(library().dds_set_status_mask(entity, statuses), "watch an endpoint")
        checked(library().dds_waitset_attach(self._waitset, entity, cookie), "watch an endpoint")
        return cookie

    def detach(self, cookie: int) -> None:
        """Call it no more; the entity is about to be deleted."""
        self._attached.pop(cookie, None)

    def queue(self, callback: Callable[[], None]) -> None:
        """Run it in order with the others; only from the executor's thread."""
        self._queue.append(callback)

    def call_soon(self, callback: Callable[[], None]) -> None:
        """Run it in the executor's thread, in order; from any thread or a signal handler."""
        self._queue.append(callback)
        self._wake()

    def call_at(self, steady_ns: int, callback: Callable[[], None]) -> DdsAlarm:
        """Run it once, not before that time; from any thread."""
        alarm = DdsAlarm(callback)
        with self._alarms_lock:
            entry = (steady_ns, next(self._numbers), alarm)
            heapq.heappush(self._alarms, entry)
            is_next = self._alarms[0] is entry
        if is_next:
            self._wake()
        return alarm

    def run_until(self, done: Callable[[], bool], deadline_ns: int | None = None) -> bool:
        """Run callbacks until ``done()``; False when the deadline or a stop came first."""
        while not done():
            if self._stopping.is_set():
                self._stopping.clear()
                return False
            if deadline_ns is not None and time.monotonic_ns() >= deadline_ns:
                return False
            if self._round:
                self._round -= 1
                self._queue.popleft()()
            else:
                self._gather(deadline_ns)
                self._round = len(self._queue)
        return True

    def wait_until(self, done: Callable[[], bool], deadline_ns: int | None = None) -> bool:
        """Block until ``done()``; False at the deadline or when a stop was requested."""
        while not done():
            if self._stopping.is_set():
                return False
            if deadline_ns is not None and time.monotonic_ns() >= deadline_ns:
                return False
            time.sleep(POLL_S)
        return True

    def stop(self) -> None:
        """Make the present or else the next ``run_until`` return; from any thread."""
        self._stopping.set()
        self._wake()

    def _wake(self) -> None:
        library().dds_set_guardcondition(self._guard, True)

    def _gather(self, deadline_ns: int | None) -> None:
        """Wait for something to do and queue it."""
        timeout = 0 if self._queue else self._patience_ns(deadline_ns)
        count = library().dds_waitset_wait(self._waitset, self._cookies, _ROOM, timeout)
        for cookie in self._cookies[: min(checked(count, "wait"), _ROOM)]:
            if cookie == _WOKEN:
                library().dds_set_guardcondition(self._guard, False)
            elif ready := self._attached.get(cookie):
                ready()
        self._queue_due_alarms()

    def _patience_ns(self, deadline_ns: int | None) -> int:
        """How long to wait at most."""
        limits = [] if deadline_ns is None else [deadline_ns]
        with self._alarms_lock:
            limits += [due_ns for due_ns, _, _ in self._alarms[:1]]
        now_ns = time.monotonic_ns()
        return min([LONGEST_WAIT_NS, *(max(limit - now_ns, 0) for limit in limits)])

    def _queue_due_alarms(self) -> None:
        now_ns = time.monotonic_ns()
        with self._alarms_lock:
            while self._alarms and self._alarms[0][0] <= now_ns:
                self._queue.append(heapq.heappop(self._alarms)[2].ring)
