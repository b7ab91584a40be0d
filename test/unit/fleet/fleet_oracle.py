"""Slow, plain references for the fleet room, and random sightings that provoke it.

Nothing here shares code with what it checks beyond the nouns of ``domain.py``.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence

from hypothesis import strategies as st

from edge_infer.domain import Sighting, SightingId

RADIUS_MM = 5000
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
        covariance_m2=(0.25, 0.0, 0.25),
        model_version="1.0.0",
    )


def conflict(a: Sighting, b: Sighting, radius_mm: int = RADIUS_MM) -> bool:
    """Two views of what may be one thing."""
    if (a.id.source, a.id.boot, a.frame) == (b.id.source, b.id.boot, b.frame):
        return False
    return (a.x_mm - b.x_mm) ** 2 + (a.y_mm - b.y_mm) ** 2 <= radius_mm**2


def better_first(sightings: Iterable[Sighting]) -> list[Sighting]:
    """Highest score first; then source, boot, sequence."""
    by_id = sorted(sightings, key=lambda s: (s.id.source, s.id.boot, s.id.sequence))
    return sorted(by_id, key=lambda s: s.score, reverse=True)


def priority_set(sightings: Iterable[Sighting], radius_mm: int = RADIUS_MM) -> list[Sighting]:
    """The definition, word for word: going down, keep what conflicts with none kept before."""
    kept: list[Sighting] = []
    for candidate in better_first(sightings):
        if not any(conflict(candidate, other, radius_mm) for other in kept):
            kept.append(candidate)
    return kept


_PLACES = st.one_of(
    st.integers(-3, 3).map(lambda k: k * 1000),
    st.sampled_from([-5001, -5000, -4999, 4999, 5000, 5001]),
    st.integers(-12_000, 12_000),
)


@st.composite
def fleets(draw: st.DrawFn, max_size: int = 16) -> list[Sighting]:
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
        )
        for identity in ids
    ]


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
            )
        )
    return made


def shuffled(sightings: Sequence[Sighting], seed: int) -> list[Sighting]:
    """The same in another order."""
    return random.Random(seed).sample(sightings, len(sightings))
