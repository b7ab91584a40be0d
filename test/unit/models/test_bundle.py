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

"""Bundles on disk: whole ones load, damaged ones are refused in one sentence."""

import hashlib

import pytest

from edge_infer.errors import ModelError
from edge_infer.models import bundle
from edge_infer.models.bundle import ModelBundle
from edge_infer.models.manifest import ClassifierSpec, InputSpec, Manifest

CONTENT = b"weights of a network"


@pytest.fixture
def folder(tmp_path):
    manifest = Manifest(
        name="probe",
        version="1.0",
        release=1,
        labels=("Cell",),
        head="yolov8",
        input=InputSpec(name="image", width=32, height=32, channels=1, dtype="uint8"),
        score_threshold=0.4,
        nms_iou=0.5,
        weights=(bundle.describe("onnx", "m.onnx", CONTENT),),
        training={},
        licence="Apache-2.0",
    )
    bundle.write(tmp_path / "probe", manifest, {"m.onnx": CONTENT})
    return tmp_path / "probe"


def test_a_whole_bundle_loads(folder):
    loaded = ModelBundle.load(folder)
    assert loaded.manifest.name == "probe"
    assert loaded.weights("onnx").read_bytes() == CONTENT
    assert loaded.digest == hashlib.sha256((folder / "manifest.json").read_bytes()).hexdigest()


def remove(file):
    file.unlink()


def truncate(file):
    file.write_bytes(CONTENT[:-3])


def lengthen(file):
    file.write_bytes(CONTENT + b"!")


def alter(file):
    file.write_bytes(CONTENT[::-1])


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (remove, "is missing"),
        (truncate, "is truncated"),
        (lengthen, "is too long"),
        (alter, "does not match its digest"),
    ],
)
def test_a_damaged_weight_file_is_refused(folder, damage, words):
    damage(folder / "m.onnx")
    with pytest.raises(ModelError, match=rf"m\.onnx {words}") as caught:
        ModelBundle.load(folder)
    assert "\n" not in str(caught.value)


def test_an_absent_bundle_is_refused(tmp_path):
    with pytest.raises(ModelError, match="is not there"):
        ModelBundle.load(tmp_path / "nowhere")
    with pytest.raises(ModelError, match=r"has no manifest\.json"):
        ModelBundle.load(tmp_path)


# --- a second network ----------------------------------------------------------------


KINDS = [("onnx", "int8"), ("onnx", "float32"), ("tflite", "int8")]


@pytest.fixture
def pair(folder, tmp_path):
    """A bundle of two networks; the files of a kind have sizes of their own."""
    files = {f"{part}.{engine}.{precision}": f"{part} {engine} {precision}".encode()
             for part in ("finder", "classifier") for engine, precision in KINDS}  # fmt: skip
    first, second = (
        tuple(bundle.describe(e, f"{part}.{e}.{p}", files[f"{part}.{e}.{p}"], p) for e, p in KINDS)
        for part in ("finder", "classifier")
    )
    spec = ClassifierSpec(input="regions", width=24, height=40, batch=4, weights=second)
    changes = {"head": "outlines", "weights": first, "classifier": spec}
    manifest = ModelBundle.load(folder).manifest.model_copy(update=changes)
    return bundle.write(tmp_path / "pair", manifest, files)


@pytest.mark.parametrize(
    ("engine", "precision", "kind"),
    [
        ("onnx", None, "onnx.int8"),
        ("onnx", "float32", "onnx.float32"),
        ("tflite", None, "tflite.int8"),
    ],
)
def test_both_networks_are_given_in_one_kind(pair, engine, precision, kind):
    assert pair.weights(engine, precision).name == f"finder.{kind}"
    assert pair.classifier_weights(engine, precision).name == f"classifier.{kind}"


def test_the_size_of_a_kind_is_that_of_both_networks(pair):
    assert [pair.bytes_of(weight) for weight in pair.manifest.weights] == [
        len(f"finder {engine} {precision}classifier {engine} {precision}")
        for engine, precision in KINDS
    ]


def test_a_second_network_without_weights_of_that_kind_is_told(pair):
    with pytest.raises(ModelError, match="holds no tflite float32 weights: choose one that"):
        pair.classifier_weights("tflite", "float32")


def test_without_a_second_network_there_are_no_weights_of_it(folder):
    loaded = ModelBundle.load(folder)
    assert loaded.classifier_weights("onnx") is None
    assert loaded.bytes_of(loaded.manifest.weights[0]) == len(CONTENT)


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (remove, "is missing"),
        (lambda file: file.write_bytes(file.read_bytes()[:-3]), "is truncated"),
        (lambda file: file.write_bytes(file.read_bytes() + b"!"), "is too long"),
        (lambda file: file.write_bytes(file.read_bytes()[::-1]), "does not match its digest"),
    ],
)
def test_a_damaged_file_of_the_second_network_is_refused(pair, damage, words):
    damage(pair.path / "classifier.onnx.float32")
    with pytest.raises(ModelError, match=rf"classifier\.onnx\.float32 {words}") as caught:
        ModelBundle.load(pair.path)
    assert "\n" not in str(caught.value)


def test_an_engine_without_weights_is_told(folder):
    with pytest.raises(ModelError, match="holds no tflite weights") as caught:
        ModelBundle.load(folder).weights("tflite")
    assert "onnx" in caught.value.remedy


# --- what belongs to it --------------------------------------------------------------


@pytest.fixture
def whole(folder):
    """A bundle with everything that one can have."""
    files = {"golden.json": b"golden", "sbom.json": b"bill"}
    named = {key: bundle.describe_file(f"{key}.json", files[f"{key}.json"])
             for key in ("golden", "sbom")}  # fmt: skip
    manifest = ModelBundle.load(folder).manifest.model_copy(update=named)
    (folder / "MODEL_CARD.md").write_text("# probe 1.0\n")
    (folder / "notes.txt").write_text("not of the bundle")
    return bundle.write(folder, manifest, files)


@pytest.mark.parametrize("name", ["golden.json", "sbom.json"])
@pytest.mark.parametrize(
    ("damage", "words"),
    [(remove, "is missing"), (lambda file: file.write_bytes(b"other!"), r"is too long|digest")],
)
def test_a_damaged_golden_input_or_bill_is_refused(whole, name, damage, words):
    damage(whole.path / name)
    with pytest.raises(ModelError, match=words) as caught:
        ModelBundle.load(whole.path)
    assert str(caught.value).startswith(f"file {whole.path / name} ")


def test_its_contents_are_all_that_it_names_and_the_card(whole):
    assert whole.contents() == {
        name: (whole.path / name).read_bytes()
        for name in ("manifest.json", "m.onnx", "golden.json", "sbom.json", "MODEL_CARD.md")
    }


def test_its_contents_are_a_bundle_again(whole, tmp_path):
    copy = bundle.write_contents(tmp_path / "copy", whole.contents())
    assert copy.digest == whole.digest
    assert copy.contents() == whole.contents()


@pytest.mark.parametrize("name", ["../m.onnx", "/m.onnx", "a/b", ".m", "m\n", ""])
def test_contents_cannot_leave_the_folder(whole, tmp_path, name):
    with pytest.raises(ModelError, match="is no name of a file in a model bundle"):
        bundle.write_contents(tmp_path / "copy", {**whole.contents(), name: b"?"})
    assert not (tmp_path / "copy").exists()


def test_contents_that_are_no_bundle_are_refused(whole, tmp_path):
    contents = whole.contents()
    del contents["sbom.json"]
    with pytest.raises(ModelError, match=r"sbom\.json is missing"):
        bundle.write_contents(tmp_path / "copy", contents)
    with pytest.raises(ModelError, match=r"has no manifest\.json"):
        bundle.write_contents(tmp_path / "empty", {"m.onnx": CONTENT})
