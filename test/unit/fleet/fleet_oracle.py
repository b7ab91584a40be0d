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

"""Slow, plain references for the fleet room, and random sightings that provoke it.

Nothing here shares code with what it checks beyond the nouns of ``domain.py`` and
the options of a gate.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterable, Sequence
from fractions import Fraction

from hypothesis import strategies as st

from edge_infer.domain import Sighting, SightingId
from edge_infer.fleet.gate import Gate

RADIUS_MM = 5000
GATE = Gate(RADIUS_MM)
SCORES = (0.25, 0.5, 0.75, 1.0)


def sighting(
    source: str = "drone_01",
    boot: int = 1,
    sequence: int = 1,
    *,
    x_mm: int = 0,
    y_mm: int = 0,
    score: float = 0.5,
    frame: int | None = None,
    stamp_ns: int = 0,
    class_name: str = "hot_cell",
    covariance_m2: tuple[float, float, float] = (0.25, 0.0, 0.25),
) -> Sighting:
    """A sighting; each has a frame of its own unless one is given."""
    return Sighting(
        id=SightingId(source, boot, sequence),
        stamp_ns=stamp_ns,
        frame=1000 + sequence if frame is None else frame,
        class_name=class_name,
        score=score,
        x_mm=x_mm,
        y_mm=y_mm,
        z_mm=0,
        covariance_m2=covariance_m2,
        model_version="1.0.0",
    )


def conflict(a: Sighting, b: Sighting, gate: Gate = GATE) -> bool:
    """Two views of what may be one thing."""
    if (a.id.source, a.id.boot, a.frame) == (b.id.source, b.id.boot, b.frame):
        return False
    if gate.window_ns and abs(a.stamp_ns - b.stamp_ns) > gate.window_ns:
        return False
    reach = gate.radius_mm - (gate.other_class_mm if a.class_name != b.class_name else 0)
    east, north = a.x_mm - b.x_mm, a.y_mm - b.y_mm
    if east**2 + north**2 > reach**2:
        return False
    if not gate.sigmas_milli or reach == 0:
        return True
    (xx, xy, yy), other = covariance_mm2(a), covariance_mm2(b)
    xx, xy, yy = xx + other[0], xy + other[1], yy + other[2]
    inverse = Fraction(1) / (xx * yy - xy * xy)
    squared = (east * (yy * east - xy * north) + north * (xx * north - xy * east)) * inverse
    return squared <= (Fraction(gate.sigmas_milli, 1000) * Fraction(reach, gate.radius_mm)) ** 2


def covariance_mm2(s: Sighting) -> tuple[Fraction, Fraction, Fraction]:
    """Whole square millimetres, each variance with its floor; what is absurd made bearable."""

    def whole(value: float) -> int:
        if math.isnan(value):
            return 10**12
        return round(Fraction(min(max(value, -1e6), 1e6)) * 10**6)

    xx, yy = (max(0, whole(value)) for value in (s.covariance_m2[0], s.covariance_m2[2]))
    most = math.isqrt(xx * yy)
    xy = 0 if math.isnan(s.covariance_m2[1]) else whole(s.covariance_m2[1])
    return Fraction(xx + 2500), Fraction(max(-most, min(most, xy))), Fraction(yy + 2500)


def better_first(sightings: Iterable[Sighting]) -> list[Sighting]:
    """Highest score first; then source, boot, sequence."""
    by_id = sorted(sightings, key=lambda s: (s.id.source, s.id.boot, s.id.sequence))
    return sorted(by_id, key=lambda s: s.score, reverse=True)


def priority_set(sightings: Iterable[Sighting], gate: Gate = GATE) -> list[Sighting]:
    """The definition, word for word: going down, keep what conflicts with none kept before."""
    kept: list[Sighting] = []
    for candidate in better_first(sightings):
        if not any(conflict(candidate, other, gate) for other in kept):
            kept.append(candidate)
    return kept


_PLACES = st.one_of(
    st.integers(-3, 3).map(lambda k: k * 1000),
    st.sampled_from([-5001, -5000, -4999, 4999, 5000, 5001]),
    st.integers(-12_000, 12_000),
)


COVARIANCES = st.sampled_from([(0.25, 0.0, 0.25), (1.0, 0.875, 1.0), (4.0, 0.0, 0.0)])
_BROKEN = st.sampled_from([0.0, 0.25, 9.0, 2.0**100, -1.0, math.inf, math.nan])
ANY_COVARIANCES = st.one_of(COVARIANCES, st.tuples(_BROKEN, _BROKEN, _BROKEN))
"""With what a broken filter sends."""


@st.composite
def fleets(
    draw: st.DrawFn,
    max_size: int = 16,
    covariances: st.SearchStrategy[tuple[float, float, float]] = COVARIANCES,
) -> list[Sighting]:
    """Sightings of a few drones over a small plot: crowded, equal scores, shared frames, edges."""
    ids = draw(
        st.lists(
            st.tuples(st.sampled_from("ab"), st.integers(1, 2), st.integers(1, 12)),
            max_size=max_size,
            unique=True,
        )
    )
    return [
        sighting(
            *identity,
            x_mm=draw(_PLACES),
            y_mm=draw(_PLACES),
            score=draw(st.sampled_from(SCORES)),
            frame=draw(st.integers(1, 3)),
            stamp_ns=draw(st.integers(0, 5)),
            class_name=draw(st.sampled_from(["hot_cell", "bypass_diode"])),
            covariance_m2=draw(covariances),
        )
        for identity in ids
    ]


def gates() -> st.SearchStrategy[Gate]:
    """Every option on or off, alone and together."""
    return st.builds(
        Gate,
        radius_mm=st.sampled_from([1000, RADIUS_MM, 12_000]),
        sigmas_milli=st.sampled_from([0, 1000, 3035, 10**6]),
        other_class_mm=st.sampled_from([0, 1, 500, 999]),
        window_ns=st.sampled_from([0, 1, 2, 4]),
    )


def crowd(n: int, seed: int, *, things: int | None = None, plot_mm: int = 60_000) -> list[Sighting]:
    """Many sightings of a few things by four drones, two boots each."""
    rng = random.Random(seed)
    places = [(rng.randrange(plot_mm), rng.randrange(plot_mm)) for _ in range(things or n // 6)]
    made = []
    for sequence in range(n):
        x, y = rng.choice(places)
        made.append(
            sighting(
                f"drone_{rng.randrange(4)}",
                rng.randrange(1, 3),
                sequence,
                x_mm=x + round(rng.gauss(0, 1500)),
                y_mm=y + round(rng.gauss(0, 1500)),
                score=rng.randrange(1, 17) / 16,
                frame=rng.randrange(n // 4 + 1),
                stamp_ns=rng.randrange(1_000_000),
                class_name=rng.choice(("hot_cell", "hot_cell", "bypass_diode")),
                covariance_m2=rng.choice(((2.25, 0.0, 2.25), (4.0, 1.5, 1.0), (0.0, 0.0, 0.0))),
            )
        )
    return made


def shuffled(sightings: Sequence[Sighting], seed: int) -> list[Sighting]:
    """The same in another order."""
    return random.Random(seed).sample(sightings, len(sightings))
