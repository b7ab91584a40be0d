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

"""Detectors that always say what a test wants, as files of weights and as manifests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema
from flatbuffers import flexbuffers
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from edge_infer.models.manifest import InputSpec, Manifest, WeightFile

Array = NDArray[Any]


def manifest(head: str, classes: int = 3, **changes: Any) -> Manifest:
    """Of a detector with an input of 64 x 64; ``changes`` are of the manifest."""
    values = {
        "name": "probe", "version": "1", "release": 1, "head": head,
        "labels": tuple(f"class {index}" for index in range(classes)),
        "input": InputSpec(name="image", width=64, height=64, channels=1, dtype="uint8"),
        "score_threshold": 0.5, "nms_iou": 0.45,
        "weights": (WeightFile(format="onnx", file="m.onnx", sha256="0" * 64, bytes=1),),
        "training": {}, "licence": "Apache-2.0",
    }  # fmt: skip
    return Manifest(**{**values, **changes})


# --- ONNX ----------------------------------------------------------------------------


def onnx_file(
    outputs: Mapping[str, Array],
    picture: Sequence[int | str] = (1, 3, 64, 64),
    kind: int = TensorProto.FLOAT,
    others: Mapping[str, tuple[int, Sequence[int]]] | None = None,
    metadata: Mapping[str, str] | None = None,
) -> bytes:
    """A network that says this of every picture.

    Args:
        outputs: name -> value.
        picture: shape of the input "images", text for a size that is left open.
        kind: element type of that input.
        others: further inputs, name -> element type and shape.
        metadata: keys and texts.
    """
    value = helper.make_tensor_value_info
    held = [numpy_helper.from_array(array, f"of {name}") for name, array in outputs.items()]
    nodes = [helper.make_node("Identity", [f"of {name}"], [name]) for name in outputs]
    given = [value(t.name[3:], t.data_type, t.dims) for t in held]
    taken = [value("images", kind, picture)]
    taken += [value(name, *what) for name, what in (others or {}).items()]
    graph = helper.make_graph(nodes, "tiny", taken, given, held)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    helper.set_model_props(model, dict(metadata or {}))
    return bytes(model.SerializeToString())


# --- TensorFlow Lite -----------------------------------------------------------------


class _TfliteModel:
    """A model of one operator."""

    def __init__(self) -> None:
        self._model = schema.ModelT()
        self._model.version = 3
        self._model.buffers = [schema.BufferT()]
        self._graph = schema.SubGraphT()
        self._graph.tensors = []

    def tensor(self, name: str, shape: Sequence[int], value: Array | None = None) -> int:
        tensor = schema.TensorT()
        tensor.name, tensor.shape, tensor.type = name.encode(), list(shape), 0
        tensor.buffer = 0
        if value is not None:
            buffer = schema.BufferT()
            buffer.data = np.frombuffer(value.astype(np.float32).tobytes(), np.uint8)
            tensor.buffer = len(self._model.buffers)
            self._model.buffers.append(buffer)
        self._graph.tensors.append(tensor)
        return len(self._graph.tensors) - 1

    def finish(
        self, custom: str, options: bytes, taken: int, used: list[int], given: list[int]
    ) -> bytes:
        code = schema.OperatorCodeT()
        code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.CUSTOM
        code.customCode, code.version = custom.encode(), 1
        operator = schema.OperatorT()
        operator.opcodeIndex, operator.inputs, operator.outputs = 0, used, given
        operator.customOptions = np.frombuffer(options, np.uint8)
        self._graph.inputs, self._graph.outputs = [taken], given
        self._graph.operators = [operator]
        self._model.operatorCodes, self._model.subgraphs = [code], [self._graph]
        builder = flatbuffers.Builder(1024)
        builder.Finish(self._model.Pack(builder), b"TFL3")
        return bytes(builder.Output())


def ssd_tflite(yxhw: Array, scores: Array) -> bytes:
    """An SSD whose last step is TensorFlow Lite's own.

    Args:
        yxhw: (n, 4) boxes in 0..1, none over another.
        scores: (n, classes), one of each row above a tenth.
    """
    count, classes = scores.shape
    model = _TfliteModel()
    taken = model.tensor("image", (1, 64, 64, 3))
    used = [
        model.tensor("offsets", (1, count, 4), np.zeros((1, count, 4))),
        model.tensor("scores", (1, count, classes + 1), np.pad(scores, [(0, 0), (1, 0)])[None]),
        model.tensor("anchors", (count, 4), yxhw),
    ]
    operator = "TFLite_Detection_PostProcess"
    given = [model.tensor(f"{operator}{suffix}", ()) for suffix in ("", ":1", ":2", ":3")]
    options = flexbuffers.Builder()
    with options.Map():
        whole = {"max_detections": count, "max_classes_per_detection": 1, "num_classes": classes}
        real = {"nms_score_threshold": 0.1, "nms_iou_threshold": 0.5, "y_scale": 10.0,
                "x_scale": 10.0, "h_scale": 5.0, "w_scale": 5.0}  # fmt: skip
        for key, number in whole.items():
            options.Key(key)
            options.Int(number)
        for key, share in real.items():
            options.Key(key)
            options.Float(share)
    return model.finish(operator, bytes(options.Finish()), taken, used, given)
