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

"""Manifests: what is refused, and with which words."""

import json

import pytest

from edge_infer.errors import ModelError
from edge_infer.models.manifest import InputSpec, Manifest


def document(**changes):
    return {
        "name": "probe",
        "version": "1.0",
        "release": 3,
        "labels": ["Cell", "Diode"],
        "head": "yolov8",
        "input": {"name": "image", "width": 320, "height": 256, "channels": 1, "dtype": "uint8"},
        "score_threshold": 0.4,
        "nms_iou": 0.5,
        "weights": [{"format": "onnx", "file": "m.onnx", "sha256": "0" * 64, "bytes": 5}],
        "training": {"seed": 1, "recall": 0.9},
        "licence": "Apache-2.0",
        **changes,
    }


def parse(**changes):
    return Manifest.from_json(json.dumps(document(**changes)), "manifest.json")


def test_round_trip_keeps_every_value():
    manifest = parse()
    assert Manifest.from_json(manifest.to_json(), "again") == manifest
    assert manifest.labels == ("Cell", "Diode")
    assert manifest.nms == "per_class"
    assert manifest.training == {"seed": 1, "recall": 0.9}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"lables": []}, "lables"),
        ({"labels": []}, "labels"),
        ({"labels": ["Cell", "Cell"]}, "two labels are equal"),
        ({"score_threshold": 1.5}, "score_threshold"),
        ({"release": -1}, "release"),
        ({"weights": []}, "weights"),
        ({"name": "../up"}, "name"),
    ],
)
def test_wrong_keys_are_named(changes, words):
    with pytest.raises(ModelError, match=words) as caught:
        parse(**changes)
    assert "\n" not in str(caught.value)


# --- what a bundle that can be published has beside its weights ----------------------


def named(file):
    return {"file": file, "sha256": "0" * 64, "bytes": 5}


def test_golden_input_bill_and_engines_are_kept():
    manifest = parse(
        golden=named("g.json"), sbom=named("s.json"), engines={"onnx": ">=1.17, !=1.20.*"}
    )
    assert Manifest.from_json(manifest.to_json(), "again") == manifest
    assert [each.file for each in manifest.files] == ["m.onnx", "g.json", "s.json"]
    assert [each.file for each in manifest.all_weights] == ["m.onnx"]


def test_a_manifest_from_before_them_still_reads():
    manifest = parse()
    assert (manifest.golden, manifest.sbom, manifest.engines) == (None, None, {})
    assert manifest.files == manifest.weights


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"golden": named("../g.json")}, "golden.file"),
        ({"sbom": named(".s")}, "sbom.file"),
        ({"golden": named("m.onnx")}, "two files have one name"),
        ({"golden": named("a"), "sbom": named("a")}, "two files have one name"),
        ({"golden": {**named("a"), "bytes": 0}}, "golden.bytes"),
        ({"engines": {"onnx": "newest"}}, "'newest' are no versions of the engine onnx"),
        ({"engines": {"onnx": 1.17}}, "engines.onnx"),
    ],
)
def test_wrong_names_and_versions_are_refused(changes, words):
    with pytest.raises(ModelError, match=words) as caught:
        parse(**changes)
    assert "\n" not in str(caught.value)


# --- a second network ----------------------------------------------------------------


def weight(file="m.onnx", **changes):
    return {"format": "onnx", "file": file, "sha256": "0" * 64, "bytes": 5, **changes}


def second(**changes):
    """A classifier's part of a manifest."""
    size = {"width": 24, "height": 40, "batch": 16}
    return {"input": "regions", **size, "weights": [weight("c.onnx")], **changes}


def test_a_manifest_names_the_files_of_both_networks():
    manifest = parse(head="outlines", classifier=second())
    assert Manifest.from_json(manifest.to_json(), "again") == manifest
    assert [file.file for file in manifest.all_weights] == ["m.onnx", "c.onnx"]
    assert parse().classifier is None
    assert [file.file for file in parse().files] == ["m.onnx"]


GREY = {"name": "image", "width": 320, "height": 256, "channels": 1, "dtype": "uint8"}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"classifier": second(), "head": "yolov8"}, "need each other"),
        ({"classifier": None}, "need each other"),
        ({"input": {**GREY, "channels": 3}}, "the input is grey and of uint8"),
        ({"input": {**GREY, "dtype": "float32"}}, "the input is grey and of uint8"),
        ({"weights": [weight(), weight("i.onnx", precision="int8")]}, "different formats"),
        ({"classifier": second(weights=[weight("c", format="tflite")])}, "different formats"),
        ({"classifier": second(weights=[weight("c", precision="int8")])}, "or precisions"),
        ({"classifier": second(weights=[weight("m.onnx")])}, "two files have one name"),
        ({"classifier": second(weights=[])}, "classifier.weights"),
        ({"classifier": second(weights=[weight("../c.onnx")])}, r"classifier.weights.0.file"),
        ({"classifier": second(batch=0)}, "classifier.batch"),
        ({"classifier": second(width=0)}, "classifier.width"),
        ({"classifier": second(faulty_share=1.0)}, "classifier.faulty_share"),
        ({"classifier": second(colour="grey")}, "classifier.colour"),
    ],
)
def test_networks_that_do_not_fit_are_refused(changes, words):
    with pytest.raises(ModelError, match=words) as caught:
        parse(**{"head": "outlines", "classifier": second(), **changes})
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("file", ["../m.onnx", "/etc/passwd", "a/b.onnx", ".hidden", ""])
def test_weights_stay_in_the_bundle(file):
    weight = {"format": "onnx", "file": file, "sha256": "0" * 64, "bytes": 5}
    with pytest.raises(ModelError, match="file"):
        parse(weights=[weight])


def test_no_json_is_refused():
    with pytest.raises(ModelError, match="no model manifest"):
        Manifest.from_json("{", "manifest.json")


def test_input_shape_follows_layout():
    common = {"name": "x", "width": 8, "height": 4, "channels": 3, "dtype": "float32"}
    assert InputSpec(**common).shape == (1, 3, 4, 8)
    assert InputSpec(**common, layout="nhwc").shape == (1, 4, 8, 3)


def test_a_uint8_input_is_not_scaled():
    spec = {**document()["input"], "scale": 0.5}
    with pytest.raises(ModelError, match="uint8 input takes pixels as they are"):
        parse(input=spec)
