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

"""Slow work beside the executor, one piece after the other, its results back in the executor."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import Any

from edge_infer.errors import EdgeInferError
from edge_infer.runtime.api import Node

Outcome = Callable[[], Any]
"""Gives what the work returned, or raises its EdgeInferError."""


class Background:
    """One worker thread of a node; on the loopback runtime the work is done within ``run``.

    Args:
        node: the handle.
        name: of the thread.
    """

    def __init__(self, node: Node, name: str) -> None:
        self._done: deque[Callable[[], None]] = deque()
        self._guard = node.create_guard_condition(self._deliver)
        self._pool = None
        if node.runtime_name != "loopback":
            self._pool = ThreadPoolExecutor(1, thread_name_prefix=name)
        self._is_closed = False
        self.waiting = 0

    def run(self, work: Callable[[], Any], then: Callable[[Outcome], None]) -> None:
        """Do some work; none after ``close``.

        Args:
            work: called on the thread.
            then: called in the executor's thread with what gives the result.
        """
        if self._is_closed:
            return
        self.waiting += 1
        if self._pool is None:
            self._finish(then, _finished(work))
            return
        self._pool.submit(work).add_done_callback(partial(self._hand_over, then))

    def close(self) -> None:
        """Let the running piece end; nothing more is delivered."""
        self._is_closed = True
        if self._pool:
            self._pool.shutdown(cancel_futures=True)

    def _hand_over(self, then: Callable[[Outcome], None], future: Future[Any]) -> None:
        self._done.append(partial(self._finish, then, future))
        if not self._is_closed:
            self._guard.trigger()

    def _deliver(self) -> None:
        while self._done and not self._is_closed:
            self._done.popleft()()

    def _finish(self, then: Callable[[Outcome], None], future: Future[Any]) -> None:
        self.waiting -= 1
        then(future.result)


def _finished(work: Callable[[], Any]) -> Future[Any]:
    future: Future[Any] = Future()
    try:
        future.set_result(work())
    except EdgeInferError as error:
        future.set_exception(error)
    return future
