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

"""What a group of sightings says together: where, how sure, which class, how often.

The position is the mean weighted by the inverse covariances. It is worked out
in whole numbers and rounded once, so it does not depend on the order and is the
same on every machine. One drone's sightings share its offset: of their error
only the noise averages out, so a hundred sightings of one drone are not taken
for a hundred opinions. Which sightings belong together is decided elsewhere.

``Fusion`` keeps sums, so that one more sighting costs the same however many
there are; ``fuse`` does a whole group at once and gives the same bytes.
"""

from __future__ import annotations

import math
import struct
from bisect import bisect_left, insort
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import NamedTuple

from edge_infer.domain import VOTE_ONE, Sighting, SightingId, Target
from edge_infer.fleet.gate import FLOOR_MM2, Moments, moments
from edge_infer.fleet.ranges import Log

_ONE = 1 << 96
"""Unit of an inverse covariance: small against any difference of 1 mm."""

_NOT_OFF = (0, 0)

Offsets = Mapping[Log, tuple[int, int]]
"""Source and boot -> east and north that its positions are off, mm; others are not off."""


class Place(NamedTuple):
    """A fused place, mm, and its horizontal covariance, mm²."""

    x_mm: int
    y_mm: int
    z_mm: int
    covariance: Moments


class _Boot:
    """The sums of one boot's sightings: weights in _ONE, and weights times places."""

    __slots__ = ("east", "north", "times", "up", "xx", "xy", "yy")

    def __init__(self) -> None:
        self.times = self.xx = self.xy = self.yy = self.east = self.north = self.up = 0

    def count(self, sighting: Sighting, sign: int, floor_mm2: int) -> None:
        """Count it in, or out again."""
        xx, xy, yy = _inverse(sighting.covariance_m2, floor_mm2)
        x, y = sign * sighting.x_mm, sign * sighting.y_mm
        self.times += sign
        self.xx += sign * xx
        self.xy += sign * xy
        self.yy += sign * yy
        self.east += xx * x + xy * y
        self.north += xy * x + yy * y
        self.up += sign * (xx + yy) * sighting.z_mm


class _Extremes(NamedTuple):
    """What no sum tells: the earliest sighting, the latest time, the best score."""

    first: tuple[int, SightingId]
    last_ns: int
    score: float


class Fusion:
    """A group of sightings, which may come and go, and what it says.

    Args:
        group: the sightings to begin with; identities must differ.
        floor_mm2: added to each variance.
    """

    def __init__(self, group: Iterable[Sighting] = (), floor_mm2: int = FLOOR_MM2) -> None:
        self._floor_mm2 = floor_mm2
        self._sightings: dict[SightingId, Sighting] = {}
        self._members: list[SightingId] = []
        self._boots: dict[Log, _Boot] = {}
        self._votes: dict[str, tuple[int, int]] = {}
        self._extremes: _Extremes | None = None
        for sighting in group:
            self.add(sighting)

    def __len__(self) -> int:
        return len(self._members)

    def add(self, sighting: Sighting) -> None:
        """Take in a sighting that is not here."""
        if not self._sightings:
            self._extremes = _extremes([sighting])
        elif self._extremes:
            first, last_ns, score = self._extremes
            self._extremes = _Extremes(
                min(first, (sighting.stamp_ns, sighting.id)),
                max(last_ns, sighting.stamp_ns),
                max(score, sighting.score),
            )
        self._sightings[sighting.id] = sighting
        insort(self._members, sighting.id)
        self._count(sighting, 1)

    def remove(self, identity: SightingId) -> None:
        """Take out a sighting that is here."""
        sighting = self._sightings.pop(identity)
        del self._members[bisect_left(self._members, identity)]
        self._count(sighting, -1)
        known = self._extremes
        if known and (
            known.first[1] == identity
            or known.last_ns == sighting.stamp_ns
            or known.score == sighting.score
        ):
            self._extremes = None

    def place(self, offsets_mm: Offsets | None = None, noise_milli: int = 0) -> Place:
        """The weighted mean of all, see ``fuse``; at least one must be here."""
        xx = xy = yy = east = north = up = 0
        for log, boot in self._boots.items():
            off_x, off_y = offsets_mm.get(log, _NOT_OFF) if offsets_mm else _NOT_OFF
            # n of one boot count as n / (noise + n * (1 - noise)) independent ones.
            spread = noise_milli + (1000 - noise_milli) * boot.times
            xx += 1000 * boot.xx // spread
            xy += 1000 * boot.xy // spread
            yy += 1000 * boot.yy // spread
            east += 1000 * (boot.east - boot.xx * off_x - boot.xy * off_y) // spread
            north += 1000 * (boot.north - boot.xy * off_x - boot.yy * off_y) // spread
            up += 1000 * boot.up // spread
        total = Moments(xx, xy, yy)
        return Place(
            _rounded(yy * east - xy * north, total.determinant),
            _rounded(xx * north - xy * east, total.determinant),
            _rounded(up, xx + yy),
            _covariance(total),
        )

    def votes(self) -> tuple[tuple[str, int], ...]:
        """Every class and the sum of its scores in VOTE_ONE, most votes first, then by name."""
        return ordered_votes({name: votes for name, (_, votes) in self._votes.items()})

    def target(self, offsets_mm: Offsets | None = None, noise_milli: int = 0) -> Target:
        """What all say together, see ``fuse``; at least one must be here."""
        if self._extremes is None:
            self._extremes = _extremes(self._sightings.values())
        (first_seen_ns, identity), last_seen_ns, score = self._extremes
        place, votes = self.place(offsets_mm, noise_milli), self.votes()
        xx, xy, yy = (_float32(value / 1e6) for value in place.covariance)
        return Target(
            id=identity,
            class_name=votes[0][0],
            score=score,
            x_mm=place.x_mm,
            y_mm=place.y_mm,
            z_mm=place.z_mm,
            covariance_m2=(xx, xy, yy),
            first_seen_ns=first_seen_ns,
            last_seen_ns=last_seen_ns,
            sources=tuple(sorted({source for source, _ in self._boots})),
            votes=votes,
            members=tuple(self._members),
        )

    def _count(self, sighting: Sighting, sign: int) -> None:
        log, name = sighting.id[:2], sighting.class_name
        boot = self._boots.get(log)
        if boot is None:
            boot = self._boots[log] = _Boot()
        boot.count(sighting, sign, self._floor_mm2)
        if not boot.times:
            del self._boots[log]
        count, votes = self._votes.get(name, (0, 0))
        self._votes[name] = count + sign, votes + sign * round(sighting.score * VOTE_ONE)
        if not self._votes[name][0]:
            del self._votes[name]


def fuse(
    group: Iterable[Sighting],
    offsets_mm: Offsets | None = None,
    noise_milli: int = 0,
    floor_mm2: int = FLOOR_MM2,
) -> Target:
    """What the sightings of one target say together; at least one, in any order.

    Args:
        group: the sightings.
        offsets_mm: how far each source's boot is off; one that is not named is not.
        noise_milli: how much of the stated variance differs between sightings of one
            boot, thousandths; 0 trusts a drone no more the more often it looks.
        floor_mm2: added to each variance.
    """
    return Fusion(group, floor_mm2).target(offsets_mm, noise_milli)


def ordered_votes(votes: Mapping[str, int]) -> tuple[tuple[str, int], ...]:
    """Most votes first, then by name."""
    return tuple(sorted(votes.items(), key=lambda item: (-item[1], item[0])))


def _extremes(sightings: Iterable[Sighting]) -> _Extremes:
    group = list(sightings)
    return _Extremes(
        min((s.stamp_ns, s.id) for s in group),
        max(s.stamp_ns for s in group),
        max(s.score for s in group),
    )


@lru_cache(1 << 14)
def _inverse(covariance_m2: tuple[float, float, float], floor_mm2: int) -> Moments:
    """The inverse, in _ONE."""
    covariance = moments(covariance_m2, floor_mm2)
    below = covariance.determinant
    return Moments(
        _rounded(covariance.yy * _ONE, below),
        _rounded(-covariance.xy * _ONE, below),
        _rounded(covariance.xx * _ONE, below),
    )


def _covariance(inverse: Moments) -> Moments:
    """The covariance whose inverse, in _ONE, this is; positive definite also when rounded."""
    below = inverse.determinant
    xx = max(1, _rounded(inverse.yy * _ONE, below))
    yy = max(1, _rounded(inverse.xx * _ONE, below))
    most = math.isqrt(xx * yy - 1)
    return Moments(xx, min(max(_rounded(-inverse.xy * _ONE, below), -most), most), yy)


def _rounded(numerator: int, denominator: int) -> int:
    """To the nearest whole number, halves up; the denominator is positive."""
    return (2 * numerator + denominator) // (2 * denominator)


def _float32(value: float) -> float:
    rounded: float = struct.unpack("<f", struct.pack("<f", value))[0]
    return rounded
