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

"""When two sightings may be two views of one thing: the rule, pair by pair, in whole numbers.

The usual gate is a radius. What else may count is off unless it is asked for:
how sure each position is, what class each detector saw, when each was taken.
Two things in one frame are two things, whatever the gate. Which of two
sightings stands is decided elsewhere (``duplicates.py``).

Covariances become whole square millimetres once, here; from then on every
comparison is between whole numbers, without a division, so all machines agree.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from functools import lru_cache
from typing import Any, NamedTuple

from edge_infer.domain import Sighting
from edge_infer.errors import FleetError

FLOOR_MM2 = 2500
"""Added to each variance, (5 cm)²: a covariance of zero is a claim, not a measurement."""

_LARGEST_M2 = 1e6
"""Standard deviations beyond 1 km say nothing more."""


@dataclass(frozen=True)
class Gate:
    """Which pairs of sightings conflict; every option but the radius is off at 0.

    Attributes:
        radius_mm: sightings farther apart than this never conflict (horizontal,
            inclusive).
        sigmas_milli: the largest Mahalanobis distance under the sum of both
            covariances, thousandths of sigma; 3035 is the 99 % gate. The radius
            still bounds it: a covariance is what its sender says, and one that is
            far too large must not swallow all around it. The bound is also what
            lets an index find all partners of a sighting.
        other_class_mm: added to the distance between sightings of different
            classes; less than the radius, so that it never forbids by itself. With
            ``sigmas_milli`` it narrows that gate by the share that it takes of the
            radius.
        window_ns: sightings farther apart in time than this never conflict; for
            things that move.
        max_speed_mmps: how fast a thing may move, mm/s; does not decide about
            pairs of sightings, but about tracks (``tracks.py``).

    Raises:
        FleetError: a value is out of its range.
    """

    radius_mm: int = 5000
    sigmas_milli: int = 0
    other_class_mm: int = 0
    window_ns: int = 0
    max_speed_mmps: int = 0

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if type(value) is not int or value < 0:
                raise FleetError(
                    f"{field.name} of the gate is {value!r}", "give a whole number, 0 or more"
                )
        if self.other_class_mm and self.other_class_mm >= self.radius_mm:
            raise FleetError(
                f"other_class_mm of the gate is {self.other_class_mm}, and its radius_mm is"
                f" {self.radius_mm}",
                "give less than the radius: another class may count as distance, not forbid",
            )

    @property
    def is_plain(self) -> bool:
        """Whether radius and frame alone decide about a pair."""
        return not (self.sigmas_milli or self.other_class_mm or self.window_ns)


DEFAULT_GATE = Gate()


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


def conflict(a: Sighting, b: Sighting, gate: Gate = DEFAULT_GATE) -> bool:
    """Whether two sightings may be two views of one thing; the order does not matter."""
    dx = a.x_mm - b.x_mm
    dy = a.y_mm - b.y_mm
    near = dx * dx + dy * dy <= gate.radius_mm * gate.radius_mm
    if not near or (a.frame == b.frame and a.id[:2] == b.id[:2]):
        return False
    return gate.is_plain or agree(a, b, gate)


def agree(a: Sighting, b: Sighting, gate: Gate) -> bool:
    """What the options say of two sightings within the radius, not of one frame."""
    if gate.window_ns and abs(a.stamp_ns - b.stamp_ns) > gate.window_ns:
        return False
    reach = gate.radius_mm
    if a.class_name != b.class_name:
        reach -= gate.other_class_mm
    dx, dy = a.x_mm - b.x_mm, a.y_mm - b.y_mm
    if dx * dx + dy * dy > reach * reach:
        return False
    if not gate.sigmas_milli:
        return True
    return bool(
        within_sigmas(dx, dy, moments(a.covariance_m2), moments(b.covariance_m2), reach, gate)
    )


def within_sigmas(dx: Any, dy: Any, a: Moments, b: Moments, reach: Any, gate: Gate) -> Any:
    """Whether a distance could come from both position errors together.

    With S the sum of the covariances: d' S^-1 d <= (sigmas * reach / radius)^2,
    multiplied by det S and by what else stands below a line.

    Distances are in mm. All but the gate may be (n,) arrays as well: of Python's
    integers, for these products are longer than 64 bits.
    """
    xx, xy, yy = a.xx + b.xx, a.xy + b.xy, a.yy + b.yy
    scaled = yy * dx * dx - 2 * xy * dx * dy + xx * dy * dy
    sigmas = gate.sigmas_milli * reach
    below = 1000 * gate.radius_mm
    return scaled * below * below <= sigmas * sigmas * (xx * yy - xy * xy)


@lru_cache(1 << 14)
def moments(covariance_m2: tuple[float, float, float], floor_mm2: int = FLOOR_MM2) -> Moments:
    """A covariance (xx, xy, yy) as whole numbers, always positive definite.

    A float32 times 10^6 is exact in a double, so the one rounding is the same
    everywhere. Negative variances count as none, what is no number as the largest.
    """
    xx, yy = (max(_square_mm(v), 0) for v in covariance_m2[::2])
    most = math.isqrt(xx * yy)
    raw = covariance_m2[1]
    xy = 0 if math.isnan(raw) else min(max(_square_mm(raw), -most), most)
    return Moments(xx + floor_mm2, xy, yy + floor_mm2)


def _square_mm(value_m2: float) -> int:
    if math.isnan(value_m2):
        return round(_LARGEST_M2 * 1e6)
    return round(min(max(value_m2, -_LARGEST_M2), _LARGEST_M2) * 1e6)
