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

"""Holds a replay back to some rate of the bag's own time."""

from __future__ import annotations

import time
from collections.abc import Callable


class Pace:
    """Waits until a message is due by the wall's clock; what the nodes see stays the bag's.

    Args:
        rate: seconds of the bag per second; None never waits.
        clock_s: steady.
        sleep: waits so many seconds.
    """

    def __init__(
        self,
        rate: float | None,
        clock_s: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._rate = rate
        self._clock_s = clock_s
        self._sleep = sleep
        self._begin_s: float | None = None

    def wait(self, since_begin_ns: int) -> None:
        """Wait for what was recorded so long after the first message."""
        if self._rate is None:
            return
        if self._begin_s is None:
            self._begin_s = self._clock_s()
        due_s = self._begin_s + since_begin_ns / 1e9 / self._rate
        if (ahead_s := due_s - self._clock_s()) > 0:
            self._sleep(ahead_s)
