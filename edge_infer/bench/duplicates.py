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

"""Duplicates removed per second: the priority set against DBSCAN, both in one run.

DBSCAN (scikit-learn) is what one would take from the shelf. It answers another
question, for it chains neighbours into clusters, but it looks at the same pairs.
The brute force has no index; it is the oracle whose kept set the others must
equal. The scene is drawn from a seed: things on a plane, each seen a few times.

Goals are held against processor time: every way is one thread of pure
computing, and other work on the machine must not decide who is faster. The wall
clock stands beside it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from edge_infer.bench.harness import Goal, Progress, Report, Row, median
from edge_infer.bench.harness import rounded as short
from edge_infer.domain import Sighting, SightingId
from edge_infer.fleet.batch import priority_set, priority_set_columns
from edge_infer.fleet.duplicates import PrioritySet
from edge_infer.fleet.gate import DEFAULT_GATE, Gate

SIZES = (1_000, 10_000, 100_000)
REPEATS = 5
REFERENCE_SIZE = 10_000
TIMES_FASTER = 5.0
STATISTICAL = Gate(radius_mm=5000, sigmas_milli=3035)
"""The 99 % gate within the usual radius; its kept set is another one."""
INSERT_US = 50.0

VIEWS = 8
"""Sightings per thing, on average."""
SPACING_M = 12.0
"""Between neighbouring things, on average."""
SIGMA_M = 1.0
"""Error of a position, per axis."""
PER_FRAME = 4
DRONES = 20

Action = Callable[[], object]
Ints = NDArray[np.int64]


class Times(NamedTuple):
    """What one run took."""

    cpu_ms: float
    wall_ms: float


@dataclass(frozen=True, eq=False)
class Scene:
    """Sightings in columns, in the order of their identities: (n,) each."""

    x_mm: Ints
    y_mm: Ints
    score: NDArray[np.float32]
    frame: Ints

    @classmethod
    def draw(cls, n: int, seed: int = 1) -> Scene:
        """Things on a jittered grid, seen at random."""
        rng = np.random.default_rng(seed)
        side = max(1, round((n / VIEWS) ** 0.5))
        grid = np.stack(np.meshgrid(np.arange(side), np.arange(side)), -1).reshape(-1, 2)
        things = (grid + rng.uniform(-0.4, 0.4, grid.shape)) * SPACING_M
        seen = things[rng.integers(0, len(things), n)] + rng.normal(0, SIGMA_M, (n, 2))
        place = np.rint(seen * 1000).astype(np.int64)
        frame = rng.integers(0, max(1, n // PER_FRAME), n)
        drone = np.sort(rng.integers(0, DRONES, n))
        frame += drone * n  # frames are numbered per drone
        score = rng.random(n, np.float32)
        return cls(place[:, 0].copy(), place[:, 1].copy(), score, frame)

    def sightings(self) -> list[Sighting]:
        """The same as domain values, in the order in which a fleet would send them."""
        n = len(self.score)
        rows = zip(
            *(column.tolist() for column in (self.x_mm, self.y_mm, self.score, self.frame)),
            strict=True,
        )
        made = [
            Sighting(
                id=SightingId(f"drone_{frame // n:02d}", 1, sequence),
                stamp_ns=sequence,
                frame=frame % n,
                class_name="hot_cell",
                score=score,
                x_mm=x_mm,
                y_mm=y_mm,
                z_mm=0,
                covariance_m2=(SIGMA_M**2, 0.0, SIGMA_M**2),
                model_version="1.0.0",
            )
            for sequence, (x_mm, y_mm, score, frame) in enumerate(rows)
        ]
        order = np.random.default_rng(len(made)).permutation(len(made))
        return [made[at] for at in order]


def run(progress: Progress) -> Report:
    """Measure every way at every size, taking turns."""
    return measure(SIZES, REPEATS, progress)


def measure(sizes: Sequence[int], repeats: int, progress: Progress) -> Report:
    """The same at other sizes."""
    rows: list[Row] = []
    for n in sizes:
        rows += _measure_size(n, repeats, progress)
    return Report("duplicates", rows, _goals(rows, sizes))


def brute_force(scene: Scene, radius_mm: int = DEFAULT_GATE.radius_mm) -> NDArray[np.bool_]:
    """(n,) which rows are kept, by comparing each with all that were kept before it."""
    kept = np.zeros(len(scene.score), np.bool_)
    held = np.empty((3, len(kept)), np.int64)
    count = 0
    columns = np.stack([scene.x_mm, scene.y_mm, scene.frame])
    for row in np.argsort(-scene.score, kind="stable"):
        x, y, frame = columns[:, row, None]
        xs, ys, frames = held[:, :count]
        near = (xs - x) ** 2 + (ys - y) ** 2 <= radius_mm * radius_mm
        if not np.any(near & (frames != frame)):
            kept[row] = True
            held[:, count] = columns[:, row]
            count += 1
    return kept


def _measure_size(n: int, repeats: int, progress: Progress) -> list[Row]:
    scene = Scene.draw(n)
    sightings = scene.sightings()
    progress(f"{n:,} sightings: brute force, once")
    wanted: set[int] = set()
    oracle = _times(lambda: wanted.update(np.flatnonzero(brute_force(scene)).tolist()))
    actions = _actions(scene, sightings)
    taken: dict[str, list[Times]] = {what: [] for what in actions}
    for action in actions.values():
        action()
    for turn in range(repeats):
        for what, action in actions.items():
            progress(f"{n:,} sightings: {what}, {turn + 1} of {repeats}")
            taken[what].append(_times(action))
    kept = {
        "batch, columns": set(np.flatnonzero(_columns(scene)).tolist()),
        "batch, objects": _numbers(sightings, priority_set(sightings)),
        "incremental": {s.id.sequence for s in _inserted(sightings).kept},
        "brute force": wanted,
    }
    taken["brute force"] = [oracle]
    return [_row(n, what, times, kept.get(what), wanted) for what, times in taken.items()]


def _times(action: Action) -> Times:
    wall, cpu = time.perf_counter(), time.process_time()
    action()
    return Times((time.process_time() - cpu) * 1000, (time.perf_counter() - wall) * 1000)


def _actions(scene: Scene, sightings: Sequence[Sighting]) -> Mapping[str, Action]:
    actions: dict[str, Action] = {
        "batch, columns": lambda: _columns(scene),
        "batch, objects": lambda: priority_set(sightings),
        "incremental": lambda: _inserted(sightings),
        "batch, objects, 99 % gate": lambda: priority_set(sightings, STATISTICAL),
        "incremental, 99 % gate": lambda: _inserted(sightings, STATISTICAL),
    }
    try:
        from sklearn.cluster import DBSCAN
    except ImportError:
        return actions
    metres = np.column_stack([scene.x_mm, scene.y_mm]) / 1000
    return {**actions, "DBSCAN": lambda: DBSCAN(eps=DEFAULT_GATE.radius_mm / 1000).fit(metres)}


def _columns(scene: Scene) -> NDArray[np.bool_]:
    return priority_set_columns(scene.x_mm, scene.y_mm, scene.score, scene.frame)


def _inserted(sightings: Sequence[Sighting], gate: Gate = DEFAULT_GATE) -> PrioritySet:
    known = PrioritySet(gate)
    for sighting in sightings:
        known.insert(sighting)
    return known


def _numbers(sightings: Sequence[Sighting], mask: NDArray[np.bool_]) -> set[int]:
    return {s.id.sequence for s, kept in zip(sightings, mask, strict=True) if kept}


def _row(n: int, what: str, times: Sequence[Times], kept: set[int] | None, wanted: set[int]) -> Row:
    cpu_ms = median([one.cpu_ms for one in times])
    return {
        "sightings": n,
        "what": what,
        "times": len(times),
        "CPU ms": short(cpu_ms),
        "wall ms": short(median([one.wall_ms for one in times])),
        "CPU µs each": short(cpu_ms * 1000 / n),
        "kept": None if kept is None else len(kept),
        "equal": None if kept is None else kept == wanted,
    }


def _goals(rows: Sequence[Row], sizes: Sequence[int]) -> list[Goal]:
    figure = {(row["sightings"], row["what"]): row for row in rows}

    def value(n: int, what: str, column: str) -> float | None:
        row = figure.get((n, what))
        return None if row is None else float(row[column] or 0.0)

    ours = value(REFERENCE_SIZE, "batch, columns", "CPU ms")
    theirs = value(REFERENCE_SIZE, "DBSCAN", "CPU ms")
    times = None if ours is None or theirs is None else short(theirs / ours)
    wrong = sum(row["equal"] is False for row in rows)
    return [
        Goal(f"batch against DBSCAN at {REFERENCE_SIZE:,}", TIMES_FASTER, times, "times", False),
        *(
            Goal(f"incremental at {n:,}", INSERT_US, value(n, "incremental", "CPU µs each"), "µs")
            for n in sizes
        ),
        Goal("kept sets that differ from brute force", 0, wrong, "sets"),
    ]
