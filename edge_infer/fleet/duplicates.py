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

"""Which sightings stand, and which only repeat a better one: the priority set, kept up to date.

Two sightings *conflict* when they may be two views of one thing; ``gate.py``
says when: within a radius and not in the same frame, and more where it is asked
for. Going down by ``Sighting.priority``, a sighting is *kept* if it conflicts
with none kept before. That is the maximal independent set that comes first in
this order, so it depends on the sightings alone and not on the order in which
they came.

Here one sighting comes or goes at a time; ``batch.py`` does a whole list with
numpy and gives the same answer. What the kept ones are called, and who hears of
them, is decided elsewhere (``view.py``, ``suppression.py``).
"""

from __future__ import annotations

from collections.abc import Iterator
from heapq import heappop, heappush
from typing import NamedTuple

from edge_infer.domain import Sighting, SightingId
from edge_infer.fleet.gate import DEFAULT_GATE, Gate, agree
from edge_infer.fleet.spatial import HashGrid, SlabGrid

_Priority = tuple[float, str, int, int]
"""``Sighting.priority`` without its inner tuple."""


class Change(NamedTuple):
    """What one sighting's coming or going did.

    Attributes:
        kept: sightings that are kept now and were not before.
        dropped: sightings that were kept before and are not now; one that was
            discarded is among them.
        regrouped: kept sightings that cover others than before; of those that are
            newly kept, not all are named again.
    """

    kept: tuple[Sighting, ...] = ()
    dropped: tuple[Sighting, ...] = ()
    regrouped: tuple[Sighting, ...] = ()


_NO_CHANGE = Change()


class _Node:
    """A sighting in the conflict graph, with what is asked of it most often."""

    __slots__ = ("cover", "covered", "frame", "priority", "sighting", "stamp_ns", "x_mm", "y_mm")

    def __init__(self, sighting: Sighting) -> None:
        self.sighting = sighting
        self.x_mm = sighting.x_mm
        self.y_mm = sighting.y_mm
        self.stamp_ns = sighting.stamp_ns
        self.priority: _Priority = (-sighting.score, *sighting.id)
        self.frame = sighting.frame
        self.cover: _Node | None = None
        self.covered: set[_Node] | None = None
        """The nodes whose cover this is; None while this one is not kept."""


class _Repair:
    """A change under way: what has come of it, and the orphans still to be decided."""

    __slots__ = ("dropped", "kept", "orphans", "regrouped")

    def __init__(self) -> None:
        self.kept: list[_Node] = []
        self.dropped: list[_Node] = []
        self.regrouped: set[_Node] = set()
        self.orphans: list[tuple[_Priority, _Node]] = []

    def orphan(self, node: _Node) -> None:
        """The node has lost its cover."""
        node.cover = None
        heappush(self.orphans, (node.priority, node))

    def change(self) -> Change:
        """What has come of it."""
        return Change(
            tuple(node.sighting for node in self.kept),
            tuple(node.sighting for node in self.dropped),
            tuple(node.sighting for node in self.regrouped if node.covered is not None),
        )


class PrioritySet:
    """The priority set of a growing set of sightings.

    Each sighting that is not kept knows its *cover*: of the kept sightings that
    it conflicts with, the one with the highest priority. So a kept sighting that
    goes leads straight to its orphans, which may take its place, and only kept
    sightings need a place in the grid. Orphans are decided from high priority to
    low: then nothing above the one in hand can change any more.

    Args:
        gate: says which pairs conflict.
    """

    def __init__(self, gate: Gate = DEFAULT_GATE) -> None:
        self.gate = gate
        self._radius_mm = gate.radius_mm
        self._is_plain = gate.is_plain
        self._nodes: dict[SightingId, _Node] = {}
        self._kept: HashGrid[_Node] | SlabGrid[_Node] = (
            SlabGrid(gate.radius_mm, gate.window_ns) if gate.window_ns else HashGrid(gate.radius_mm)
        )
        self._kept_count = 0

    def __len__(self) -> int:
        return len(self._nodes)

    def __contains__(self, identity: SightingId) -> bool:
        return identity in self._nodes

    def __iter__(self) -> Iterator[Sighting]:
        return (node.sighting for node in self._nodes.values())

    @property
    def kept(self) -> tuple[Sighting, ...]:
        """The kept sightings, highest priority first."""
        nodes = [node for node in self._nodes.values() if node.covered is not None]
        nodes.sort(key=_by_priority)
        return tuple(node.sighting for node in nodes)

    @property
    def kept_count(self) -> int:
        """How many sightings are kept."""
        return self._kept_count

    def is_kept(self, identity: SightingId) -> bool:
        """Whether this sighting is here and kept."""
        node = self._nodes.get(identity)
        return node is not None and node.covered is not None

    def group(self, identity: SightingId) -> tuple[Sighting, ...]:
        """A kept sighting and those that it covers, the others in no set order."""
        node = self._nodes[identity]
        return (node.sighting, *(covered.sighting for covered in node.covered or ()))

    def covered_by(self, sighting: Sighting) -> Sighting | None:
        """The kept sighting that covers this one, here or not; None where it would be kept."""
        node = self._nodes.get(sighting.id) or _Node(sighting)
        cover = self._cover(node)
        return None if cover is node else cover.sighting

    def insert(self, sighting: Sighting) -> Change:
        """Add a sighting; one whose identity is here already changes nothing."""
        if sighting.id in self._nodes:
            return _NO_CHANGE
        node = self._nodes[sighting.id] = _Node(sighting)
        cover = self._cover(node)
        if cover is not node:
            _put_under(cover, node)
            return Change(regrouped=(cover.sighting,))
        repair = _Repair()
        self._keep(node, repair)
        return self._finish(repair)

    def discard(self, identity: SightingId) -> Change:
        """Forget a sighting; one that is not here changes nothing."""
        node = self._nodes.pop(identity, None)
        if node is None:
            return _NO_CHANGE
        if node.cover is not None:
            return Change(regrouped=(_take_out(node).sighting,))
        repair = _Repair()
        self._unkeep(node, repair)
        return self._finish(repair)

    def _finish(self, repair: _Repair) -> Change:
        while repair.orphans:
            _, node = heappop(repair.orphans)
            cover = self._cover(node)
            if cover is node:
                self._keep(node, repair)
            else:
                _put_under(cover, node)
                repair.regrouped.add(cover)
        return repair.change()

    def _cover(self, node: _Node) -> _Node:
        """Of the kept nodes that conflict with this one, the best above it; else itself."""
        best = node
        for other in self._kept.around(node, 1):
            if (
                other.priority < best.priority
                and not _same_frame(node, other)
                and (self._is_plain or agree(node.sighting, other.sighting, self.gate))
            ):
                best = other
        return best

    def _keep(self, node: _Node, repair: _Repair) -> None:
        """Make a node kept: it rules out the kept ones below it and covers what it can."""
        node.covered = set()
        repair.kept.append(node)
        for other in self._kept.around(node, 2):
            if other.priority < node.priority:
                continue
            if other.covered:
                self._adopt(node, other, repair)
            if self._conflict(node, other):
                self._unkeep(other, repair)
                _put_under(node, other)
        self._kept.insert(node)
        self._kept_count += 1

    def _adopt(self, node: _Node, other: _Node, repair: _Repair) -> None:
        """Take from a lower kept node what this one covers better."""
        adopted = [covered for covered in other.covered or () if self._conflict(node, covered)]
        for covered in adopted:
            _take_out(covered)
            _put_under(node, covered)
        if adopted:
            repair.regrouped.add(other)

    def _unkeep(self, node: _Node, repair: _Repair) -> None:
        """Make a kept node not kept; what it covered must be decided anew."""
        for orphan in node.covered or ():
            repair.orphan(orphan)
        node.covered = None
        repair.dropped.append(node)
        self._kept.remove(node)
        self._kept_count -= 1

    def _conflict(self, a: _Node, b: _Node) -> bool:
        dx = a.x_mm - b.x_mm
        dy = a.y_mm - b.y_mm
        return (
            dx * dx + dy * dy <= self._radius_mm * self._radius_mm
            and not _same_frame(a, b)
            and (self._is_plain or agree(a.sighting, b.sighting, self.gate))
        )


def _same_frame(a: _Node, b: _Node) -> bool:
    return a.frame == b.frame and a.priority[1:3] == b.priority[1:3]


def _put_under(cover: _Node, node: _Node) -> None:
    assert cover.covered is not None
    cover.covered.add(node)
    node.cover = cover


def _take_out(node: _Node) -> _Node:
    """Part a node from its cover, which is returned."""
    cover = node.cover
    assert cover is not None
    assert cover.covered is not None
    cover.covered.remove(node)
    node.cover = None
    return cover


def _by_priority(node: _Node) -> _Priority:
    return node.priority
