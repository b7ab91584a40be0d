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

"""A network as TFLite files, by Google's converter from torch and its quantiser.

Their packages are large and tie down versions of others, so they are an extra of
their own, and a bundle can be made without them.
"""

from __future__ import annotations

import os
import sys
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from edge_infer.training.export.onnx_files import Batches, Shape
from edge_infer.training.networks.layers import PIXEL_STEP, PIXEL_ZERO
from edge_infer.training.networks.parts import Network

_SIGNATURE = "serving_default"
_STREAMS = (1, 2)
_LEFT_IN_FLOATS = ("MUL", "SUB", "OUTPUT")
"""Normalisation, so that its result is the first to be rounded, and what goes out."""

Ranges = dict[str, dict[str, Any]]
"""Tensor name -> its ``min`` and ``max``, as the quantiser wants them."""


def to_tflite(network: Network, shape: Shape) -> bytes:
    """In floats: uint8 images of a shape [batch, 1, height, width] to the network's outputs."""
    with _quiet(), tempfile.TemporaryDirectory(prefix="edge_infer_") as folder:
        import litert_torch

        image = torch.zeros(shape, dtype=torch.uint8)
        model = litert_torch.convert(_ForLite(network).eval(), (), {network.INPUT: image})
        file = Path(folder) / "model.tflite"
        model.export(str(file))
        return file.read_bytes()


def to_float16(floats: bytes) -> bytes:
    """The same with weights of 16 bits; engines without such arithmetic widen them again."""
    with _quiet():
        from ai_edge_quantizer.algorithm_manager import AlgorithmName
        from ai_edge_quantizer.quantizer import Quantizer

        work = Quantizer(bytearray(floats))
        work.add_weight_only_config(".*", "*", 16, algorithm_key=AlgorithmName.FLOAT_CASTING)
        return bytes(work.quantize().quantized_model)


def to_int8(floats: bytes, name: str, images: Batches) -> bytes:
    """The same with weights and values of eight bits; image and outputs stay as they are.

    Args:
        floats: what to_tflite gave.
        name: of its input.
        images: whose values between the layers set the scales.
    """
    with _quiet():
        from ai_edge_quantizer import recipe
        from ai_edge_quantizer.algorithm_manager import AlgorithmName
        from ai_edge_quantizer.quantizer import Quantizer

        work = Quantizer(bytearray(floats), recipe.static_wi8_ai8())
        for operator in _LEFT_IN_FLOATS:
            work.update_quantization_recipe(".*", operator, None, AlgorithmName.NO_QUANTIZE)
        ranges = _ranges(work, name, images)
        ranges[_normalised(floats)] = {
            "min": np.full((1, 1, 1, 1), -PIXEL_ZERO * PIXEL_STEP, np.float32),
            "max": np.full((1, 1, 1, 1), (255 - PIXEL_ZERO) * PIXEL_STEP, np.float32),
        }
        return bytes(work.quantize(ranges).quantized_model)


def _ranges(work: Any, name: str, images: Batches) -> Ranges:
    """The least and greatest value of every tensor over all images.

    Call by call, because the quantiser itself takes a mean of each call's extremes,
    which cuts off the rare large values.
    """
    ranges: Ranges = {}
    for batch in images:
        found = work.calibrate({_SIGNATURE: [{name: batch}]}, num_threads=1)
        for tensor, range_ in found.items():
            before = ranges.get(tensor, range_)
            ranges[tensor] = {
                "min": np.minimum(before["min"], range_["min"]),
                "max": np.maximum(before["max"], range_["max"]),
            }
    return ranges


def _normalised(floats: bytes) -> str:
    """The name of the tensor that the subtraction of the normalisation gives."""
    from ai_edge_litert.tools import flatbuffer_utils

    model = flatbuffer_utils.read_model_from_bytearray(bytearray(floats))
    graph = model.subgraphs[0]
    first = next(
        operator
        for operator in graph.operators
        if flatbuffer_utils.opcode_to_name(model, operator.opcodeIndex) == "SUB"
    )
    name = graph.tensors[first.outputs[0]].name
    return name.decode() if isinstance(name, bytes) else str(name)


class _ForLite(nn.Module):  # type: ignore[misc]  # torch is skipped by mypy
    """The network with named outputs, and a first convolution that eight bits are fast with."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network = network.twin()
        self.network.stem[0] = _Grouped(self.network.stem[0])

    def forward(self, image: Tensor) -> dict[str, Tensor]:
        outputs = self.network(image)
        outputs = (outputs,) if isinstance(outputs, Tensor) else outputs
        return dict(zip(self.network.OUTPUTS, outputs, strict=True))


class _Grouped(nn.Module):  # type: ignore[misc]  # torch is skipped by mypy
    """A convolution of one channel as one of ``stride`` channels: each so many pixels of a row.

    The same sums. XNNPACK's kernels for eight bits take eight channels at a time, and of a
    single one it takes twice as long.
    """

    def __init__(self, conv: nn.Conv2d) -> None:
        super().__init__()
        kernel, stride, padding = conv.kernel_size, conv.stride, conv.padding
        before = -(-padding[1] // stride[1])
        after = (kernel[1] - 1 - padding[1]) // stride[1]
        reach = max(before, after)
        self.stride = stride[1]
        self.conv = nn.Conv2d(
            self.stride, conv.out_channels, (kernel[0], 2 * reach + 1), (stride[0], 1),
            (padding[0], reach), bias=False,
        )  # fmt: skip
        weight = torch.zeros_like(self.conv.weight)
        for column in range(kernel[1]):
            group, channel = divmod(column - padding[1], self.stride)
            weight[:, channel, :, group + reach] = conv.weight.detach()[:, 0, :, column]
        self.conv.weight = nn.Parameter(weight)

    def forward(self, x: Tensor) -> Tensor:
        batch, _, height, width = x.shape
        grouped = x.reshape(batch, height, width // self.stride, self.stride).permute(0, 3, 1, 2)
        result: Tensor = self.conv(grouped)
        return result


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the tools' reports, which come from Python and from C++ on both streams."""
    with tempfile.TemporaryFile() as hidden, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        _flush()
        kept = [os.dup(stream) for stream in _STREAMS]
        try:
            for stream in _STREAMS:
                os.dup2(hidden.fileno(), stream)
            yield
        finally:
            _flush()
            for stream, before in zip(_STREAMS, kept, strict=True):
                os.dup2(before, stream)
                os.close(before)


def _flush() -> None:
    sys.stdout.flush()
    sys.stderr.flush()
