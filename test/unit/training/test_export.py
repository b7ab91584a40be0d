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

"""Every engine's file takes the same image and does what the network does, as far as it says."""

import os
import sys
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from types import ModuleType

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the extra train: torch is not installed")
onnx = pytest.importorskip("onnx", reason="needs the extra train: onnx is not installed")

from edge_infer.backends import registry  # noqa: E402
from edge_infer.backends.base import TensorSpec  # noqa: E402
from edge_infer.datasets.frames import LabelledFrames  # noqa: E402
from edge_infer.domain import CameraFrame  # noqa: E402
from edge_infer.errors import TrainingError  # noqa: E402
from edge_infer.models.bundle import ModelBundle  # noqa: E402
from edge_infer.models.golden import Golden  # noqa: E402
from edge_infer.models.sbom import check_sbom  # noqa: E402
from edge_infer.perception.golden import check  # noqa: E402
from edge_infer.perception.pipeline import Pipeline  # noqa: E402
from edge_infer.simulation.modules import FAULT_CLASSES  # noqa: E402
from edge_infer.training.checkpoint import Trained, load_trained  # noqa: E402
from edge_infer.training.export import bundles as exporting  # noqa: E402
from edge_infer.training.export import onnx_files, tflite_files  # noqa: E402
from edge_infer.training.export.agreement import Both, Reference, of_torch  # noqa: E402
from edge_infer.training.export.bundles import export, tiled  # noqa: E402
from edge_infer.training.export.provenance import Calibration, Pair  # noqa: E402
from edge_infer.training.lessons.classifying import cut  # noqa: E402
from edge_infer.training.manifests import REGIONS_AT_ONCE, manifest_of  # noqa: E402
from edge_infer.training.networks.layers import PIXEL_STEP  # noqa: E402

HEIGHT, WIDTH = 128, 160
NAMED = {"name": "small", "version": "1", "release": 3, "score_threshold": 0.5}
TFLITE = all(find_spec(name) for name in ("litert_torch", "ai_edge_quantizer"))
needs_tflite = pytest.mark.skipif(not TFLITE, reason="needs the extra train-tflite")

ORDER = [
    ("onnx", "int8"),
    ("onnx", "float32"),
    ("tflite", "int8"),
    ("tflite", "float16"),
    ("tflite", "float32"),
    ("tensorrt", "int8"),
]
WRITTEN = [kind for kind in ORDER if TFLITE or kind[0] != "tflite"]
FLOWN = [kind for kind in WRITTEN if kind[0] != "tensorrt"]


pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def pair(runs):
    finder, classifier = (load_trained(runs[name]) for name in ("finder", "classifier"))
    finder.record["multiplications"] = 1000
    steps = {"command": "edge-infer train qat", "config": {"seed": 5}, "multiplications": 10,
             "start": {"command": "edge-infer train run", "start": None}}  # fmt: skip
    return Pair(finder, Trained(classifier.network, FAULT_CLASSES, {**classifier.record, **steps}))


@pytest.fixture(scope="module")
def networks(pair):
    return {name: trained.network for name, trained in pair._asdict().items()}


@pytest.fixture(scope="module")
def calibration(frames):
    rng = np.random.default_rng(0)
    regions = [cut(frames[index], 11, 0.6, rng=rng).images for index in range(8)]
    return Calibration(frames.images[:4], np.concatenate(regions))


@pytest.fixture(scope="module")
def images(frames, calibration):
    """What each network is shown, one call."""
    regions = calibration.regions[:REGIONS_AT_ONCE, None]
    return {"finder": frames.images[8:9, None], "classifier": regions}


@pytest.fixture(scope="module")
def model(pair, calibration, frames, tmp_path_factory):
    folder = tmp_path_factory.mktemp("model") / "small"
    return export(pair, calibration, frames, folder, **NAMED)


def file_of(model, name, format_, precision):
    choose = {"finder": model.weights, "classifier": model.classifier_weights}[name]
    return choose(format_, precision)


def graph(model, name, format_):
    return onnx.load(file_of(model, name, format_, "int8")).graph


def constant(graph, name):
    return onnx.numpy_helper.to_array(next(i for i in graph.initializer if i.name == name))


BOTH = pytest.mark.parametrize("name", ["finder", "classifier"])


# --- the bundle --------------------------------------------------------------------


def test_the_bundle_holds_every_file_of_both_networks_the_fastest_first(model):
    manifest = model.manifest
    assert [weight.kind for weight in manifest.weights] == WRITTEN
    assert [weight.kind for weight in manifest.classifier.weights] == WRITTEN
    assert ModelBundle.load(model.path).manifest == manifest
    assert (manifest.name, manifest.version, manifest.release) == ("small", "1", 3)
    assert manifest.labels == FAULT_CLASSES
    assert manifest.head == "outlines"
    sizes = {weight.file: weight.bytes for weight in manifest.files}
    assert sizes["classifier.int8.onnx"] < 0.6 * sizes["classifier.float32.onnx"]


def test_the_bundle_can_be_published(model):
    assert check_sbom(model) == "CycloneDX 1.6"
    assert set(model.manifest.engines) == {format_ for format_, _ in WRITTEN}
    assert Golden.of(model).frames[0].expected
    for engine in {format_ for format_, _ in FLOWN}:
        check(model, engine)


@pytest.mark.parametrize(("format_", "precision"), FLOWN)
def test_every_file_takes_and_gives_what_the_manifest_says(model, format_, precision):
    shapes = {
        "finder": ((1, 1, HEIGHT, WIDTH), {"corners": (1, 8, 16, 20), "there": (1, 1, 16, 20)}),
        "classifier": ((REGIONS_AT_ONCE, 1, 40, 24), {"kinds": (REGIONS_AT_ONCE, 12)}),
    }
    for name, (takes, gives) in shapes.items():
        backend = registry.load(format_, file_of(model, name, format_, precision))
        assert backend.inputs == (TensorSpec("image", takes, "uint8"),)
        assert backend.outputs == tuple(TensorSpec(n, s, "float32") for n, s in gives.items())
        backend.close()


TOLERATED = {"float32": 1e-5, "float16": 1e-3, "int8": 0.03}
"""Mean difference, as a share of what an output spans."""


@BOTH
@pytest.mark.parametrize(("format_", "precision"), FLOWN)
def test_every_file_says_what_the_network_says(model, networks, images, name, format_, precision):
    backend = registry.load(format_, file_of(model, name, format_, precision))
    own = of_torch(networks[name])(images[name])
    for mine, wanted in zip(backend.infer([images[name]]), own, strict=True):
        assert np.abs(mine - wanted).mean() < TOLERATED[precision] * np.ptp(wanted)
    backend.close()


def test_the_pipeline_reports_what_both_networks_know(model, frames):
    pipeline = Pipeline.open(model, "onnx", lambda: 0, precision="int8")
    found = [pipeline(CameraFrame(image, "mono8", 0, ""))[0] for image in frames.images]
    pipeline.close()
    faults = frames.boxes.class_id[frames.boxes.visible > 0.99]
    counts = np.bincount(np.concatenate([f.class_id for f in found]), minlength=11)
    assert counts[np.bincount(faults[faults >= 0], minlength=11) > 10].min() > 5
    assert counts.sum() > 0.9 * (faults >= 0).sum()


def test_the_manifest_says_how_far_each_pair_is_off_and_what_it_was_made_of(model):
    figures = model.manifest.training
    for format_, precision in WRITTEN:
        key = f"{format_}_{precision}"
        for what in ("score", "kind"):
            mean, most = (
                figures[f"{key}_{what}_difference"],
                figures[f"{key}_{what}_difference_max"],
            )
            assert 0 <= mean <= most <= 1
        assert 0 <= figures[f"{key}_corner_difference_px"] < 1
        assert figures[f"{key}_binary_accuracy"] == pytest.approx(
            figures["binary_accuracy"], abs=0.03
        )
    assert figures["onnx_float32_kind_difference"] < 1e-4 < figures["onnx_int8_kind_difference"]
    assert figures["finder_step_1"] == "tiny"
    assert figures["classifier_step_1"] == "edge-infer train run"
    assert figures["classifier_step_2"] == "edge-infer train qat"
    assert figures["classifier_seed"] == 5
    assert figures["finder_data_sha256"] == "drawn"
    assert figures["calibration_frames"] == 4
    assert figures["calibration_regions"] > 60
    assert figures["check_modules"] > 100
    assert 5 < figures["regions_per_frame"] < 30
    both = 1000 + 10 * figures["regions_per_frame"]
    assert figures["frame_multiplications"] == pytest.approx(both, abs=1)
    assert {"torch", "onnxruntime", "python"} <= set(figures)


@BOTH
def test_the_network_is_left_as_it_was(runs, networks, model, name):
    before = load_trained(runs[name]).network.state_dict()
    after = networks[name].state_dict()
    assert all(torch.equal(value, after[key]) for key, value in before.items())
    assert isinstance(networks[name].stem[0], torch.nn.Conv2d)


def test_only_what_is_asked_for_is_written(pair, calibration, frames, tmp_path):
    model = export(pair, calibration, frames, tmp_path, **NAMED, formats=["tensorrt"])
    files = ["finder.tensorrt.int8.onnx", "classifier.tensorrt.int8.onnx"]
    assert [weight.file for weight in model.manifest.all_weights] == files
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted(
        [*files, "golden.json", "manifest.json", "sbom.json"]
    )


# --- eight bits in ONNX ------------------------------------------------------------


OPERATORS = {
    "finder": {"QuantizeLinear", "DequantizeLinear", "Conv", "Add", "Concat", "Resize"},
    "classifier": {"QuantizeLinear", "DequantizeLinear", "Conv", "Add", "GlobalAveragePool",
                   "Flatten"},
}  # fmt: skip


@BOTH
def test_pixels_go_into_the_first_convolution_as_they_are(model, name):
    content = graph(model, name, "onnx")
    assert {node.op_type for node in content.node} == OPERATORS[name]
    (reader,) = (node for node in content.node if "image" in node.input)
    assert reader.op_type == "DequantizeLinear"
    assert constant(content, reader.input[1]) == 1 / 64
    assert constant(content, reader.input[2]) == 128


@BOTH
def test_weights_have_seven_bits_where_a_processor_would_overflow(model, name):
    content = graph(model, name, "onnx")
    weights = [onnx.numpy_helper.to_array(i) for i in content.initializer if len(i.dims) == 4]
    assert all(weight.dtype == np.int8 for weight in weights)
    assert max(np.abs(weight).max() for weight in weights) <= 64


@BOTH
def test_for_tensorrt_all_is_signed_around_zero_and_biases_are_floats(model, name):
    content = graph(model, name, "tensorrt")
    values = {i.name: onnx.numpy_helper.to_array(i) for i in content.initializer}
    rounding = [n for n in content.node if n.op_type in ("QuantizeLinear", "DequantizeLinear")]
    for node in rounding:
        assert values[node.input[2]].dtype == np.int8
        assert not values[node.input[2]].any()
    weights = [value for value in values.values() if value.ndim == 4]
    assert min(np.abs(weight).max() for weight in weights) == 127
    assert {value.dtype.name for value in values.values()} <= {"int8", "float32", "int64"}
    made_by = {output: node.op_type for node in content.node for output in node.output}
    assert {made_by[value.name] for value in content.output} <= {"Conv", "Flatten"}
    (reader,) = (node for node in content.node if "image" in node.input)
    assert reader.op_type == "Cast"


@BOTH
def test_for_tensorrt_every_grey_level_is_met_exactly(model, name):
    content = graph(model, name, "tensorrt")
    first = next(node for node in content.node if node.op_type == "QuantizeLinear")
    level = np.arange(256)
    normalised = level / 64 - 2
    assert constant(content, first.input[1]) == PIXEL_STEP == 1 / 64
    assert (np.round(normalised * 64) / 64 == normalised).all()


# --- TFLite ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kernel", "stride", "padding"), [(6, 4, 1), (3, 2, 1), (4, 4, 0), (7, 4, 3), (2, 1, 0)]
)
def test_a_convolution_over_groups_of_pixels_is_the_same(kernel, stride, padding):
    conv = torch.nn.Conv2d(1, 5, kernel, stride, padding, bias=False)
    x = torch.randn(1, 1, 32, 48)
    with torch.no_grad():
        same = tflite_files._Grouped(conv)(x)
        want = conv(x)
    torch.testing.assert_close(same[..., : want.shape[3]], want)


def test_what_the_tools_say_is_kept_from_the_reader_and_nothing_else(capfd):
    os.write(1, b"before, ")
    with tflite_files._quiet():
        os.write(1, b"a report, ")
        os.write(2, b"a warning")
    os.write(1, b"after")
    assert tuple(capfd.readouterr()) == ("before, after", "")


@needs_tflite
def test_tflite_scales_span_all_images(model, frames):
    floats = model.weights("tflite", "float32").read_bytes()
    some = frames.images[:2, None, None]
    dark, bright = np.full_like(some[:1], 5), np.full_like(some[:1], 250)
    one_way = tflite_files.to_int8(floats, "image", np.concatenate([dark, some, bright]))
    other_way = tflite_files.to_int8(floats, "image", np.concatenate([bright, some[::-1], dark]))
    assert one_way == other_way
    assert one_way != tflite_files.to_int8(floats, "image", dark)


# --- what cannot be ----------------------------------------------------------------


@pytest.mark.parametrize("absent", ["litert_torch", "ai_edge_quantizer"])
def test_without_the_tools_tflite_is_left_out_or_asked_for_in_one_sentence(
    pair, calibration, frames, tmp_path, monkeypatch, absent
):
    monkeypatch.setitem(sys.modules, absent, None)
    assert {kind.format for kind in exporting._chosen(None)} == {"onnx", "tensorrt"}
    with pytest.raises(TrainingError, match=r"pip install 'edge_infer\[train-tflite\]'") as caught:
        export(pair, calibration, frames, tmp_path, **NAMED, formats=["tflite"])
    assert f"files for tflite need the Python package {absent}" in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_a_tool_of_another_version_is_told_of_in_one_sentence(
    pair, calibration, frames, tmp_path, monkeypatch
):
    strange = ModuleType("litert_torch")
    strange.__spec__ = ModuleSpec("litert_torch", None)
    monkeypatch.setitem(sys.modules, "litert_torch", strange)
    monkeypatch.setitem(
        exporting._NEEDS, "tflite", exporting._NEEDS["tflite"]._replace(packages=())
    )
    with pytest.raises(TrainingError, match="int8 file for tflite cannot be made") as caught:
        export(pair, calibration, frames, tmp_path, **NAMED, formats=["tflite"])
    assert "has no attribute 'convert'" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("formats", [["abacus"], ["onnx", "abacus"], []])
def test_an_unknown_engine_is_refused(pair, calibration, frames, tmp_path, formats):
    with pytest.raises(TrainingError, match="choose from onnx, tflite, tensorrt"):
        export(pair, calibration, frames, tmp_path, **NAMED, formats=formats)


@pytest.mark.parametrize(
    ("key", "value"), [("name", "Not A Name"), ("release", -1), ("score_threshold", 1.5)]
)
def test_what_no_manifest_can_hold_is_refused(pair, calibration, frames, tmp_path, key, value):
    with pytest.raises(TrainingError, match=f"as its {key}"):
        export(pair, calibration, frames, tmp_path, **{**NAMED, key: value})


@BOTH
def test_a_file_that_does_something_else_is_refused(networks, frames, images, name):
    own = Both(*map(of_torch, networks.values()))
    reference = Reference(own, frames, manifest_of(FAULT_CLASSES, HEIGHT, WIDTH))
    twins = {n: network.twin() for n, network in networks.items()}
    kind = next(kind for kind in exporting._KINDS if kind[:2] == ("onnx", "float32"))

    def written():
        return [onnx_files.to_onnx(twin, images[n].shape) for n, twin in twins.items()]

    same = exporting._checked(kind, written(), reference)
    assert max(same.score_max, same.kind_max) < 1e-4
    with torch.no_grad():
        twins[name].heads[-1].bias[0] += 1.0
    with pytest.raises(TrainingError, match="float32 files for onnx do not do what the networks"):
        exporting._checked(kind, written(), reference)


def test_eight_bits_set_by_images_of_another_kind_are_refused(pair, calibration, frames, tmp_path):
    grey = Calibration(*(np.full_like(part[:16], 128) for part in calibration))
    with pytest.raises(TrainingError, match="int8 files for onnx do not do what the networks do"):
        export(pair, grey, frames, tmp_path, **NAMED, formats=["onnx"])
    assert list(tmp_path.iterdir()) == []


def test_too_little_to_calibrate_with_is_refused(pair, calibration, frames, tmp_path):
    few = calibration._replace(regions=calibration.regions[:3])
    with pytest.raises(TrainingError, match="3 regions of 4 frames are too few"):
        export(pair, few, frames, tmp_path, **NAMED)


def test_networks_of_different_classes_make_no_detector(pair, calibration, frames, tmp_path):
    other = Trained(pair.finder.network, ("crack",), pair.finder.record)
    with pytest.raises(TrainingError, match="trained with different classes"):
        export(Pair(other, pair.classifier), calibration, frames, tmp_path, **NAMED)


def test_a_folder_that_cannot_be_written_is_named(pair, calibration, frames, tmp_path):
    out = tmp_path / "file"
    out.write_text("in the way")
    with pytest.raises(TrainingError, match="file cannot be written"):
        export(pair, calibration, frames, out, **NAMED, formats=["tensorrt"])


# --- frames side by side -----------------------------------------------------------


def test_small_frames_are_laid_side_by_side():
    small = np.arange(5, dtype=np.uint8)[:, None, None] * np.ones((1, 16, 32), np.uint8)
    (whole,) = tiled(small, 32, 64)
    assert whole[[0, 0, 31, 31], [0, 63, 0, 63]].tolist() == [0, 1, 2, 3]
    assert [np.count_nonzero(whole == n) for n in range(4)] == [16 * 32] * 4


def test_frames_of_the_right_size_stay_as_they_are():
    frames = np.random.default_rng(0).integers(0, 256, (3, 32, 48), np.uint8)
    assert np.array_equal(tiled(frames, 32, 48), frames)


@pytest.mark.parametrize("shape", [(3, 16, 32), (8, 24, 32), (8, 64, 64), (0, 32, 64)])
def test_frames_that_do_not_fill_the_wanted_size_are_refused(shape):
    with pytest.raises(TrainingError, match="do not fill one of 64x32"):
        tiled(np.zeros(shape, np.uint8), 32, 64)


def test_a_size_that_the_network_cannot_take_is_refused(pair, calibration, frames, tmp_path):
    odd = LabelledFrames(frames.images[:, :, :100], frames.boxes)
    with pytest.raises(TrainingError, match="100x128 pixels do not fit the network"):
        export(pair, calibration, odd, tmp_path, **NAMED)
