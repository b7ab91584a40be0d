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

"""How good a detector is at its own threshold: found boxes against labels; numpy only.

Two ways of counting. By boxes: a found box counts when it overlaps a fault that no
better box has taken; its class is a figure of its own, because a fault that is
found and misnamed still gets its repair. By modules: each module, healthy or not,
counts as what the best-scored box on it says, and as healthy without one; this is
what compares with classifiers of single modules. What follows from all scores is in
average_precision.py.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from edge_infer.datasets.frames import Boxes
from edge_infer.domain import Detections

MATCH_IOU = 0.5
FULLY_VISIBLE = 0.99


class Score(NamedTuple):
    """Counts of boxes over a set of frames, and the ratios that follow from them.

    Attributes:
        labels: faults that are fully in the picture.
        found: of those, how many a box was found for.
        false: boxes on no fault; one on a fault that is cut off is neither good nor bad.
        named: of those found, how many with the right class.
    """

    labels: int
    found: int
    false: int
    named: int

    @property
    def recall(self) -> float:
        """Share of the faults that were found."""
        return self.found / max(self.labels, 1)

    @property
    def precision(self) -> float:
        """Share of the boxes that are on a fault."""
        return self.found / max(self.found + self.false, 1)

    @property
    def class_accuracy(self) -> float:
        """Share of the found faults with the right class."""
        return self.named / max(self.found, 1)

    def __str__(self) -> str:
        return (
            f"recall {self.recall:.4f} precision {self.precision:.4f} "
            f"class accuracy {self.class_accuracy:.4f} ({self.labels} faults)"
        )


class ModuleScore(NamedTuple):
    """What the modules that are fully in the picture were taken for.

    Attributes:
        confusion: (classes + 1, classes + 1) counts, row is the truth and column the
            answer; the last of both is healthy.
    """

    confusion: NDArray[np.int64]

    @property
    def accuracy(self) -> float:
        """Share of the modules with exactly the right class."""
        return float(np.trace(self.confusion) / max(self.confusion.sum(), 1))

    @property
    def binary_accuracy(self) -> float:
        """Share of the modules rightly taken for faulty or healthy."""
        right = self.confusion[:-1, :-1].sum() + self.confusion[-1, -1]
        return float(right / max(self.confusion.sum(), 1))

    @property
    def recall(self) -> NDArray[np.float64]:
        """(classes,) share of each class's modules that were taken for faulty."""
        counts = self.confusion[:-1].sum(axis=1)
        return np.asarray(self.confusion[:-1, :-1].sum(axis=1) / np.maximum(counts, 1))

    @property
    def named(self) -> NDArray[np.float64]:
        """(classes,) share of each class's modules that were taken for exactly that."""
        counts = self.confusion[:-1].sum(axis=1)
        return np.asarray(np.diagonal(self.confusion)[:-1] / np.maximum(counts, 1))


def score(found: Iterable[Detections], labels: Boxes) -> Score:
    """Score the detections of frames 0, 1, 2, ... against the faults among the labels."""
    total = np.zeros(4, np.int64)
    for index, detections in enumerate(found):
        total += _score_frame(detections, faults(labels.where(labels.frame == index)))
    return Score(*(int(count) for count in total))


def faults(labels: Boxes) -> Boxes:
    """The labels without those of healthy modules."""
    return labels.where(labels.class_id >= 0)


def match(detections: Detections, xyxy: NDArray[np.float32]) -> NDArray[np.intp]:
    """(n,) index of the label that each detection takes, best first; -1 for none."""
    taken = np.full(len(detections), -1)
    overlaps = iou(detections.xyxy, xyxy)
    for row in range(len(detections) if len(xyxy) else 0):
        label = int(overlaps[row].argmax())
        if overlaps[row, label] >= MATCH_IOU:
            taken[row] = label
            overlaps[:, label] = 0.0
    return taken


def _score_frame(detections: Detections, labels: Boxes) -> tuple[int, int, int, int]:
    taken = match(detections, labels.xyxy)
    whole = labels.visible >= FULLY_VISIBLE
    good = (taken >= 0) & whole[taken] if len(whole) else np.zeros(len(taken), bool)
    named = good & (detections.class_id == labels.class_id[taken]) if len(whole) else good
    return int(whole.sum()), int(good.sum()), int((taken < 0).sum()), int(named.sum())


def module_score(found: Iterable[Detections], labels: Boxes, classes: int) -> ModuleScore:
    """Count the modules of frames 0, 1, 2, ... by what the detections say of each."""
    confusion = np.zeros((classes + 1, classes + 1), np.int64)
    for index, detections in enumerate(found):
        truth = labels.where((labels.frame == index) & (labels.visible >= FULLY_VISIBLE))
        answers = _answers(detections, truth.xyxy, classes)
        np.add.at(confusion, (np.where(truth.class_id < 0, classes, truth.class_id), answers), 1)
    return ModuleScore(confusion)


def _answers(detections: Detections, xyxy: NDArray[np.float32], classes: int) -> NDArray[np.int64]:
    """(n,) class that each module is taken for; ``classes`` for healthy."""
    answers = np.full(len(xyxy), classes, np.int64)
    if len(detections) and len(xyxy):
        overlaps = iou(xyxy, detections.xyxy) >= MATCH_IOU
        # Detections come best first, so the first that overlaps is the best.
        answers = np.where(
            overlaps.any(axis=1), detections.class_id[overlaps.argmax(axis=1)], classes
        )
    return answers


def iou(one: NDArray[np.float32], other: NDArray[np.float32]) -> NDArray[np.float32]:
    """(n, m) intersection over union."""
    left_top = np.maximum(one[:, None, :2], other[None, :, :2])
    right_bottom = np.minimum(one[:, None, 2:], other[None, :, 2:])
    overlap = np.clip(right_bottom - left_top, 0, None).prod(axis=2)
    areas = [(boxes[:, 2:] - boxes[:, :2]).prod(axis=1) for boxes in (one, other)]
    union = areas[0][:, None] + areas[1][None, :] - overlap
    return np.asarray(overlap / np.maximum(union, 1e-9), np.float32)
