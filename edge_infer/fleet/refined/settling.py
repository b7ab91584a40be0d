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

"""Move sightings between clusters until no move makes the whole cheaper.

The whole costs: each sighting its distance from the centre of its cluster, each
cluster a fixed price. Two moves lower it. *Settle*: all sightings of one frame
are given to clusters anew, each to another one, at the least cost
(``assignment.py``). *Dissolve*: a cluster's sightings are shared out among the
others, which is taken if it costs less than the cluster itself; so a fragment
beside a well-seen thing goes, and a thing that frames saw beside the other
stays. A fixed number of rounds; everything goes by identity and in whole
numbers, so the outcome depends on the sightings alone.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence

from edge_infer.domain import SightingId
from edge_infer.fleet.refined.assignment import assign
from edge_infer.fleet.refined.clusters import Cluster, Costs, Frame, Observation
from edge_infer.fleet.spatial import HashGrid

_FORBIDDEN = 1 << 80
"""Costs more than all that is allowed together."""

_AROUND = 4
"""When one sighting is placed anew, so are those of its frame within so many reaches."""

Moves = list[tuple[Observation, Cluster]]


def improve(clusters: Sequence[Cluster], costs: Costs, rounds: int) -> list[Cluster]:
    """The clusters after at most so many rounds of both moves, by their first identities."""
    arrangement = _Arrangement(clusters, costs)
    for _ in range(rounds):
        dissolved = arrangement.dissolve_all()
        if not arrangement.settle_all() and not dissolved:
            break
    return arrangement.in_order()


class _Arrangement:
    """Which sighting is in which cluster now."""

    def __init__(self, clusters: Sequence[Cluster], costs: Costs) -> None:
        self.costs = costs
        self.home: dict[SightingId, Cluster] = {}
        frames: defaultdict[Frame, list[Observation]] = defaultdict(list)
        for cluster in clusters:
            for member in cluster.members.values():
                self.home[member.id] = cluster
                frames[member.frame].append(member)
        self.frames = {frame: sorted(frames[frame], key=_identity) for frame in sorted(frames)}
        variances = (one.variance for seen in self.frames.values() for one in seen)
        self.reach = math.isqrt(max(variances, default=1) * costs.reach // 1000) + 1
        self.grid: HashGrid[Cluster] = HashGrid(self.reach)
        for cluster in clusters:
            self.grid.insert(cluster)

    def in_order(self) -> list[Cluster]:
        """The clusters, by their first identities."""
        standing = {cluster.first: cluster for cluster in self.home.values()}
        return [standing[first] for first in sorted(standing)]

    # --- settle ------------------------------------------------------------------

    def settle_all(self) -> bool:
        """Give the sightings of every frame to clusters anew; whether any moved."""
        moves: Moves = []
        for seen in self.frames.values():
            moves += self._settled(seen)
        self._carry_out(moves)
        return bool(moves)

    def _settled(self, seen: Sequence[Observation]) -> Moves:
        options = [self._near(one) for one in seen]
        clusters = _distinct(options)
        table = [self._row(one, near, clusters) for one, near in zip(seen, options, strict=True)]
        for number, row in enumerate(table):
            new = [_FORBIDDEN] * len(seen)
            new[number] = self.costs.target
            row += new
        moves: Moves = []
        for one, column in zip(seen, assign(table), strict=True):
            if column >= len(clusters):
                moves.append((one, Cluster([])))
            elif clusters[column] is not self.home[one.id]:
                moves.append((one, clusters[column]))
        return moves

    # --- dissolve ------------------------------------------------------------------

    def dissolve_all(self) -> bool:
        """Try to do without each cluster, the smallest first; whether one went."""
        smallest_first = sorted(self.in_order(), key=lambda c: (len(c.members), c.first))
        went = [self._dissolve(cluster) for cluster in smallest_first]
        return any(went)

    def _dissolve(self, cluster: Cluster) -> bool:
        if not cluster.members:
            return False
        self.grid.remove(cluster)
        moves: Moves = []
        gain = self.costs.target + self.costs.each * len(cluster.members)
        least = -3 * gain
        for one in sorted(cluster.members.values(), key=_identity):
            placed = self._placed_elsewhere(one, cluster)
            if placed is None:
                break
            gain -= placed[0]
            moves += placed[1]
            # What is spared by centres that follow hardly makes up for so much.
            if gain < least:
                break
        else:
            if gain + _spared(moves) > 0:
                self._carry_out(moves)
                return True
        self.grid.insert(cluster)
        return False

    def _placed_elsewhere(self, one: Observation, gone: Cluster) -> tuple[int, Moves] | None:
        """What it costs to place a sighting without its cluster, and the moves that do."""
        far = _AROUND * self.reach
        seen = [
            other
            for other in self.frames[one.frame]
            if abs(other.x_mm - one.x_mm) + abs(other.y_mm - one.y_mm) < far
        ]
        around = {other.id for other in seen}
        taken = {self.home[o.id] for o in self.frames[one.frame] if o.id not in around}
        options = [
            [c for c in self._near(other) if c not in taken and c is not gone] for other in seen
        ]
        clusters = _distinct(options)
        if len(clusters) < len(seen) or not all(options):
            return None
        table = [self._row(o, near, clusters) for o, near in zip(seen, options, strict=True)]
        columns = assign(table)
        cost = sum(row[column] for row, column in zip(table, columns, strict=True))
        if cost >= _FORBIDDEN:
            return None
        before = sum(self.home[o.id].cost_of(o, self.costs) for o in seen)
        pairs = zip(seen, (clusters[column] for column in columns), strict=True)
        return cost - before, [(o, c) for o, c in pairs if c is not self.home[o.id]]

    # --- both ----------------------------------------------------------------------

    def _near(self, one: Observation) -> list[Cluster]:
        """The clusters within reach, and the one where it is."""
        near = self.grid.within(one.x_mm, one.y_mm, self.reach)
        home = self.home[one.id]
        return near if home in near else [*near, home]

    def _row(
        self, one: Observation, near: Iterable[Cluster], clusters: Sequence[Cluster]
    ) -> list[int]:
        allowed = set(near)
        return [c.cost_of(one, self.costs) if c in allowed else _FORBIDDEN for c in clusters]

    def _carry_out(self, moves: Moves) -> None:
        """Move, then see where the clusters have come to lie; empty ones are gone."""
        left = [self.home[one.id] for one, _ in moves]
        touched = dict.fromkeys([*left, *(to for _, to in moves)])
        for cluster in touched:
            if cluster.members and self._stands(cluster):
                self.grid.remove(cluster)
        for (one, _), cluster in zip(moves, left, strict=True):
            cluster.take(one)
        for one, to in moves:
            to.put(one)
            self.home[one.id] = to
        for cluster in touched:
            cluster.settle()
            if cluster.members:
                self.grid.insert(cluster)

    def _stands(self, cluster: Cluster) -> bool:
        """Whether it is in the grid; one that is being dissolved is not."""
        return cluster in self.grid.within(cluster.x_mm, cluster.y_mm, 0)


def _spared(moves: Moves) -> int:
    """What the newcomers cost less in all once the centres have followed them."""
    newcomers: dict[Cluster, list[Observation]] = {}
    for one, to in moves:
        newcomers.setdefault(to, []).append(one)
    return sum(to.spared_by_moving(some) for to, some in newcomers.items())


def _distinct(options: Iterable[Iterable[Cluster]]) -> list[Cluster]:
    """Every cluster once, by first identity."""
    found = {cluster.first: cluster for near in options for cluster in near}
    return [found[first] for first in sorted(found)]


def _identity(one: Observation) -> SightingId:
    return one.id
