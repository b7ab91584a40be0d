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

"""Sightings that pile up: clusters with at most one sighting of each frame, merged from below.

What counts is the distance between two centres against the noise of single
sightings, plus a penalty as far as the classes differ. The closest two clusters
that share no frame merge first; ties go by identity. All arithmetic is in whole
numbers. Agglomeration never takes a merge back: what it puts in the wrong place
is moved by ``settling.py``.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from heapq import heapify, heappop, heappush
from typing import NamedTuple

from edge_infer.domain import Sighting, SightingId
from edge_infer.fleet.spatial import HashGrid

Frame = tuple[str, int, int]
"""Source, boot and number: one camera frame."""

_WEIGHT = 1 << 48
"""Weight of a sighting with a variance of 1 mm²."""


class Costs(NamedTuple):
    """What keeps sightings apart, in thousandths of the noise variance of a sighting.

    Attributes:
        merge: clusters whose centres are farther apart than this never merge unseen.
        reach: a sighting farther from a centre than this never belongs there.
        other_class: what a sighting or cluster costs where none shares its class.
        target: what one more target costs; so much must be gained by keeping it.
        each: and so much by each of its sightings: halves of one thing gain 1,280.
    """

    merge: int = 7_000
    reach: int = 25_000
    other_class: int = 1_500
    target: int = 45_000
    each: int = 1_500


class Observation(NamedTuple):
    """A sighting as the clusters see it: its place without its drone's offset."""

    sighting: Sighting
    x_mm: int
    y_mm: int
    variance: int
    """Of its noise, mm² per axis."""
    weight: int
    frame: Frame

    @property
    def id(self) -> SightingId:
        """Of the sighting."""
        return self.sighting.id


def frame_of(sighting: Sighting) -> Frame:
    """The camera frame in which it was seen."""
    return sighting.id.source, sighting.id.boot, sighting.frame


def observe(sighting: Sighting, offset_mm: tuple[int, int], variance_mm2: int) -> Observation:
    """A sighting of a drone that is off by ``offset_mm``."""
    x_mm, y_mm = sighting.x_mm - offset_mm[0], sighting.y_mm - offset_mm[1]
    weight = max(1, _WEIGHT // variance_mm2)
    return Observation(sighting, x_mm, y_mm, variance_mm2, weight, frame_of(sighting))


class Cluster:
    """Sightings of different frames that stand for one thing.

    Attributes:
        x_mm, y_mm: the weighted mean of their places, rounded down.
        variance: the noise variance of one of them, weighted mean, mm².
        first: the lowest identity among them.
    """

    __slots__ = (
        "_sum_x",
        "_sum_y",
        "_weight",
        "classes",
        "first",
        "members",
        "variance",
        "x_mm",
        "y_mm",
    )

    def __init__(self, members: Iterable[Observation]) -> None:
        self.members: dict[Frame, Observation] = {}
        self.classes: Counter[str] = Counter()
        self._weight = self._sum_x = self._sum_y = 0
        for member in members:
            self.put(member)
        self.settle()

    def put(self, member: Observation) -> None:
        """Add a sighting; ``settle`` when all have come and gone."""
        self.members[member.frame] = member
        self.classes[member.sighting.class_name] += 1
        self._weight += member.weight
        self._sum_x += member.weight * member.x_mm
        self._sum_y += member.weight * member.y_mm

    def take(self, member: Observation) -> None:
        """Remove a sighting; ``settle`` when all have come and gone."""
        del self.members[member.frame]
        self.classes[member.sighting.class_name] -= 1
        self._weight -= member.weight
        self._sum_x -= member.weight * member.x_mm
        self._sum_y -= member.weight * member.y_mm

    def settle(self) -> None:
        """Work out place, variance and name; a cluster without members keeps its last."""
        if self.members:
            self.x_mm, self.y_mm = self._sum_x // self._weight, self._sum_y // self._weight
            self.variance = max(1, len(self.members) * _WEIGHT // self._weight)
            self.first = min(member.id for member in self.members.values())

    def joined(self, other: Cluster) -> Cluster:
        """Both in one."""
        both = Cluster(())
        both.members = {**self.members, **other.members}
        both.classes = self.classes + other.classes
        both._weight = self._weight + other._weight
        both._sum_x = self._sum_x + other._sum_x
        both._sum_y = self._sum_y + other._sum_y
        both.settle()
        return both

    def spared_by_moving(self, members: Iterable[Observation]) -> int:
        """What newcomers cost less once the centre has followed them, thousandths."""
        weight = east = north = 0
        for one in members:
            weight += one.weight
            east += one.weight * (one.x_mm - self.x_mm)
            north += one.weight * (one.y_mm - self.y_mm)
        return 1000 * (east * east + north * north) // (self._weight + weight) // _WEIGHT

    def cost_of(self, one: Observation, costs: Costs) -> int:
        """What it costs to count a sighting among these, thousandths."""
        dx, dy = one.x_mm - self.x_mm, one.y_mm - self.y_mm
        same = self.classes[one.sighting.class_name]
        away = 1000 * (dx * dx + dy * dy) // one.variance
        return away + costs.other_class - costs.other_class * same // max(1, len(self.members))


def agglomerate(clusters: Sequence[Cluster], costs: Costs) -> list[Cluster]:
    """Merge what is close, the closest first; clusters in the order of their first identities."""
    if not clusters:
        return []
    merging = _Merging(costs, max(cluster.variance for cluster in clusters))
    for cluster in clusters:
        merging.add(cluster)
    heapify(merging.heap)
    merging.run()
    return sorted(merging.alive, key=lambda cluster: cluster.first)


class _Merging:
    """Agglomeration under way: the clusters that stand and the pairs that may merge."""

    def __init__(self, costs: Costs, variance: int) -> None:
        self.costs = costs
        self.reach = math.isqrt(2 * variance * costs.merge // 1000) + 1
        self.grid: HashGrid[Cluster] = HashGrid(self.reach)
        self.alive: dict[Cluster, None] = {}
        self.heap: list[tuple[int, SightingId, SightingId, int, Cluster, Cluster]] = []

    def add(self, cluster: Cluster, *, push: bool = False) -> None:
        """A cluster comes; its pairs go on the list, or in their place in the heap."""
        for other in self.grid.within(cluster.x_mm, cluster.y_mm, self.reach):
            cost = self._cost(cluster, other)
            if cost is None:
                continue
            low, high = sorted((cluster.first, other.first))
            # The size tells a pair from one of the same names that has grown since.
            size = len(cluster.members) + len(other.members)
            pair = (cost, low, high, size, cluster, other)
            if push:
                heappush(self.heap, pair)
            else:
                self.heap.append(pair)
        self.grid.insert(cluster)
        self.alive[cluster] = None

    def run(self) -> None:
        """Merge until no pair may."""
        while self.heap:
            *_, one, other = heappop(self.heap)
            if one in self.alive and other in self.alive:
                for gone in (one, other):
                    del self.alive[gone]
                    self.grid.remove(gone)
                self.add(one.joined(other), push=True)

    def _cost(self, a: Cluster, b: Cluster) -> int | None:
        if not a.members.keys().isdisjoint(b.members.keys()):
            return None
        dx, dy = a.x_mm - b.x_mm, a.y_mm - b.y_mm
        cost = 1000 * (dx * dx + dy * dy) // (a.variance + b.variance)
        same = sum(count * b.classes[name] for name, count in a.classes.items())
        penalty = self.costs.other_class
        cost += penalty - penalty * same // (len(a.members) * len(b.members))
        return cost if cost <= self.costs.merge else None
