"""When two sightings may be two views of one thing: the radius, or how sure each position is.

The plain gate is a radius. A statistical gate asks instead whether the distance
could come from the two position errors together, at 99 % by default; it takes
far pairs of poor positions and parts near pairs of good ones. A different class
may count as a bit more distance, never as a reason of its own. Two things in
one frame are two things, whatever the gate.

Covariances become whole square millimetres once, here; from then on every
comparison is between whole numbers, so all machines agree. ``groups`` is the
priority set of ``duplicates.py`` under any gate, from nothing; it follows no
stream.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import NamedTuple

from edge_infer.domain import Sighting, SightingId
from edge_infer.fleet.spatial import HashGrid

CHI2_99_MILLI = 9210
"""99 % of chi-squared with two degrees of freedom, thousandths."""

FLOOR_MM2 = 2500
"""Added to each variance, (5 cm)²: a covariance of zero is a claim, not a measurement."""

_LARGEST_MM2 = 10**12
"""Standard deviations beyond 1 km say nothing more."""

Frame = tuple[str, int, int]
"""Source, boot and number: one camera frame."""


class Moments(NamedTuple):
    """A horizontal covariance in whole square millimetres."""

    xx: int
    xy: int
    yy: int

    @property
    def determinant(self) -> int:
        """mm^4."""
        return self.xx * self.yy - self.xy * self.xy

    @property
    def variance(self) -> int:
        """Mean of both axes, mm²."""
        return (self.xx + self.yy) // 2


def frame_of(sighting: Sighting) -> Frame:
    """The camera frame in which it was seen."""
    return sighting.id.source, sighting.id.boot, sighting.frame


def moments(covariance_m2: tuple[float, float, float], floor_mm2: int = FLOOR_MM2) -> Moments:
    """A covariance (xx, xy, yy) as whole numbers, always positive definite.

    A float32 times 10^6 is exact in a double, so the one rounding is the same
    everywhere. Negative variances count as none, what is no number as the largest.
    """
    xx, yy = (min(max(_square_mm(v), 0), _LARGEST_MM2) for v in covariance_m2[::2])
    most = math.isqrt(xx * yy)
    raw = covariance_m2[1]
    xy = 0 if math.isnan(raw) else min(max(_square_mm(raw), -most), most)
    return Moments(xx + floor_mm2, xy, yy + floor_mm2)


class Gate(NamedTuple):
    """Which pairs may be one thing.

    Attributes:
        radius_mm: farther apart, no two sightings conflict.
        chi2_milli: the largest squared Mahalanobis distance, thousandths; None
            leaves the radius alone to decide.
        class_penalty_milli: what a different class adds to that distance; without
            ``chi2_milli``, to the squared distance in thousandths of the radius squared.
        floor_mm2: added to each variance, 1 or more.
    """

    radius_mm: int = 5000
    chi2_milli: int | None = None
    class_penalty_milli: int = 0
    floor_mm2: int = FLOOR_MM2

    def conflict(self, a: Sighting, b: Sighting) -> bool:
        """Whether two sightings may be two views of one thing."""
        dx, dy = a.x_mm - b.x_mm, a.y_mm - b.y_mm
        distance2, reach2 = dx * dx + dy * dy, self.radius_mm * self.radius_mm
        if distance2 > reach2 or frame_of(a) == frame_of(b):
            return False
        penalty = 0 if a.class_name == b.class_name else self.class_penalty_milli
        if self.chi2_milli is None:
            return 1000 * distance2 + penalty * reach2 <= 1000 * reach2
        one = moments(a.covariance_m2, self.floor_mm2)
        other = moments(b.covariance_m2, self.floor_mm2)
        both = Moments(one.xx + other.xx, one.xy + other.xy, one.yy + other.yy)
        scaled = both.yy * dx * dx - 2 * both.xy * dx * dy + both.xx * dy * dy
        return 1000 * scaled <= (self.chi2_milli - penalty) * both.determinant


STATISTICAL = Gate(radius_mm=12_000, chi2_milli=CHI2_99_MILLI)
"""The 99 % gate, for positions that are good to about 2 m."""


def groups(sightings: Iterable[Sighting], gate: Gate) -> tuple[tuple[Sighting, ...], ...]:
    """Every kept sighting, best first, each followed by those that it covers, by identity.

    Going down by priority, a sighting is kept if it conflicts with none kept
    before; otherwise the best kept one that it conflicts with covers it.
    """
    kept: HashGrid[Sighting] = HashGrid(gate.radius_mm)
    found: dict[SightingId, list[Sighting]] = {}
    for sighting in sorted(sightings, key=_priority):
        near = kept.within(sighting.x_mm, sighting.y_mm, gate.radius_mm)
        covers = [other for other in near if gate.conflict(sighting, other)]
        if covers:
            found[min(covers, key=_priority).id].append(sighting)
        else:
            kept.insert(sighting)
            found[sighting.id] = [sighting]
    return tuple((best, *sorted(rest, key=_identity)) for best, *rest in found.values())


def _square_mm(value_m2: float) -> int:
    if math.isfinite(value_m2):
        return round(value_m2 * 1e6)
    return -_LARGEST_MM2 if value_m2 < 0 else _LARGEST_MM2


def _priority(sighting: Sighting) -> tuple[float, SightingId]:
    return sighting.priority


def _identity(sighting: Sighting) -> SightingId:
    return sighting.id
