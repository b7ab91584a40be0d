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

"""A package unpacks to the files that were packed, or not at all."""

from __future__ import annotations

import hashlib
import struct
import tracemalloc

import numpy as np
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st
from model_files import onnx_file
from package_scene import BASE, FILES, PACKED, START, TEXT, line, sealed

from edge_infer.errors import UpdateError
from edge_infer.models.bundle import ModelBundle, shipped
from edge_infer.updates.packages.delta import Method
from edge_infer.updates.packages.package import MARK, pack, unpack

RNG = np.random.default_rng(7)


def made(*entries: tuple[bytes, int, int, bytes, bytes], count: int | None = None) -> bytes:
    """A package of lines that may make no sense: name, method, size, body, SHA-256."""
    lines = b"".join(line(*entry) for entry in entries)
    bodies = b"".join(entry[3] for entry in entries)
    return sealed(struct.pack("<H", len(entries) if count is None else count) + lines + bodies)


def stored(content: bytes, name: bytes = b"a.txt") -> tuple[bytes, int, int, bytes, bytes]:
    return name, Method.STORED, len(content), content, hashlib.sha256(content).digest()


def methods(packed: bytes) -> set[int]:
    """The methods of all lines, read once more and in another way."""
    (count,) = struct.unpack_from("<H", packed, START)
    at, found = START + 2, set()
    for _ in range(count):
        name, method = packed[at], packed[at + 1]
        found.add(method)
        at += 42 + name + (32 if method >= Method.PREFIX else 0)
    return found


def test_files_come_out_as_they_went_in_whole_and_as_a_change():
    assert unpack(PACKED, BASE) == FILES
    assert unpack(pack(FILES)) == FILES
    assert unpack(pack({}), BASE) == {}
    assert len(PACKED) < 0.6 * len(pack(FILES))


def test_the_same_files_give_the_same_bytes():
    shuffled = dict(sorted(FILES.items(), key=lambda each: each[1]))
    assert pack(shuffled, dict(reversed(BASE.items()))) == PACKED


def test_all_ways_are_in_the_package_that_is_damaged_here():
    assert methods(PACKED) == set(Method)


def test_the_shipped_bundle_comes_out_whole_and_from_itself():
    files = ModelBundle.load(shipped()).contents()
    patch = pack(files, files)
    assert len(patch) < 2000
    assert unpack(patch, files, sum(map(len, files.values()))) == files


@settings(max_examples=30, deadline=None)
@given(
    st.dictionaries(st.sampled_from("abcde"), st.binary(max_size=300)),
    st.none() | st.dictionaries(st.sampled_from("abcde"), st.binary(max_size=300)),
)
def test_any_files_come_out_again(files: dict[str, bytes], base: dict[str, bytes] | None):
    assert unpack(pack(files, base), base) == files


def test_a_network_for_several_engines_is_told_once():
    kernel = RNG.normal(size=(32, 16, 3, 3)).astype(np.float32)
    layouts = {"a.onnx": kernel, "b.onnx": kernel.transpose(0, 2, 3, 1).copy()}
    layouts |= {"c.onnx": layouts["b.onnx"].astype(np.float16)}
    files = {name: onnx_file({"kernel": values}) for name, values in layouts.items()}
    files |= {"d.onnx": files["a.onnx"]}
    packed = pack(files)
    assert unpack(packed) == files
    assert len(packed) < len(pack({"a.onnx": files["a.onnx"]})) + 1000


def test_the_shipped_bundle_is_less_than_half_of_its_files():
    files = ModelBundle.load(shipped()).contents()
    packed = pack(files)
    assert unpack(packed) == files
    assert len(packed) < 0.45 * sum(map(len, files.values()))


# --- what is refused -------------------------------------------------------------------------


def test_without_its_base_a_change_says_what_it_lacks():
    for base in (None, {}, FILES):
        with pytest.raises(UpdateError, match="only what changed since a file that is not here"):
            unpack(PACKED, base)


def test_the_base_is_known_by_its_bytes_and_not_by_its_names():
    assert unpack(PACKED, {f"{name}.old": content for name, content in BASE.items()}) == FILES


@pytest.mark.parametrize("name", ["../a", "a/b", ".hidden", "", "a\n", "ä", "x" * 256])
def test_a_name_that_leads_out_of_the_folder_is_neither_packed_nor_unpacked(name: str):
    with pytest.raises(UpdateError, match="no name of a file"):
        pack({name: b"x"})
    if len(name.encode()) < 256:
        with pytest.raises(UpdateError, match="cannot be used"):
            unpack(made(stored(b"x", name.encode())))


def test_files_that_become_too_large_together_are_refused():
    total = sum(map(len, FILES.values()))
    assert unpack(PACKED, BASE, total) == FILES
    with pytest.raises(UpdateError, match="larger than it may"):
        unpack(PACKED, BASE, total - 1)


WRONG = {
    "nothing": b"",
    "only a mark": MARK,
    "another mark": b"EDGEPKG2" + PACKED[8:],
    "a wrong digest": PACKED[:-1] + bytes([PACKED[-1] ^ 1]),
    "no count": sealed(b""),
    "fewer lines than told": made(stored(b"x"), count=2),
    "more lines than told": made(stored(b"x"), stored(b"y", b"b"), count=1),
    "too many files": made(count=1001),
    "two files of one name": made(stored(b"x"), stored(b"y")),
    "an unknown method": made((b"a", 6, 1, b"x", hashlib.sha256(b"x").digest())),
    "more at the end": sealed(PACKED[START:] + b"\0"),
    "less at the end": sealed(PACKED[START:-1]),
    "a wrong result": made((b"a", Method.STORED, 1, b"x", hashlib.sha256(b"y").digest())),
    "a wrong size": made((b"a", Method.STORED, 2, b"x", hashlib.sha256(b"x").digest())),
    "a base that is cut off": made((b"a", Method.PREFIX, 1, b"", bytes(32))),
    "a file of the base that is not there": made((b"a", Method.SAME, 1, b"", bytes(32))),
}


@pytest.mark.parametrize("packed", WRONG.values(), ids=WRONG)
def test_what_is_no_package_is_refused_in_one_sentence(packed: bytes):
    with pytest.raises(UpdateError) as refused:
        unpack(packed, BASE)
    assert len(str(refused.value).splitlines()) == 1
    assert refused.value.__cause__ is None


def bomb(method: Method, told: int) -> bytes:
    """Zeros without end, told to be few."""
    body = zstandard.ZstdCompressor().compress(bytes(50_000_000))
    base = hashlib.sha256(TEXT).digest() if method.needs_base else b""
    entry = line(b"a", method, told, body, bytes(32), base)
    return sealed(struct.pack("<H", 1) + entry + body)


@pytest.mark.parametrize("method", Method)
@pytest.mark.parametrize("told", [100, 50_000_000, (1 << 32) - 1])
def test_a_bomb_takes_no_memory(method: Method, told: int):
    packed = bomb(method, told)
    tracemalloc.start()
    with pytest.raises(UpdateError):
        unpack(packed, BASE, 1_000_000)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 3_000_000
