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

"""How a replay is held back."""

from __future__ import annotations

import pytest

from edge_infer.replay.pace import Pace


class Clock:
    """Time that passes while somebody sleeps."""

    def __init__(self) -> None:
        self.now_s = 100.0
        self.slept: list[float] = []

    def read(self) -> float:
        return self.now_s

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now_s += seconds


@pytest.mark.parametrize("rate", [0.5, 1.0, 5.0])
def test_a_message_comes_when_it_is_due(rate: float) -> None:
    clock = Clock()
    pace = Pace(rate, clock.read, clock.sleep)
    for since_begin_ns in (0, 200_000_000, 1_000_000_000):
        pace.wait(since_begin_ns)
        assert clock.now_s == pytest.approx(100 + since_begin_ns / 1e9 / rate)


def test_who_is_late_does_not_wait() -> None:
    clock = Clock()
    pace = Pace(1.0, clock.read, clock.sleep)
    pace.wait(0)
    clock.now_s += 3.0
    pace.wait(1_000_000_000)
    assert clock.slept == []
    pace.wait(3_500_000_000)
    assert clock.slept == pytest.approx([0.5])


def test_without_a_rate_nobody_waits() -> None:
    clock = Clock()
    Pace(None, clock.read, clock.sleep).wait(10**15)
    assert clock.slept == []
