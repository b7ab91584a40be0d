"""What a group of sightings says together: where, how sure, which class, how often.

The position is the mean weighted by the inverse covariances. It is worked out
in whole numbers and rounded once, so it does not depend on the order and is the
same on every machine. One drone's sightings share its offset: of their error
only the noise averages out, so a hundred sightings of one drone are not taken
for a hundred opinions. Which sightings belong together is decided elsewhere.
"""

from __future__ import annotations

import math
import struct
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from edge_infer.domain import Sighting, SightingId, Target
from edge_infer.fleet.ranges import Log
from edge_infer.fleet.refined.gates import FLOOR_MM2, Moments, moments

_ONE = 1 << 96
"""Unit of an inverse covariance: small against any difference of 1 mm."""

VOTE_ONE = 1 << 24
"""A vote of score 1; scores are float32, so this loses nothing above 2^-24."""

_NOT_OFF = (0, 0)


class Fused(NamedTuple):
    """One target, as all its sightings say together.

    Attributes:
        id: of the earliest sighting; the lower identity among equal stamps.
        class_name: the one with the most votes; the first by name among equals.
        votes: every class and its votes, the sum of its scores in VOTE_ONE, most first.
        score: of the best sighting.
        x_mm, y_mm, z_mm: fused place, without the drones' offsets.
        covariance_mm2: of the horizontal place.
        first_seen_ns, last_seen_ns: earliest and latest capture time.
        sources: the drones that saw it, sorted.
        sightings: their identities, sorted.
    """

    id: SightingId
    class_name: str
    votes: tuple[tuple[str, int], ...]
    score: float
    x_mm: int
    y_mm: int
    z_mm: int
    covariance_mm2: Moments
    first_seen_ns: int
    last_seen_ns: int
    sources: tuple[str, ...]
    sightings: tuple[SightingId, ...]

    def target(self) -> Target:
        """The same without votes and identities."""
        xx, xy, yy = (_float32(value / 1e6) for value in self.covariance_mm2)
        return Target(
            id=self.id,
            class_name=self.class_name,
            score=self.score,
            x_mm=self.x_mm,
            y_mm=self.y_mm,
            z_mm=self.z_mm,
            covariance_m2=(xx, xy, yy),
            first_seen_ns=self.first_seen_ns,
            last_seen_ns=self.last_seen_ns,
            sources=self.sources,
            sightings=len(self.sightings),
        )


def fuse(
    group: Sequence[Sighting],
    offsets_mm: Mapping[Log, tuple[int, int]] | None = None,
    noise_milli: int = 0,
    floor_mm2: int = FLOOR_MM2,
) -> Fused:
    """What the sightings of one target say together; at least one, in any order.

    Args:
        group: the sightings.
        offsets_mm: how far each source's boot is off; one that is not named is not.
        noise_milli: how much of the stated variance differs between sightings of one
            boot, thousandths; 0 trusts a drone no more the more often it looks.
        floor_mm2: added to each variance.
    """
    x_mm, y_mm, z_mm, covariance = _place(group, offsets_mm or {}, noise_milli, floor_mm2)
    votes = class_votes(group)
    earliest = min(group, key=lambda s: (s.stamp_ns, s.id))
    return Fused(
        id=earliest.id,
        class_name=votes[0][0],
        votes=votes,
        score=max(s.score for s in group),
        x_mm=x_mm,
        y_mm=y_mm,
        z_mm=z_mm,
        covariance_mm2=covariance,
        first_seen_ns=earliest.stamp_ns,
        last_seen_ns=max(s.stamp_ns for s in group),
        sources=tuple(sorted({s.id.source for s in group})),
        sightings=tuple(sorted(s.id for s in group)),
    )


def class_votes(group: Sequence[Sighting]) -> tuple[tuple[str, int], ...]:
    """Every class and the sum of its scores, most votes first, then by name."""
    votes: Counter[str] = Counter()
    for sighting in group:
        votes[sighting.class_name] += round(sighting.score * VOTE_ONE)
    return tuple(sorted(votes.items(), key=lambda item: (-item[1], item[0])))


def _place(
    group: Sequence[Sighting],
    offsets_mm: Mapping[Log, tuple[int, int]],
    noise_milli: int,
    floor_mm2: int,
) -> tuple[int, int, int, Moments]:
    """East, north and up of the weighted mean, and its covariance."""
    times = Counter(s.id[:2] for s in group)
    xx = xy = yy = east = north = up = trust = 0
    for s in group:
        # n of one boot count as n / (noise + n * (1 - noise)) independent ones.
        spread = noise_milli + (1000 - noise_milli) * times[s.id[:2]]
        inverse = _inverse(moments(s.covariance_m2, floor_mm2), 1000, spread)
        off_x, off_y = offsets_mm.get(s.id[:2], _NOT_OFF)
        x, y = s.x_mm - off_x, s.y_mm - off_y
        xx, xy, yy = xx + inverse.xx, xy + inverse.xy, yy + inverse.yy
        east += inverse.xx * x + inverse.xy * y
        north += inverse.xy * x + inverse.yy * y
        weight = inverse.xx + inverse.yy
        up += weight * s.z_mm
        trust += weight
    total = Moments(xx, xy, yy)
    x_mm = _rounded(yy * east - xy * north, total.determinant)
    y_mm = _rounded(xx * north - xy * east, total.determinant)
    return x_mm, y_mm, _rounded(up, trust), _covariance(total)


def _inverse(covariance: Moments, numerator: int, denominator: int) -> Moments:
    """The inverse times a fraction, in _ONE."""
    scale, below = _ONE * numerator, covariance.determinant * denominator
    return Moments(
        _rounded(covariance.yy * scale, below),
        _rounded(-covariance.xy * scale, below),
        _rounded(covariance.xx * scale, below),
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
