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

"""The worst mistakes: which they are, and what their pictures show."""

import numpy as np
import pytest

from edge_infer.datasets.frames import HEALTHY, Boxes, LabelledFrame
from edge_infer.domain import Detections
from edge_infer.evaluation.mistakes import KEPT, NOTHING, Worst, above
from edge_infer.simulation.modules import NO_ANOMALY

LABELS = ("Cell", "Diode")


def frame(*rows):
    """(left, class_id[, visible]) of ten by ten pixels at (left, 20), in 50 x 200 pixels."""
    rows = [(*row, 1.0)[:3] for row in rows]
    image = np.zeros((50, 200), np.uint8)
    image[:] = np.arange(200)
    boxes = Boxes.upright(
        np.zeros(len(rows), np.int64),
        np.array([(row[0], 20, row[0] + 10, 30) for row in rows], np.float32).reshape(-1, 4),
        np.array([row[1] for row in rows], np.int64),
        np.array([row[2] for row in rows], np.float32),
    )
    return LabelledFrame(image, boxes)


def found(*rows):
    """(left, class_id, score), best first."""
    return Detections(
        np.array([(row[0], 20, row[0] + 10, 30) for row in rows], np.float32).reshape(-1, 4),
        np.array([row[2] for row in rows], np.float32),
        np.array([row[1] for row in rows], np.int32),
    )


CASES = {
    "perfect": (frame((50, 1), (90, HEALTHY)), found((50, 1, 0.9)), []),
    "missed": (frame((50, 1)), found(), [("missed fault", "Diode", NO_ANOMALY, 0.0)]),
    "faint": (frame((50, 1)), found((50, 1, 0.3)), [("missed fault", "Diode", NO_ANOMALY, 0.3)]),
    "wrong class": (frame((50, 1)), found((50, 0, 0.9)), [("wrong class", "Diode", "Cell", 0.9)]),
    "invented": (frame(), found((50, 1, 0.9)), [("false box", NOTHING, "Diode", 0.9)]),
    "healthy": (
        frame((50, HEALTHY)), found((51, 1, 0.9)), [("false box", NO_ANOMALY, "Diode", 0.9)],
    ),
    "twice": (
        frame((50, 0)), found((50, 0, 0.9), (51, 1, 0.8)),
        [("false box", "Cell, found twice", "Diode", 0.8)],
    ),
    "faint and invented": (frame(), found((50, 1, 0.3)), []),
    "cut off": (frame((50, 1, 0.5), (90, 1, 0.5)), found((50, 0, 0.9)), []),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_mistakes_are_told_apart(case):
    truth, detections, expected = CASES[case]
    worst = Worst(LABELS, threshold=0.5)
    worst.look("a.png", truth, detections)
    told = [(m.kind, m.truth, m.answer, pytest.approx(m.score)) for m in worst.mistakes]
    assert told == expected


def test_the_picture_shows_the_place_and_what_is_around():
    worst = Worst(LABELS, threshold=0.5)
    worst.look("a.png", frame((50, 1), (0, 1)), found())
    inner, at_edge = worst.mistakes
    assert inner.corner == (44, 14)
    assert inner.crop.shape == (23, 23)
    assert inner.crop[0].tolist() == list(range(44, 67))
    assert inner.xyxy.tolist() == [50, 20, 60, 30]
    assert at_edge.corner == (0, 14)
    assert at_edge.crop.shape == (23, 17)


def test_the_worst_of_each_kind_stay_and_no_frame_fills_the_sheet():
    worst = Worst(LABELS, threshold=0.5)
    for number in range(60):
        sure = 0.5 + number / 200
        rows = [(left, 1, sure) for left in range(0, 120, 20)]
        worst.look(f"{number}.png", frame(), found(*rows))
    worst.look("missed.png", frame((50, 1)), found())
    mistakes = worst.mistakes
    assert [m.kind for m in mistakes] == ["missed fault"] + ["false box"] * KEPT
    assert [m.frame for m in mistakes[1:]] == [
        f"{number}.png" for number in (59, 58, 57, 56) for _ in range(4)
    ]


def test_of_missed_faults_those_that_were_least_seen_come_first():
    worst = Worst(LABELS, threshold=0.5)
    worst.look("a.png", frame((50, 1), (90, 1)), found((50, 1, 0.4), (90, 1, 0.1)))
    assert [round(m.score, 1) for m in worst.mistakes] == [0.1, 0.4]


def test_json_says_where():
    worst = Worst(LABELS, threshold=0.5)
    worst.look("a.png", frame((50, 1)), found((50, 0, 0.75)))
    assert [mistake.to_json() for mistake in worst.mistakes] == [
        {"kind": "wrong class", "frame": "a.png", "box": [50.0, 20.0, 60.0, 30.0],
         "truth": "Diode", "answer": "Cell", "score": 0.75},
    ]  # fmt: skip


def test_above_keeps_what_counts():
    kept = above(found((0, 1, 0.9), (20, 0, 0.5), (40, 1, 0.4)), 0.5)
    assert kept.class_id.tolist() == [1, 0]
    assert kept.xyxy[:, 0].tolist() == [0, 20]
