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

"""How far off each drone is, told from what several drones saw.

A receiver without corrections is off by nearly the same amount for a whole
flight. Two drones that saw the same things see one pattern, shifted; the shift
on which most things fall together is the difference of their offsets
(registration). What all drones are off together cannot be seen; it is taken as
nothing, so the offsets of drones that are linked by common things add up to
about zero. An offset belongs to a drone's boot. Whole millimetres throughout.

Which sightings are one thing is decided in ``clusters.py`` and ``settling.py``.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

from edge_infer.domain import Sighting
from edge_infer.fleet.gate import moments
from edge_infer.fleet.ranges import Log
from edge_infer.fleet.refined.clusters import Cluster
from edge_infer.fleet.spatial import HashGrid

Offsets = dict[Log, tuple[int, int]]
"""Source and boot -> east and north that its positions are off, millimetres."""

_MEDIAN_CHI2_MILLI = 1386
"""Median of chi-squared with two degrees of freedom, thousandths."""
_FARTHEST_CHI2 = 14
"""99.9 % of it, rounded up: two drones are hardly ever farther off from each other."""
_LEAST_NOISE_MILLI = 10
_CENTRING_ROUNDS = 5
_NOT_OFF = (0, 0)


class _Place(NamedTuple):
    x_mm: int
    y_mm: int


# --- noise -------------------------------------------------------------------------


def noise_milli(sightings: Iterable[Sighting]) -> int:
    """How much of the stated variance changes from frame to frame, thousandths.

    What two frames of one drone, one after the other, saw closest to each other
    is mostly one thing, and its offset is in both. Without such pairs the whole
    variance counts as noise.

    Args:
        sightings: in the order of their identities.
    """
    ratios = []
    for frames in _by_frame(sightings).values():
        numbers = sorted(frames)
        for number, following in pairwise(numbers):
            ratios += _closest_pairs(frames[number], frames[following])
    if not ratios:
        return 1000
    median = sorted(ratios)[len(ratios) // 2]
    return min(1000, max(_LEAST_NOISE_MILLI, median * 1000 // _MEDIAN_CHI2_MILLI))


def _by_frame(sightings: Iterable[Sighting]) -> dict[Log, dict[int, list[Sighting]]]:
    logs: defaultdict[Log, defaultdict[int, list[Sighting]]] = defaultdict(
        lambda: defaultdict(list)
    )
    for sighting in sightings:
        logs[sighting.id[:2]][sighting.frame].append(sighting)
    return {log: dict(frames) for log, frames in logs.items()}


def _closest_pairs(some: Sequence[Sighting], others: Sequence[Sighting]) -> list[int]:
    """Of the pairs that are each other's closest, distance² over variance, thousandths."""
    found = []
    for one in some:
        other = min(others, key=lambda o: (_distance2(one, o), o.id))
        back = min(some, key=lambda s: (_distance2(s, other), s.id))
        if back is one:
            variance = moments(one.covariance_m2).variance + moments(other.covariance_m2).variance
            found.append(1000 * _distance2(one, other) // variance)
    return found


def _distance2(a: Sighting, b: Sighting) -> int:
    return (a.x_mm - b.x_mm) ** 2 + (a.y_mm - b.y_mm) ** 2


# --- registration ------------------------------------------------------------------


class Registration(NamedTuple):
    """How drones are laid over each other.

    Attributes:
        match_milli: what one thing that falls on another is worth against the odds
            of a large offset, thousandths of a nat.
        least_matches: fewer are no evidence; the drone counts as not off.
        noise_mm2: variance of a thing's place from one drone.
        reach_milli: how far apart two such places may be, thousandths of that.
    """

    match_milli: int
    least_matches: int
    noise_mm2: int
    reach_milli: int


def register(
    things: Mapping[Log, Sequence[Cluster]], variances: Mapping[Log, int], how: Registration
) -> Offsets:
    """The offset of each drone that brings its things onto those of the others.

    The drone with the most things is laid down first; then, one by one, that
    with the most things near what lies there already.

    Args:
        things: what each drone saw, in its own positions.
        variances: of a position of each drone in all, mm² per axis.
        how: the rules.
    """
    waiting = sorted(things, key=lambda log: (-len(things[log]), log))
    alone = {log: list(things[log]) for log in waiting}
    offsets: Offsets = {}
    laid: list[_Place] = []
    new: list[_Place] = []
    while waiting:
        for log in waiting:
            alone[log] = _still_alone(alone[log], new, _farthest(variances[log]))
        log = max(waiting, key=lambda log: len(things[log]) - len(alone[log]))
        waiting.remove(log)
        offsets[log] = _shift(things[log], laid, variances[log], how)
        x, y = offsets[log]
        new = [_Place(thing.x_mm - x, thing.y_mm - y) for thing in things[log]]
        laid += new
    return offsets


def _farthest(variance: int) -> int:
    return math.isqrt(_FARTHEST_CHI2 * 2 * variance) + 1


def _grid(places: Iterable[_Place], reach_mm: int) -> HashGrid[_Place]:
    grid: HashGrid[_Place] = HashGrid(reach_mm)
    for place in places:
        grid.insert(place)
    return grid


def _still_alone(things: list[Cluster], new: Sequence[_Place], reach_mm: int) -> list[Cluster]:
    """Those of the things that the new places are not near."""
    if not new:
        return things
    grid = _grid(new, reach_mm)
    return [thing for thing in things if not grid.within(thing.x_mm, thing.y_mm, reach_mm)]


def _shift(
    things: Iterable[Cluster], laid: Iterable[_Place], variance: int, how: Registration
) -> tuple[int, int]:
    """The shift that most pairs share, small ones preferred; none without evidence."""
    reach = _farthest(variance)
    grid = _grid(laid, reach)
    shifts = [
        _Place(thing.x_mm - place.x_mm, thing.y_mm - place.y_mm)
        for thing in things
        for place in grid.within(thing.x_mm, thing.y_mm, reach)
    ]
    if not shifts:
        return _NOT_OFF
    close = math.isqrt(how.noise_mm2 * how.reach_milli // 1000) + 1
    votes = _grid(shifts, close)

    def rank(shift: _Place) -> tuple[int, int, _Place]:
        away = shift.x_mm**2 + shift.y_mm**2
        count = len(votes.within(*shift, close))
        return 1000 * away - 4 * variance * how.match_milli * count, away, shift

    centre = min(shifts, key=rank)
    near = votes.within(*centre, close)
    for _ in range(_CENTRING_ROUNDS):
        centre = _Place(
            sum(shift.x_mm for shift in near) // len(near),
            sum(shift.y_mm for shift in near) // len(near),
        )
        near = votes.within(*centre, close) or near
    return centre if len(near) >= how.least_matches else _NOT_OFF


# --- from common targets -------------------------------------------------------------


def improved(offsets: Offsets, clusters: Iterable[Cluster], least_matches: int) -> Offsets:
    """The offsets, corrected by how far each drone's sightings lie from the common centres."""
    shared = [cluster for cluster in clusters if len(_logs(cluster)) > 1]
    targets: defaultdict[Log, int] = defaultdict(int)
    sums: defaultdict[Log, list[int]] = defaultdict(lambda: [0, 0, 0])
    for cluster in shared:
        for log in _logs(cluster):
            targets[log] += 1
        for member in cluster.members.values():
            total = sums[member.frame[:2]]
            total[0] += member.x_mm - cluster.x_mm
            total[1] += member.y_mm - cluster.y_mm
            total[2] += 1
    moved = dict(offsets)
    for log, (x, y, count) in sums.items():
        if targets[log] >= least_matches:
            moved[log] = (moved[log][0] + x // count, moved[log][1] + y // count)
    return _centred(moved, [_logs(cluster) for cluster in shared])


def _logs(cluster: Cluster) -> set[Log]:
    return {frame[:2] for frame in cluster.members}


def _centred(offsets: Offsets, links: Iterable[set[Log]]) -> Offsets:
    """Drones that are linked add up to about zero; those that are not linked are not off."""
    parties = {log: {log} for log in offsets}
    for link in links:
        party: set[Log] = set().union(*(parties[log] for log in link))
        parties.update(dict.fromkeys(party, party))
    centred = {}
    for log, (x, y) in offsets.items():
        party = parties[log]
        mean_x = sum(offsets[other][0] for other in party) // len(party)
        mean_y = sum(offsets[other][1] for other in party) // len(party)
        centred[log] = (x - mean_x, y - mean_y)
    return centred
