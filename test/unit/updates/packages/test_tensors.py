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

"""Where tensors lie, against the packages that own the formats."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from model_files import onnx_file, weights

from edge_infer.models.bundle import shipped
from edge_infer.updates.packages.tensors import Span, find

FILES = {path.name: path.read_bytes() for path in sorted(shipped().iterdir())}
ONNX = [name for name in FILES if name.endswith(".onnx")]
TFLITE = [name for name in FILES if name.endswith(".tflite")]


def bytes_of(content: bytes, found: dict[str, Span], name: str) -> bytes:
    span = found[f"{name}\0001"]
    return content[span.start : span.end]


def test_tensors_of_every_width_are_found_by_name():
    tensors = weights(np.random.default_rng(1))
    content = onnx_file(tensors)
    found = find(content)
    assert len(found) == len(tensors)
    for name, values in tensors.items():
        assert bytes_of(content, found, name) == values.tobytes()
        assert found[f"{name}\0001"].width == values.itemsize


@pytest.mark.parametrize("name", ONNX)
def test_onnx_initialisers_are_those_that_onnx_reads(name: str):
    onnx = pytest.importorskip("onnx")
    found = find(FILES[name])
    graph = onnx.load_from_string(FILES[name]).graph
    raw = {each.name: each for each in graph.initializer if each.raw_data}
    assert raw
    for tensor in raw.values():
        assert bytes_of(FILES[name], found, tensor.name) == tensor.raw_data
        width = onnx.helper.tensor_dtype_to_np_dtype(tensor.data_type).itemsize
        assert found[f"{tensor.name}\0001"].width == width
    for tensor in graph.initializer:
        if tensor.float_data:
            held = np.frombuffer(bytes_of(FILES[name], found, tensor.name), "<f4")
            assert held.tolist() == list(tensor.float_data)


@pytest.mark.parametrize("name", TFLITE)
def test_tflite_weights_are_those_that_the_engine_reads(name: str):
    interpreter = pytest.importorskip("ai_edge_litert.interpreter")
    engine = interpreter.Interpreter(model_content=FILES[name])
    found = find(FILES[name])
    held = [FILES[name][span.start : span.end] for span in found.values()]
    constants = 0
    for detail in engine.get_tensor_details():
        try:
            values = engine.get_tensor(detail["index"])
        except ValueError:  # no constant: it has a value only while the engine runs
            continue
        if values.nbytes >= 64 and values.tobytes() in held:
            constants += values.nbytes
    assert constants > 0.5 * len(FILES[name])


@pytest.mark.parametrize("name", ONNX + TFLITE)
def test_nearly_all_of_a_shipped_file_is_tensors_that_do_not_overlap(name: str):
    spans = sorted(find(FILES[name]).values())
    assert sum(span.end - span.start for span in spans) > 0.6 * len(FILES[name])
    assert all(one.end <= other.start for one, other in pairwise(spans))
    assert all((span.end - span.start) % span.width == 0 for span in spans)


@pytest.mark.parametrize("name", ["manifest.json", "golden.json", "MODEL_CARD.md"])
def test_other_files_have_none(name: str):
    assert find(FILES[name]) == {}


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=200) | st.binary(max_size=200).map(lambda end: b"\0\0\0\0TFL3" + end))
def test_any_bytes_have_tensors_within_them_or_none(content: bytes):
    assert_within(content)


def assert_within(content: bytes) -> None:
    reached = 0
    for span in sorted(find(content).values()):
        assert reached <= span.start < span.end <= len(content)
        reached = span.end
