"""The newest item wins, and every item is accounted for."""

from __future__ import annotations

import threading

from hypothesis import given
from hypothesis import strategies as st

from edge_infer.nodes.newest import NewestWorker


def test_while_it_works_only_the_newest_waits() -> None:
    started, go_on, done = threading.Event(), threading.Event(), threading.Event()
    worked: list[int] = []

    def work(item: int) -> None:
        worked.append(item)
        if item == 0:
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


@given(st.integers(0, 50))
def test_received_is_processed_plus_dropped_when_closed(count: int) -> None:
    worker = NewestWorker(lambda _: None, "test")
    for item in range(count):
        worker.submit(item)
    worker.close()
    assert worker.received == count == worker.processed + worker.dropped


def test_without_a_thread_every_item_is_worked_on_at_once() -> None:
    worked: list[str] = []
    worker = NewestWorker(worked.append, "test", threaded=False)
    worker.submit("a")
    worker.submit("b")
    worker.close()
    assert worked == ["a", "b"]
    assert (worker.received, worker.processed, worker.dropped) == (2, 2, 0)
