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

"""Every head against a reference that looks at one place after the other."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tiny_detectors import manifest

from edge_infer.errors import DecodeError
from edge_infer.perception.heads.base import FARTHEST_PX, TOP_K
from edge_infer.perception.heads.registry import HEADS

THRESHOLD = 0.4567
SIZE = 64
GRID = [(x, y, s) for s in (8, 16, 32) for y in range(SIZE // s) for x in range(SIZE // s)]
GRID_P6 = [*GRID, (0, 0, 64)]


def random(rng, *shape):
    return rng.random(shape, dtype=np.float32)


def holes(rng, sizes):
    """Some of the widths and heights are nothing, or less."""
    sizes[rng.random(sizes.shape) < 0.1] = 0
    sizes[rng.random(sizes.shape) < 0.05] *= -1
    return sizes


# --- references: (left, top, right, bottom), score, class of one frame ----------------


def around(cx, cy, w, h, unit=1.0):
    return [unit * (cx - w / 2), unit * (cy - h / 2), unit * (cx + w / 2), unit * (cy + h / 2)]


def best(scores):
    index = max(range(len(scores)), key=lambda i: scores[i])
    return scores[index], index


def product(one, other):
    return float(np.float32(one) * np.float32(other))


def slow_yolov8(rows, unit=1.0):
    for row in rows:
        yield around(*row[:4], unit), *best(row[4:])


def slow_yolov5(rows, unit=1.0):
    for row in rows:
        score, label = best(row[5:])
        score = product(row[4], score) if len(row) > 6 else row[4]
        yield around(*row[:4], unit), score, label


def slow_yolox_decoded(rows):
    for row in rows:
        score, label = best(row[5:])
        yield around(*row[:4]), product(row[4], score), label


def slow_yolox(rows):
    for row, (x, y, stride) in zip(rows, GRID, strict=True):
        box = around((row[0] + x) * stride, (row[1] + y) * stride,
                     math.exp(row[2]) * stride, math.exp(row[3]) * stride)  # fmt: skip
        score, label = best(row[5:])
        yield box, product(row[4], score), label


def slow_nanodet(rows, classes, bins, cells, middle):
    for row, (column, line, stride) in zip(rows, cells, strict=True):
        x, y = column + middle, line + middle
        reach = []
        for side in range(4):
            powers = [math.exp(v) for v in row[classes + side * bins :][:bins]]
            reach.append(sum(i * p for i, p in enumerate(powers)) / sum(powers))
        left, top, right, bottom = reach
        box = [(x - left) * stride, (y - top) * stride, (x + right) * stride, (y + bottom) * stride]
        yield box, *best(row[:classes])


def slow_list(rows, unit=1.0):
    for row in rows:
        yield [unit * side for side in row[:4]], row[4], int(row[5])


def slow_ssd(boxes, classes, scores, count):
    for index in range(int(count[0])):
        top, left, bottom, right = (side * SIZE for side in boxes[0][index])
        yield [left, top, right, bottom], scores[0][index], int(classes[0][index])


def slow_detr(labels, boxes, scores):
    for label, box, score in zip(labels[0], boxes[0], scores[0], strict=True):
        yield box, score, label


def slow_queries(logits, boxes):
    for row, box in zip(logits[0], boxes[0], strict=True):
        value, label = best(row)
        yield around(*box, SIZE), 1 / (1 + math.exp(-value)), label


# --- outputs by chance, and what the reference says of them ---------------------------


def yolov8(rng, classes, turned=False, unit=1.0):
    count = int(rng.integers(9, 60))
    rows = random(rng, count, 4 + classes)
    rows[:, :4] *= SIZE / unit
    holes(rng, rows[:, 2:4])
    output = rows if turned else np.ascontiguousarray(rows.T)
    return [output[None]], slow_yolov8(rows.tolist(), unit)


def yolov5(rng, classes, unit=1.0):
    rows = random(rng, 3 * len(GRID), 5 + classes)
    rows[:, 4:] **= 0.3
    rows[:, :4] *= SIZE / unit
    holes(rng, rows[:, 2:4])
    return [rows[None]], slow_yolov5(rows.tolist(), unit)


def yolox(rng, classes):
    rows = random(rng, len(GRID), 5 + classes)
    rows[:, 4:] **= 0.3
    rows[:, :4] = rng.normal(0, 1, (len(GRID), 4))
    return [rows[None]], slow_yolox(rows.tolist())


def yolox_decoded(rng, classes):
    (rows,), _ = yolov5(rng, classes)
    rows = rows[:, : len(GRID)]
    return [rows], slow_yolox_decoded(rows[0].tolist())


def yolov6(rng, classes):
    (rows,), _ = yolox_decoded(rng, classes)
    rows[..., 4] = 1
    return [rows], slow_yolox_decoded(rows[0].tolist())


def nanodet(rng, classes, cells=GRID_P6, middle=0.0):
    bins = int(rng.integers(2, 18))
    rows = random(rng, len(cells), classes + 4 * bins)
    rows[:, classes:] = rng.normal(0, 2, (len(cells), 4 * bins))
    return [rows[None]], slow_nanodet(rows.tolist(), classes, bins, cells, middle)


def listed(rng, classes, unit=1.0):
    count = int(rng.integers(0, 40))
    rows = random(rng, count, 6)
    rows[:, :4] *= SIZE / unit
    # Some have a class that no label has.
    rows[:, 5] = rng.integers(-1, classes + 2, count)
    return [rows[None]], slow_list(rows.tolist(), unit)


def ssd(rng, classes):
    count = int(rng.integers(0, 40))
    boxes, scores = random(rng, 1, count, 4), random(rng, 1, count)
    labels = rng.integers(-1, classes + 2, (1, count)).astype(np.float32)
    valid = np.float32([rng.integers(0, count + 1)])
    outputs = [boxes, labels, scores, valid]
    return outputs, slow_ssd(*(output.tolist() for output in outputs))


def detr(rng, classes):
    count = int(rng.integers(0, 40))
    labels = rng.integers(-1, classes + 2, (1, count))
    outputs = [labels, random(rng, 1, count, 4) * SIZE, random(rng, 1, count)]
    return outputs, slow_detr(*(output.tolist() for output in outputs))


def detr_queries(rng, classes):
    count = int(rng.integers(0, 40))
    logits = rng.normal(0, 2, (1, count, classes)).astype(np.float32)
    boxes = random(rng, 1, count, 4)
    holes(rng, boxes[..., 2:])
    return [logits, boxes], slow_queries(logits.tolist(), boxes.tolist())


def rtdetr_list(rng, classes):
    outputs, _ = listed(rng, classes, SIZE)
    rows = outputs[0][0].tolist()
    return outputs, ((around(*row[:4], SIZE), row[4], int(row[5])) for row in rows)


def rtdetr(rng, classes):
    return yolov8(rng, classes, turned=True, unit=SIZE)


CASES = {
    "yolov8": yolov8,
    "yolov8 turned": lambda rng, classes: yolov8(rng, classes, turned=True),
    "yolov8_normalised": lambda rng, classes: yolov8(rng, classes, unit=SIZE),
    "yolov5": yolov5,
    "yolov5_normalised": lambda rng, classes: yolov5(rng, classes, SIZE),
    "yolov10": listed,
    "yolov10_normalised": lambda rng, classes: listed(rng, classes, SIZE),
    "yolox": yolox,
    "yolox_decoded": yolox_decoded,
    "yolov6": yolov6,
    "nanodet": nanodet,
    "nanodet P5": lambda rng, classes: nanodet(rng, classes, GRID),
    "nanodet_first": lambda rng, classes: nanodet(rng, classes, GRID, 0.5),
    "ssd": ssd,
    "detr": detr,
    "detr_queries": detr_queries,
    "rtdetr": rtdetr,
    "rtdetr_list": rtdetr_list,
}


def test_every_head_has_a_reference():
    assert {name.partition(" ")[0] for name in CASES} == set(HEADS)


@pytest.mark.parametrize("case", CASES)
@given(seed=st.integers(0, 100_000), classes=st.integers(1, 4))
def test_a_head_equals_its_reference(case, seed, classes):
    outputs, reference = CASES[case](np.random.default_rng(seed), classes)
    name = case.partition(" ")[0]
    found = HEADS[name].decode(outputs, manifest(name, classes, score_threshold=THRESHOLD))
    expected = [
        (box, score, label)
        for box, score, label in reference
        if score >= THRESHOLD and box[2] > box[0] and box[3] > box[1] and 0 <= label < classes
    ]
    boxes = np.array([box for box, _, _ in expected]).reshape(-1, 4)
    np.testing.assert_allclose(found.xyxy, boxes, atol=2e-4, rtol=1e-5)
    np.testing.assert_allclose(found.score, [score for _, score, _ in expected], rtol=1e-5)
    assert found.class_id.tolist() == [label for _, _, label in expected]
    assert (found.xyxy.dtype, found.score.dtype) == (np.float32, np.float32)
    assert found.class_id.dtype == np.int32


@pytest.mark.parametrize("case", CASES)
def test_half_floats_are_as_good(case):
    outputs, _ = CASES[case](np.random.default_rng(1), 3)
    halves = [o.astype(np.float16) if o.dtype == np.float32 else o for o in outputs]
    name = case.partition(" ")[0]
    wanted = manifest(name, 3, score_threshold=0.4568)
    whole = [o.astype(np.float32) if o.dtype == np.float16 else o for o in halves]
    found, expected = (HEADS[name].decode(o, wanted) for o in (halves, whole))
    assert found.xyxy.dtype == np.float32
    assert found.score.dtype == np.float32
    np.testing.assert_allclose(found.xyxy, expected.xyxy, atol=0.1)
    np.testing.assert_allclose(found.score, expected.score, rtol=1e-3)


# --- what no picture should show ------------------------------------------------------


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize(
    "spoil",
    [
        lambda outputs: [],
        lambda outputs: [*outputs, outputs[0]],
        lambda outputs: [outputs[0][0], *outputs[1:]],
        lambda outputs: [np.repeat(outputs[0], 2, axis=0), *outputs[1:]],
        lambda outputs: [outputs[0][..., :-1], *outputs[1:]],
    ],
    ids=["none", "one more", "no batch", "two frames", "cut off"],
)
def test_wrong_shapes_are_refused(case, spoil):
    name = case.partition(" ")[0]
    outputs = spoil(CASES[case](np.random.default_rng(3), 3)[0])
    if name == "yolov8" and outputs and outputs[0].shape[1] == 7 and len(outputs) == 1:
        outputs = [outputs[0][:, :-1]]
    if "normalised" in name and len(outputs) == 1 and outputs[0].shape[1:2] == (7,):
        outputs = [outputs[0][:, :-1]]
    with pytest.raises(DecodeError, match=f"are not the {name} head's"):
        HEADS[name].decode(outputs, manifest(name, 3))


@pytest.mark.parametrize("name", ["yolox", "nanodet", "nanodet_first"])
def test_places_that_are_not_those_of_the_input_are_refused(name):
    channels = 8 if name == "yolox" else 35
    with pytest.raises(DecodeError, match="n the places on 64x64"):
        HEADS[name].decode([np.zeros((1, 83, channels), np.float32)], manifest(name, 3))


@pytest.mark.filterwarnings("ignore:overflow")
@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("number", [3e38, -3e38, 65504.0])
def test_wild_numbers_stay_finite(case, number):
    outputs, _ = CASES[case](np.random.default_rng(2), 3)
    wild = [np.full_like(o, number) if o.dtype == np.float32 else o for o in outputs]
    name = case.partition(" ")[0]
    if name == "ssd":
        wild[3] = outputs[3]
    found = HEADS[name].decode(wild, manifest(name, 3))
    assert (np.abs(found.xyxy) <= FARTHEST_PX).all()


@pytest.mark.parametrize("threshold", [0.0, 1.0])
@pytest.mark.parametrize("case", CASES)
def test_any_threshold_will_do(case, threshold):
    outputs, _ = CASES[case](np.random.default_rng(5), 3)
    name = case.partition(" ")[0]
    found = HEADS[name].decode(outputs, manifest(name, 3, score_threshold=threshold))
    assert len(found.score) <= TOP_K
    assert (len(found.score) == 0) == (threshold == 1.0)


def test_the_chance_of_an_only_label_does_not_count():
    rows = np.float32([[[32, 32, 8, 8, 0.75, 0.5]]])
    for name in ("yolov5", "yolov5_normalised"):
        assert HEADS[name].decode([rows], manifest(name, 1)).score.tolist() == [0.75]


def test_a_distribution_that_reaches_nowhere_is_no_box():
    rows = np.zeros((1, len(GRID_P6), 3 + 32), np.float32)
    rows[0, :2, 0] = 0.9
    rows[0, 0, 3::8] = 500
    found = HEADS["nanodet"].decode([rows], manifest("nanodet", 3))
    assert found.xyxy.tolist() == [[8 - 28, -28, 8 + 28, 28]]


def test_a_count_beyond_the_list_is_the_whole_list():
    boxes = np.float32([[[0, 0, 1, 1]]])
    outputs = [boxes, np.float32([[2]]), np.float32([[0.9]]), np.float32([7])]
    assert HEADS["ssd"].decode(outputs, manifest("ssd", 3)).xyxy.tolist() == [[0, 0, 64, 64]]
