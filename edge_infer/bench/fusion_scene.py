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

"""A field of things in pairs, seen by drones that are each off; and how well targets match it.

Pairs of things 2 to 12 m apart stand on a jittered grid 20 m wide, so that the
nearest neighbour is what decides. Each drone flies over two thirds of the field
in lanes, and a frame shows what lies in its footprint. A position is wrong by a
constant of the drone and by noise of its own; the sighting states the sum of
both variances, as an autopilot does. Sightings of a frame are numbered at random.

In the usual scene a frame is wide enough to show both things of a pair and there
are no false alarms, so the rule that one frame never shows a thing twice says
nearly how many things there are. Narrow frames and false alarms take that away.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from edge_infer.domain import Sighting, SightingId
from edge_infer.fleet.refined.assignment import assign

Array = NDArray[np.float64]

PAIRS = 40
PAIRS_PER_ROW = 8
GRID_M, JITTER_M = 20.0, 2.0
NEAREST_M, FARTHEST_M = 2.0, 12.0
HEIGHT, LANE = 0.75, 2 / 3
"""Height of a frame and distance of lanes, against the width of a frame."""
ALARM_M = 9.0
"""So far east or north of a thing a false alarm may lie."""
NOTHING = -1
"""The number of what is not there."""
SEEN = 0.9
"""Probability that a thing in the frame is found, and that its class is right."""
CLASSES = ("hot_cell", "bypass_diode")


class Conditions(NamedTuple):
    """What a scene is drawn with.

    Attributes:
        sigma_m: error of a position in all, per axis.
        offset_share: of the variance, what the drone's constant offset makes up.
        drones: how many fly.
        step_m: between frames of a lane.
        frame_m: width of what a frame shows.
        alarms: false alarms per sighting of a thing.
    """

    sigma_m: float
    offset_share: float
    drones: int = 6
    step_m: float = 5.0
    frame_m: float = 24.0
    alarms: float = 0.0


class Scene(NamedTuple):
    """What is there and what was said of it.

    Attributes:
        things_m: (n, 2) true places of the things that were seen at least once.
        sightings: in the order of arrival, which is random.
        truth: the number of the thing behind each sighting, or NOTHING.
    """

    things_m: Array
    sightings: list[Sighting]
    truth: dict[SightingId, int]


def draw(conditions: Conditions, seed: int) -> Scene:
    """The scene of a seed; the same conditions and seed give the same scene."""
    rng = np.random.default_rng(seed)
    things = _things(rng)
    classes = rng.integers(0, 2, len(things))
    sightings: list[Sighting] = []
    truth: dict[SightingId, int] = {}
    for drone in range(conditions.drones):
        for thing, sighting in _flight(drone, things, classes, conditions, rng):
            truth[sighting.id] = thing
            sightings.append(sighting)
    order = rng.permutation(len(sightings))
    seen = sorted(set(truth.values()) - {NOTHING})
    return Scene(things[seen], [sightings[at] for at in order], truth)


def _things(rng: np.random.Generator) -> Array:
    places = []
    for pair in range(PAIRS):
        middle = np.array([pair % PAIRS_PER_ROW, pair // PAIRS_PER_ROW]) * GRID_M
        middle += rng.uniform(-JITTER_M, JITTER_M, 2)
        apart, turn = rng.uniform(NEAREST_M, FARTHEST_M), rng.uniform(0, 2 * np.pi)
        half = apart / 2 * np.array([np.cos(turn), np.sin(turn)])
        places += [middle - half, middle + half]
    return np.array(places)


def _flight(
    drone: int,
    things: Array,
    classes: NDArray[np.int64],
    conditions: Conditions,
    rng: np.random.Generator,
) -> list[tuple[int, Sighting]]:
    """What one drone says, each with the number of the thing that it saw."""
    variance = conditions.sigma_m**2
    offset = rng.normal(0, (variance * conditions.offset_share) ** 0.5, 2)
    noise_m = (variance * (1 - conditions.offset_share)) ** 0.5
    told: list[tuple[int, Sighting]] = []
    half = np.array([1.0, HEIGHT]) * conditions.frame_m / 2
    for frame, middle in enumerate(_path(drone, things, conditions, rng)):
        inside = np.flatnonzero((np.abs(things - middle) <= half).all(axis=1))
        found = rng.permutation(inside[rng.random(len(inside)) < SEEN])
        false = found[rng.random(len(found)) < conditions.alarms]
        for thing, real in [*((t, True) for t in found), *((t, False) for t in false)]:
            place = things[thing] + offset + rng.normal(0, noise_m, 2)
            if not real:
                place += rng.uniform(-ALARM_M, ALARM_M, 2)
            kind = int(classes[thing]) ^ int(rng.random() >= SEEN)
            score = float(np.float32(rng.uniform(0.3, 1.0)))
            said = _sighting(drone, len(told) + 1, frame, place, kind, score, variance)
            told.append((int(thing) if real else NOTHING, said))
    return told


def _path(
    drone: int, things: Array, conditions: Conditions, rng: np.random.Generator
) -> list[Array]:
    """Middles of the frames: lanes over the field without the third that others fly."""
    west, south = things.min(axis=0)
    east, north = things.max(axis=0)
    middles = []
    apart, height = conditions.frame_m * LANE, conditions.frame_m * HEIGHT
    for lane in np.arange(west - rng.uniform(-apart / 2, apart / 2), east + apart / 2, apart):
        third = int(np.clip((lane - west) / (east - west) * 3, 0, 2))
        start = south - rng.uniform(0, height / 2)
        if third != drone % 3:
            steps = np.arange(start, north + height / 2, conditions.step_m)
            middles += [np.array([lane, at]) for at in steps]
    return middles


def _sighting(
    drone: int, sequence: int, frame: int, place_m: Array, kind: int, score: float, variance: float
) -> Sighting:
    x_mm, y_mm = (round(float(v) * 1000) for v in place_m)
    stated = float(np.float32(variance))
    return Sighting(
        id=SightingId(f"drone_{drone:02d}", 1, sequence),
        stamp_ns=frame * 10**9,
        frame=frame,
        class_name=CLASSES[kind],
        score=score,
        x_mm=x_mm,
        y_mm=y_mm,
        z_mm=0,
        covariance_m2=(stated, 0.0, stated),
        model_version="1.0.0",
    )


# --- matching ----------------------------------------------------------------------


def matches(truth_m: Array, found_m: Array, within_m: float) -> list[float]:
    """Distances of the pairs of an optimal matching: as many as can be, then as close.

    Args:
        truth_m: (n, 2).
        found_m: (m, 2).
        within_m: pairs farther apart do not match.
    """
    apart = np.hypot(*(truth_m[:, None, :] - found_m[None, :, :]).transpose(2, 0, 1))
    allowed = apart <= within_m
    paired: list[float] = []
    for rows, columns in _parties(allowed):
        part = np.rint(apart[np.ix_(rows, columns)] * 1000).astype(int)
        # A pair saves more than all distances together can cost.
        saved = round(within_m * 1000) * (len(rows) + 1) + 1
        table = np.where(allowed[np.ix_(rows, columns)], part - saved, 0)
        padded = np.hstack([table, np.zeros((len(rows), len(rows)), int)])
        for row, column in zip(rows, assign(padded.tolist()), strict=True):
            if column < len(columns) and allowed[row, columns[column]]:
                paired.append(float(apart[row, columns[column]]))
    return paired


def f1(truth_m: Array, found_m: Array, within_m: float) -> float:
    """Twice the matches over what is there and what was found together."""
    both = len(truth_m) + len(found_m)
    return 2 * len(matches(truth_m, found_m, within_m)) / both if both else 1.0


def pair_f1(truth: Mapping[SightingId, int], grouped: Iterable[Sequence[SightingId]]) -> float:
    """Over pairs of sightings: which are of one thing, and which stand in one group.

    False alarms are of no thing. This asks for each sighting's place, not only for
    the number of targets.
    """
    groups = [Counter(truth[identity] for identity in group) for group in grouped]
    right = sum(_pairs(n) for group in groups for thing, n in group.items() if thing != NOTHING)
    grouped_pairs = sum(_pairs(sum(group.values())) for group in groups)
    counts = Counter(thing for thing in truth.values() if thing != NOTHING)
    both = grouped_pairs + sum(map(_pairs, counts.values()))
    return 2 * right / both if both else 1.0


def _pairs(n: int) -> int:
    return n * (n - 1) // 2


def _parties(allowed: NDArray[np.bool_]) -> list[tuple[list[int], list[int]]]:
    """Rows and columns that hang together; those without a partner are left out."""
    party = {row: row for row in range(len(allowed))}
    for column in allowed.T:
        linked = np.flatnonzero(column).tolist()
        old = {party[row] for row in linked}
        if old:
            party = {row: min(old) if at in old else at for row, at in party.items()}
    rows: defaultdict[int, list[int]] = defaultdict(list)
    for row, at in party.items():
        rows[at].append(row)
    joined = [(some, np.flatnonzero(allowed[some].any(axis=0)).tolist()) for some in rows.values()]
    return [(some, columns) for some, columns in joined if columns]


def centres(points_m: Array, labels: Sequence[int]) -> Array:
    """(m, 2) mean of the points of each label; label -1 stands for none."""
    numbers = np.asarray(labels)
    found = [points_m[numbers == label].mean(axis=0) for label in np.unique(numbers[numbers >= 0])]
    return np.array(found).reshape(-1, 2)
