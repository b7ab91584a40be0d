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

"""What changed between two model files, tensor by tensor.

Tensors are subtracted element by element, as whole numbers of the elements' width: a
fine-tune moves a weight by little, so the upper bytes of the differences are mostly zero.
They are folded to small positive numbers (zigzag), all first bytes are put before all
second ones, and the whole is packed. What is left of both files, the skeleton, is compared
as bytes. Where tensors lie is only looked up when a patch is made, and stands in it: who
applies it reads neither ONNX nor TFLite.

A patch is a header, a table with a row for each tensor, the differences and the skeleton.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from edge_infer.updates.packages import bsdiff, zstd
from edge_infer.updates.packages.tensor_pairs import (
    Elements,
    Pair,
    by_name,
    by_values,
    elements,
    folded,
    is_narrowed,
    old_elements,
    unfolded,
)
from edge_infer.updates.packages.tensors import Span

WIDTHS = (1, 2, 4, 8)
MOST_TENSORS = 1 << 16

_HEADER = struct.Struct("<IIBII")
"""Tensors, bytes of the skeleton, how it is packed, bytes of table and differences."""
_SAME, _PREFIX, _BSDIFF = range(3)
_COLUMNS = 7

_Longs = NDArray[np.int64]


def make(base: bytes, content: bytes) -> bytes | None:
    """The patch from an older file to a content, by the names of its tensors.

    None where no tensor changed. The same for the same inputs.
    """
    return _made(base, content, by_name(base, content))


def make_like(other: bytes, content: bytes) -> bytes | None:
    """The patch from a file of the same network for another engine; None where it is not."""
    return _made(other, content, by_values(other, content))


def apply(base: bytes, patch: bytes, size: int) -> bytes:
    """Apply a patch whose result has that many bytes.

    Raises:
        ValueError: it is none, or does not fit the base.
    """
    if len(patch) < _HEADER.size:
        raise ValueError("a patch is cut off")
    count, rest, kind, table, differences = _HEADER.unpack_from(patch)
    if not 0 < count <= MOST_TENSORS or rest > size:
        raise ValueError("a patch has no usable header")
    middle = _HEADER.size + table
    end = middle + differences
    rows = zstd.decompress(patch[_HEADER.size : middle], count * _COLUMNS * 4)
    pairs = _pairs(rows, len(base), rest, size)
    packed = zstd.decompress(patch[middle:end], size - rest)
    old = _rest(base, [pair.old for pair in pairs])
    skeleton = _unpack_skeleton(kind, old, patch[end:], rest)
    return _joined(skeleton, _moved(base, packed, pairs), pairs, size)


def _made(base: bytes, content: bytes, pairs: Sequence[Pair]) -> bytes | None:
    pairs = pairs[:MOST_TENSORS]
    if not pairs:
        return None
    old = _rest(base, [pair.old for pair in pairs])
    new = _rest(content, [pair.new for pair in pairs])
    kind, skeleton = _pack_skeleton(old, new)
    table = zstd.compress(_table(pairs))
    differences = zstd.compress(_differences(base, content, pairs))
    header = _HEADER.pack(len(pairs), len(new), kind, len(table), len(differences))
    return b"".join([header, table, differences, skeleton])


# --- which tensors ---------------------------------------------------------------------------


def _table(pairs: Sequence[Pair]) -> bytes:
    """Of each tensor, in planes.

    Bytes of the skeleton before it, how much further than that the old one is, elements,
    width, width of the old one's elements, and how it is turned.
    """
    rows = []
    new_end = old_end = 0
    for new, old, turned in pairs:
        gap = new.start - new_end
        ahead = old.start - old_end - gap
        rows.append((gap, ahead, new.elements, new.width, old.width, *turned))
        new_end, old_end = new.end, old.end
    columns = np.array(rows, "<i4").T
    return _planes(np.ascontiguousarray(columns).reshape(-1).view("<u4"))


def _pairs(table: bytes, base: int, rest: int, size: int) -> list[Pair]:
    """What a table says, if it fits the sizes of base, skeleton and result."""
    planes = np.frombuffer(table, np.uint8).reshape(4, -1).T
    columns = np.ascontiguousarray(planes).view("<i4").reshape(_COLUMNS, -1).astype(np.int64)
    gap, ahead, count, width, old_width, inner, last = columns
    if gap.min() < 0 or count.min() < 1 or not np.isin((width, old_width), WIDTHS).all():
        raise ValueError("a patch has a tensor that makes no sense")
    if gap.sum() > rest or (count * width).sum() != size - rest:
        raise ValueError("a patch has tensors of another size")
    if not _can_be_turned(count, inner, last):
        raise ValueError("a patch turns a tensor as it cannot be")
    new_end, old_end = np.cumsum(gap + count * width), np.cumsum(gap + ahead + count * old_width)
    _check_apart(old_end - count * old_width, old_end, base)
    pairs = []
    for new, old, n, w, v, *turned in np.stack(
        [new_end, old_end, count, width, old_width, inner, last], 1
    ).tolist():
        pair = Pair(Span(new - n * w, new, w), Span(old - n * v, old, v), tuple(turned))
        if w != v and not is_narrowed(pair.new, pair.old):
            raise ValueError("a patch has tensors of two widths")
        pairs.append(pair)
    return pairs


def _can_be_turned(count: _Longs, inner: _Longs, last: _Longs) -> bool:
    """Whether all tensors have elements for their axes, or none are named."""
    named = (inner != 0) | (last != 0)
    inner, last, count = inner[named], last[named], count[named]
    if (inner < 1).any() or (last < 1).any() or (inner > count).any() or (last > count).any():
        return False
    return not (count % (inner * last)).any()


def _check_apart(starts: _Longs, ends: _Longs, base: int) -> None:
    """Raises ValueError unless these stretches of the base share no byte."""
    order = np.argsort(starts, kind="stable")
    starts, ends = starts[order], ends[order]
    if starts[0] < 0 or ends[-1] > base or (ends[:-1] > starts[1:]).any():
        raise ValueError("a patch leads out of its base")


# --- values ----------------------------------------------------------------------------------


def _differences(base: bytes, content: bytes, pairs: Sequence[Pair]) -> bytes:
    """Of all tensors, those of the narrowest elements first."""
    parts = []
    for width in WIDTHS:
        chosen = [pair for pair in pairs if pair.new.width == width]
        if chosen:
            new = np.concatenate([elements(content, pair.new) for pair in chosen])
            parts.append(_planes(folded(new - _old(base, chosen))))
    return b"".join(parts)


def _moved(base: bytes, packed: bytes, pairs: Sequence[Pair]) -> dict[Span, bytes]:
    """The new bytes of each tensor by its place in the new file."""
    made: dict[Span, bytes] = {}
    at = 0
    for width in WIDTHS:
        chosen = [pair.new for pair in pairs if pair.new.width == width]
        if not chosen:
            continue
        old = _old(base, [pair for pair in pairs if pair.new.width == width])
        planes = np.frombuffer(packed, np.uint8, old.nbytes, at).reshape(width, -1)
        at += old.nbytes
        difference = np.ascontiguousarray(planes.T).view(old.dtype).reshape(-1)
        joined = (old + unfolded(difference)).tobytes()
        taken = 0
        for span in chosen:
            length = span.end - span.start
            made[span] = joined[taken : taken + length]
            taken += length
    return made


def _old(base: bytes, pairs: Sequence[Pair]) -> Elements:
    return np.concatenate([old_elements(base, pair) for pair in pairs])


def _planes(values: Elements) -> bytes:
    """All first bytes, all second ones, and so on."""
    planes = values.view(np.uint8).reshape(-1, values.itemsize).T
    return bytes(planes.tobytes())


# --- the rest --------------------------------------------------------------------------------


def _rest(content: bytes, spans: Sequence[Span]) -> bytes:
    """A file without its tensors."""
    parts, at = [], 0
    for span in sorted(spans):
        parts.append(content[at : span.start])
        at = span.end
    return b"".join([*parts, content[at:]])


def _joined(skeleton: bytes, moved: dict[Span, bytes], pairs: Sequence[Pair], size: int) -> bytes:
    parts, at, taken = [], 0, 0
    for pair in pairs:
        gap = pair.new.start - at
        parts += [skeleton[taken : taken + gap], moved[pair.new]]
        at, taken = pair.new.end, taken + gap
    content = b"".join([*parts, skeleton[taken:]])
    if len(content) != size:
        raise ValueError("a patch makes something of another size")
    return content


def _pack_skeleton(old: bytes, new: bytes) -> tuple[int, bytes]:
    if old == new:
        return _SAME, b""
    candidates = [(_PREFIX, zstd.compress(new, old)), (_BSDIFF, bsdiff.make(old, new))]
    made = [(kind, packed) for kind, packed in candidates if packed is not None]
    return min(made, key=lambda each: len(each[1]))


def _unpack_skeleton(kind: int, old: bytes, packed: bytes, size: int) -> bytes:
    if kind == _PREFIX:
        return zstd.decompress(packed, size, old)
    if kind == _BSDIFF:
        return bsdiff.apply(old, packed, size)
    if kind != _SAME or packed or len(old) != size:
        raise ValueError("a patch has a skeleton that makes no sense")
    return old
