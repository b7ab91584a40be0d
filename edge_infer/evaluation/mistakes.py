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

"""The worst mistakes of a model, kept as small pictures while it is judged."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from edge_infer.datasets.frames import Boxes, LabelledFrame
from edge_infer.domain import Detections
from edge_infer.evaluation.scores import FULLY_VISIBLE, MATCH_IOU, faults, iou, match
from edge_infer.simulation.modules import NO_ANOMALY

Kind = Literal["missed fault", "false box", "wrong class"]
KINDS: tuple[Kind, ...] = ("missed fault", "false box", "wrong class")

KEPT, KEPT_OF_A_FRAME = 16, 4
"""Of each kind: one bad frame must not fill the sheet."""

NOTHING = "nothing"
"""What stands where a false box is, when there is not even a healthy module."""

_AROUND = 0.6
"""Margin of a picture on each side, in the box's longer side."""


class Mistake(NamedTuple):
    """One wrong answer.

    Attributes:
        kind: how it is wrong.
        frame: the name of the image.
        xyxy: (4,) where, pixels of the frame: the fault that was missed, or the box found.
        truth: class name, NO_ANOMALY or NOTHING; where a better box has taken a fault, that.
        answer: class name, or NO_ANOMALY for none.
        score: of the answer; of a missed fault, the best score below the threshold.
        crop: (h, w) uint8, the place and what is around it.
        corner: (2,) left and top of the crop in the frame.
    """

    kind: Kind
    frame: str
    xyxy: NDArray[np.float32]
    truth: str
    answer: str
    score: float
    crop: NDArray[np.uint8]
    corner: tuple[int, int]

    @property
    def badness(self) -> float:
        """A sure wrong answer is worse than an unsure one; of missed faults, the faintest."""
        return -self.score if self.kind == "missed fault" else self.score

    def to_json(self) -> dict[str, Any]:
        """All but the picture."""
        return {
            "kind": self.kind,
            "frame": self.frame,
            "box": [round(float(value), 1) for value in self.xyxy],
            "truth": self.truth,
            "answer": self.answer,
            "score": round(self.score, 4),
        }


class Worst:
    """Collects the worst mistakes of each kind.

    Args:
        labels: class names of the model.
        threshold: score from which an answer counts.
    """

    def __init__(self, labels: Sequence[str], threshold: float) -> None:
        self._labels = labels
        self._threshold = threshold
        self._kept: list[Mistake] = []

    def look(self, name: str, frame: LabelledFrame, found: Detections) -> None:
        """Keep the worst of a frame.

        Args:
            name: of the image.
            frame: with boxes whose class ids are the model's.
            found: also below the threshold.
        """
        fresh = list(_mistakes(name, frame, found, self._labels, self._threshold))
        self._kept = _worst(self._kept + _worst(fresh, KEPT_OF_A_FRAME), KEPT)

    @property
    def mistakes(self) -> tuple[Mistake, ...]:
        """By kind, the worst first."""
        return tuple(self._kept)


def above(found: Detections, threshold: float) -> Detections:
    """The detections that count."""
    kept = found.confidence >= threshold
    return Detections(found.xyxy[kept], found.confidence[kept], found.class_id[kept])


def _worst(mistakes: list[Mistake], count: int) -> list[Mistake]:
    """So many of each kind."""
    ranked = sorted(mistakes, key=lambda mistake: -mistake.badness)
    return [m for kind in KINDS for m in [m for m in ranked if m.kind == kind][:count]]


def _mistakes(
    name: str, frame: LabelledFrame, found: Detections, labels: Sequence[str], threshold: float
) -> Iterator[Mistake]:
    sure, truth = above(found, threshold), faults(frame.boxes)
    taken = match(sure, truth.xyxy)
    for row, label in enumerate(taken.tolist()):
        answer, score = labels[int(sure.class_id[row])], float(sure.confidence[row])
        if label < 0:
            stands = _standing(sure.xyxy[row], frame.boxes, labels)
            yield _mistake("false box", name, frame, sure.xyxy[row], stands, answer, score)
        elif truth.visible[label] >= FULLY_VISIBLE and truth.class_id[label] != sure.class_id[row]:
            right = labels[int(truth.class_id[label])]
            yield _mistake("wrong class", name, frame, sure.xyxy[row], right, answer, score)
    missed = np.setdiff1d(np.flatnonzero(truth.visible >= FULLY_VISIBLE), taken)
    for label in missed.tolist():
        right, xyxy = labels[int(truth.class_id[label])], truth.xyxy[label]
        faint = _faint(xyxy, found, threshold)
        yield _mistake("missed fault", name, frame, xyxy, right, NO_ANOMALY, faint)


def _standing(xyxy: NDArray[np.float32], boxes: Boxes, labels: Sequence[str]) -> str:
    """What is where a false box was found."""
    overlaps = iou(xyxy[None], boxes.xyxy)[0]
    if overlaps.max(initial=0.0) < MATCH_IOU:
        return NOTHING
    class_id = int(boxes.class_id[overlaps.argmax()])
    return f"{labels[class_id]}, found twice" if class_id >= 0 else NO_ANOMALY


def _faint(xyxy: NDArray[np.float32], found: Detections, threshold: float) -> float:
    """The best score on a fault among those below the threshold."""
    near = (iou(xyxy[None], found.xyxy)[0] >= MATCH_IOU) & (found.confidence < threshold)
    return float(found.confidence[near].max(initial=0.0))


def _mistake(
    kind: Kind,
    name: str,
    frame: LabelledFrame,
    xyxy: NDArray[np.float32],
    truth: str,
    answer: str,
    score: float,
) -> Mistake:
    """With a square picture of the place, as far as the frame reaches."""
    left, top, right, bottom = xyxy.tolist()
    reach = max(right - left, bottom - top) * (0.5 + _AROUND)
    x, y = (left + right) / 2, (top + bottom) / 2
    x0, y0 = max(int(x - reach), 0), max(int(y - reach), 0)
    crop = frame.image[y0 : int(y + reach) + 1, x0 : int(x + reach) + 1].copy()
    return Mistake(kind, name, xyxy.copy(), truth, answer, score, crop, (x0, y0))
