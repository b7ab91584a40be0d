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

"""Two of one name: told apart by the number that each start draws at random.

A restart has another number than the start before, but the two do not speak at
the same time, apart from what was late on its way. Two drones that were given
the same name do, and go on doing so.
"""

from __future__ import annotations

from dataclasses import dataclass

from edge_infer.errors import NameTakenError

_AT_ONCE_S = 2.0
"""Starts less than this apart are at once: uptimes on their way cannot order them."""


@dataclass
class _Span:
    first_s: float
    last_s: float


class Namesakes:
    """Which sessions speak under which name.

    Args:
        patience_s: two that both speak for longer than this are two; longer than
            messages are on their way. One that is silent for as long has ended.
    """

    def __init__(self, patience_s: float = 3.0) -> None:
        self.patience_s = patience_s
        self._spans: dict[str, dict[int, _Span]] = {}

    def hear(self, source: str, session: int, now_s: float) -> None:
        """Something was said under this name."""
        spans = self._spans.setdefault(source, {})
        for ended in [s for s, span in spans.items() if now_s - span.last_s > self.patience_s]:
            del spans[ended]
        spans.setdefault(session, _Span(now_s, now_s)).last_s = now_s

    def is_shared(self, source: str, now_s: float) -> bool:
        """Whether two go by this name."""
        return self.shared_s(source, now_s) >= self.patience_s

    def shared_s(self, source: str, now_s: float) -> float:
        """For how long two have spoken under this name; 0 when there are no two."""
        spans = sorted(
            (s for s in self._spans.get(source, {}).values() if self._is_heard(s, now_s)),
            key=lambda span: span.first_s,
        )
        return min(s.last_s for s in spans[:2]) - spans[1].first_s if len(spans) > 1 else 0.0

    def has_replaced(self, source: str, session: int) -> bool:
        """Whether this session has spoken for a while, and no other does any more."""
        spans = self._spans.get(source, {})
        span = spans.get(session)
        return span is not None and (
            len(spans) == 1 and span.last_s - span.first_s >= self.patience_s
        )

    def _is_heard(self, span: _Span, now_s: float) -> bool:
        return now_s - span.last_s <= self.patience_s


def refuse_later(
    source: str, own: tuple[float, int], other: tuple[float, int], *, is_late: bool
) -> None:
    """Of two of one name, both given as uptime in seconds and session, the later one gives way.

    The other's uptime is as old as its message, so near the border each may take
    itself for the earlier one. Then the numbers decide, when it is late.

    Raises:
        NameTakenError: the own one is the later one.
    """
    ahead_s = own[0] - other[0]
    is_drawn = is_late or abs(ahead_s) <= _AT_ONCE_S
    if own[1] > other[1] if is_drawn else ahead_s < 0:
        raise NameTakenError(
            f"another drone that was here first calls itself {source!r}",
            "give each drone its own namespace (-r __ns:=/NAME) and start this one again",
        )
