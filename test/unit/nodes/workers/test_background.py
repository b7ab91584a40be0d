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

"""Slow work beside the executor: where it runs, and where and when its results come."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest
from domains import own_domain

from edge_infer.errors import UpdateError
from edge_infer.nodes.workers.background import Background, Outcome
from edge_infer.runtime.api import Runtime
from edge_infer.runtime.loopback import LoopbackNetwork
from edge_infer.runtime.selection import available, open_runtime

DEADLINE_S = 30.0


class Desk:
    """A background, and what came of the work that it was given.

    Attributes:
        results: in their order; the sentence of an error where there was one.
        threads: names of those in which the results came.
    """

    def __init__(self, runtime: Runtime) -> None:
        self.background = Background(runtime.create_node("busy"), "work")
        self._runtime = runtime
        self.results: list[Any] = []
        self.threads: set[str] = set()

    def run(self, work: Callable[[], Any]) -> None:
        self.background.run(work, self._take)

    def gets(self, count: int) -> bool:
        """Let callbacks run until so many results are there."""
        return self._runtime.spin_until(lambda: len(self.results) == count, DEADLINE_S)

    def _take(self, outcome: Outcome) -> None:
        self.threads.add(threading.current_thread().name)
        try:
            self.results.append(outcome())
        except UpdateError as error:
            self.results.append(str(error))


@pytest.fixture(params=["embedded", "loopback"])
def desk(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    if request.param == "loopback":
        runtime: Runtime = LoopbackNetwork().runtime("here")
    else:
        if reason := available()["embedded"]:
            pytest.skip(reason)
        monkeypatch.setenv("ROS_AUTOMATIC_DISCOVERY_RANGE", "LOCALHOST")
        monkeypatch.setenv("ROS_DOMAIN_ID", str(own_domain()))
        runtime = open_runtime("embedded")
    desk = Desk(runtime)
    yield desk
    desk.background.close()
    runtime.shutdown()


embedded = pytest.mark.parametrize("desk", ["embedded"], indirect=True)


def fail() -> None:
    raise UpdateError("the disk is full", "make room")


def test_results_come_in_order_and_in_the_executors_thread(desk: Desk) -> None:
    for number in range(20):
        desk.run(partial(pow, number, 2))
    assert desk.gets(20)
    assert desk.results == [number**2 for number in range(20)]
    assert desk.threads == {threading.current_thread().name}
    assert desk.background.waiting == 0


def test_an_error_is_raised_where_its_result_is_asked_for_and_nothing_else_ends(
    desk: Desk,
) -> None:
    for work in (partial(int, "1"), fail, partial(int, "2")):
        desk.run(work)
    assert desk.gets(3)
    assert desk.results == [1, "the disk is full: make room", 2]


def test_a_result_may_ask_for_more_work(desk: Desk) -> None:
    desk.background.run(lambda: 1, lambda outcome: desk.run(lambda: outcome() + 1))
    assert desk.gets(1)
    assert (desk.results, desk.background.waiting) == ([2], 0)


def test_after_its_end_nothing_is_done(desk: Desk) -> None:
    desk.background.close()
    desk.background.close()
    desk.run(lambda: desk.results.append("done"))
    assert (desk.results, desk.background.waiting) == ([], 0)


@embedded
def test_one_piece_of_work_at_a_time_while_the_executor_goes_on(desk: Desk) -> None:
    may_end, began = threading.Event(), list[str]()

    def work() -> bool:
        began.append(threading.current_thread().name)
        return may_end.wait(DEADLINE_S)

    ticks: list[None] = []
    node = desk._runtime.create_node("ticking")
    node.create_timer(0.001, lambda: ticks.append(None))
    desk.run(work)
    desk.run(work)
    assert desk._runtime.spin_until(lambda: len(ticks) >= 10 and bool(began), DEADLINE_S)
    assert (len(began), desk.background.waiting, desk.results) == (1, 2, [])
    may_end.set()
    assert desk.gets(2)
    assert set(began) == {"work_0"}
    assert desk.results == [True, True]


@embedded
def test_closing_lets_the_running_piece_end_and_delivers_nothing_more(desk: Desk) -> None:
    began, may_end, done = threading.Event(), threading.Event(), list[str]()

    def first() -> None:
        began.set()
        may_end.wait(DEADLINE_S)
        done.append("first")

    desk.run(first)
    assert began.wait(DEADLINE_S)
    closing = threading.Thread(target=desk.background.close)
    closing.start()
    may_end.set()
    closing.join(DEADLINE_S)
    assert not closing.is_alive()
    desk._runtime.spin_until(lambda: bool(desk.results), 0.05)
    assert (done, desk.results) == (["first"], [])
