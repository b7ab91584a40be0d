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

"""Differences tensor by tensor: they come out exactly, and small."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from model_files import onnx_file, tuned, weights

from edge_infer.updates.packages import bsdiff, per_tensor, zstd

RNG = np.random.default_rng(3)
OLD = weights(RNG, 20)
NEW = tuned(OLD, RNG)


def made(base: bytes, content: bytes) -> bytes:
    patch = per_tensor.make(base, content)
    assert patch is not None
    assert per_tensor.apply(base, patch, len(content)) == content
    return patch


def test_a_fine_tune_is_much_smaller_than_by_other_means():
    base, content = onnx_file(OLD), onnx_file(NEW)
    patch = made(base, content)
    bytewise = bsdiff.make(base, content)
    assert bytewise is not None
    assert len(patch) < 0.75 * min(len(bytewise), len(zstd.compress(content, base)))


def test_it_stays_small_when_a_name_grows_and_the_order_changes():
    base = onnx_file(OLD)
    content = onnx_file(dict(reversed(NEW.items())), extra=b"a graph with a longer name" * 9)
    assert len(made(base, content)) < 1.1 * len(made(base, onnx_file(NEW)))


def test_half_the_bits_in_another_layout_cost_nearly_nothing():
    kernel = RNG.normal(size=(32, 16, 3, 3)).astype(np.float32)
    other = onnx_file({"kernel": kernel})
    content = onnx_file({"elsewhere": kernel.transpose(0, 2, 3, 1).astype(np.float16).copy()})
    patch = per_tensor.make_like(other, content)
    assert patch is not None
    assert len(patch) < 200
    assert per_tensor.apply(other, patch, len(content)) == content


def test_a_single_tensor_that_moved_costs_only_itself():
    content = onnx_file({**OLD, "halves": NEW["halves"]})
    assert len(made(onnx_file(OLD), content)) < OLD["halves"].nbytes + 100


def test_tensors_of_other_shape_or_type_are_told_with_the_rest():
    grown = {**NEW, "bytes": np.append(NEW["bytes"], NEW["bytes"][:7]), "new": NEW["floats"]}
    grown["halves"] = NEW["halves"].astype(np.float32)
    made(onnx_file(OLD), onnx_file(grown))


@pytest.mark.parametrize("content", [onnx_file(OLD), b"no model at all", b""])
def test_there_is_no_patch_where_no_tensor_changed(content: bytes):
    assert per_tensor.make(onnx_file(OLD), content) is None


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 1 << 32), swing=st.sampled_from([0, 1, 255, 1 << 20]))
def test_any_values_come_out_exactly(seed: int, swing: int):
    rng = np.random.default_rng(seed)
    old = weights(rng)
    new = {}
    for name, values in old.items():
        raw = values.view(np.uint8).copy()
        chosen = rng.random(raw.shape) < 0.3
        raw[chosen] += rng.integers(0, 256, int(chosen.sum())).astype(np.uint8)
        new[name] = raw.view(values.dtype) if swing else tuned({name: values}, rng)[name]
    names = rng.permutation(list(new))
    made(onnx_file(old), onnx_file({name: new[name] for name in names}, extra=rng.bytes(9)))


COUNT, SKELETON, KIND, TABLE, DIFFERENCES = range(5)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        (COUNT, 0),
        (COUNT, 1 << 31),
        (COUNT, 6),
        (SKELETON, 0),
        (SKELETON, 1 << 31),
        (KIND, 2),
        (KIND, 77),
        (TABLE, 0),
        (TABLE, 1 << 31),
        (DIFFERENCES, 3),
    ],
)
def test_a_header_that_lies_is_refused(field: int, value: int):
    base, content = onnx_file(OLD), onnx_file(NEW)
    patch = made(base, content)
    header = list(struct.unpack_from("<IIBII", patch))
    header[field] = value
    with pytest.raises(ValueError, match=r"patch|packed"):
        per_tensor.apply(base, struct.pack("<IIBII", *header) + patch[17:], len(content))


PLAIN = (0, 0, 8, 1, 1, 0, 0)
"""Bytes before it, how much further the old one is, elements, widths new and old, turned."""

ROWS = {
    "before the base": [(0, -1, 8, 1, 1, 0, 0)],
    "behind the base": [(0, 33, 8, 1, 1, 0, 0)],
    "twice the same": [(0, 0, 4, 1, 1, 0, 0), (0, -4, 4, 1, 1, 0, 0)],
    "a width that there is not": [(0, 0, 2, 3, 3, 0, 0), (0, 0, 2, 1, 1, 0, 0)],
    "no width": [(0, 0, 8, 0, 1, 0, 0)],
    "two widths": [(0, 0, 2, 4, 2, 0, 0)],
    "nothing": [PLAIN, (0, 0, 0, 1, 1, 0, 0)],
    "less than nothing": [(0, 0, 16, 1, 1, 0, 0), (0, 0, -8, 1, 1, 0, 0)],
    "more skeleton than there is": [(9, 0, 8, 1, 1, 0, 0)],
    "back over itself": [(0, 0, 4, 1, 1, 0, 0), (-2, 0, 4, 1, 1, 0, 0)],
    "too long": [(0, 0, 9, 1, 1, 0, 0)],
    "turned by axes that do not fit": [(0, 0, 8, 1, 1, 3, 2)],
    "turned by an axis of nothing": [(0, 0, 8, 1, 1, 0, 2)],
    "turned by negative axes": [(0, 0, 8, 1, 1, -2, -2)],
    "turned by huge axes": [(0, 0, 8, 1, 1, 1 << 30, 1 << 30)],
}


def patched(rows: list[tuple[int, ...]], base: bytes) -> bytes:
    """Apply a patch of such a table, no differences and four more bytes to 12 bytes."""
    columns = np.array(rows, "<i4").T.copy().view(np.uint8).reshape(-1, 4).T
    table = zstd.compress(columns.tobytes())
    differences, skeleton = zstd.compress(bytes(8)), zstd.compress(b"rest", base)
    header = struct.pack("<IIBII", len(rows), 4, 1, len(table), len(differences))
    return per_tensor.apply(base, header + table + differences + skeleton, 12)


def test_a_table_says_where_tensors_lie_and_how_they_are_turned():
    base = bytes(range(40))
    assert patched([(0, 8, 8, 1, 1, 0, 0)], base) == bytes(range(8, 16)) + b"rest"
    assert patched([(4, -4, 8, 1, 1, 2, 4)], base) == b"rest" + bytes([0, 4, 1, 5, 2, 6, 3, 7])
    floats = np.arange(10, dtype="<f4")
    halves = floats[1:5].astype("<f2").tobytes()
    assert patched([(0, 4, 4, 2, 4, 0, 0)], floats.tobytes()) == halves + b"rest"


@pytest.mark.parametrize("rows", ROWS.values(), ids=ROWS)
def test_a_table_that_leads_astray_is_refused(rows: list[tuple[int, ...]]):
    with pytest.raises(ValueError, match=r"patch|packed"):
        patched(rows, bytes(range(40)))
