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

"""What a drone need not say: it holds back what a better sighting already covers.

A drone's *known* sightings are its own, published or held, and those that it
heard. It publishes an own one when that one is in the priority set of what it
knows, at once or later, when what covered it has gone. When all has been heard,
the priority set of the published sightings is that of all sightings. For going
down by priority: if a sighting is kept among all, nothing kept above it
conflicts with it, and by induction its own drone sees that too and publishes
it; if it is not, the kept one that covers it was published and covers it
everywhere. Messages that cross only make drones publish more than they need.

The proof asks of the gate only that all drones have the same one and that it
does not matter which of two sightings comes first, so it holds under every
option of ``gate.py``. Where things move, what covers a sighting was taken within
the window: the fleet goes on telling where a thing is, about once per window.
What goes out late, because its cover has gone, is a few windows old: it fills in
where a thing was, and joins its track (``tracks.py``).

A sequence number is given on publication, so what is published has no gaps and
a digest stays short. Until then a held sighting ranks behind the published ones
of equal score of its own drone. Numbering one that is kept lets it pass only
held ones that it conflicts with, if any, and those are not kept: the set stays.
"""

from __future__ import annotations

from dataclasses import replace

from edge_infer.domain import Sighting, SightingId
from edge_infer.fleet.duplicates import Change, PrioritySet
from edge_infer.fleet.floors import Floor
from edge_infer.fleet.gate import DEFAULT_GATE, Gate
from edge_infer.fleet.ranges import Log

_UNPUBLISHED = 1 << 32
"""Sequence numbers on the wire end below: a held sighting ranks behind them all."""


class Suppressor:
    """Decides what one drone publishes, over one boot.

    Args:
        gate: says which sightings conflict; the same on all drones.
        max_held: so many own sightings are held back at most, about a minute's;
            beyond, the oldest are forgotten, or a long flight would fill the memory.
            A forgotten one could only have mattered if all that covers it were
            dropped for something better farther off.

    Attributes:
        offered: own sightings so far.
        published: of these, how many went out.
    """

    def __init__(self, gate: Gate = DEFAULT_GATE, max_held: int = 300) -> None:
        self.offered = 0
        self.published = 0
        self._max_held = max_held
        self._known = PrioritySet(gate)
        self._held: dict[SightingId, None] = {}
        self._numbers: dict[Log, set[int]] = {}
        """Of the published ones."""

    @property
    def suppressed(self) -> int:
        """Own sightings that did not go out, or not yet."""
        return self.offered - self.published

    @property
    def held(self) -> int:
        """Own sightings that may still go out."""
        return len(self._held)

    def offer(self, own: Sighting) -> tuple[Sighting, ...]:
        """Take in an own sighting; returns what to publish now, numbered.

        Its sequence number does not matter: published sightings are numbered
        1, 2, 3, ... as they go out. Source and boot stay.
        """
        self.offered += 1
        waiting = replace(own, id=own.id._replace(sequence=_UNPUBLISHED + self.offered))
        self._held[waiting.id] = None
        to_publish = self._release(self._known.insert(waiting))
        while len(self._held) > self._max_held:
            oldest = next(iter(self._held))
            del self._held[oldest]
            self._known.discard(oldest)
        return to_publish

    def hear(self, sighting: Sighting) -> tuple[Sighting, ...]:
        """Take in a published sighting of any drone; returns own ones to publish now."""
        return self._release(self._insert(sighting))

    def forget(self, floor: Floor) -> tuple[Sighting, ...]:
        """Let go of what is garbage for the fleet; returns own ones that may go out now."""
        numbers = self._numbers.get((floor.source, floor.boot), set())
        gone = {number for number in numbers if number < floor.below}
        numbers -= gone
        to_publish: list[Sighting] = []
        for number in sorted(gone):
            identity = SightingId(floor.source, floor.boot, number)
            to_publish += self._release(self._known.discard(identity))
        return tuple(to_publish)

    def _insert(self, sighting: Sighting) -> Change:
        self._numbers.setdefault(sighting.id[:2], set()).add(sighting.id.sequence)
        return self._known.insert(sighting)

    def _release(self, change: Change) -> tuple[Sighting, ...]:
        return tuple(self._publish(kept) for kept in change.kept if kept.id in self._held)

    def _publish(self, waiting: Sighting) -> Sighting:
        self.published += 1
        numbered = replace(waiting, id=waiting.id._replace(sequence=self.published))
        del self._held[waiting.id]
        self._known.discard(waiting.id)
        self._insert(numbered)
        return numbered
