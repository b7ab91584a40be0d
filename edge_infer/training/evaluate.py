"""How good a detector is: found boxes against labels, one figure at a time; numpy only.

A found box counts when it overlaps a label that no better box has taken. The
class does not decide that: it is a figure of its own, because a fault that is
found and misnamed still gets its repair.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from edge_infer.domain import Detections
from edge_infer.training.targets import Boxes

MATCH_IOU = 0.5
FULLY_VISIBLE = 0.99


class Score(NamedTuple):
    """Counts over a set of frames, and the ratios that follow from them.

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
        return self.found / max(self.labels, 1)

    @property
    def precision(self) -> float:
        return self.found / max(self.found + self.false, 1)

    @property
    def class_accuracy(self) -> float:
        return self.named / max(self.found, 1)

    def __str__(self) -> str:
        return (
            f"recall {self.recall:.4f} precision {self.precision:.4f} "
            f"class accuracy {self.class_accuracy:.4f} ({self.labels} faults)"
        )


def score(found: Iterable[Detections], labels: Boxes) -> Score:
    """Score the detections of frames 0, 1, 2, ... against labels in the same pixels."""
    total = np.zeros(4, np.int64)
    for index, detections in enumerate(found):
        total += _score_frame(detections, labels.where(labels.frame == index))
    return Score(*(int(count) for count in total))


def match(detections: Detections, xyxy: NDArray[np.float32]) -> NDArray[np.intp]:
    """(n,) index of the label that each detection takes, best first; -1 for none."""
    taken = np.full(len(detections), -1)
    overlaps = _iou(detections.xyxy, xyxy)
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


def _iou(one: NDArray[np.float32], other: NDArray[np.float32]) -> NDArray[np.float32]:
    """(n, m) intersection over union."""
    left_top = np.maximum(one[:, None, :2], other[None, :, :2])
    right_bottom = np.minimum(one[:, None, 2:], other[None, :, 2:])
    overlap = np.clip(right_bottom - left_top, 0, None).prod(axis=2)
    areas = [(boxes[:, 2:] - boxes[:, :2]).prod(axis=1) for boxes in (one, other)]
    union = areas[0][:, None] + areas[1][None, :] - overlap
    return np.asarray(overlap / np.maximum(union, 1e-9), np.float32)
