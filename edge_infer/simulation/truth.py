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

"""How much of the truth a swarm found: faults that were in view against its targets.

A swarm can only find what a camera saw. A fault counts as in view when its
whole module was inside some captured frame; one that was never more than
partly inside may be reported or not, and neither is held against the swarm.
How good single detections are is left to the training's own evaluation.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from edge_infer.domain import CameraModel, Pose
from edge_infer.simulation.farm import Farm, Fault
from edge_infer.simulation.labels import visible_faults

GATE_M = 3.0
"""A target farther than this from a fault is not a report of it: six times the sigma
of the GPS bias, half the default distance of two faults."""

MARGIN_PX = 6.0
"""A module closer than this to the image's border does not count as wholly in view."""


class Report(NamedTuple):
    """One target as far as the score cares: east and north in metres."""

    class_name: str
    x_m: float
    y_m: float
    score: float


class Truth(NamedTuple):
    """The score of a flight.

    Attributes:
        faults_in_view: faults that some frame showed whole.
        found: of them, those that a target reports.
        missed: the others.
        false: targets that report no fault, second reports of one included.
        precision: found / (found + false); 1 when nothing was reported.
        recall: found / faults_in_view; 1 when nothing was in view.
        class_accuracy: share of the found whose class is right; 1 when none was found.
        reported_twice: targets within the gate of a fault that another target reports.
    """

    faults_in_view: int
    found: int
    missed: int
    false: int
    precision: float
    recall: float
    class_accuracy: float
    reported_twice: int


class FaultsInView:
    """Collects, frame by frame, which faults the swarm had a chance to find."""

    def __init__(self, farm: Farm, camera: CameraModel, margin_px: float = MARGIN_PX) -> None:
        self.farm = farm
        self.camera = camera
        self.margin_px = margin_px
        self._whole: set[int] = set()
        self._partly: set[int] = set()

    def add(self, true_pose: Pose) -> None:
        """Account for a frame that was captured there."""
        seen = visible_faults(self.farm, true_pose, self.camera)
        far = np.array([self.camera.width, self.camera.height]) - 1.0 - self.margin_px
        inside = np.all((seen.xyxy[:, :2] >= self.margin_px) & (seen.xyxy[:, 2:] <= far), axis=1)
        self._whole.update(int(i) for i in seen.fault_id[inside])
        self._partly.update(int(i) for i in seen.fault_id)

    @property
    def whole(self) -> tuple[Fault, ...]:
        """Faults that were wholly in view at least once."""
        return tuple(self.farm.faults[i] for i in sorted(self._whole))

    @property
    def partly(self) -> tuple[Fault, ...]:
        """Faults that were in view, but never wholly."""
        return tuple(self.farm.faults[i] for i in sorted(self._partly - self._whole))


def match(
    reports: Sequence[Report], faults: Sequence[Fault], gate_m: float = GATE_M
) -> list[tuple[int, int]]:
    """Pair reports with faults one to one, the closest pair of all first.

    Returns:
        (index of the report, index of the fault), closest first, none beyond the gate.
    """
    apart = _distances(reports, faults)
    pairs: list[tuple[int, int]] = []
    while apart.size and apart.min() <= gate_m:
        report, fault = (int(i) for i in np.unravel_index(apart.argmin(), apart.shape))
        pairs.append((report, fault))
        apart[report, :] = np.inf
        apart[:, fault] = np.inf
    return pairs


def score(
    targets: Iterable[Report | tuple[str, float, float, float]],
    in_view: FaultsInView,
    gate_m: float = GATE_M,
) -> Truth:
    """Compare what a swarm reports with what it had in view."""
    reports = [Report(*target) for target in targets]
    whole, known = in_view.whole, in_view.whole + in_view.partly
    pairs = match(reports, known, gate_m)
    hits = [(reports[r], known[f]) for r, f in pairs if f < len(whole)]
    matched = {r for r, _ in pairs}
    near = _distances(reports, known).min(axis=1, initial=np.inf) <= gate_m
    twice = sum(bool(near[r]) for r in range(len(reports)) if r not in matched)
    false = len(reports) - len(pairs)
    return Truth(
        faults_in_view=len(whole),
        found=len(hits),
        missed=len(whole) - len(hits),
        false=false,
        precision=_share(len(hits), len(hits) + false),
        recall=_share(len(hits), len(whole)),
        class_accuracy=_share(sum(r.class_name == f.class_name for r, f in hits), len(hits)),
        reported_twice=twice,
    )


def _distances(reports: Sequence[Report], faults: Sequence[Fault]) -> NDArray[np.float64]:
    """(reports, faults) metres."""
    a = np.array([(r.x_m, r.y_m) for r in reports], np.float64).reshape(-1, 1, 2)
    b = np.array([f.position_m[:2] for f in faults], np.float64).reshape(1, -1, 2)
    return np.asarray(np.linalg.norm(a - b, axis=2))


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 1.0
