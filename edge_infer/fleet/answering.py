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

"""What a replica owes the others, and what somebody else has answered already.

An answer is heard by all, so one is enough: whoever hears it strikes it from its
own plans, and does not plan the same again for a while. Who asks whom is in
``gossip.py``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from edge_infer.domain import Sighting, SightingId
from edge_infer.fleet.ranges import LogRange, common, head, minus
from edge_infer.fleet.replica import Replica


class Until(NamedTuple):
    """Something that holds, or comes due, at some time."""

    at_s: float
    ranges: list[LogRange]


def holding(some: Iterable[Until], now_s: float) -> list[LogRange]:
    """All ranges of those that hold still."""
    return [one for until in some if until.at_s > now_s for one in until.ranges]


class Answering:
    """Plans answers, and forgets those that others give.

    Args:
        again_s: what was answered is not answered again for this long.
        batch: sightings per answer, at most.
    """

    def __init__(self, again_s: float, batch: int) -> None:
        self._again_s = again_s
        self._batch = batch
        self._planned: list[Until] = []
        self._answered: list[Until] = []

    def plan(self, ranges: Sequence[LogRange], replica: Replica, at_s: float, now_s: float) -> None:
        """Answer a request at some time with what the replica holds of it."""
        done = holding(self._answered, now_s)
        planned = [one for plan in self._planned for one in plan.ranges]
        owed = minus(ranges, [*done, *planned])
        if owed and (held := common(owed, replica.ranges())):
            self._planned.append(Until(at_s, head(held, self._batch)))

    def hear(self, identities: Iterable[SightingId], now_s: float) -> None:
        """Sightings were heard: nobody needs to answer with these."""
        if not self._planned:
            return
        heard = _ranges_of(identities)
        spared = [one for plan in self._planned for one in common(plan.ranges, heard)]
        if spared:
            self._answered.append(Until(now_s + self._again_s, spared))
            left = [Until(plan.at_s, minus(plan.ranges, spared)) for plan in self._planned]
            self._planned = [plan for plan in left if plan.ranges]

    def due(self, replica: Replica, room: int, now_s: float) -> list[Sighting]:
        """What to send again now, no more than there is room for; the rest stays planned."""
        self._answered = [some for some in self._answered if some.at_s > now_s]
        plan = next((plan for plan in self._planned if plan.at_s <= now_s), None)
        if plan is None or room <= 0:
            return []
        self._planned.remove(plan)
        sightings = replica.take(plan.ranges, room)
        sent = _ranges_of(s.id for s in sightings)
        if rest := common(minus(plan.ranges, sent), replica.ranges()):
            self._planned.append(Until(plan.at_s, rest))
        self._answered.append(Until(now_s + self._again_s, sent))
        return sightings


def _ranges_of(identities: Iterable[SightingId]) -> list[LogRange]:
    return minus([LogRange(*identity, identity.sequence) for identity in identities], ())
