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

"""Counting what was found, missed, invented and misnamed."""

import numpy as np
import pytest

from edge_infer.datasets.frames import HEALTHY, Boxes
from edge_infer.domain import Detections
from edge_infer.evaluation.scores import ModuleScore, Score, iou, module_score, score

LABELS = Boxes.upright(
    frame=np.array([0, 0, 0, 1]),
    xyxy=np.array([[0, 0, 10, 10], [20, 0, 30, 10], [40, 0, 50, 10], [0, 0, 10, 10]], np.float32),
    class_id=np.array([1, 2, HEALTHY, 3]),
    visible=np.array([1.0, 1.0, 1.0, 0.5], np.float32),
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
        ([found((0, 1)), found()], Score(labels=2, found=1, false=0, named=1)),
        ([found((0, 1), (20, 3)), found()], Score(labels=2, found=2, false=0, named=1)),
        ([found((0, 1), (8, 1)), found()], Score(labels=2, found=1, false=1, named=1)),
        ([found((0, 1), (1, 1)), found()], Score(labels=2, found=1, false=1, named=1)),
        ([found((40, 1)), found()], Score(labels=2, found=0, false=1, named=0)),
        ([found(), found((0, 3), (50, 3))], Score(labels=2, found=0, false=1, named=0)),
        ([found((0, 1)), found(), found((0, 1))], Score(labels=2, found=1, false=1, named=1)),
    ],
    ids=["perfect", "missed", "misnamed", "beside", "twice", "healthy", "cut off", "empty frame"],
)
def test_boxes_are_counted(frames, expected):
    assert score(frames, LABELS) == expected


def test_ratios_of_boxes():
    result = Score(labels=10, found=8, false=2, named=6)
    assert (result.recall, result.precision, result.class_accuracy) == (0.8, 0.8, 0.75)
    assert str(result) == "recall 0.8000 precision 0.8000 class accuracy 0.7500 (10 faults)"


@pytest.mark.parametrize(
    ("detections", "answers"),
    [
        (found(), [4, 4, 4]),
        (found((0, 1), (20, 2)), [1, 2, 4]),
        (found((0, 3), (20, 2), (40, 0)), [3, 2, 0]),
        (found((0, 3), (1, 1)), [3, 4, 4]),
        (found((7, 1)), [4, 4, 4]),
    ],
    ids=["nothing found", "perfect", "misnamed and invented", "the best counts", "beside"],
)
def test_each_module_is_what_the_best_box_on_it_says(detections, answers):
    expected = np.zeros((5, 5), int)
    np.add.at(expected, ([1, 2, 4], answers), 1)
    assert np.array_equal(module_score([detections, found((0, 3))], LABELS, 4).confusion, expected)


def test_ratios_of_modules():
    score = ModuleScore(np.array([[6, 2, 2], [0, 5, 5], [1, 0, 9]]))
    assert score.accuracy == pytest.approx(20 / 30)
    assert score.binary_accuracy == pytest.approx(22 / 30)
    assert score.recall.tolist() == [0.8, 0.5]
    assert score.named.tolist() == [0.6, 0.5]


def test_no_module_at_all_is_no_error():
    score = ModuleScore(np.zeros((3, 3), np.int64))
    assert (score.accuracy, score.binary_accuracy) == (0.0, 0.0)
    assert score.recall.tolist() == [0.0, 0.0]


def test_overlaps():
    one = np.array([[0, 0, 10, 10], [100, 100, 100, 100]], np.float32)
    other = np.array([[0, 0, 10, 10], [5, 0, 15, 10], [50, 0, 60, 10]], np.float32)
    np.testing.assert_allclose(iou(one, other), [[1, 1 / 3, 0], [0, 0, 0]], rtol=1e-6)
