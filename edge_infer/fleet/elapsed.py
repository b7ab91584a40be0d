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

"""How much time has passed, by a clock that may be set."""

from __future__ import annotations

import math


class Elapsed:
    """Time since the first look at a clock; while the clock is set back it stands still.

    Args:
        most_s: between two looks so much counts at most, for a clock that jumps ahead.

    Attributes:
        now_s: at the last look.
    """

    def __init__(self, most_s: float = math.inf) -> None:
        self.now_s = 0.0
        self._most_s = most_s
        self._last_s: float | None = None

    def at(self, clock_s: float) -> float:
        """Let time pass until the clock shows this; returns how much has passed."""
        if self._last_s is not None:
            self.now_s += min(max(clock_s - self._last_s, 0.0), self._most_s)
        self._last_s = clock_s
        return self.now_s
