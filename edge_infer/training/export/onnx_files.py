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

"""A network as ONNX files: in floats, and in eight bits as each kind of engine wants them.

Whether a file does what the network does is checked in bundles.py.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from edge_infer.training.networks.layers import PIXEL_STEP, PIXEL_ZERO
from edge_infer.training.networks.parts import Network

OPSET = 17

Shape = tuple[int, ...]
Batches = NDArray[np.uint8]
"""(n, batch, 1, height, width): what a network is shown, one call after the other."""


def to_onnx(network: Network, shape: Shape) -> bytes:
    """In floats: uint8 images of a shape [batch, 1, height, width] to the network's outputs."""
    image = torch.zeros(shape, dtype=torch.uint8)
    target = io.BytesIO()
    with warnings.catch_warnings():
        # The TorchScript exporter is the one whose graphs the quantiser knows.
        warnings.simplefilter("ignore", DeprecationWarning)
        torch.onnx.export(
            network.twin(), (image,), target, opset_version=OPSET, dynamo=False,
            input_names=[network.INPUT], output_names=list(network.OUTPUTS),
        )  # fmt: skip
    return target.getvalue()


def to_onnx_int8(network: Network, images: Batches) -> bytes:
    """In eight bits for ONNX Runtime and OpenVINO: unsigned values, seven-bit weights.

    Without VNNI an x86 processor adds two products in 16 bits, which two products of
    eight bits overflow: with eight-bit weights the chances on AVX2 were off by 0.15 to
    0.2 instead of 0.01. Seven bits are right on every processor.

    Args:
        network: whose batch normalisation becomes part of the convolutions.
        images: whose values between the layers set the scales.
    """
    from onnxruntime.quantization import QuantType

    model = _quantised(
        network, images, np.array(PIXEL_ZERO, np.uint8),
        activation_type=QuantType.QUInt8, reduce_range=True,
        op_types_to_quantize=["Conv", "Relu", "Add", "Concat", "Resize"], extra_options={},
    )  # fmt: skip
    _take_pixels(model, network.INPUT)
    content: bytes = model.SerializeToString()
    return content


def to_onnx_for_tensorrt(network: Network, images: Batches) -> bytes:
    """In eight bits for TensorRT: signed values around zero, which is all that it takes.

    Inputs and weights of convolutions are rounded, and nothing else: TensorRT moves
    the rounding to where it is cheapest by itself. Biases stay floats, since it reads
    no 32-bit integers there.

    Args:
        network: as for to_onnx_int8.
        images: as for to_onnx_int8.
    """
    from onnxruntime.quantization import QuantType

    model = _quantised(
        network, images, np.array(0, np.int8),
        activation_type=QuantType.QInt8, reduce_range=False, op_types_to_quantize=["Conv"],
        extra_options={"ActivationSymmetric": True, "QuantizeBias": False,
                       "OpTypesToExcludeOutputQuantization": ["Conv"]},
    )  # fmt: skip
    content: bytes = model.SerializeToString()
    return content


def as_written(content: bytes) -> Callable[[NDArray[np.uint8]], list[NDArray[Any]]]:
    """A file in ONNX Runtime, node by node: rounded as it says, but summed in floats.

    What a file for another engine means, free of what this processor does to eight bits.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])

    name = session.get_inputs()[0].name

    def answer(images: NDArray[np.uint8]) -> list[NDArray[Any]]:
        outputs: list[NDArray[Any]] = session.run(None, {name: images})
        return outputs

    return answer


class _Reader:
    """Hands images to the calibration, call by call."""

    def __init__(self, name: str, images: Batches) -> None:
        self._name = name
        self._images: Iterator[NDArray[np.uint8]] = iter(images)

    def get_next(self) -> dict[str, NDArray[np.uint8]] | None:
        """The next input, or None."""
        batch = next(self._images, None)
        return None if batch is None else {self._name: batch}


def _quantised(
    network: Network,
    images: Batches,
    pixel_zero: NDArray[Any],
    *,
    extra_options: dict[str, Any],
    **settings: Any,
) -> Any:
    """The network with pairs of QuantizeLinear and DequantizeLinear around what is rounded.

    Scales span the least and the greatest value of all images. Of what ONNX Runtime
    offers this puts the fewest boxes far off: on held-out frames the worst side was 1 to
    3 pixels wrong, with the mean of each frame's extremes or a percentile of 99.99 it was
    7 to 10, with 99.999 it was 2 to 4; entropy comes to the same as this.
    """
    import onnx
    from onnxruntime.quantization import CalibrationMethod, QuantFormat, QuantType, quantize_static
    from onnxruntime.quantization.shape_inference import quant_pre_process

    with TemporaryDirectory(prefix="edge_infer_") as folder:
        prepared, done = Path(folder) / "prepared.onnx", Path(folder) / "done.onnx"
        floats = onnx.load_from_string(to_onnx(network, images.shape[1:]))
        quant_pre_process(floats, str(prepared), skip_symbolic_shape=True)
        first = next(n for n in onnx.load(prepared).graph.node if n.op_type == "Conv").input[0]
        pixels = {"scale": np.array(PIXEL_STEP, np.float32), "zero_point": pixel_zero}
        quantize_static(
            str(prepared), str(done), _Reader(network.INPUT, images),
            quant_format=QuantFormat.QDQ, calibrate_method=CalibrationMethod.MinMax,
            per_channel=True, weight_type=QuantType.QInt8,
            extra_options={"TensorQuantOverrides": {first: [pixels]}, **extra_options}, **settings,
        )  # fmt: skip
        return onnx.load(done)


def _take_pixels(model: Any, image: str) -> None:
    """Leave out normalisation and first rounding: together they give each grey level itself."""
    graph, value = model.graph, image
    left_out = None
    while left_out is None or left_out.op_type != "QuantizeLinear":
        left_out = next(node for node in graph.node if value in node.input)
        value = left_out.output[0]
        graph.node.remove(left_out)
    for node in graph.node:
        node.input[:] = [image if name == value else name for name in node.input]
    used = {name for node in graph.node for name in node.input}
    for kept in [kept for kept in graph.initializer if kept.name not in used]:
        graph.initializer.remove(kept)
