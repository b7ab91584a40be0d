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

"""Detectors made on the spot: as large as a small YOLOv8, untrained, the same for the same seed.

What a network costs does not depend on what it has learnt. The last bias is set so that a
known number of places passes the threshold on the benchmarks' picture, so that decoding has
something to do. Each network comes twice: as a bundle, which takes pixels as they are, and
as the files that one would usually export, which take floats from 0 to 1.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import cv2
import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from edge_infer.backends.onnx import OnnxBackend
from edge_infer.bench.detector_graph import CLASSES, DECODE, IMAGES, Graph, detector_graph
from edge_infer.bench.usual_detector import prepare
from edge_infer.domain import CameraFrame
from edge_infer.models import bundle as bundles
from edge_infer.models.bundle import ModelBundle
from edge_infer.models.manifest import InputSpec, Manifest, Precision

HITS = 60
"""Places of the picture that pass the threshold, in floats; rounding moves a few."""

SCORE_THRESHOLD = 0.25
NMS_IOU = 0.45
FASTEST_FIRST: tuple[Precision, ...] = ("int8", "float32")

_SPREAD = 1.5
"""Standard deviation of a place's best logit, about that of a trained network."""

_TRIAL_GAIN = 0.01
"""With which the logits are looked at first, so that no score is all but 0 or 1."""

_CALIBRATION_SEEDS = range(2, 6)


class Networks(NamedTuple):
    """One network in all its forms.

    Attributes:
        bundle: takes uint8 pixels; ``weights`` in the order that was asked for.
        usual: precision to an ONNX file that takes float32 from 0 to 1.
        parameters: how many weights it has.
        macs: multiplications of one call.
    """

    bundle: ModelBundle
    usual: dict[Precision, Path]
    parameters: int
    macs: int


def picture(seed: int = 1, width: int = 1280, height: int = 720) -> CameraFrame:
    """A frame in bgr8 full of edges: boxes and discs before a gradient, and noise."""
    rng = np.random.default_rng(seed)
    corners = rng.integers(0, 256, (2, 2, 3), np.uint8)
    image = cv2.resize(corners, (width, height), interpolation=cv2.INTER_LINEAR)
    for _ in range(120):
        colour = [int(level) for level in rng.integers(0, 256, 3)]
        x, y = int(rng.integers(0, width)), int(rng.integers(0, height))
        size = int(rng.integers(8, 120))
        if rng.random() < 0.5:
            cv2.rectangle(image, (x, y), (x + size, y + size), colour, -1)
        else:
            cv2.circle(image, (x, y), size // 2, colour, -1)
    noise = rng.normal(0, 4, image.shape)
    return CameraFrame(np.clip(image + noise, 0, 255).astype(np.uint8), "bgr8", 0, "camera")


def write_networks(
    folder: Path,
    size: int,
    *,
    precisions: Sequence[Precision] = FASTEST_FIRST,
    more_blocks: int = 0,
    seed: int = 1,
) -> Networks:
    """Make a network and write its forms.

    Args:
        folder: takes the bundle and the usual files.
        size: sides of the square input, pixels; a multiple of 32.
        precisions: which forms, the one to fly with first.
        more_blocks: of two convolutions each at stride 8, to make it slow.
        seed: of the weights.
    """
    network = _graded(size, more_blocks, seed)
    models = {"float32": network.model}
    if "int8" in precisions:
        models["int8"] = _in_eight_bits(network.model, size)
    usual = {precision: folder / f"usual.{precision}.onnx" for precision in precisions}
    folder.mkdir(parents=True, exist_ok=True)
    for precision, file in usual.items():
        file.write_bytes(models[precision].SerializeToString())
    files = {
        precision: (f"{precision}.onnx", _taking_pixels(models[precision]).SerializeToString())
        for precision in precisions
    }
    manifest = Manifest(
        name="bench_detector", version="1", release=1, head="yolov8",
        labels=tuple(f"class_{number}" for number in range(CLASSES)),
        input=InputSpec(name=IMAGES, width=size, height=size, channels=3, dtype="uint8"),
        score_threshold=SCORE_THRESHOLD, nms_iou=NMS_IOU,
        weights=tuple(bundles.describe("onnx", *files[p], p) for p in precisions),
        training={"seed": seed}, licence="CC0-1.0",
    )  # fmt: skip
    bundle = bundles.write(folder / "bundle", manifest, dict(files.values()))
    return Networks(bundle, usual, network.parameters, network.macs)


def _graded(size: int, more_blocks: int, seed: int) -> Graph:
    """The network whose scores pass the threshold at HITS places of the picture."""
    plain = detector_graph(size, more_blocks, seed, _TRIAL_GAIN, 0.0)
    with TemporaryDirectory(prefix="edge_infer_") as folder:
        file = Path(folder) / "plain.onnx"
        file.write_bytes(plain.model.SerializeToString())
        backend = OnnxBackend.load(file)
    tensor = prepare(picture().image, size).tensor
    best = np.sort(backend.infer([tensor])[0][0, 4:].max(axis=0).astype(np.float64))[::-1]
    backend.close()
    logits = np.log(best / (1 - best))
    times = _SPREAD / logits.std()
    wanted = np.log(SCORE_THRESHOLD / (1 - SCORE_THRESHOLD))
    bias = wanted - times * logits[HITS - 1 : HITS + 1].mean()
    return detector_graph(size, more_blocks, seed, float(_TRIAL_GAIN * times), float(bias))


# --- its other forms ---------------------------------------------------------------


class _Pictures:
    """Hands pictures to the calibration."""

    def __init__(self, size: int) -> None:
        self._tensors: Iterator[NDArray[np.float32]] = (
            prepare(picture(seed).image, size).tensor for seed in _CALIBRATION_SEEDS
        )

    def get_next(self) -> dict[str, NDArray[np.float32]] | None:
        """The next input, or None."""
        tensor = next(self._tensors, None)
        return None if tensor is None else {IMAGES: tensor}


def _in_eight_bits(model: Any, size: int) -> Any:
    """With pairs of QuantizeLinear and DequantizeLinear around all but the decoding."""
    from onnxruntime.quantization import CalibrationMethod, QuantFormat, QuantType, quantize_static
    from onnxruntime.quantization.shape_inference import quant_pre_process

    pixels = {"scale": np.array(1 / 255, np.float32), "zero_point": np.array(0, np.uint8)}
    decoding = [node.name for node in model.graph.node if node.name.startswith(DECODE)]
    with TemporaryDirectory(prefix="edge_infer_") as folder:
        prepared, done = Path(folder) / "prepared.onnx", Path(folder) / "done.onnx"
        quant_pre_process(model, str(prepared), skip_optimization=True, skip_symbolic_shape=True)
        quantize_static(
            str(prepared), str(done), _Pictures(size),
            quant_format=QuantFormat.QDQ, calibrate_method=CalibrationMethod.MinMax,
            op_types_to_quantize=["Conv", "Relu", "Add", "Concat", "Resize"],
            per_channel=True, activation_type=QuantType.QUInt8, weight_type=QuantType.QInt8,
            nodes_to_exclude=decoding, extra_options={"TensorQuantOverrides": {IMAGES: [pixels]}},
        )  # fmt: skip
        return onnx.load(done)


def _taking_pixels(model: Any) -> Any:
    """The same with uint8 pixels as its input, the normalisation a part of the file.

    In eight bits nothing is left of it: a pixel is its own rounded value.
    """
    changed = onnx.ModelProto()
    changed.CopyFrom(model)
    graph = changed.graph
    graph.input[0].type.tensor_type.elem_type = TensorProto.UINT8
    first = next(node for node in graph.node if IMAGES in node.input)
    if first.op_type == "QuantizeLinear":
        _rename(graph, first.output[0], IMAGES)
        graph.node.remove(first)
        return changed
    _rename(graph, IMAGES, "normalised")
    graph.initializer.append(numpy_helper.from_array(np.float32(1 / 255), "step"))
    before = [
        helper.make_node("Cast", [IMAGES], ["floats"], "cast", to=TensorProto.FLOAT),
        helper.make_node("Mul", ["floats", "step"], ["normalised"], "scale"),
    ]
    rest = list(graph.node)
    del graph.node[:]
    graph.node.extend([*before, *rest])
    return changed


def _rename(graph: Any, old: str, new: str) -> None:
    """Have all nodes read another value."""
    for node in graph.node:
        node.input[:] = [new if name == old else name for name in node.input]
