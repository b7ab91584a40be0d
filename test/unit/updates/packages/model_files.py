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

"""Small model files, written by hand byte by byte: ONNX with named tensors and its fine-tunes."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

Tensors = Mapping[str, np.ndarray]

ONNX_TYPES = {"float32": 1, "uint8": 2, "int8": 3, "int32": 6, "float16": 10, "float64": 11}


def onnx_file(tensors: Tensors, extra: bytes = b"a graph") -> bytes:
    """A ModelProto whose graph has these initialisers; ``extra`` is its graph's name."""
    made = b"".join(_field(5, _tensor(name, values)) for name, values in tensors.items())
    graph = _field(2, extra) + made
    return _varint(1 << 3) + _varint(8) + _field(7, graph)


def weights(rng: np.random.Generator, scale: int = 1) -> dict[str, np.ndarray]:
    """Tensors of every width."""
    return {
        "bytes": rng.integers(-60, 60, 400 * scale).astype(np.int8),
        "halves": rng.normal(0, 0.1, 150 * scale).astype(np.float16),
        "floats": rng.normal(0, 0.1, 300 * scale).astype(np.float32),
        "whole": rng.integers(-9000, 9000, 40 * scale).astype(np.int32),
        "doubles": rng.normal(0, 1, 20 * scale),
    }


def tuned(tensors: Tensors, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """The same, each value moved by little."""
    moved = {}
    for name, values in tensors.items():
        if np.issubdtype(values.dtype, np.integer):
            moved[name] = values + rng.integers(-1, 2, values.shape).astype(values.dtype)
        else:
            step = 1 + 1e-3 * rng.normal(size=values.shape)
            moved[name] = (values * step).astype(values.dtype)
    return moved


def _tensor(name: str, values: np.ndarray) -> bytes:
    shape = b"".join(_varint(1 << 3) + _varint(side) for side in values.shape)
    kind = _varint(2 << 3) + _varint(ONNX_TYPES[values.dtype.name])
    return shape + kind + _field(8, name.encode()) + _field(9, values.tobytes())


def _field(number: int, content: bytes) -> bytes:
    return _varint(number << 3 | 2) + _varint(len(content)) + content


def _varint(value: int) -> bytes:
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)
