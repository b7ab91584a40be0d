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

"""Processes that are started again when they die, with real processes."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from edge_infer.swarm.processes import BACK_OFF_S, ManagedProcess

WAITS_FOR_EOF = "import sys; print('up', flush=True); sys.stdin.read()"


@pytest.fixture
def managed(tmp_path: Path) -> Iterator[Callable[[str], ManagedProcess]]:
    made: list[ManagedProcess] = []

    def make(script: str) -> ManagedProcess:
        command = [sys.executable, "-c", script]
        made.append(ManagedProcess("it", command, tmp_path / "it.log", dict(os.environ)))
        made[-1].start()
        return made[-1]

    yield make
    for process in made:
        process.join(time.monotonic())


def until(look: Callable[[], object]) -> None:
    deadline_s = time.monotonic() + 20
    while not look():
        assert time.monotonic() < deadline_s


def test_a_death_is_told_once_and_it_lives_again(
    managed: Callable[[str], ManagedProcess],
) -> None:
    process = managed(WAITS_FOR_EOF)
    first = process.pid
    assert first
    assert process.tend(0.0) is None
    os.kill(first, signal.SIGKILL)
    until(lambda: process.pid is None)
    assert process.tend(1.0) == -signal.SIGKILL
    assert process.tend(1.0 + BACK_OFF_S[0]) is None
    assert process.pid not in (None, first)
    assert process.deaths == 1


def test_the_second_death_is_followed_by_a_pause(managed: Callable[[str], ManagedProcess]) -> None:
    process = managed("raise SystemExit(3)")
    until(lambda: process.pid is None)
    assert process.tend(0.0) == 3
    process.tend(BACK_OFF_S[0])
    until(lambda: process.pid is None)
    assert process.tend(10.0) == 3
    process.tend(10.0 + BACK_OFF_S[1] / 2)
    assert process.pid is None
    process.tend(10.0 + BACK_OFF_S[1])
    until(lambda: process.pid is None)
    assert process.deaths == 2


def test_one_that_does_not_end_is_killed(managed: Callable[[str], ManagedProcess]) -> None:
    stubborn = managed(
        "import signal, sys; signal.signal(signal.SIGINT, signal.SIG_IGN);"
        "print('up', flush=True); sys.stdin.read()"
    )
    until(lambda: stubborn.last_words() == "up")
    stubborn.interrupt()
    assert stubborn.join(time.monotonic() + 0.2) is False
    assert stubborn.pid is None


def test_its_last_words_are_kept(managed: Callable[[str], ManagedProcess]) -> None:
    process = managed("print('first'); print('last')")
    until(lambda: process.pid is None)
    assert process.last_words() == "last"
