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

"""Which tensors belong together, in hand-made files and between the shipped ones."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from model_files import onnx_file, tuned, weights

from edge_infer.models.bundle import shipped
from edge_infer.updates.packages.tensor_pairs import (
    AS_IT_IS,
    by_name,
    by_values,
    elements,
    folded,
    old_elements,
    unfolded,
)

RNG = np.random.default_rng(11)
OLD = weights(RNG, 4)
NEW = tuned(OLD, RNG)
KERNEL = RNG.normal(size=(16, 8, 3, 3)).astype(np.float32)


def lengths(content: bytes, tensors: dict[str, np.ndarray]) -> list[int]:
    return sorted(pair.new.end - pair.new.start for pair in by_name(onnx_file(tensors), content))


def test_tensors_of_one_name_that_changed_belong_together():
    moved = {**OLD, "floats": NEW["floats"], "bytes": NEW["bytes"]}
    assert lengths(onnx_file(moved), OLD) == sorted(NEW[n].nbytes for n in ("floats", "bytes"))
    assert lengths(onnx_file(OLD), OLD) == []


def test_tensors_whose_names_were_made_up_anew_belong_together_by_their_order():
    renamed = {f"{name}_2": values for name, values in NEW.items()}
    assert lengths(onnx_file(renamed), OLD) == sorted(values.nbytes for values in NEW.values())


def test_a_tensor_of_another_size_belongs_to_none():
    assert lengths(onnx_file({"floats": NEW["floats"][:-1]}), OLD) == []


@pytest.mark.parametrize(
    "values",
    [
        KERNEL.transpose(0, 2, 3, 1),
        KERNEL.transpose(1, 2, 3, 0),
        KERNEL.reshape(16, -1).T,
        KERNEL,
        KERNEL.astype(np.float16),
        KERNEL.transpose(0, 2, 3, 1).astype(np.float16),
    ],
    ids=["input last", "output last", "a matrix", "as it is", "half the bits", "both"],
)
def test_the_same_values_are_found_in_another_layout(values: np.ndarray):
    values = np.ascontiguousarray(values)
    other, content = onnx_file({"kernel": KERNEL}), onnx_file({"another": values})
    (pair,) = by_values(other, content)
    assert np.array_equal(old_elements(other, pair), elements(content, pair.new))


def test_other_values_are_not_taken_for_the_same():
    strange = onnx_file({"kernel": RNG.normal(size=KERNEL.shape).astype(np.float32)})
    assert by_values(onnx_file({"kernel": KERNEL}), strange) == []


def test_each_old_tensor_is_used_once():
    content = onnx_file({"one": KERNEL, "two": KERNEL})
    assert len(by_values(onnx_file({"kernel": KERNEL, "zero": KERNEL * 0}), content)) == 0
    pairs = by_values(onnx_file({"kernel": KERNEL, "again": KERNEL}), content)
    assert len({pair.old for pair in pairs}) == 2


@pytest.mark.parametrize("part", ["finder", "classifier"])
@pytest.mark.parametrize(
    ("other", "name", "turned"),
    [
        ("float32.tflite", "float32.onnx", True),
        ("float32.onnx", "float16.tflite", True),
        ("int8.tflite", "tensorrt.int8.onnx", True),
        ("float32.tflite", "float16.tflite", False),
    ],
)
def test_the_shipped_networks_are_found_in_each_others_files(
    part: str, other: str, name: str, turned: bool
):
    known, content = ((shipped() / f"{part}.{each}").read_bytes() for each in (other, name))
    pairs = by_values(known, content)
    equal = sum(
        pair.new.end - pair.new.start
        for pair in pairs
        if np.mean(folded(old_elements(known, pair) - elements(content, pair.new)) < 256) > 0.9
    )
    assert equal > 0.7 * len(content)
    assert any(pair.turned != AS_IT_IS for pair in pairs) == turned


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=200), st.sampled_from([1, 2, 4, 8]))
def test_folding_puts_small_steps_first_and_can_be_undone(content: bytes, width: int):
    values = np.frombuffer(content[: len(content) // width * width], f"<u{width}")
    assert np.array_equal(unfolded(folded(values)), values)
    small = np.array([0, -1, 1, -2, 2], f"<i{width}").view(f"<u{width}")
    assert folded(small).tolist() == [0, 1, 2, 3, 4]
