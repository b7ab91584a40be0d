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

"""The layers of the benchmarks' network, put together as an ONNX graph.

Backbone of 16 to 160 channels with ways around its convolutions, a way back up to the fine
maps, one head on each of three scales, and the decoding of a YOLOv8 export. It takes
float32 from 0 to 1; weights are drawn from a seed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

CLASSES = 80
IMAGES, DETECTIONS = "images", "detections"
"""Names of the input and of the output."""

DECODE = "decode"
"""Beginning of the names of the nodes that come after the convolutions."""

_OPSET, _IR_VERSION = 17, 9
_STRIDES = (8, 16, 32)
_REACH = 8.0
"""Farthest side of a box from its place, in strides."""


_LITTLE = 0.02
"""What a further block adds, so that many of them do not blow the values up."""


class Value(NamedTuple):
    """A tensor [1, channels, side, side]."""

    name: str
    channels: int
    side: int


class Graph:
    """Collects layers; weights are drawn in the order of the calls.

    Attributes:
        parameters: how many weights there are so far.
        macs: multiplications of one call.
        model: an onnx.ModelProto, once finished.
    """

    def __init__(self, seed: int) -> None:
        self._rng = np.random.default_rng(seed)
        self._nodes: list[Any] = []
        self._constants: list[Any] = []
        self.parameters = self.macs = 0
        self.model: Any = None

    def node(
        self, kind: str, inputs: Sequence[str], prefix: str = "", name: str = "", **more: Any
    ) -> str:
        """An operator; gives the name of its output."""
        label = f"{prefix}{kind}_{len(self._nodes)}"
        output = name or label
        self._nodes.append(helper.make_node(kind, list(inputs), [output], label, **more))
        return output

    def constant(self, values: Any, dtype: Any = np.float32) -> str:
        """A tensor that is part of the file."""
        name = f"constant_{len(self._constants)}"
        self._constants.append(numpy_helper.from_array(np.asarray(values, dtype), name))
        return name

    def conv(
        self, value: Value, channels: int, size: int = 3, stride: int = 1, gain: float = 1.0
    ) -> Value:
        """Convolution and ReLU."""
        shape = (channels, value.channels, size, size)
        weights = self._drawn(shape, gain)
        done = self.weighted(value, weights, np.zeros(channels), stride)
        return done._replace(name=self.node("Relu", [done.name]))

    def weighted(self, value: Value, weights: Any, bias: Any, stride: int = 1) -> Value:
        """Convolution with given weights."""
        side, edge = value.side // stride, weights.shape[2] // 2
        name = self.node(
            "Conv", [value.name, self.constant(weights), self.constant(bias)],
            kernel_shape=weights.shape[2:], strides=[stride] * 2, pads=[edge] * 4,
        )  # fmt: skip
        self.parameters += weights.size + len(bias)
        self.macs += weights.size * side**2
        return Value(name, len(bias), side)

    def block(self, value: Value, gain: float = 0.5) -> Value:
        """Two convolutions and a way around them."""
        inner = self.conv(value, value.channels // 2)
        changed = self.conv(inner, value.channels, gain=gain)
        return value._replace(name=self.node("Add", [value.name, changed.name]))

    def joined(self, small: Value, large: Value) -> Value:
        """A coarse map, enlarged, beside a fine one; as many channels as the fine one has."""
        scales = self.constant([1, 1, 2, 2])
        grown = self.node(
            "Resize", [small.name, "", scales],
            mode="nearest", nearest_mode="floor", coordinate_transformation_mode="asymmetric",
        )  # fmt: skip
        both = self.node("Concat", [grown, large.name], axis=1)
        return self.conv(
            Value(both, small.channels + large.channels, large.side), large.channels, 1
        )

    def raw(self, value: Value, gain: float, bias: float) -> Value:
        """What the head says: four logits of a box, then one of each class."""
        features = self.conv(value, 64)
        weights = self._drawn((4 + CLASSES, 64, 1, 1), 1.0)
        weights[4:] *= gain
        return self.weighted(features, weights, np.repeat([0.0, bias], [4, CLASSES]))

    def finish(self, size: int) -> None:
        """Check and keep the model."""
        places = sum((size // stride) ** 2 for stride in _STRIDES)
        graph = helper.make_graph(
            self._nodes, "bench_detector",
            [helper.make_tensor_value_info(IMAGES, TensorProto.FLOAT, [1, 3, size, size])],
            [helper.make_tensor_value_info(
                DETECTIONS, TensorProto.FLOAT, [1, 4 + CLASSES, places])],
            self._constants,
        )  # fmt: skip
        opset = [helper.make_opsetid("", _OPSET)]
        self.model = helper.make_model(graph, opset_imports=opset, ir_version=_IR_VERSION)
        onnx.checker.check_model(self.model)

    def _drawn(self, shape: tuple[int, ...], gain: float) -> NDArray[np.float64]:
        """Weights that keep the spread of values through convolution and ReLU (He et al., 2015)."""
        return self._rng.normal(0, gain * np.sqrt(2 / np.prod(shape[1:])), shape)


def detector_graph(size: int, more_blocks: int, seed: int, gain: float, bias: float) -> Graph:
    """The whole network.

    Args:
        size: sides of the square input, pixels; a multiple of 32.
        more_blocks: beside those of the plain network, at stride 8.
        seed: of the weights.
        gain: spread of the classes' logits, against what the weights give by themselves.
        bias: of the classes' logits.
    """
    net = Graph(seed)
    value = net.conv(Value(IMAGES, 3, size), 16, stride=2)
    value = net.block(net.conv(value, 32, stride=2))
    fine = net.block(net.conv(value, 64, stride=2))
    middle = net.block(net.conv(fine, 128, stride=2))
    coarse = net.block(net.conv(middle, 160, stride=2))
    middle = net.joined(coarse, middle)
    fine = net.joined(middle, fine)
    for _ in range(more_blocks):
        fine = net.block(fine, gain=_LITTLE)
    _decode(net, [net.raw(value, gain, bias) for value in (fine, middle, coarse)])
    net.finish(size)
    return net


def _decode(net: Graph, levels: Sequence[Value]) -> None:
    """From logits to centres, sizes and scores, as a YOLOv8 export has it in the file."""

    def node(kind: str, *inputs: str, **more: Any) -> str:
        return net.node(kind, inputs, DECODE, **more)

    rows = 4 + CLASSES
    shape = net.constant([1, rows, -1], np.int64)
    flat = node("Concat", *(node("Reshape", level.name, shape) for level in levels), axis=2)
    starts = [net.constant([row], np.int64) for row in (0, 2, 4, rows)]
    channel = net.constant([1], np.int64)
    places = [_places(level.side, stride) for level, stride in zip(levels, _STRIDES, strict=True)]
    centres, strides = (np.concatenate(part, axis=1)[None] for part in zip(*places, strict=True))
    box = node("Slice", flat, starts[0], starts[2], channel)
    far = node("Mul", node("Sigmoid", box), net.constant(strides * _REACH))
    left_top = node("Slice", far, starts[0], starts[1], channel)
    right_bottom = node("Slice", far, starts[1], starts[2], channel)
    half = node("Mul", node("Sub", right_bottom, left_top), net.constant(0.5))
    centre = node("Add", net.constant(centres), half)
    extent = node("Add", left_top, right_bottom)
    scores = node("Sigmoid", node("Slice", flat, starts[2], starts[3], channel))
    node("Concat", centre, extent, scores, name=DETECTIONS, axis=1)


def _places(side: int, stride: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """(2, n) centres x, y and (1, n) strides of one scale, row by row, input pixels."""
    y, x = np.divmod(np.arange(side**2), side)
    return (np.stack([x, y]) + 0.5) * stride, np.full((1, side**2), float(stride))
