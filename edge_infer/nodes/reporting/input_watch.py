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

"""Whether what a node lives on still comes, and often enough. Pure: counts and times in.

The keys are those of diagnostic_updater's FrequencyStatus, so that monitors show them alike.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import NamedTuple

from edge_infer.nodes.reporting.levels import OK, STALE, WARN

WINDOW = 5
"""Looks over which a frequency is measured."""


class InputState(NamedTuple):
    """How an input does.

    Attributes:
        level: OK, WARN when it comes too seldom, STALE when it has stopped.
        message: why; empty when OK.
        values: for people.
    """

    level: int
    message: str
    values: Mapping[str, str]


class InputWatch:
    """Looks at a counter now and then.

    Args:
        what: one of what comes, e.g. ``"image"``.
        silent_s: after this time without one it is STALE; 0 never.
        least_hz: below this frequency it is a WARN; 0 for any.
    """

    def __init__(self, what: str, silent_s: float = 0.0, least_hz: float = 0.0) -> None:
        self._what = what
        self._silent_s = silent_s
        self._least_hz = least_hz
        self._looks: deque[tuple[int, int]] = deque(maxlen=WINDOW + 1)
        self._came_ns = 0

    def look(self, count: int, now_ns: int, is_wanted: bool = True) -> InputState:
        """How it does.

        Args:
            count: of all that ever came.
            now_ns: of any one clock; where it was set back, measuring begins again.
            is_wanted: False while nobody asks for it, so that nothing has to come.
        """
        looks = self._looks
        if looks and (now_ns <= looks[-1][0] or not is_wanted):
            looks.clear()
        if not looks or count != looks[-1][1]:
            self._came_ns = now_ns
        looks.append((now_ns, count))
        passed_s = (now_ns - looks[0][0]) / 1e9
        rate_hz = (count - looks[0][1]) / passed_s if passed_s else None
        silent_s = (now_ns - self._came_ns) / 1e9
        level, message = self._judge(rate_hz, silent_s)
        return InputState(level, message, self._values(count, passed_s, rate_hz))

    def _judge(self, rate_hz: float | None, silent_s: float) -> tuple[int, str]:
        if 0 < self._silent_s <= silent_s:
            return STALE, f"no {self._what} for {silent_s:.0f} s"
        is_long_enough = len(self._looks) > WINDOW
        if is_long_enough and rate_hz is not None and rate_hz < self._least_hz:
            return WARN, f"{self._what}s come at {rate_hz:.2f} Hz, less than {self._least_hz:g} Hz"
        return OK, ""

    def _values(self, count: int, passed_s: float, rate_hz: float | None) -> dict[str, str]:
        return {
            "Events in window": str(count - self._looks[0][1]),
            "Events since startup": str(count),
            "Duration of window (s)": f"{passed_s:.1f}",
            "Actual frequency (Hz)": "" if rate_hz is None else f"{rate_hz:.2f}",
            "Minimum acceptable frequency (Hz)": f"{self._least_hz:g}",
        }
