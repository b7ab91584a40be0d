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
from edge_infer.datasets.compose import Composer, FrameSpec  # noqa: E402
from edge_infer.datasets.mixture import draw  # noqa: E402
from edge_infer.datasets.pictures import drawn_pictures  # noqa: E402
from edge_infer.domain import CameraFrame  # noqa: E402
from edge_infer.errors import TrainingError  # noqa: E402
from edge_infer.models.bundle import ModelBundle  # noqa: E402
from edge_infer.perception.pipeline import Pipeline  # noqa: E402
from edge_infer.simulation.modules import FAULT_CLASSES  # noqa: E402
from edge_infer.training import export as exporting  # noqa: E402
from edge_infer.training import onnx_files, tflite_files  # noqa: E402
from edge_infer.training.agreement import Reference  # noqa: E402
from edge_infer.training.checkpoint import Trained, network_like  # noqa: E402
from edge_infer.training.export import export, tiled  # noqa: E402
from edge_infer.training.judge import manifest_of  # noqa: E402
from edge_infer.training.network import OUTPUTS, Network, Size  # noqa: E402

HEIGHT, WIDTH = 128, 192
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
def frames():
    composer = Composer(drawn_pictures(0, per_class=2), FrameSpec(width=WIDTH, height=HEIGHT))
    return draw(composer, 8, seed=0)


@pytest.fixture(scope="module")
def network(frames):
    """Not trained, but with values in the range of a trained one's, and with faults to report."""
    torch.manual_seed(0)
    network = Network(len(FAULT_CLASSES), Size.even(16, 32, 48, 1, 1))
    images = torch.from_numpy(frames.images[:, None])
    with torch.no_grad():
        for _ in range(30):
            network(images)  # for the statistics of batch normalisation
        network.module.weight *= 4
        network.module.bias += 1
        network.kinds.weight *= 4
    return network.eval()


@pytest.fixture(scope="module")
def trained(network):
    start = {"command": "edge-infer train run", "start": None}
    record = {"command": "edge-infer train qat", "start": start, "steps": 7, "parameters": 100,
              "config": {"seed": 5}, "data": {"modules": "drawn"}}  # fmt: skip
    return Trained(network, FAULT_CLASSES, record)


@pytest.fixture(scope="module")
def model(trained, frames, tmp_path_factory):
    folder = tmp_path_factory.mktemp("model") / "small"
    return export(trained, frames.images[:4], frames, folder, **NAMED)


def answer(network, image):
    with torch.no_grad():
        return [part.numpy() for part in network(torch.from_numpy(image))]


def graph(model, format_):
    return onnx.load(model.weights(format_, "int8")).graph


def constant(graph, name):
    return onnx.numpy_helper.to_array(next(i for i in graph.initializer if i.name == name))


# --- the bundle --------------------------------------------------------------------


def test_the_bundle_holds_every_file_the_fastest_first(model):
    assert [(w.format, w.precision) for w in model.manifest.weights] == WRITTEN
    assert ModelBundle.load(model.path).manifest == model.manifest
    assert (model.manifest.name, model.manifest.version, model.manifest.release) == (
        "small",
        "1",
        3,
    )
    assert model.manifest.labels == FAULT_CLASSES
    assert model.manifest.head == "grid"
    sizes = {(w.format, w.precision): w.bytes for w in model.manifest.weights}
    assert sizes["onnx", "int8"] < 0.5 * sizes["onnx", "float32"]


@pytest.mark.parametrize(("format_", "precision"), FLOWN)
def test_every_file_takes_the_image_of_the_manifest_and_gives_the_three_maps(
    model, frames, format_, precision
):
    backend = registry.load(format_, model.weights(format_, precision))
    assert backend.inputs == (TensorSpec("image", (1, 1, HEIGHT, WIDTH), "uint8"),)
    shapes = [(1, count, HEIGHT // 8, WIDTH // 8) for count in (4, 1, len(FAULT_CLASSES) + 1)]
    assert backend.outputs == tuple(
        TensorSpec(name, shape, "float32") for name, shape in zip(OUTPUTS, shapes, strict=True)
    )
    pipeline = Pipeline(model.manifest, backend, lambda: 0)
    assert len(pipeline(CameraFrame(frames.images[0], "mono8", 0, "camera"))[0]) > 0
    backend.close()


TOLERATED = {"float32": 1e-5, "float16": 1e-3, "int8": 0.03}
"""Mean difference, as a share of what the map spans."""


@pytest.mark.parametrize(("format_", "precision"), FLOWN)
def test_every_file_says_what_the_network_says(model, network, frames, format_, precision):
    backend = registry.load(format_, model.weights(format_, precision))
    for image in frames.images[4:, None, None]:
        for own, mine in zip(answer(network, image), backend.infer([image]), strict=True):
            assert np.abs(mine - own).mean() < TOLERATED[precision] * np.ptp(own)
    backend.close()


def test_the_manifest_says_how_far_each_file_is_off_and_what_it_was_made_of(model):
    figures = model.manifest.training
    for format_, precision in WRITTEN:
        key = f"{format_}_{precision}"
        assert 0 <= figures[f"{key}_score_difference"] <= figures[f"{key}_score_difference_max"] < 1
        assert 0 <= figures[f"{key}_box_difference_px"] < 1
        assert figures[f"{key}_binary_accuracy"] == pytest.approx(
            figures["binary_accuracy"], abs=0.03
        )
    assert figures["onnx_float32_score_difference"] < 1e-4 < figures["onnx_int8_score_difference"]
    assert figures["step_1"] == "edge-infer train run"
    assert figures["step_2"] == "edge-infer train qat"
    assert figures["seed"] == 5
    assert figures["data_sha256"] == "drawn"
    assert figures["calibration_frames"] == 4
    assert figures["check_modules"] > 20
    assert {"torch", "onnxruntime", "python"} <= set(figures)


def test_the_network_is_left_as_it_was(trained, network, model):
    twin = network_like(network)
    assert all(
        torch.equal(value, twin.state_dict()[name]) for name, value in network.state_dict().items()
    )
    assert isinstance(network.fine[0], torch.nn.Conv2d)


def test_only_what_is_asked_for_is_written(trained, frames, tmp_path):
    model = export(trained, frames.images[:2], frames, tmp_path, **NAMED, formats=["tensorrt"])
    assert [w.file for w in model.manifest.weights] == ["model.tensorrt.int8.onnx"]
    assert not (tmp_path / "model.int8.onnx").exists()


# --- eight bits in ONNX ------------------------------------------------------------


def test_pixels_go_into_the_first_convolution_as_they_are(model):
    content = graph(model, "onnx")
    assert {node.op_type for node in content.node} == {
        "QuantizeLinear", "DequantizeLinear", "Conv", "Add", "Concat", "Resize"
    }  # fmt: skip
    (reader,) = (node for node in content.node if "image" in node.input)
    assert reader.op_type == "DequantizeLinear"
    assert constant(content, reader.input[1]) == 1 / 64
    assert constant(content, reader.input[2]) == 128


def test_weights_have_seven_bits_where_a_processor_would_overflow(model):
    content = graph(model, "onnx")
    weights = [onnx.numpy_helper.to_array(i) for i in content.initializer if len(i.dims) == 4]
    assert all(weight.dtype == np.int8 for weight in weights)
    assert max(np.abs(weight).max() for weight in weights) <= 64


def test_for_tensorrt_all_is_signed_around_zero_and_biases_are_floats(model):
    content = graph(model, "tensorrt")
    values = {i.name: onnx.numpy_helper.to_array(i) for i in content.initializer}
    rounding = [n for n in content.node if n.op_type in ("QuantizeLinear", "DequantizeLinear")]
    for node in rounding:
        assert values[node.input[2]].dtype == np.int8
        assert not values[node.input[2]].any()
    weights = [value for value in values.values() if value.ndim == 4]
    assert min(np.abs(weight).max() for weight in weights) == 127
    assert {value.dtype.name for value in values.values()} <= {"int8", "float32", "int64"}
    made_by = {name: node.op_type for node in content.node for name in node.output}
    assert [made_by[name] for name in OUTPUTS] == ["Relu", "Conv", "Conv"]
    (reader,) = (node for node in content.node if "image" in node.input)
    assert reader.op_type == "Cast"


def test_for_tensorrt_every_grey_level_is_met_exactly(model):
    content = graph(model, "tensorrt")
    first = next(node for node in content.node if node.op_type == "QuantizeLinear")
    level = np.arange(256)
    normalised = level / 64 - 2
    assert constant(content, first.input[1]) == 1 / 64
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
def test_tflite_scales_span_all_frames(model, frames):
    floats = model.weights("tflite", "float32").read_bytes()
    dark, bright = np.full_like(frames.images[:1], 5), np.full_like(frames.images[:1], 250)
    one_way = tflite_files.to_int8(floats, np.concatenate([dark, frames.images[:2], bright]))
    other_way = tflite_files.to_int8(floats, np.concatenate([bright, frames.images[1::-1], dark]))
    assert one_way == other_way
    assert one_way != tflite_files.to_int8(floats, dark)


# --- what cannot be ----------------------------------------------------------------


@pytest.mark.parametrize("absent", ["litert_torch", "ai_edge_quantizer"])
def test_without_the_tools_tflite_is_left_out_or_asked_for_in_one_sentence(
    trained, frames, tmp_path, monkeypatch, absent
):
    monkeypatch.setitem(sys.modules, absent, None)
    assert {kind.format for kind in exporting._chosen(None)} == {"onnx", "tensorrt"}
    with pytest.raises(TrainingError, match=r"pip install 'edge_infer\[train-tflite\]'") as caught:
        export(trained, frames.images, frames, tmp_path, **NAMED, formats=["tflite"])
    assert f"files for tflite need the Python package {absent}" in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_a_tool_of_another_version_is_told_of_in_one_sentence(
    trained, frames, tmp_path, monkeypatch
):
    strange = ModuleType("litert_torch")
    strange.__spec__ = ModuleSpec("litert_torch", None)
    monkeypatch.setitem(sys.modules, "litert_torch", strange)
    monkeypatch.setitem(
        exporting._NEEDS, "tflite", exporting._NEEDS["tflite"]._replace(packages=())
    )
    with pytest.raises(TrainingError, match="int8 file for tflite cannot be made") as caught:
        export(trained, frames.images, frames, tmp_path, **NAMED, formats=["tflite"])
    assert "has no attribute 'convert'" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("formats", [["abacus"], ["onnx", "abacus"], []])
def test_an_unknown_engine_is_refused(trained, frames, tmp_path, formats):
    with pytest.raises(TrainingError, match="choose from onnx, tflite, tensorrt"):
        export(trained, frames.images, frames, tmp_path, **NAMED, formats=formats)


@pytest.mark.parametrize(
    ("key", "value"), [("name", "Not A Name"), ("release", -1), ("score_threshold", 1.5)]
)
def test_what_no_manifest_can_hold_is_refused(trained, frames, tmp_path, key, value):
    with pytest.raises(TrainingError, match=f"as its {key}"):
        export(trained, frames.images, frames, tmp_path, **{**NAMED, key: value})


def test_a_file_that_does_something_else_is_refused(network, frames):
    reference = Reference(network, frames, manifest_of(FAULT_CLASSES, HEIGHT, WIDTH))
    other = network_like(network)
    with torch.no_grad():
        other.module.bias += 0.5
    kind = next(kind for kind in exporting._KINDS if kind[:2] == ("onnx", "float32"))
    with pytest.raises(TrainingError, match="float32 file for onnx does not do what the network"):
        exporting._checked(kind, onnx_files.to_onnx(other, HEIGHT, WIDTH), reference)
    own = exporting._checked(kind, onnx_files.to_onnx(network, HEIGHT, WIDTH), reference)
    assert own.score_max < 1e-4


def test_eight_bits_set_by_frames_of_another_kind_are_refused(trained, frames, tmp_path):
    grey = np.full_like(frames.images[:1], 128)
    with pytest.raises(TrainingError, match="int8 file for onnx does not do what the network does"):
        export(trained, grey, frames, tmp_path, **NAMED, formats=["onnx"])
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written_is_named(trained, frames, tmp_path):
    out = tmp_path / "file"
    out.write_text("in the way")
    with pytest.raises(TrainingError, match="file cannot be written"):
        export(trained, frames.images[:1], frames, out, **NAMED, formats=["tensorrt"])


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


def test_a_size_that_the_network_cannot_take_is_refused():
    with pytest.raises(TrainingError, match="100x64 pixels do not fit the network"):
        tiled(np.zeros((1, 64, 100), np.uint8), 64, 100)
