"""Bundles on disk: whole ones load, damaged ones are refused in one sentence."""

import hashlib

import pytest

from edge_infer.errors import ModelError
from edge_infer.models import bundle
from edge_infer.models.bundle import ModelBundle
from edge_infer.models.manifest import InputSpec, Manifest

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


def test_an_engine_without_weights_is_told(folder):
    with pytest.raises(ModelError, match="holds no tflite weights") as caught:
        ModelBundle.load(folder).weights("tflite")
    assert "onnx" in caught.value.remedy
