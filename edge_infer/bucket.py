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

"""A token bucket: how much may be sent on the average, and how much at once."""

from __future__ import annotations


class Bucket:
    """Bytes that may be sent now.

    What must be sent whole is sent whole, and the debt is waited off.

    Args:
        bytes_per_s: so fast it fills.
        burst: so much it holds; full at the beginning.
    """

    def __init__(self, bytes_per_s: float, burst: float) -> None:
        self._bytes_per_s = bytes_per_s
        self._burst = burst
        self._level = burst
        self._last_s: float | None = None

    def level(self, now_s: float) -> float:
        """Bytes that may be sent; negative after too many. A clock set back adds nothing."""
        if self._last_s is not None:
            gained = max(now_s - self._last_s, 0.0) * self._bytes_per_s
            self._level = min(self._level + gained, self._burst)
        self._last_s = now_s
        return self._level

    def spend(self, amount: float) -> None:
        """So much is sent."""
        self._level -= amount
