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

"""The newest item wins, and every item is accounted for."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from edge_infer.nodes.workers.newest import NewestWorker


def test_while_it_works_only_the_newest_waits() -> None:
    started, go_on, done = threading.Event(), threading.Event(), threading.Event()
    worked: list[int] = []

    def work(items: Sequence[int]) -> None:
        worked.extend(items)
        if items == [0]:
            started.set()
            assert go_on.wait(5)
        else:
            done.set()

    worker = NewestWorker(work, "test")
    worker.submit(0)
    assert started.wait(5)
    for item in (1, 2, 3):
        worker.submit(item)
    go_on.set()
    assert done.wait(5)
    worker.close()
    assert worked == [0, 3]
    assert (worker.received, worker.processed, worker.dropped) == (4, 2, 2)


@given(st.integers(0, 50), st.integers(1, 10), st.integers(1, 4))
def test_received_is_processed_plus_dropped_when_closed(
    count: int, batch: int, sources: int
) -> None:
    worker = NewestWorker(lambda _: None, "test", batch=batch)
    for item in range(count):
        worker.submit(item, f"camera {item % sources}")
    worker.close()
    assert worker.received == count == worker.processed + worker.dropped


def test_without_a_thread_every_item_is_worked_on_at_once() -> None:
    worked: list[str] = []
    worker = NewestWorker(worked.extend, "test", threaded=False)
    worker.submit("a")
    worker.submit("b")
    worker.close()
    assert worked == ["a", "b"]
    assert (worker.received, worker.processed, worker.dropped) == (2, 2, 0)


class Held:
    """A worker that is busy with a first item until it is let go."""

    def __init__(self, **options: Any) -> None:
        self.taken: list[Sequence[str]] = []
        self.started, self.go_on, self.last = (threading.Event() for _ in range(3))
        self.worker = NewestWorker(self._work, "test", **options)
        self.worker.submit("first")
        assert self.started.wait(5)

    def _work(self, items: Sequence[str]) -> None:
        self.started.set()
        assert self.go_on.wait(5)
        self.taken.append(items)
        if "last" in items:
            self.last.set()

    def finish(self) -> list[Sequence[str]]:
        self.go_on.set()
        assert self.last.wait(5)
        self.worker.close()
        return self.taken[1:]


def test_a_fast_source_does_not_starve_a_slow_one() -> None:
    held = Held()
    for item in ("a1", "a2", "a3"):
        held.worker.submit(item, "a")
    held.worker.submit("last", "b")
    assert held.finish() == [["a3"], ["last"]]
    assert held.worker.dropped == 2


def test_sources_take_turns() -> None:
    taken: list[str] = []
    worker = NewestWorker(taken.extend, "test", threaded=False)
    worker._threaded = True  # store only
    for source in ("a", "b", "c"):
        worker.submit(source, source)
    for source in ("a", "b", "c", "a"):
        worker._take_and_work()
        worker.submit(f"next {source}", source)
    worker.close()
    assert taken == ["a", "b", "c", "next a"]


def test_a_batch_has_the_newest_of_each_source_the_oldest_first() -> None:
    held = Held(batch=3)
    for item in ("a1", "a2", "a3", "a4"):
        held.worker.submit(item, "a")
    held.worker.submit("last", "b")
    assert held.finish()[0] == ["a2", "last", "a3"]
    assert held.worker.received == held.worker.processed + held.worker.dropped == 6


def test_a_batch_waits_for_its_window_but_no_longer_than_it_takes_to_fill() -> None:
    full = threading.Event()
    taken: list[Sequence[str]] = []

    def work(items: Sequence[str]) -> None:
        taken.append(items)
        full.set()

    worker = NewestWorker(work, "test", batch=2, window_s=60.0)
    worker.submit("a")
    worker.submit("b")
    assert full.wait(5)
    worker.close()
    assert taken == [["a", "b"]]
