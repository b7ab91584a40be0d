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

"""A file of weights in, a bundle out; and every way in which that cannot be, in one sentence."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from onnx import TensorProto
from tiny_detectors import Array, onnx_file, ssd_tflite

from edge_infer.backends import registry
from edge_infer.errors import EdgeInferError, FrameError, ModelError, ModelLoadError
from edge_infer.models.bundle import ModelBundle
from edge_infer.models.golden import Golden
from edge_infer.models.sbom import check_sbom
from edge_infer.packing import inputs, notes
from edge_infer.packing.pack import pack
from edge_infer.packing.wishes import Wishes
from edge_infer.perception.decode import decode
from edge_infer.perception.golden import check
from edge_infer.perception.images import decode_image

PLACES = [(x, y, s) for s in (8, 16, 32) for y in range(64 // s) for x in range(64 // s)]
HERE = 27
"""Index of the place at column 3, row 3 of the finest grid, where each detector sees one thing."""

BOX = [16.0, 20.0, 40.0, 44.0]
"""It is there, of the second of three classes, with a score of 0.75."""


def yolov8(unit: float = 1.0) -> dict[str, Array]:
    rows = np.zeros((1, 84, 7), np.float32)
    rows[0, :, :2] = [((x + 0.5) * s / unit, (y + 0.5) * s / unit) for x, y, s in PLACES]
    rows[0, :, 2:4] = 8 / unit
    rows[0, HERE] = [28 / unit, 32 / unit, 24 / unit, 24 / unit, 0, 0.75, 0]
    return {"output0": rows.transpose(0, 2, 1)}


def yolov5() -> dict[str, Array]:
    rows = np.zeros((1, 252, 8), np.float32)
    rows[0, :, :4] = 60, 60, 8, 8
    rows[0, HERE] = [28, 32, 24, 24, 1, 0, 0.75, 0]
    return {"output0": rows}


def yolox() -> dict[str, Array]:
    rows = np.zeros((1, 84, 8), np.float32)
    rows[0, HERE] = [0.5, 1, np.log(3), np.log(3), 0.75, 0, 1, 0]
    return {"output": rows}


def yolox_decoded() -> dict[str, Array]:
    rows = np.zeros((1, 84, 8), np.float32)
    rows[0, :, :2] = [((x + 0.5) * s, (y + 0.5) * s) for x, y, s in PLACES]
    rows[0, HERE] = [28, 32, 24, 24, 0.75, 0, 1, 0]
    return {"output": rows}


def yolov6() -> dict[str, Array]:
    rows = yolox_decoded()["output"]
    rows[0, :, 4] = 1
    rows[0, HERE, 6] = 0.75
    return {"outputs": rows}


def nanodet() -> dict[str, Array]:
    rows = np.zeros((1, 85, 3 + 32), np.float32)
    rows[0, HERE, 1] = 0.75
    # Column and row 3 of stride 8: one to the left, half up, two right, two and a half down.
    for side, chances in enumerate([{1: 1}, {0: 0.5, 1: 0.5}, {2: 1}, {2: 0.5, 3: 0.5}]):
        for reach in range(8):
            rows[0, HERE, 3 + 8 * side + reach] = np.log(chances.get(reach, 1e-30))
    return {"output": rows}


def yolov10(unit: float = 1.0) -> dict[str, Array]:
    rows = np.zeros((1, 30, 6), np.float32)
    rows[0, :, :4] = np.array([0, 0, 64, 64]) / unit
    rows[0, 4] = [*np.array(BOX) / unit, 0.75, 1]
    return {"output0": rows}


def ssd() -> dict[str, Array]:
    boxes, scores, classes = np.zeros((1, 9, 4)), np.zeros((1, 9)), np.zeros((1, 9))
    boxes[0, 0] = np.array(BOX)[[1, 0, 3, 2]] / 64
    scores[0, 0], classes[0, 0] = 0.75, 1
    values = {"num": np.ones(1), "scores": scores, "classes": classes, "boxes": boxes}
    return {name: value.astype(np.float32) for name, value in values.items()}


def detr() -> dict[str, Array]:
    boxes, scores = np.zeros((1, 9, 4), np.float32), np.zeros((1, 9), np.float32)
    boxes[0, 3], scores[0, 3] = BOX, 0.75
    return {"scores": scores, "labels": np.ones((1, 9), np.int64), "boxes": boxes}


def detr_queries() -> dict[str, Array]:
    boxes, logits = np.zeros((1, 9, 4), np.float32), np.full((1, 9, 3), -9, np.float32)
    boxes[0, 3], logits[0, 3, 1] = np.array([28, 32, 24, 24]) / 64, np.log(3)
    return {"pred_boxes": boxes, "logits": logits}


def rtdetr() -> dict[str, Array]:
    rows = np.zeros((1, 9, 7), np.float32)
    rows[0, 3] = [*np.array([28, 32, 24, 24]) / 64, 0, 0.75, 0]
    return {"output0": rows}


def rtdetr_list() -> dict[str, Array]:
    rows = np.zeros((1, 9, 6), np.float32)
    rows[0] = [*np.array([28, 32, 24, 24]) / 64, 0, 1]
    rows[0, 3, 4] = 0.75
    return {"output0": rows}


DETECTORS = {
    "yolov8": yolov8(),
    "yolov8_normalised": yolov8(64),
    "yolov5": yolov5(),
    "yolox": yolox(),
    "yolox_decoded": yolox_decoded(),
    "yolov6": yolov6(),
    "nanodet": nanodet(),
    "yolov10": yolov10(),
    "yolov10_normalised": yolov10(64),
    "ssd": ssd(),
    "detr": detr(),
    "detr_queries": detr_queries(),
    "rtdetr": rtdetr(),
    "rtdetr_list": rtdetr_list(),
}


def wishes(folder: Path, **changes: Any) -> Wishes:
    labels = folder / "labels.txt"
    if not labels.exists():
        labels.write_text("cat\ndog\n\nmouse\n")
    return Wishes(**{"labels": labels, "out": folder / "out", **changes})


def saved(folder: Path, content: bytes, name: str = "my model-2.onnx") -> Path:
    file = folder / name
    file.write_bytes(content)
    return file


def found_in(packed: ModelBundle) -> tuple[list[list[float]], list[float], list[int]]:
    """What the bundle's own weights say through its engine and its head."""
    manifest = packed.manifest
    (format_,) = [weight.format for weight in manifest.weights]
    engine = registry.Engine(format_, (packed.weights(format_),), outputs=manifest.outputs)
    (network,) = engine.load()
    image = inputs.find_image(network.inputs, Wishes(), {"imgsz": "[64, 64]"})
    found = decode(network.infer(inputs.zeros(image, network.inputs)), manifest)
    network.close()
    return found.xyxy.tolist(), found.confidence.tolist(), found.class_id.tolist()


@pytest.mark.parametrize("head", DETECTORS)
def test_every_family_is_packed_and_finds_what_is_there(head: str, tmp_path: Path) -> None:
    weights = saved(tmp_path, onnx_file(DETECTORS[head]))
    packed = pack(weights, wishes(tmp_path))
    assert packed.manifest.head == head
    assert packed.manifest.labels == ("cat", "dog", "mouse")
    boxes, scores, labels = found_in(packed)
    np.testing.assert_allclose(boxes, [BOX], atol=1e-4)
    assert scores == pytest.approx([0.75])
    assert labels == [1]


def test_what_is_not_said_is_as_usual(tmp_path: Path) -> None:
    weights = saved(tmp_path, onnx_file(yolov8()))
    manifest = pack(weights, wishes(tmp_path)).manifest
    spec = manifest.input
    assert (manifest.name, manifest.version, manifest.release) == ("my_model_2", "1.0.0", 1)
    assert (spec.name, spec.width, spec.height, spec.channels) == ("images", 64, 64, 3)
    assert (spec.dtype, spec.layout, spec.colours) == ("float32", "nchw", "rgb")
    assert (spec.resize, spec.align, spec.mean) == ("letterbox", "centre", 0.0)
    assert spec.scale == pytest.approx(1 / 255)
    assert manifest.outputs == ()
    assert manifest.licence == "NOASSERTION"
    assert manifest.training == {"packed_from": "my model-2.onnx"}
    assert (manifest.weights[0].file, manifest.weights[0].precision) == ("model.onnx", "float32")


def test_a_family_brings_its_own_preprocessing(tmp_path: Path) -> None:
    for head in ("yolox", "yolox_decoded"):
        weights = saved(tmp_path, onnx_file(DETECTORS[head]))
        spec = pack(weights, wishes(tmp_path, out=tmp_path / head)).manifest.input
        assert (spec.colours, spec.align, spec.scale) == ("bgr", "corner", 1.0)


def test_the_first_nanodet_keeps_shapes_as_they_are(tmp_path: Path) -> None:
    outputs = {"output": nanodet()["output"][:, :84]}
    weights = saved(tmp_path, onnx_file(outputs))
    spec = pack(weights, wishes(tmp_path, head="nanodet_first")).manifest.input
    assert (spec.colours, spec.resize, spec.align) == ("bgr", "letterbox", "corner")


def test_wishes_come_before_what_is_usual(tmp_path: Path) -> None:
    weights = saved(tmp_path, onnx_file(yolox()), "detector.onnx")
    told = wishes(
        tmp_path, name="mine", version="2.1", release=7, licence="MIT", colours="rgb",
        resize="stretch", align="centre", mean=(1.0, 2.0, 3.0), scale=0.5, score_threshold=0.125,
        nms_iou=0.75, precision="int8",
    )  # fmt: skip
    manifest = pack(weights, told).manifest
    assert (manifest.name, manifest.version, manifest.release) == ("mine", "2.1", 7)
    assert (manifest.licence, manifest.score_threshold, manifest.nms_iou) == ("MIT", 0.125, 0.75)
    spec = manifest.input
    assert (spec.colours, spec.resize, spec.align) == ("rgb", "stretch", "centre")
    assert (spec.mean, spec.scale) == ((1.0, 2.0, 3.0), 0.5)
    assert (manifest.weights[0].file, manifest.weights[0].precision) == ("detector.onnx", "int8")


def test_whole_pixels_stay_as_they_are(tmp_path: Path) -> None:
    content = onnx_file(nanodet(), picture=(1, 64, 64, 1), kind=TensorProto.UINT8)
    spec = pack(saved(tmp_path, content), wishes(tmp_path)).manifest.input
    assert (spec.dtype, spec.layout, spec.channels) == ("uint8", "nhwc", 1)
    assert (spec.mean, spec.scale) == (0.0, 1.0)


def test_grey_pictures_have_one_mean(tmp_path: Path) -> None:
    content = onnx_file(nanodet(), picture=(1, 1, 64, 64))
    spec = pack(saved(tmp_path, content), wishes(tmp_path)).manifest.input
    assert spec.mean == pytest.approx((103.53 + 116.28 + 123.675) / 3)


def test_the_metadata_knows_labels_and_size(tmp_path: Path) -> None:
    noted = {"names": "{0: 'ant', 1: 'bee', 2: 'fly'}", "imgsz": "[64, 64]", "task": "detect"}
    content = onnx_file(yolov8(), picture=("batch", 3, "height", "width"), metadata=noted)
    manifest = pack(saved(tmp_path, content), Wishes(out=tmp_path / "out")).manifest
    assert manifest.labels == ("ant", "bee", "fly")
    assert (manifest.input.width, manifest.input.height) == (64, 64)


def test_a_size_input_is_told_the_size(tmp_path: Path) -> None:
    others = {"orig_target_sizes": (TensorProto.INT64, (1, 2))}
    packed = pack(saved(tmp_path, onnx_file(detr(), others=others)), wishes(tmp_path))
    assert packed.manifest.input.size_input == "orig_target_sizes"
    assert packed.manifest.outputs == ("labels", "boxes", "scores")
    assert found_in(packed)[2] == [1]


def test_outputs_that_no_head_reads_are_left_out(tmp_path: Path) -> None:
    outputs = {"map": np.zeros((1, 3, 8, 8, 8), np.float32), **yolov5()}
    packed = pack(saved(tmp_path, onnx_file(outputs)), wishes(tmp_path))
    assert packed.manifest.outputs == ("output0",)
    assert found_in(packed)[1] == [0.75]


def test_outputs_may_be_named_in_the_order_of_the_head(tmp_path: Path) -> None:
    by_role = ssd()
    outputs = {"a": by_role["scores"], "b": by_role["boxes"], "c": by_role["num"],
               "d": by_role["classes"]}  # fmt: skip
    weights = saved(tmp_path, onnx_file(outputs))
    with pytest.raises(ModelError, match="with --outputs in the order boxes, classes, scores"):
        pack(weights, wishes(tmp_path))
    packed = pack(weights, wishes(tmp_path, outputs=("b", "d", "a", "c")))
    assert packed.manifest.outputs == ("b", "d", "a", "c")
    assert found_in(packed) == ([BOX], [0.75], [1])


def test_two_likely_heads_are_a_question_that_head_answers(tmp_path: Path) -> None:
    (tmp_path / "labels.txt").write_text("cat\ndog\n")
    weights = saved(tmp_path, onnx_file(yolov10()))
    with pytest.raises(ModelError, match="--head yolov10 or --head rtdetr"):
        pack(weights, wishes(tmp_path))
    assert pack(weights, wishes(tmp_path, head="yolov10")).manifest.head == "yolov10"


def test_tensorflow_lite_with_its_own_last_step(tmp_path: Path) -> None:
    pytest.importorskip("ai_edge_litert")
    (tmp_path / "labels.txt").write_text("???\ncat\ndog\n???\n")
    yxhw = np.array([[32, 28, 24, 24], [8, 8, 8, 8]]) / 64
    scores = np.array([[0, 0.75, 0], [0.5, 0, 0]])
    packed = pack(saved(tmp_path, ssd_tflite(yxhw, scores), "ssd.tflite"), wishes(tmp_path))
    manifest = packed.manifest
    assert (manifest.head, manifest.weights[0].format) == ("ssd", "tflite")
    assert manifest.labels == ("cat", "dog", "unused 2")
    assert (manifest.input.mean, manifest.input.layout) == (127.5, "nhwc")
    boxes, found, labels = found_in(packed)
    np.testing.assert_allclose(boxes, [BOX, [4, 4, 12, 12]], atol=1e-4)
    assert (found, labels) == ([0.75, 0.5], [1, 0])


# --- what makes it fit to be published ------------------------------------------------


def test_the_same_file_gives_the_same_bytes(tmp_path: Path) -> None:
    weights = saved(tmp_path, onnx_file(yolov8()))
    first, second = (
        pack(weights, wishes(tmp_path, out=tmp_path / name)).contents() for name in ("a", "b")
    )
    assert first == second
    assert set(first) == {"manifest.json", "model.onnx", "golden.json", "sbom.json"}


def test_it_has_a_golden_input_and_a_bill_of_materials(tmp_path: Path) -> None:
    picture = tmp_path / "picture.png"
    cv2.imwrite(str(picture), np.full((128, 96, 3), 60, np.uint8))
    weights = saved(tmp_path, onnx_file(yolov8()))
    told = wishes(tmp_path, pictures=(picture,), engines={"onnx": ">=1.17"})
    packed = pack(weights, told)
    assert packed.manifest.engines == {"onnx": ">=1.17"}
    assert check_sbom(packed) == "CycloneDX 1.6"
    golden = Golden.of(packed)
    assert golden is not None
    (frame,) = golden.frames
    assert decode_image(frame.encoded, "").image.shape == (64, 48, 3)
    (thing,) = frame.expected
    assert (thing.score, thing.class_id, thing.required) == (0.75, 1, True)
    check(packed, "onnx")


def test_a_picture_that_is_none(tmp_path: Path) -> None:
    weights = saved(tmp_path, onnx_file(yolov8()))
    told = wishes(tmp_path, pictures=(saved(tmp_path, b"no picture", "p.png"),))
    assert "p.png is no readable image" in refused(weights, told, FrameError)


# --- what cannot be packed ------------------------------------------------------------


def refused(weights: Path, told: Wishes, kind: type[EdgeInferError] = ModelError) -> str:
    """The sentence; and nothing was written."""
    with pytest.raises(kind) as caught:
        pack(weights, told)
    assert told.out is None or not (told.out / "manifest.json").exists()
    sentence = str(caught.value)
    assert "\n" not in sentence
    return sentence


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    assert "cannot be read (No such file" in refused(tmp_path / "no.onnx", wishes(tmp_path))


@pytest.mark.parametrize("name", ["model.pt", "model", "model.onnx.txt"])
def test_a_file_of_another_kind(name: str, tmp_path: Path) -> None:
    sentence = refused(saved(tmp_path, b"anything", name), wishes(tmp_path))
    assert "ends in .onnx or .tflite" in sentence


@pytest.mark.parametrize("name", ["foreign.onnx", "foreign.tflite"])
def test_a_foreign_file(name: str, tmp_path: Path) -> None:
    weights = saved(tmp_path, b"a picture of a detector", name)
    assert name in refused(weights, wishes(tmp_path), ModelLoadError)


def test_a_file_that_was_cut_off(tmp_path: Path) -> None:
    content = onnx_file(yolov8())
    weights = saved(tmp_path, content[: len(content) // 2])
    assert "ONNX Runtime cannot load" in refused(weights, wishes(tmp_path), ModelLoadError)


def test_weights_in_a_second_file(tmp_path: Path) -> None:
    import onnx

    model = onnx.load_from_string(onnx_file(yolov8()))
    file = tmp_path / "two.onnx"
    onnx.save_model(model, file, save_as_external_data=True, size_threshold=0, location="two.data")
    assert "in another file beside it: save" in refused(file, wishes(tmp_path))


@pytest.mark.parametrize(
    ("content", "sentence"),
    [(b"", "is empty"), (b"\n \n", "is empty"), (b"\xff\xfe\x00", "is not text"),
     (b"a\nb\na\n", "two labels are equal"), (b"a\nb\n", "with 3 labels, not with 2")],
    ids=["empty", "blank", "binary", "twice", "too few"],
)  # fmt: skip
def test_labels_that_cannot_be(content: bytes, sentence: str, tmp_path: Path) -> None:
    (tmp_path / "labels.txt").write_bytes(content)
    assert sentence in refused(saved(tmp_path, onnx_file(yolov8())), wishes(tmp_path))


def test_no_labels_at_all(tmp_path: Path) -> None:
    weights = saved(tmp_path, onnx_file(yolov8()))
    assert "one label a line as --labels" in refused(weights, Wishes(out=tmp_path / "out"))
    missing = Wishes(labels=tmp_path / "none.txt", out=tmp_path / "out")
    assert "none.txt cannot be read" in refused(weights, missing)


def test_labels_that_the_metadata_counts_otherwise(tmp_path: Path) -> None:
    content = onnx_file(yolov8(), metadata={"names": "['a', 'b', 'c', 'd']"})
    assert "has 3 labels, and the model 4" in refused(saved(tmp_path, content), wishes(tmp_path))


def test_a_size_that_is_open_or_another(tmp_path: Path) -> None:
    weights = saved(tmp_path, onnx_file(yolov8(), picture=(1, 3, "h", "w")))
    assert "say at which it is to run with --size" in refused(weights, wishes(tmp_path))
    fixed = saved(tmp_path, onnx_file(yolov8()), "fixed.onnx")
    sentence = refused(fixed, wishes(tmp_path, size=(128, 64)))
    assert "takes pictures of 64x64 only: leave --size out" in sentence
    assert pack(weights, wishes(tmp_path, size=(64, 64))).manifest.input.width == 64


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"picture": (2, 3, 64, 64)}, "does not take one picture"),
        ({"picture": (1, 5, 64, 64)}, "does not show where its channels are"),
        ({"picture": (1, 3, 64)}, "not one input that takes pictures, but 'images' [1, 3, 64]"),
        ({"kind": TensorProto.FLOAT16}, "is of float16"),
        ({"others": {"more": (TensorProto.FLOAT, (1, 3, 64, 64))}}, "say which with --input-name"),
        ({"others": {"more": (TensorProto.FLOAT, (1, 2))}}, "beside the picture the model takes"),
    ],
    ids=["batch", "layout", "rank", "half", "two pictures", "foreign input"],
)
def test_inputs_that_cannot_be(changes: dict[str, Any], sentence: str, tmp_path: Path) -> None:
    weights = saved(tmp_path, onnx_file(yolov8(), **changes))
    assert sentence in refused(weights, wishes(tmp_path))


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"name": "My Model"}, "cannot be packed like that (name: "),
        ({"release": -1}, "cannot be packed like that (release: "),
        ({"engines": {"onnx": "new"}}, "'new' are no versions of the engine onnx"),
        ({"nms_iou": 0.0}, "cannot be packed like that (nms_iou: "),
        ({"head": "yolov5"}, "are not those of the head yolov5"),
        ({"outputs": ("nothing",)}, "gives no output 'nothing': choose of output0"),
        ({"input_name": "picture"}, "no input 'picture'"),
    ],
)
def test_wishes_that_cannot_be(changes: dict[str, Any], sentence: str, tmp_path: Path) -> None:
    weights = saved(tmp_path, onnx_file(yolov8()))
    assert sentence in refused(weights, wishes(tmp_path, **changes))


def test_a_mean_for_whole_pixels(tmp_path: Path) -> None:
    weights = saved(tmp_path, onnx_file(yolov8(), kind=TensorProto.UINT8))
    sentence = refused(weights, wishes(tmp_path, mean=127.5))
    assert "a uint8 input takes pixels as they are" in sentence


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    weights = saved(tmp_path, onnx_file(yolov8()))
    taken = saved(tmp_path, b"", "taken")
    assert f"{taken} cannot be written" in refused(weights, wishes(tmp_path, out=taken))
    below = taken / "below"
    assert "name another folder as --out" in refused(weights, wishes(tmp_path, out=below))


# --- notes ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("metadata", "labels"),
    [
        ({"names": "{0: 'a', 1: 'b'}"}, ("a", "b")),
        ({"names": "['a', 'b']"}, ("a", "b")),
        ({"metadata.json": '{"names": {"0": "a", "1": "b"}}'}, ("a", "b")),
        ({"temp_meta.txt": "{'names': {0: 'a', 1: 'b'}, 'stride': 32}"}, ("a", "b")),
        ({"labelmap.txt": "a\nb\n"}, ("a", "b")),
        ({"coco_labels.txt": "a\n\nb\n"}, ("a", "b")),
        ({"names": "{0: 'a', 2: 'b'}"}, ()),
        ({"names": "print('a')"}, ()),
        ({"names": "[" * 9999}, ()),
        ({"readme.txt": "a"}, ()),
        ({}, ()),
    ],
)
def test_labels_are_noted_in_several_ways(
    metadata: dict[str, str], labels: tuple[str, ...]
) -> None:
    assert notes.labels(notes.flat(metadata)) == labels
