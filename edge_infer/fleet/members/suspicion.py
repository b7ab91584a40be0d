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

"""How far an observer may trust itself, and how long it waits before it calls a member dead.

After Lifeguard (Dadgar, Phillips and Currey, DSN-W 2018): who misses its own
ticks, hears nobody or is itself suspected may be the slow one, so it waits
longer. Independent accusers shorten the wait. Nothing here knows a member.
"""

from __future__ import annotations

import math

from edge_infer.fleet.elapsed import Elapsed


class Attention:
    """The time in which an observer paid attention, and its doubt in itself.

    While it sleeps, or when its clock jumps, nobody can be said to have been silent:
    a gap counts for two ticks at most. So any clock will do.

    Args:
        tick_s: time between two ticks when all is well; one that comes more than as
            much again too late raises the doubt.
        most: highest doubt.
        calm_s: after this long without a cause the doubt falls by one.
    """

    def __init__(self, tick_s: float, most: int, calm_s: float) -> None:
        self._longest_s = 2 * tick_s
        self._most = most
        self._calm_s = calm_s
        self._time = Elapsed(self._longest_s)
        self._ticked_s: float | None = None
        self._changed_s = 0.0
        self.doubt = 0
        """0 when all is well; time-outs are stretched by one more than this."""

    @property
    def now_s(self) -> float:
        """Attentive time since the beginning."""
        return self._time.now_s

    def at(self, clock_s: float) -> float:
        """Let time pass until the clock shows this; returns the attentive time."""
        return self._time.at(clock_s)

    def tick(self, clock_s: float) -> float:
        """The same once per tick: doubt rises when it is late, and falls while it is calm."""
        now_s = self.at(clock_s)
        gap_s = 0.0 if self._ticked_s is None else clock_s - self._ticked_s
        self._ticked_s = clock_s
        if gap_s > self._longest_s * 1.001:  # a tick that is late to the bit is in time
            self.raise_to(self.doubt + 1)
        elif self.doubt and now_s - self._changed_s >= self._calm_s:
            self.doubt -= 1
            self._changed_s = now_s
        return now_s

    def raise_to(self, doubt: int) -> None:
        """There is a cause to doubt at least that much."""
        self.doubt = min(max(self.doubt, doubt), self._most)
        self._changed_s = self.now_s


def patience_s(accusers: int, possible: int, fastest_s: float, slowest_s: float) -> float:
    """How long a suspect has to show itself.

    Args:
        accusers: others who do not hear it either, each by its own ears.
        possible: how many such others make the observer sure.
        fastest_s: with that many, or when nobody else could tell.
        slowest_s: with none.
    """
    if possible < 1:
        return fastest_s
    share = math.log(accusers + 1) / math.log(possible + 1)
    return max(fastest_s, slowest_s - (slowest_s - fastest_s) * share)
