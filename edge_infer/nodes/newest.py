"""The freshest item wins: a worker thread with a mailbox of one.

A callback stores and returns; the worker takes what is newest when it is free.
Every item is accounted for: received = processed + dropped, once the mailbox
is empty.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

Item = TypeVar("Item")


class NewestWorker(Generic[Item]):
    """Works on the newest item.

    Args:
        work: called with an item; must not raise.
        name: of the thread.
        threaded: False works within ``submit``, where time is virtual.
    """

    def __init__(self, work: Callable[[Item], None], name: str, threaded: bool = True) -> None:
        self._work = work
        self._changed = threading.Condition()
        self._pending: list[Item] = []
        self._closed = False
        self.received = 0
        self.processed = 0
        self.dropped = 0
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._threaded = threaded
        if threaded:
            self._thread.start()

    def submit(self, item: Item) -> None:
        """Store an item; one that was still waiting is dropped and counted."""
        with self._changed:
            self.received += 1
            self.dropped += len(self._pending)
            self._pending = [item]
            self._changed.notify()
        if not self._threaded:
            self._take_and_work()

    def close(self, timeout_s: float = 2.0) -> None:
        """Let the running item end, drop a waiting one, stop the thread."""
        with self._changed:
            self._closed = True
            self.dropped += len(self._pending)
            self._pending = []
            self._changed.notify()
        if self._thread.is_alive() and self._thread is not threading.current_thread():
            self._thread.join(timeout_s)

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: bool(self._pending) or self._closed)
                if self._closed:
                    return
            self._take_and_work()

    def _take_and_work(self) -> None:
        with self._changed:
            if not self._pending:
                return
            item = self._pending.pop()
        self._work(item)
        with self._changed:
            self.processed += 1
