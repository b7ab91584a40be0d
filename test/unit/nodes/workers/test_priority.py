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

"""A thread that gives way, and what it has started, are as before in the end."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from edge_infer.nodes.workers import priority
from edge_infer.nodes.workers.priority import STEPS, low_priority

here = pytest.mark.skipif(
    not priority._can_be_undone(), reason="the system does not let a priority be raised again"
)


def niceness(thread: int = 0) -> int:
    return os.getpriority(os.PRIO_PROCESS, thread)


def apart(function: object) -> object:
    """The same in a thread that ends afterwards."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(function).result(30)


@here
def test_the_thread_gives_way_and_no_other_does() -> None:
    def within() -> tuple[bool, int, int]:
        with low_priority() as lower:
            return lower, niceness(), niceness(threading.main_thread().native_id)

    normal = niceness()
    assert apart(within) == (True, min(normal + STEPS, 19), normal)


@here
def test_what_was_started_meanwhile_is_raised_again() -> None:
    wait = [sys.executable, "-c", "import sys; sys.stdin.read()"]

    def within() -> tuple[list[int], list[int], int]:
        go_on = threading.Event()
        with low_priority():
            thread = threading.Thread(target=go_on.wait)
            thread.start()
            process = subprocess.Popen(wait, stdin=subprocess.PIPE)
            ids = [thread.native_id, process.pid]
            during = [niceness(each) for each in ids]
        after = [niceness(each) for each in ids]
        go_on.set()
        thread.join()
        process.communicate(timeout=30)
        return during, after, niceness()

    normal = niceness()
    low = min(normal + STEPS, 19)
    assert apart(within) == ([low] * 2, [normal] * 2, normal)


@here
def test_an_error_leaves_no_thread_low() -> None:
    def within() -> int:
        with pytest.raises(ValueError, match="on the way"), low_priority():
            raise ValueError("on the way")
        return niceness()

    assert apart(within) == niceness()


def test_where_it_cannot_be_undone_nothing_is_lowered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(priority, "_can_be_undone", lambda: False)
    before = niceness()
    with low_priority() as lower:
        assert not lower
        assert niceness() == before
