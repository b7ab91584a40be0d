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

"""Heads told by shapes, names and metadata; what could be wrong is a question."""

import itertools

import numpy as np
import pytest

from edge_infer.backends.base import TensorSpec
from edge_infer.errors import ModelError
from edge_infer.perception.heads.base import Given
from edge_infer.perception.heads.recognise import fit, in_its_units, recognise
from edge_infer.perception.heads.registry import HEADS

SIZES = [(320, 320), (640, 640), (416, 416), (640, 480)]
LABELS = [1, 2, 80]
P5, P6 = (8, 16, 32), (8, 16, 32, 64)


def spec(name, *shape, dtype="float32"):
    return TensorSpec(name, shape, dtype)


def grid(size, strides=P5):
    return sum(-(-size[0] // s) * -(-size[1] // s) for s in strides)


def ssd(order="boxes classes scores count"):
    shapes = {"boxes": (1, 10, 4), "classes": (1, 10), "scores": (1, 10), "count": (1,)}
    return [spec(f"detection_{name}", *shapes[name]) for name in order.split()]


FAMILIES = {
    "yolov8": lambda size, c: [spec("output0", 1, 4 + c, grid(size))],
    "yolov8 turned": lambda size, c: [spec("output0", 1, grid(size), 4 + c)],
    "yolov8 P6": lambda size, c: [spec("output0", 1, 4 + c, grid(size, P6))],
    "yolov5": lambda size, c: [spec("output0", 1, 3 * grid(size), 5 + c)],
    "yolov5 P6": lambda size, c: [spec("output0", 1, 3 * grid(size, P6), 5 + c)],
    "yolov5 P2": lambda size, c: [spec("output0", 1, 3 * grid(size, (4, *P5)), 5 + c)],
    "yolov5 raw maps too": lambda size, c: [
        spec("map", 1, 3, size[1] // 8, size[0] // 8, 5 + c),
        spec("output0", 1, 3 * grid(size), 5 + c),
    ],
    "yolov10": lambda size, c: [spec("output0", 1, 300, 6)],
    "yolox": lambda size, c: [spec("output", 1, grid(size), 5 + c)],
    "nanodet": lambda size, c: [spec("output", 1, grid(size, P6), c + 32)],
    "ssd": lambda size, c: ssd(),
    "detr": lambda size, c: [
        spec("labels", 1, 300, dtype="int64"), spec("boxes", 1, 300, 4), spec("scores", 1, 300)
    ],
    "detr_queries": lambda size, c: [spec("logits", 1, 300, c), spec("pred_boxes", 1, 300, 4)],
    "rtdetr": lambda size, c: [spec("output0", 1, 300, 4 + c)],
}  # fmt: skip

ALIKE = {"yolov10", "rtdetr"}
"""With two labels these are one shape."""


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize(("size", "labels"), [*itertools.product(SIZES, LABELS)])
def test_a_family_is_known_by_its_shapes(family, size, labels):
    name = family.partition(" ")[0]
    outputs = FAMILIES[family](size, labels)
    if name in ALIKE and labels == 2:
        question = "may be of the heads yolov10 and rtdetr: say which with --head yolov10 or"
        with pytest.raises(ModelError, match=question):
            recognise(outputs, size, labels, {})
    else:
        assert recognise(outputs, size, labels, {}).name == name


@pytest.mark.parametrize(
    ("description", "name"),
    [("Ultralytics rtdetr-l model", "rtdetr"), ("Ultralytics YOLOv10n model", "yolov10"),
     ("Ultralytics YOLO26n model", "yolov10")],
)  # fmt: skip
def test_the_metadata_answers_what_shapes_leave_open(description, name):
    hints = {"task": "detect", "description": description}
    labels = {"rtdetr": 3, "yolov10": 2}[name]
    output = spec("output0", 1, 300, 4 + labels)
    assert recognise([output], (640, 640), labels, hints).name == name


def test_a_list_of_rtdetr_is_not_that_of_yolov10():
    hints = {"task": "detect", "head": "RTDETRDecoder"}
    assert recognise([spec("o", 1, 300, 6)], (640, 640), 80, hints).name == "rtdetr_list"


def test_without_labels_two_families_are_a_question():
    with pytest.raises(ModelError, match="--head yolov8 or --head yolox or --head nanodet"):
        recognise([spec("output", 1, 8400, 85)], (640, 640), None, {})


def test_which_corner_of_a_cell_nanodet_looks_from_is_a_question():
    with pytest.raises(ModelError, match="--head nanodet or --head nanodet_first"):
        recognise([spec("output", 1, 2100, 80 + 32)], (320, 320), 80, {})


def test_a_wrong_number_of_labels_is_told():
    with pytest.raises(ModelError, match="with 80 labels, not with 79"):
        recognise([spec("output0", 1, 84, 8400)], (640, 640), 79, {})


def test_another_task_is_refused():
    with pytest.raises(ModelError, match="task 'segment': export a detector"):
        recognise([spec("output0", 1, 116, 8400)], (640, 640), 80, {"task": "segment"})


@pytest.mark.parametrize(
    "outputs",
    [
        [],
        [spec("logits", 1, 1000)],
        [spec("raw_boxes", 1, 19206, 4), spec("raw_scores", 1, 19206, 80)],
        [spec("output0", 1, 84, 8401)],
        [spec("output0", 2, 84, 8400)],
    ],
    ids=["none", "classifier", "anchors", "places", "batch"],
)
def test_no_detector_is_told_with_all_heads(outputs):
    with pytest.raises(ModelError, match="no detection head that is known here") as caught:
        recognise(outputs, (640, 640), 80, {})
    for head in HEADS.values():
        assert head.form in caught.value.remedy
    for output in outputs:
        assert output.name in caught.value.problem


# --- order of the outputs -------------------------------------------------------------


def order_of(head, outputs, labels=80):
    return fit(HEADS[head], Given(tuple(outputs), 320, 320, labels)).outputs


ROLES = ["boxes", "classes", "scores", "count"]


@pytest.mark.parametrize("order", [*itertools.permutations(ROLES)])
def test_names_tell_the_order_of_outputs(order):
    expected = tuple(f"detection_{name}" for name in ROLES)
    assert order_of("ssd", ssd(" ".join(order))) == expected


def test_signatures_of_tensorflow_2_tell_it_too():
    outputs = [
        spec("StatefulPartitionedCall:1", 1, 25), spec("StatefulPartitionedCall:3", 1, 25, 4),
        spec("StatefulPartitionedCall:0", 1), spec("StatefulPartitionedCall:2", 1, 25),
    ]  # fmt: skip
    names = [f"StatefulPartitionedCall:{index}" for index in (3, 2, 1, 0)]
    assert order_of("ssd", outputs) == tuple(names)


def test_nameless_outputs_are_in_the_order_of_the_operator():
    outputs = [spec("a", 1, 9, 4), spec("b", 1, 9), spec("c", 1, 9), spec("d", 1)]
    assert order_of("ssd", outputs) == ("a", "b", "c", "d")


def test_nameless_outputs_in_another_order_are_not_guessed():
    outputs = [spec("a", 1, 9), spec("b", 1, 9, 4), spec("c", 1), spec("d", 1, 9)]
    assert order_of("ssd", outputs) == ()


def test_types_tell_labels_from_scores():
    outputs = [spec("a", 1, 9), spec("b", 1, 9, 4), spec("c", 1, 9, dtype="int64")]
    assert order_of("detr", outputs) == ("c", "b", "a")


def test_a_head_that_does_not_fit_is_refused():
    message = r"'o' \[1, 84, 8400\] of a 320x320 input with 80 labels are not those of the head"
    with pytest.raises(ModelError, match=message):
        order_of("yolov8", [spec("o", 1, 84, 8400)])


# --- units ----------------------------------------------------------------------------


@pytest.mark.parametrize(("unit", "suffix"), [(1, ""), (320, "_normalised")])
def test_boxes_tell_their_units(unit, suffix):
    rng = np.random.default_rng(0)
    centres = rng.random((2100, 2)) * 320 / unit
    rows = np.hstack([centres, rng.random((2100, 2)) * 90 / unit, rng.random((2100, 81))])
    assert in_its_units(HEADS["yolov5"], [rows[None]]).name == f"yolov5{suffix}"
    assert in_its_units(HEADS["yolov8"], [rows.T[None]]).name == f"yolov8{suffix}"
    assert in_its_units(HEADS["yolov8"], [rows[None]]).name == f"yolov8{suffix}"
    yolox = {1: "yolox_decoded", 320: "yolox"}[unit]
    assert in_its_units(HEADS["yolox"], [rows[None]]).name == yolox
    rows[:, 4] = 1
    yolov6 = {1: "yolov6", 320: "yolox"}[unit]
    assert in_its_units(HEADS["yolox"], [rows[None]]).name == yolov6
    rows[:, 2:4] += rows[:, :2]
    assert in_its_units(HEADS["yolov10"], [rows[None, :300, :6]]).name == f"yolov10{suffix}"


def test_a_list_of_sizes_is_that_of_rtdetr():
    rows = np.tile(np.float32([[0.9, 0.8, 0.1, 0.1, 0.5, 3]]), (300, 1))
    assert in_its_units(HEADS["yolov10"], [rows[None]]).name == "rtdetr_list"
