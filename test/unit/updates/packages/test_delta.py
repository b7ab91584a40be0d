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

"""The smallest way to say a file."""

from __future__ import annotations

import numpy as np
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st
from model_files import onnx_file, tuned, weights

from edge_infer.updates.packages import zstd
from edge_infer.updates.packages.delta import Method, apply, smallest

RNG = np.random.default_rng(5)
NOISE = RNG.bytes(3000)
OLD = weights(RNG, 5)
TEXT = b"".join(b'{"number": %d, "value": %d}\n' % (n, n * n) for n in range(200))

CASES = {
    "noise": (NOISE, None, Method.STORED),
    "nothing": (b"", None, Method.STORED),
    "nothing from something": (b"", NOISE, Method.STORED),
    "noise from other noise": (NOISE, RNG.bytes(3000), Method.STORED),
    "text": (TEXT, None, Method.ZSTD),
    "text from other noise": (TEXT, NOISE, Method.ZSTD),
    "a piece cut out": (NOISE[:900] + NOISE[960:], NOISE, Method.PREFIX),
    "a bit here and there": (
        bytes(byte ^ (at % 8 == 0) for at, byte in enumerate(NOISE)),
        NOISE,
        Method.BSDIFF,
    ),
    "a fine-tune": (onnx_file(tuned(OLD, RNG)), onnx_file(OLD), Method.PER_TENSOR),
}


@pytest.mark.parametrize(("content", "base", "method"), CASES.values(), ids=CASES)
def test_each_kind_of_change_is_told_in_its_own_way(
    content: bytes, base: bytes | None, method: Method
):
    packed = smallest(content, base)
    assert packed.method is method
    assert packed.base == (base if method.needs_base else None)
    assert len(packed.body) <= len(content)
    assert apply(method, packed.body, base or b"", len(content)) == content


def test_the_file_of_another_engine_is_gone_on_from_where_that_is_less():
    kernel = RNG.normal(size=(32, 16, 3, 3)).astype(np.float32)
    other, moved = onnx_file({"kernel": kernel}), onnx_file({"kernel": kernel + np.float32(0.1)})
    content = onnx_file({"kernel": kernel.transpose(0, 2, 3, 1).copy()})
    packed = smallest(content, moved, [TEXT, other])
    assert (packed.method, packed.base) == (Method.PER_TENSOR, other)
    assert len(packed.body) < 300


@settings(max_examples=100, deadline=None)
@given(content=st.binary(max_size=500), base=st.none() | st.binary(max_size=500))
def test_any_content_comes_out_again(content: bytes, base: bytes | None):
    method, body, used = smallest(content, base)
    assert apply(method, body, used or b"", len(content)) == content


@pytest.mark.parametrize("method", Method)
@pytest.mark.parametrize("size", [0, 1, 2999, 3001, 1 << 28])
def test_another_size_than_told_is_refused(method: Method, size: int):
    bodies = {Method.STORED: NOISE, Method.ZSTD: zstd.compress(NOISE)}
    content = NOISE[:1500] + b"!" + NOISE[1500:2999]
    bodies[Method.PREFIX] = zstd.compress(content, NOISE)
    with pytest.raises(ValueError, match=r"size|patch|packed"):
        apply(method, bodies.get(method, NOISE), NOISE, size)


# --- Zstandard alone -------------------------------------------------------------------------


def frame(content: bytes, **settings: bool) -> bytes:
    return zstandard.ZstdCompressor(**settings).compress(content)


WRONG = {
    "nothing": b"",
    "another magic": b"x" + frame(NOISE)[1:],
    "cut off": frame(NOISE)[:-1],
    "more at the end": frame(NOISE) + b"\0",
    "two frames": frame(NOISE[:1500]) + frame(NOISE[1500:]),
    "a frame too short": frame(NOISE[:-1]),
    "a frame too long": frame(NOISE + b"!"),
    "no size": frame(NOISE, write_content_size=False),
    "a frame to be skipped": b"\x50\x2a\x4d\x18\x04\0\0\0abcd",
    "a dictionary that is not here": b"\x28\xb5\x2f\xfd\x67\x01\0\0\0" + frame(NOISE)[6:],
}


@pytest.mark.parametrize("packed", WRONG.values(), ids=WRONG)
def test_a_frame_that_is_not_as_told_is_refused(packed: bytes):
    with pytest.raises(ValueError, match="packed"):
        zstd.decompress(packed, len(NOISE))


def test_a_prefix_reaches_over_the_whole_base():
    base = RNG.bytes(1_000_000)
    content = base[:1000] + base[999_000:] + base[500_000:501_000]
    packed = zstd.compress(content, base)
    assert len(packed) < 100
    assert zstd.decompress(packed, len(content), base) == content
    with pytest.raises(ValueError, match="packed"):
        zstd.decompress(packed, len(content))
