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

"""The freshest items win: a worker thread with a small mailbox for each source.

A callback stores and returns; the worker takes what is newest when it is free, from
each source in turn, so that a fast camera does not starve a slow one. Every item is
accounted for: received = processed + dropped, once the mailboxes are empty.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

Item = TypeVar("Item")


class NewestWorker(Generic[Item]):
    """Works on the newest items.

    Args:
        work: called with up to ``batch`` items, the oldest of each source first; must not raise.
        name: of the thread.
        threaded: False works within ``submit``, where time is virtual.
        batch: so many items may be worked on together, and wait in each mailbox.
        window_s: how long the first item of a batch may wait for others.
    """

    def __init__(
        self,
        work: Callable[[Sequence[Item]], None],
        name: str,
        threaded: bool = True,
        batch: int = 1,
        window_s: float = 0.0,
    ) -> None:
        self._work = work
        self._batch = batch
        self._window_s = window_s
        self._changed = threading.Condition()
        self._mailboxes: dict[str, deque[Item]] = {}
        self._closed = False
        self.received = 0
        self.processed = 0
        self.dropped = 0
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._threaded = threaded
        if threaded:
            self._thread.start()

    def submit(self, item: Item, source: str = "") -> None:
        """Store an item; the oldest of its source is dropped and counted if its mailbox is full."""
        with self._changed:
            self.received += 1
            if self._closed:
                self.dropped += 1
                return
            mailbox = self._mailboxes.setdefault(source, deque())
            if len(mailbox) == self._batch:
                mailbox.popleft()
                self.dropped += 1
            mailbox.append(item)
            self._changed.notify()
        if not self._threaded:
            self._take_and_work()

    def close(self, timeout_s: float = 2.0) -> None:
        """Let the running items end, drop the waiting ones, stop the thread."""
        with self._changed:
            self._closed = True
            self.dropped += self._waiting()
            self._mailboxes.clear()
            self._changed.notify()
        if self._thread.is_alive() and self._thread is not threading.current_thread():
            self._thread.join(timeout_s)

    def _waiting(self) -> int:
        return sum(map(len, self._mailboxes.values()))

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting() > 0 or self._closed)
                if self._window_s:
                    self._changed.wait_for(
                        lambda: self._waiting() >= self._batch or self._closed, self._window_s
                    )
                if self._closed:
                    return
            self._take_and_work()

    def _take_and_work(self) -> None:
        with self._changed:
            items = self._taken()
        if not items:
            return
        self._work(items)
        with self._changed:
            self.processed += len(items)

    def _taken(self) -> list[Item]:
        """Up to a batch, one from each source in turn; who gave one waits behind the others."""
        items: list[Item] = []
        while len(items) < self._batch and self._waiting():
            source = next(name for name, mailbox in self._mailboxes.items() if mailbox)
            mailbox = self._mailboxes.pop(source)
            items.append(mailbox.popleft())
            self._mailboxes[source] = mailbox
        return items
