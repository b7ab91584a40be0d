"""Counting what was found, missed, invented and misnamed."""

import numpy as np
import pytest

from edge_infer.domain import Detections
from edge_infer.training.evaluate import Score, score
from edge_infer.training.targets import Boxes

LABELS = Boxes(
    frame=np.array([0, 0, 1]),
    xyxy=np.array([[0, 0, 10, 10], [20, 0, 30, 10], [0, 0, 10, 10]], np.float32),
    class_id=np.array([1, 2, 3]),
    visible=np.array([1.0, 1.0, 0.5], np.float32),
)


def found(*rows):
    """Detections of ten by ten pixels at (x, 0), with a class each."""
    return Detections(
        np.array([(x, 0, x + 10, 10) for x, _ in rows], np.float32).reshape(-1, 4),
        np.linspace(0.9, 0.5, len(rows), dtype=np.float32),
        np.array([name for _, name in rows], np.int32),
    )


@pytest.mark.parametrize(
    ("frames", "expected"),
    [
        ([found((0, 1), (20, 2)), found()], Score(labels=2, found=2, false=0, named=2)),
        ([found((1, 1)), found()], Score(labels=2, found=1, false=0, named=1)),
        ([found((0, 1), (20, 9)), found()], Score(labels=2, found=2, false=0, named=1)),
        ([found((0, 1), (8, 1)), found()], Score(labels=2, found=1, false=1, named=1)),
        ([found((0, 1), (1, 1)), found()], Score(labels=2, found=1, false=1, named=1)),
        ([found(), found((0, 3), (50, 3))], Score(labels=2, found=0, false=1, named=0)),
        ([found((0, 1)), found(), found((0, 1))], Score(labels=2, found=1, false=1, named=1)),
    ],
    ids=["perfect", "missed", "misnamed", "beside", "twice", "cut off", "frame without faults"],
)
def test_counts(frames, expected):
    assert score(frames, LABELS) == expected


def test_ratios():
    result = Score(labels=10, found=8, false=2, named=6)
    assert (result.recall, result.precision, result.class_accuracy) == (0.8, 0.8, 0.75)
    assert str(result) == "recall 0.8000 precision 0.8000 class accuracy 0.7500 (10 faults)"
