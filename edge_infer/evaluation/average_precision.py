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

"""Average precision by COCO's rule: 101 recall points, ten overlaps, class by class.

Without COCO's limit of 100 boxes a frame, because a frame may show more modules. A
box on a fault that is cut off at the frame's edge counts neither for nor against,
and such a fault is not missed; a box on a healthy module is false.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from edge_infer.datasets.frames import Boxes
from edge_infer.domain import Detections
from edge_infer.evaluation.scores import FULLY_VISIBLE, faults, iou

IOUS = np.linspace(0.5, 0.95, 10)
RECALLS = np.linspace(0.0, 1.0, 101)

_RIGHT, _WRONG, _NEITHER = 1, 0, -1


class AveragePrecision(NamedTuple):
    """The area under the precision of each class over its recall.

    Attributes:
        table: (classes, 10) for each of IOUS; NaN for a class without a label.
    """

    table: NDArray[np.float64]

    @property
    def ap50(self) -> float:
        """Mean of the classes at an overlap of one half; 0 without any label."""
        return _mean(self.table[:, 0])

    @property
    def ap50_95(self) -> float:
        """Mean of the classes and overlaps; 0 without any label."""
        return _mean(self.table)


def average_precision(found: Sequence[Detections], labels: Boxes, classes: int) -> AveragePrecision:
    """Judge the detections of frames 0, 1, 2, ...

    Args:
        found: of each frame, best first, with all scores down to nearly 0.
        labels: in the same pixels.
        classes: how many there are.
    """
    truth = faults(labels)
    return AveragePrecision(
        np.stack([_of_class(found, truth.where(truth.class_id == i), i) for i in range(classes)])
    )


def _of_class(found: Sequence[Detections], labels: Boxes, class_id: int) -> NDArray[np.float64]:
    """(10,) of one class, whose labels these are."""
    count = int((labels.visible >= FULLY_VISIBLE).sum())
    if not count:
        return np.full(len(IOUS), np.nan)
    scores, verdicts = [], []
    for index, detections in enumerate(found):
        mine = detections.class_id == class_id
        scores.append(detections.confidence[mine])
        verdicts.append(_verdicts(detections.xyxy[mine], labels.where(labels.frame == index)))
    order = np.argsort(-np.concatenate(scores), kind="stable")
    ranked = np.concatenate(verdicts, axis=1)[:, order]
    return np.array([_area(row[row != _NEITHER], count) for row in ranked])


def _verdicts(xyxy: NDArray[np.float32], labels: Boxes) -> NDArray[np.int8]:
    """(10, n) whether each box, best first, is right at each overlap.

    Each takes the label that it overlaps most among those still free, whole ones first.
    """
    verdicts = np.full((len(IOUS), len(xyxy)), _WRONG, np.int8)
    if not len(labels.xyxy):
        return verdicts
    whole = labels.visible >= FULLY_VISIBLE
    free = np.ones((len(IOUS), len(whole)), bool)
    for box, overlap in enumerate(iou(xyxy, labels.xyxy).astype(np.float64)):
        wish = np.where(free & (overlap >= IOUS[:, None]), overlap + whole, -1.0)
        label = wish.argmax(axis=1)
        hit = wish.max(axis=1) >= 0
        verdicts[hit, box] = np.where(whole[label[hit]], _RIGHT, _NEITHER)
        free[hit, label[hit]] = False
    return verdicts


def _area(right: NDArray[np.int8], count: int) -> float:
    """Mean of the best precision at or beyond each of RECALLS."""
    hits = np.cumsum(right)
    precision = hits / np.arange(1, len(right) + 1)
    best_from_here = np.maximum.accumulate(precision[::-1])[::-1]
    reached = np.searchsorted(hits / count, RECALLS, side="left")
    return float(np.append(best_from_here, 0.0)[reached].mean())


def _mean(values: NDArray[np.float64]) -> float:
    return float(np.nanmean(values)) if np.isfinite(values).any() else 0.0
