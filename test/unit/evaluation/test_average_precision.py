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

"""Average precision against cases worked out by hand, and against a slow plain reference."""

import numpy as np
import pytest

from edge_infer.datasets.frames import HEALTHY, Boxes
from edge_infer.domain import Detections
from edge_infer.evaluation.average_precision import IOUS, RECALLS, average_precision
from edge_infer.evaluation.scores import iou


def labels(*rows):
    """(frame, left, class_id[, visible]) of ten by ten pixels at (left, 0)."""
    rows = [(*row, 1.0)[:4] for row in rows]
    return Boxes.upright(
        np.array([row[0] for row in rows], np.int64),
        np.array([(row[1], 0, row[1] + 10, 10) for row in rows], np.float32).reshape(-1, 4),
        np.array([row[2] for row in rows], np.int64),
        np.array([row[3] for row in rows], np.float32),
    )


def found(*rows):
    """(left, class_id, score) of ten by ten pixels, best first."""
    rows = sorted(rows, key=lambda row: -row[2])
    return Detections(
        np.array([(row[0], 0, row[0] + 10, 10) for row in rows], np.float32).reshape(-1, 4),
        np.array([row[2] for row in rows], np.float32),
        np.array([row[1] for row in rows], np.int32),
    )


TWO = labels((0, 0, 0), (0, 50, 0))

CASES = {
    # Precision 1 up to recall 1.
    "perfect": ([found((0, 0, 0.9), (50, 0, 0.8))], TWO, 1.0),
    "nothing found": ([found()], TWO, 0.0),
    # Precision 1 up to recall 1/2, which are 51 of the 101 points.
    "one missed": ([found((0, 0, 0.9))], TWO, 51 / 101),
    # 1 at recall 1/2, then a false one, then 2/3 at recall 1.
    "false between": (
        [found((0, 0, 0.9), (25, 0, 0.8), (50, 0, 0.7))], TWO, (51 + 50 * 2 / 3) / 101,
    ),
    # A false one first: 1/2 and 2/3; the best from there on is 2/3 everywhere.
    "false first": ([found((25, 0, 0.9), (0, 0, 0.8), (50, 0, 0.7))], TWO, 2 / 3),
    "false last costs nothing": ([found((0, 0, 0.9), (50, 0, 0.8), (25, 0, 0.7))], TWO, 1.0),
    "found twice": (
        [found((0, 0, 0.9), (1, 0, 0.8), (50, 0, 0.7))], TWO, (51 + 50 * 2 / 3) / 101,
    ),
    # Of the two classes that have labels: 1 and 0; the third has none.
    "other class": ([found((0, 0, 0.9))], labels((0, 0, 0), (0, 50, 1)), 0.5),
    "frames share one ranking": (
        [found((25, 0, 0.9)), found((0, 0, 0.8))], labels((1, 0, 0)), 0.5,
    ),
    "on a healthy module": ([found((25, 0, 0.9), (0, 0, 0.8))], labels((0, 0, 0), (0, 25, HEALTHY)),
                            0.5),
    "cut off is neither": (
        [found((25, 0, 0.9), (0, 0, 0.8))], labels((0, 0, 0), (0, 25, 0, 0.5)), 1.0,
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_by_hand(case):
    frames, truth, expected = CASES[case]
    assert average_precision(frames, truth, 3).ap50 == pytest.approx(expected)


def test_overlap_decides_how_many_of_the_ten_count():
    # Ten by ten pixels, one to the right: 90 / 110 is above seven of the ten.
    result = average_precision([found((1, 0, 0.9))], labels((0, 0, 0)), 1)
    assert result.table[0].tolist() == [1.0] * 7 + [0.0] * 3
    assert (result.ap50, result.ap50_95) == (1.0, pytest.approx(0.7))


def test_a_class_without_labels_has_no_figure():
    result = average_precision([found((0, 0, 0.9), (50, 1, 0.8))], labels((0, 0, 0)), 2)
    assert np.isnan(result.table[1]).all()
    assert result.ap50 == 1.0


def test_no_labels_at_all():
    result = average_precision([found((0, 0, 0.9))], labels(), 2)
    assert (result.ap50, result.ap50_95) == (0.0, 0.0)


def test_a_whole_fault_is_taken_before_one_that_is_cut_off():
    # The cut-off one overlaps more, but the whole one would else be missed.
    result = average_precision([found((2, 0, 0.9))], labels((0, 0, 0), (0, 2, 0, 0.5)), 1)
    assert result.ap50 == 1.0


@pytest.mark.parametrize("seed", range(12))
def test_like_the_slow_reference(seed):
    frames, truth = crowd(np.random.default_rng(seed))
    result = average_precision(frames, truth, 3).table
    for class_id in range(3):
        for column, overlap in enumerate(IOUS):
            expected = reference(frames, truth, class_id, overlap)
            assert result[class_id, column] == pytest.approx(expected, nan_ok=True)


def crowd(rng):
    """Five frames of labels with detections that are near them, twice on them, or anywhere."""
    frames, rows = [], []
    for frame in range(5):
        mine = [(frame, rng.uniform(0, 80), int(rng.integers(-1, 3)), rng.choice([1.0, 0.5]))
                for _ in range(rng.integers(0, 8))]  # fmt: skip
        near = [(row[1] + rng.normal(0, 1.5), max(row[2], 0)) for row in mine for _ in range(2)]
        wild = [(rng.uniform(0, 80), int(rng.integers(3))) for _ in range(3)]
        frames.append(found(*((*hit, round(rng.random(), 1)) for hit in near + wild)))
        rows += mine
    return frames, labels(*rows)


def reference(frames, truth, class_id, overlap):
    """One class at one overlap, as the rule says it, one box at a time."""
    mine = truth.where(truth.class_id == class_id)
    count = int((mine.visible >= 0.99).sum())
    if count == 0:
        return float("nan")
    ranked = []
    for frame, detections in enumerate(frames):
        here = mine.where(mine.frame == frame)
        free = set(range(len(here.frame)))
        for row in np.flatnonzero(detections.class_id == class_id):
            overlaps = iou(detections.xyxy[row : row + 1], here.xyxy)[0]
            able = [label for label in free if overlaps[label] >= overlap]
            able.sort(key=lambda label: (here.visible[label] >= 0.99, overlaps[label]))
            verdict = "wrong"
            if able:
                free.remove(able[-1])
                verdict = "right" if here.visible[able[-1]] >= 0.99 else "neither"
            ranked.append((detections.confidence[row], verdict))
    ranked.sort(key=lambda pair: -pair[0])
    right, points = 0, []
    for number, verdict in enumerate([v for _, v in ranked if v != "neither"], start=1):
        right += verdict == "right"
        points.append((right / count, right / number))
    best = [max((p for r, p in points if r >= recall), default=0.0) for recall in RECALLS]
    return sum(best) / len(best)
