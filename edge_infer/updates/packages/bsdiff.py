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

"""Patches of bsdiff 4 (Percival, 2003): made by its library, applied with every size checked.

The library unpacks whatever a patch holds; here nothing is unpacked beyond what the result
and the instructions may take, and each instruction must stay within base and result.
"""

from __future__ import annotations

import bz2
import struct

import bsdiff4
import numpy as np
from numpy.typing import NDArray

MAGIC = b"BSDIFF40"
MOST_BYTES = 32 * 1024 * 1024
"""Of base and result together: making a patch sorts all suffixes of the base."""

_HEADER = struct.Struct("<8sqqq")
_INSTRUCTION = 24
_LEAST_PER_INSTRUCTION = 4
"""Bytes of the result, on the average: what needs more instructions is no honest patch."""
_MOST_INSTRUCTIONS = 1 << 18

_Longs = NDArray[np.int64]


def make(base: bytes, content: bytes) -> bytes | None:
    """The patch from a base to a content; None where that would take too long."""
    if len(base) + len(content) > MOST_BYTES:
        return None
    patch: bytes = bsdiff4.diff(base, content)
    return patch


def apply(base: bytes, patch: bytes, size: int) -> bytes:
    """Apply a patch whose result has that many bytes.

    Raises:
        ValueError: it is none, or does not fit the base.
    """
    instructions, differences, extra = _parts(patch, size)
    if _checked(instructions, len(base), size) != (len(differences), len(extra)):
        raise ValueError("a patch holds other parts than it needs")
    known = np.frombuffer(base, np.uint8)
    changes = np.frombuffer(differences, np.uint8)
    result = np.zeros(size, np.uint8)
    at = changed = added = place = 0
    for alike, fresh, jump in instructions.tolist():
        result[at : at + alike] = changes[changed : changed + alike]
        # As in the original, what would be read outside of the base counts as zero.
        low, high = max(0, -place), min(alike, len(base) - place)
        if high > low:
            result[at + low : at + high] += known[place + low : place + high]
        at, changed, place = at + alike, changed + alike, place + alike + jump
        result[at : at + fresh] = np.frombuffer(extra[added : added + fresh], np.uint8)
        at, added = at + fresh, added + fresh
    return result.tobytes()


def _parts(patch: bytes, size: int) -> tuple[_Longs, bytes, bytes]:
    """Instructions (n, 3), differences and fresh bytes."""
    if len(patch) < _HEADER.size:
        raise ValueError("a patch is cut off")
    magic, instructions, differences, told = _HEADER.unpack_from(patch)
    if magic != MAGIC or told != size or min(instructions, differences) < 0:
        raise ValueError("a patch has no usable header")
    middle = _HEADER.size + instructions
    end = middle + differences
    if end > len(patch):
        raise ValueError("a patch is cut off")
    most = min(size // _LEAST_PER_INSTRUCTION + 2, _MOST_INSTRUCTIONS)
    words = _unpack(patch[_HEADER.size : middle], most * _INSTRUCTION)
    if len(words) % _INSTRUCTION:
        raise ValueError("a patch has half an instruction")
    changes, fresh = _unpack(patch[middle:end], size), _unpack(patch[end:], size)
    return _signed(np.frombuffer(words, "<u8").reshape(-1, 3)), changes, fresh


def _signed(words: NDArray[np.uint64]) -> _Longs:
    """Numbers whose highest bit is their sign."""
    values = (words & np.uint64((1 << 63) - 1)).astype(np.int64)
    return np.asarray(np.where(words >= 1 << 63, -values, values), np.int64)


def _checked(instructions: _Longs, base: int, size: int) -> tuple[int, int]:
    """Bytes that all instructions change and add, together the size of the result."""
    copied, jumps = instructions[:, :2], instructions[:, 2]
    if copied.min(initial=0) < 0 or copied.max(initial=0) > size:
        raise ValueError("a patch leads out of its result")
    if np.abs(jumps).max(initial=0) > base + size:
        raise ValueError("a patch leads out of its base")
    changed, added = (int(column.sum()) for column in copied.T)
    if changed + added != size:
        raise ValueError("a patch makes something of another size")
    return changed, added


def _unpack(packed: bytes, most: int) -> bytes:
    """One stream of bzip2, of at most that many bytes."""
    unpacker = bz2.BZ2Decompressor()
    try:
        content = unpacker.decompress(packed, max_length=most)
        # The end of a stream may only be seen when one asks for more.
        if not unpacker.eof and unpacker.decompress(b"", max_length=1):
            raise ValueError("a patch holds more than it should")
    except (OSError, EOFError):
        raise ValueError("a part of a patch cannot be unpacked") from None
    if not unpacker.eof or unpacker.unused_data:
        raise ValueError("a patch does not end where it should")
    return content
