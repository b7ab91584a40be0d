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

"""What may be forgotten: a floor under each numbering of sightings, raised by age.

Sightings of one (source, boot) that are numbered below its floor are garbage, on
every replica and for ever. A floor is a max-register, so floors merge like the
rest of the state and nobody compares clocks: only the drone that wrote the
sightings raises it, or for a lost drone a coordinator that was told to.

Age is counted from when the keeper first saw a number, by its own clock. Numbers
are given on publication, so whatever is numbered below a known one is no younger.
A clock that jumps ahead adds one step to all ages and not the jump; one that
falls back adds nothing.

What a floor does to a replica is in ``replica.py``.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection
from typing import NamedTuple, Protocol

from edge_infer.fleet.elapsed import Elapsed
from edge_infer.fleet.ranges import Log, LogRange

HIGHEST = (1 << 32) - 1
"""Numbers and floors on the wire end here, so a sighting with this number stays."""
_MARKS = 32
"""A floor rises in so many steps per age."""


class Floor(NamedTuple):
    """Sightings of one (source, boot) numbered less than ``below`` are garbage."""

    source: str
    boot: int
    below: int


class _HasRanges(Protocol):
    def ranges(self) -> list[LogRange]:
        """What is held, ordered by source, boot, first."""


class FloorKeeper:
    """Decides when the floors of some sources rise.

    Args:
        keep_s: a sighting is kept for at least this long, and for a 32nd more at
            most; 0 keeps all for ever.
        sources: whose floors are raised: the own drone, and lost ones.
        step_s: time between two ticks counts for this much at most.
    """

    def __init__(self, keep_s: float, sources: Collection[str], step_s: float = 1.0) -> None:
        self._keep_s = keep_s
        self._sources = frozenset(sources)
        self._age = Elapsed(step_s)
        self._marked_s: float | None = None
        self._marks: dict[Log, deque[tuple[float, int]]] = {}
        """Of each log: at which age all below a number were there already."""

    def tick(self, replica: _HasRanges, now_s: float) -> list[Floor]:
        """Time goes on; returns the floors to raise, empty for none."""
        if self._keep_s <= 0:
            return []
        age_s = self._age.at(now_s)
        if self._marked_s is None or age_s - self._marked_s >= self._keep_s / _MARKS:
            self._marked_s = age_s
            self._mark(replica)
        return self._due()

    def _mark(self, replica: _HasRanges) -> None:
        tops = {(r.source, r.boot): r.last for r in replica.ranges() if r.source in self._sources}
        for log, top in tops.items():
            marks = self._marks.setdefault(log, deque())
            below = min(top + 1, HIGHEST)
            if not marks or marks[-1][1] < below:
                marks.append((self._age.now_s, below))

    def _due(self) -> list[Floor]:
        """The highest floor that is old enough, of each log."""
        floors = []
        for log, marks in self._marks.items():
            below = 0
            while marks and self._age.now_s - marks[0][0] >= self._keep_s:
                below = marks.popleft()[1]
            if below:
                floors.append(Floor(*log, below))
        for floor in floors:
            if not self._marks[floor.source, floor.boot]:
                del self._marks[floor.source, floor.boot]
        return floors
