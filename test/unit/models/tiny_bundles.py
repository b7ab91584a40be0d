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

"""Bundles whose networks say what a test wants, for tests of what looks through them.

A finder that always answers the same maps, and a classifier that is one weighted sum of
a region's pixels: so a test knows what should be found, and sees which pixels were asked.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from edge_infer.models import bundle
from edge_infer.models.bundle import ModelBundle
from edge_infer.models.manifest import ClassifierSpec, InputSpec, Manifest

WIDTH, HEIGHT, STRIDE = 160, 128, 8
"""Of the finder's input and maps, pixels."""

REGION = (40, 24)
"""Rows and columns of what the classifier looks at."""

BATCH = 4

Array = NDArray[np.float32]


def finder_maps(outlines: Array, logits: Sequence[float]) -> list[Array]:
    """What the outlines head says where these things are in view, and nothing else is."""
    rows, columns = HEIGHT // STRIDE, WIDTH // STRIDE
    corners = np.zeros((1, 8, rows, columns), np.float32)
    there = np.full((1, 1, rows, columns), -30, np.float32)
    for outline, logit in zip(outlines, logits, strict=True):
        centre = np.clip(outline.mean(axis=0), 0, (WIDTH - 1, HEIGHT - 1))
        column, row = (centre // STRIDE).astype(int)
        corners[0, :, row, column] = (outline / STRIDE - (column + 0.5, row + 0.5)).ravel()
        there[0, 0, row, column] = logit
    return [corners, there]


def constant(outputs: Sequence[Array]) -> bytes:
    """A network that says this of every frame."""
    names = [f"output_{index}" for index in range(len(outputs))]
    held = [numpy_helper.from_array(o, f"of_{n}") for n, o in zip(names, outputs, strict=True)]
    nodes = [helper.make_node("Identity", [f"of_{name}"], [name]) for name in names]
    given = [_value(n, TensorProto.FLOAT, o.shape) for n, o in zip(names, outputs, strict=True)]
    taken = _value("image", TensorProto.UINT8, (1, 1, HEIGHT, WIDTH))
    return _model(nodes, taken, given, held)


def weighted_sums(weights: Array, bias: Sequence[float]) -> bytes:
    """A network that says (logits, rows, columns) weights times a region's pixels, plus a bias."""
    size = REGION[0] * REGION[1]
    held = [
        numpy_helper.from_array(np.asarray(weights, np.float32).reshape(-1, size).T, "weights"),
        numpy_helper.from_array(np.array(bias, np.float32), "bias"),
    ]
    nodes = [
        helper.make_node("Cast", ["regions"], ["pixels"], to=TensorProto.FLOAT),
        helper.make_node("Flatten", ["pixels"], ["flat"]),
        helper.make_node("Gemm", ["flat", "weights", "bias"], ["logits"]),
    ]
    taken = _value("regions", TensorProto.UINT8, (BATCH, 1, *REGION))
    return _model(nodes, taken, [_value("logits", TensorProto.FLOAT, (BATCH, len(bias)))], held)


def two_looks(
    folder: Path, finder: bytes, classifier: bytes, labels: tuple[str, ...], **changes: Any
) -> ModelBundle:
    """A bundle of a finder and a classifier; ``changes`` are of the manifest."""
    spec = ClassifierSpec(
        input="regions", width=REGION[1], height=REGION[0], batch=BATCH,
        weights=(bundle.describe("onnx", "classifier.onnx", classifier),),
    )  # fmt: skip
    changes = {"classifier": spec, **changes}
    manifest = _manifest("outlines", "finder.onnx", finder, labels, changes)
    return bundle.write(folder, manifest, {"finder.onnx": finder, "classifier.onnx": classifier})


def one_look(folder: Path, places: Array, labels: tuple[str, ...], **changes: Any) -> ModelBundle:
    """A bundle of one network with the yolov8 head that always says (4 + labels, n) places."""
    network = constant([places[None]])
    manifest = _manifest("yolov8", "model.onnx", network, labels, changes)
    return bundle.write(folder, manifest, {"model.onnx": network})


def _manifest(
    head: str, file: str, content: bytes, labels: tuple[str, ...], changes: dict[str, Any]
) -> Manifest:
    values = {
        "name": "tiny", "version": "1", "release": 1, "labels": labels, "head": head,
        "input": InputSpec(name="image", width=WIDTH, height=HEIGHT, channels=1, dtype="uint8"),
        "score_threshold": 0.5, "nms_iou": 0.45, "nms": "agnostic",
        "weights": (bundle.describe("onnx", file, content),),
        "training": {}, "licence": "Apache-2.0",
    }  # fmt: skip
    return Manifest(**{**values, **changes})


def _value(name: str, kind: int, shape: Sequence[int]) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, kind, shape)


def _model(
    nodes: Sequence[onnx.NodeProto],
    taken: onnx.ValueInfoProto,
    given: Sequence[onnx.ValueInfoProto],
    held: Sequence[onnx.TensorProto],
) -> bytes:
    graph = helper.make_graph(nodes, "tiny", [taken], given, held)
    opset = helper.make_opsetid("", 17)
    model = helper.make_model(graph, opset_imports=[opset], ir_version=8)
    return bytes(model.SerializeToString())
