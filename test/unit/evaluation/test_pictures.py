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

"""The pictures are pictures, and show what they are of."""

import cv2
import numpy as np
import pytest

from edge_infer.evaluation.compare import Comparison, Contender, Latency
from edge_infer.evaluation.evaluate import evaluate
from edge_infer.evaluation.mistakes import Mistake
from edge_infer.evaluation.pictures import (
    CAPTION_PX,
    COLUMNS,
    TILE_PX,
    comparison_png,
    confusion_png,
    mistakes_png,
)
from edge_infer.evaluation.scores import ModuleScore

pytest.importorskip("matplotlib", reason="pictures need matplotlib, which is not installed")


def decoded(png):
    return cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_COLOR)


def mistake(kind="false box", crop=(30, 20)):
    return Mistake(
        kind, "Ünknown.png", np.array([105, 53, 115, 63], np.float32), "Cell", "Diode", 0.9,
        np.full(crop, 120, np.uint8), (100, 50),
    )  # fmt: skip


def test_a_perfect_and_a_wrong_confusion_are_shaded_where_they_are():
    perfect = decoded(confusion_png(ModuleScore(np.diag([9, 9, 9])), ("Cell", "Diode")))
    turned = np.array([[0, 0, 9], [0, 9, 0], [9, 0, 0]])
    wrong = decoded(confusion_png(ModuleScore(turned), ("Cell", "Diode")))
    assert perfect.shape == wrong.shape
    dark = (perfect[:, :, 2] < 40) & (perfect[:, :, 0] > 80)  # matplotlib's darkest blue
    left, right = np.flatnonzero(dark.sum(axis=0) > 20)[[0, -1]]
    top, bottom = np.flatnonzero(dark.sum(axis=1) > 20)[[0, -1]]
    sixth = (right - left) // 6
    assert perfect[top + 9, left + sixth + 9, 2] < 40
    assert perfect[top + 9, right - sixth, 2] > 200
    assert wrong[top + 9, right - sixth, 2] < 40
    assert wrong[top + 9, left + sixth, 2] > 200
    assert bottom > top


@pytest.mark.parametrize(("count", "columns", "rows"), [(0, 1, 1), (3, 3, 1), (10, COLUMNS, 2)])
def test_a_sheet_has_a_tile_for_each_mistake(count, columns, rows):
    sheet = decoded(mistakes_png([mistake()] * count))
    assert sheet.shape == (rows * (TILE_PX + CAPTION_PX), columns * TILE_PX, 3)


def test_a_tile_shows_place_box_and_words():
    tile = decoded(mistakes_png([mistake()]))
    scale = (TILE_PX - 4) / 30
    x, y = 2 + round(5 * scale), 2 + round(8 * scale)
    assert tile[y, x].tolist() == [60, 60, 230]
    assert tile[4, 4].tolist() == [120, 120, 120]
    assert (tile[TILE_PX:] < 100).any()
    missed = decoded(mistakes_png([mistake("missed fault")]))
    assert missed[y, x].tolist() == [60, 200, 60]


def test_a_comparison_is_drawn(model, farm):
    one = evaluate(model, model.manifest.weights[0], farm)
    latency = {1: Latency(5.0, 7.0), 2: Latency(3.0, 4.0)}
    contenders = tuple(Contender(one, latency, None) for _ in range(3))
    picture = decoded(comparison_png(Comparison(contenders, ())))
    assert picture.shape == (500, 1200, 3)
    assert len(np.unique(picture.reshape(-1, 3), axis=0)) > 20
