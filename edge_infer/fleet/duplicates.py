"""Which sightings stand, and which only repeat a better one: the priority set, kept up to date.

Two sightings *conflict* when they lie within the radius of each other
(horizontal, inclusive, whole millimetres) and were not seen in the same frame:
two things in one frame are two things. Going down by ``Sighting.priority``, a
sighting is *kept* if it conflicts with none kept before. That is the maximal
independent set that comes first in this order, so it depends on the sightings
alone and not on the order in which they came.

Here one sighting comes or goes at a time; ``batch.py`` does a whole list with
numpy and gives the same answer. What the kept ones are called, and who hears of
them, is decided elsewhere (``view.py``, ``suppression.py``).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from heapq import heapify, heappop, heappush
from typing import NamedTuple

from edge_infer.domain import Sighting, SightingId
from edge_infer.fleet.spatial import HashGrid

DEFAULT_RADIUS_MM = 5000


def conflict(a: Sighting, b: Sighting, radius_mm: int = DEFAULT_RADIUS_MM) -> bool:
    """Whether two sightings may be two views of one thing."""
    dx = a.x_mm - b.x_mm
    dy = a.y_mm - b.y_mm
    near = dx * dx + dy * dy <= radius_mm * radius_mm
    return near and (a.frame != b.frame or a.id[:2] != b.id[:2])


class Change(NamedTuple):
    """What one sighting's coming or going did.

    Attributes:
        kept: sightings that are kept now and were not before.
        dropped: sightings that were kept before and are not now; one that was
            discarded is among them.
        regrouped: kept sightings that cover others than before.
    """

    kept: tuple[Sighting, ...] = ()
    dropped: tuple[Sighting, ...] = ()
    regrouped: tuple[Sighting, ...] = ()


class _Node:
    """A sighting in the conflict graph, with what is asked of it most often."""

    __slots__ = ("cover", "covered", "frame", "priority", "sighting", "x_mm", "y_mm")

    def __init__(self, sighting: Sighting) -> None:
        self.sighting = sighting
        self.x_mm = sighting.x_mm
        self.y_mm = sighting.y_mm
        self.priority = sighting.priority
        self.frame = (sighting.id.source, sighting.id.boot, sighting.frame)
        self.cover: _Node | None = None
        self.covered: set[_Node] | None = None
        """The nodes whose cover this is; None while this one is not kept."""


class PrioritySet:
    """The priority set of a growing set of sightings.

    Each sighting that is not kept knows its *cover*: of the kept sightings that
    it conflicts with, the one with the highest priority. So a kept sighting that
    goes leads straight to those that may take its place, and only kept sightings
    need a place in the grid. A change is repaired from high priority to low with
    a heap; each sighting is decided when nothing above it can change any more.
    """

    def __init__(self, radius_mm: int = DEFAULT_RADIUS_MM) -> None:
        self.radius_mm = radius_mm
        self._nodes: dict[SightingId, _Node] = {}
        self._kept: HashGrid[_Node] = HashGrid(radius_mm)
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
            return Change()
        node = self._nodes[sighting.id] = _Node(sighting)
        return self._repair([node])

    def discard(self, identity: SightingId) -> Change:
        """Forget a sighting; one that is not here changes nothing."""
        node = self._nodes.pop(identity, None)
        if node is None:
            return Change()
        if node.covered is not None:
            return self._repair(self._unkeep(node), gone=node)
        cover = self._uncover(node)
        return Change(regrouped=(cover.sighting,))

    def _repair(self, pending: Iterable[_Node], gone: _Node | None = None) -> Change:
        """Decide the pending nodes and whatever follows from them, best first."""
        kept: list[_Node] = []
        dropped: list[_Node] = [] if gone is None else [gone]
        regrouped: set[_Node] = set()
        heap = [(node.priority, node) for node in pending]
        heapify(heap)
        while heap:
            _, node = heappop(heap)
            cover = self._cover(node)
            if cover is not node:
                if node.covered is not None:
                    dropped.append(node)
                    for orphan in self._unkeep(node):
                        heappush(heap, (orphan.priority, orphan))
                self._put_under(cover, node, regrouped)
            elif node.covered is None:
                kept.append(node)
                for rival in self._keep(node, regrouped):
                    heappush(heap, (rival.priority, rival))
        return Change(
            tuple(node.sighting for node in kept),
            tuple(node.sighting for node in dropped),
            tuple(node.sighting for node in regrouped if node.covered is not None),
        )

    def _cover(self, node: _Node) -> _Node:
        """Of the kept nodes that conflict with this one, the best above it; else itself."""
        best = node
        for other in self._kept.within(node.x_mm, node.y_mm, self.radius_mm):
            if other.priority < best.priority and other.frame != node.frame:
                best = other
        return best

    def _keep(self, node: _Node, regrouped: set[_Node]) -> list[_Node]:
        """Make a node kept and give it what it covers; returns the kept nodes it rules out."""
        if node.cover is not None:
            regrouped.add(self._uncover(node))
        node.covered = set()
        rivals = []
        for other in self._kept.within(node.x_mm, node.y_mm, 2 * self.radius_mm):
            if other.priority < node.priority:
                continue
            if self._conflict(node, other):
                rivals.append(other)
            for covered in [c for c in other.covered or () if self._conflict(node, c)]:
                self._put_under(node, covered, regrouped)
        self._kept.insert(node)
        self._kept_count += 1
        return rivals

    def _unkeep(self, node: _Node) -> set[_Node]:
        """Make a kept node not kept; returns those that it covered, now without a cover."""
        orphans = node.covered or set()
        for orphan in orphans:
            orphan.cover = None
        node.covered = None
        self._kept.remove(node)
        self._kept_count -= 1
        return orphans

    def _put_under(self, cover: _Node, node: _Node, regrouped: set[_Node]) -> None:
        if node.cover is cover:
            return
        if node.cover is not None:
            regrouped.add(self._uncover(node))
        node.cover = cover
        assert cover.covered is not None
        cover.covered.add(node)
        regrouped.add(cover)

    @staticmethod
    def _uncover(node: _Node) -> _Node:
        cover = node.cover
        assert cover is not None
        assert cover.covered is not None
        cover.covered.remove(node)
        node.cover = None
        return cover

    def _conflict(self, a: _Node, b: _Node) -> bool:
        dx = a.x_mm - b.x_mm
        dy = a.y_mm - b.y_mm
        return dx * dx + dy * dy <= self.radius_mm * self.radius_mm and a.frame != b.frame


def _by_priority(node: _Node) -> tuple[float, SightingId]:
    return node.priority
