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

"""Whose clock is wrong: told from the stamps of heartbeats, and shown, never acted upon."""

from __future__ import annotations

import statistics
from collections import deque
from collections.abc import Collection

_KEPT = 10


class ClockOffsets:
    """Clocks of members against the fleet's, the (lower) middle one of all clocks.

    Args:
        own: the observer's name when it is a member itself; its clock counts then.
        tolerance_s: what a clock may be off, delays of messages included.
    """

    def __init__(self, own: str = "", tolerance_s: float = 2.0) -> None:
        self._own = own
        self._tolerance_s = tolerance_s
        self._ahead_s: dict[str, deque[float]] = {}

    def hear(self, source: str, sent_s: float, heard_s: float) -> None:
        """A message with a stamp of its sender's clock came at a time of the own clock."""
        ahead_s = self._ahead_s.setdefault(source, deque(maxlen=_KEPT))
        if ahead_s and abs(sent_s - heard_s - ahead_s[-1]) > self._tolerance_s:
            ahead_s.clear()  # one of the two clocks was set
        ahead_s.append(sent_s - heard_s)

    def wrong(self, present: Collection[str]) -> dict[str, float]:
        """Of those who are there, whose clocks are off: seconds ahead of the fleet's."""
        # A message that was on its way for long makes its sender's clock seem slow.
        ahead_s = {s: max(some) for s, some in sorted(self._ahead_s.items()) if s in present}
        if self._own:
            ahead_s[self._own] = 0.0
        if not ahead_s:
            return {}
        middle_s = statistics.median_low(ahead_s.values())
        return {
            source: some - middle_s
            for source, some in ahead_s.items()
            if abs(some - middle_s) > self._tolerance_s
        }
