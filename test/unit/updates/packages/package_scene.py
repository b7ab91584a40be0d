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

"""A bundle and one before it, small, whose package has files told in every way."""

from __future__ import annotations

import hashlib
import struct

import numpy as np
from model_files import onnx_file, tuned, weights

from edge_infer.updates.packages.package import MARK, pack

RNG = np.random.default_rng(7)
NOISE = RNG.bytes(1500)
TEXT = b"".join(b'{"number": %d}\n' % number for number in range(80))
OLD = weights(RNG)
BASE = {
    "MODEL_CARD.md": TEXT,
    "cut.onnx": NOISE,
    "flipped.onnx": NOISE[::-1],
    "manifest.json": TEXT,
    "renamed.onnx": NOISE[:700],
    "tuned.onnx": onnx_file(OLD),
}
FILES = {
    "MODEL_CARD.md": TEXT,
    "cut.onnx": NOISE[:700] + NOISE[760:],
    "flipped.onnx": bytes(b ^ (at % 8 == 0) for at, b in enumerate(NOISE[::-1])),
    "manifest.json": TEXT.replace(b"7", b"seven"),
    "noise.onnx": RNG.bytes(300),
    "other_name.onnx": NOISE[:700],
    "text.json": TEXT[::-1],
    "tuned.onnx": onnx_file(tuned(OLD, RNG)),
}
PACKED = pack(FILES, BASE)
"""All methods are in it."""
START = len(MARK) + 32


def sealed(rest: bytes) -> bytes:
    """As a publisher would hand out: the digest fits."""
    return MARK + hashlib.sha256(rest).digest() + rest


def line(name: bytes, method: int, size: int, body: bytes, sha256: bytes, base: bytes = b""):
    return struct.pack("<BBII32s", len(name), method, size, len(body), sha256) + name + base
