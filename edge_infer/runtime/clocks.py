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

"""Time as rclpy presents it: points in time, the ROS clock, timers that follow it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from edge_infer.runtime.messages import message_types
from edge_infer.runtime.transport import Alarm, Executor

_SECOND_NS = 1_000_000_000


@dataclass(frozen=True, order=True)
class Duration:
    """A span of time."""

    nanoseconds: int


@dataclass(frozen=True, order=True)
class Time:
    """A point in time of one clock, in nanoseconds since its epoch."""

    nanoseconds: int

    def to_msg(self) -> Any:
        """The builtin_interfaces/msg/Time of the same instant."""
        seconds, rest = divmod(self.nanoseconds, _SECOND_NS)
        return message_types()["builtin_interfaces/msg/Time"](seconds, rest)

    @classmethod
    def from_msg(cls, msg: Any) -> Time:
        """The instant that a builtin_interfaces/msg/Time names."""
        return cls(msg.sec * _SECOND_NS + msg.nanosec)

    def __sub__(self, other: Time) -> Duration:
        return Duration(self.nanoseconds - other.nanoseconds)


class RosClock:
    """System time, or what /clock says while simulated time is in use.

    Simulated time is 0 until the first /clock message.
    """

    def __init__(self, executor: Executor) -> None:
        self.executor = executor
        self._simulated_ns: int | None = None
        self._timers: list[Timer] = []

    @property
    def is_simulated(self) -> bool:
        """Whether it follows /clock."""
        return self._simulated_ns is not None

    def now(self) -> Time:
        """This instant."""
        simulated = self._simulated_ns
        return Time(self.executor.system_ns() if simulated is None else simulated)

    def simulate(self, active: bool) -> None:
        """Switch between /clock and system time; timers start anew."""
        if active != self.is_simulated:
            self._simulated_ns = 0 if active else None
            for timer in self._timers:
                timer.reset()

    def advance(self, simulated_ns: int) -> None:
        """Take over the time of a /clock message and run the timers that are due."""
        if not self.is_simulated:
            return
        is_jump_back = simulated_ns < (self._simulated_ns or 0)
        self._simulated_ns = simulated_ns
        for timer in tuple(self._timers):
            if is_jump_back:
                timer.reset()
            else:
                timer.check(simulated_ns)

    def attach(self, timer: Timer) -> None:
        self._timers.append(timer)

    def detach(self, timer: Timer) -> None:
        if timer in self._timers:
            self._timers.remove(timer)


class Timer:
    """Calls back every period of the ROS clock; occasions that were missed are left out."""

    def __init__(self, clock: RosClock, period_ns: int, callback: Callable[[], None]) -> None:
        self._clock = clock
        self._period_ns = max(period_ns, 1)
        self._callback = callback
        self._alarm: Alarm | None = None
        self._due_ns: int | None = None
        clock.attach(self)
        self.reset()

    def reset(self) -> None:
        """Start a new period now; also after ``cancel``."""
        self._stop()
        self._plan(self._present_ns() + self._period_ns)

    def cancel(self) -> None:
        """No more calls until ``reset``."""
        self._stop()

    def is_canceled(self) -> bool:
        """Whether it waits for ``reset``."""
        return self._due_ns is None

    def close(self) -> None:
        """No more calls."""
        self._stop()
        self._clock.detach(self)

    def check(self, now_ns: int) -> None:
        """Call back if it is due; now is of the clock that drives it."""
        if self._due_ns is None or now_ns < self._due_ns:
            return
        missed = (now_ns - self._due_ns) // self._period_ns
        self._plan(self._due_ns + (missed + 1) * self._period_ns)
        self._callback()

    def _present_ns(self) -> int:
        """Simulated time, else steady time, which a change of the system's clock leaves alone."""
        if self._clock.is_simulated:
            return self._clock.now().nanoseconds
        return self._clock.executor.steady_ns()

    def _plan(self, due_ns: int) -> None:
        self._due_ns = due_ns
        if not self._clock.is_simulated:
            self._alarm = self._clock.executor.call_at(due_ns, self._ring)

    def _ring(self) -> None:
        self.check(self._clock.executor.steady_ns())

    def _stop(self) -> None:
        self._due_ns = None
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None
