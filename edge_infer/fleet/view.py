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

"""The targets: what a set of sightings says is there, and nothing else decides it.

Each kept sighting (``duplicates.py``) stands for one target; each other one
counts for the target of its cover, the kept sighting with the highest priority
among those that it conflicts with. What a target says, all its sightings say
together (``fusion.py``). ``View`` follows a stream of sightings,
``from_scratch`` starts from nothing; they agree, whatever the order.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from edge_infer.domain import Sighting, SightingId, Target
from edge_infer.fleet.batch import priority_set
from edge_infer.fleet.duplicates import Change, PrioritySet
from edge_infer.fleet.fusion import Fusion, fuse
from edge_infer.fleet.gate import DEFAULT_GATE, Gate, conflict
from edge_infer.fleet.spatial import HashGrid
from edge_infer.fleet.tracks import linked


class View:
    """The targets of a set of sightings that come, and are forgotten one day.

    Args:
        gate: says which two sightings may be one thing.
    """

    def __init__(self, gate: Gate = DEFAULT_GATE, sightings: Iterable[Sighting] = ()) -> None:
        self._known = PrioritySet(gate)
        self._fusions: dict[SightingId, Fusion] = {}
        self._by_best: dict[SightingId, Target] = {}
        self._regrouped: set[SightingId] = set()
        """Whose groups have to be put together anew."""
        self._stale: set[SightingId] = set()
        """Whose targets have to be worked out anew."""
        self._targets: tuple[Target, ...] = ()
        self._linked: tuple[Target, ...] = ()
        self._tracks: tuple[Target, ...] = ()
        for sighting in sightings:
            self.insert(sighting)

    def __len__(self) -> int:
        return len(self._known)

    def insert(self, sighting: Sighting) -> Change:
        """Take in a sighting; one whose identity is here already changes nothing."""
        change = self._known.insert(sighting)
        cover = self._follow(change)
        if cover:
            self._fusions[cover].add(sighting)
        return change

    def discard(self, identity: SightingId) -> Change:
        """Forget a sighting; one that is not here changes nothing."""
        change = self._known.discard(identity)
        cover = self._follow(change)
        if cover:
            self._fusions[cover].remove(identity)
        return change

    def stands_for(self, duplicate: Sighting) -> Target | None:
        """The target that a removed sighting is part of now."""
        best = self._known.covered_by(duplicate)
        if best is None:
            return None
        self.targets()
        return self._by_best[best.id]

    def targets(self) -> tuple[Target, ...]:
        """All targets, ordered by id."""
        if self._stale:
            self._refresh()
        return self._targets

    def tracks(self) -> tuple[Target, ...]:
        """The same, but targets of one thing that moves joined, where the gate has a window."""
        targets = self.targets()
        if not self._known.gate.window_ns:
            return targets
        if targets is not self._linked:
            self._linked, self._tracks = targets, linked(targets, self._known.gate)
        return self._tracks

    @property
    def duplicates_removed(self) -> int:
        """Sightings that only repeat a better one."""
        return len(self._known) - self._known.kept_count

    def _follow(self, change: Change) -> SightingId | None:
        """Note which targets change; the one whose sums have only to follow one sighting."""
        self._stale.update(s.id for changed in change for s in changed)
        if change.kept or change.dropped:
            self._regrouped.update(s.id for changed in change for s in changed)
        elif change.regrouped and change.regrouped[0].id not in self._regrouped:
            return change.regrouped[0].id
        return None

    def _refresh(self) -> None:
        for best in self._regrouped:
            if self._known.is_kept(best):
                self._fusions[best] = Fusion(self._known.group(best))
            else:
                self._fusions.pop(best, None)
        for best in self._stale:
            if best in self._fusions:
                self._by_best[best] = self._fusions[best].target()
            else:
                self._by_best.pop(best, None)
        self._regrouped.clear()
        self._stale.clear()
        # Left in order, so that sorting anew has little to do next time.
        in_order = sorted(self._by_best.items(), key=lambda item: item[1].id)
        self._by_best = dict(in_order)
        self._targets = tuple(self._by_best.values())


def from_scratch(sightings: Sequence[Sighting], gate: Gate = DEFAULT_GATE) -> tuple[Target, ...]:
    """The targets of these sightings, ordered by id; identities must differ."""
    mask = priority_set(sightings, gate)
    grid: HashGrid[Sighting] = HashGrid(gate.radius_mm)
    groups: dict[SightingId, list[Sighting]] = {}
    for sighting, kept in zip(sightings, mask, strict=True):
        if kept:
            grid.insert(sighting)
            groups[sighting.id] = [sighting]
    for sighting, kept in zip(sightings, mask, strict=True):
        if not kept:
            near = grid.around(sighting, 1)
            covers = [other for other in near if conflict(sighting, other, gate)]
            groups[min(covers, key=_priority).id].append(sighting)
    return tuple(sorted(map(fuse, groups.values()), key=lambda target: target.id))


def _priority(sighting: Sighting) -> tuple[float, SightingId]:
    return sighting.priority
