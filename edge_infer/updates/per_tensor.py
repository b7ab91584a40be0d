"""What changed between two model files, tensor by tensor.

Tensors that both files have under one name are subtracted element by element, as whole
numbers of the elements' width: a fine-tune moves a weight by little, so the upper bytes of
the differences are mostly zero. They are folded to small positive numbers (zigzag), all
first bytes are put before all second ones, and the whole is packed. What is left of both
files, the skeleton, is compared as bytes. Where tensors lie is only looked up when a patch
is made, and stands in it: who applies it reads neither ONNX nor TFLite.

A patch is a header, a table with a row for each tensor, the differences and the skeleton.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from edge_infer.updates import bsdiff, tensors, zstd
from edge_infer.updates.tensors import Span

WIDTHS = (1, 2, 4, 8)
LEAST_BYTES = 16
"""Of a tensor: what a row of the table costs would not be won back by less."""
MOST_TENSORS = 1 << 16

_HEADER = struct.Struct("<IIBII")
"""Tensors, bytes of the skeleton, how it is packed, bytes of table and differences."""
_SAME, _PREFIX, _BSDIFF = range(3)
_COLUMNS = 4

_Bytes = NDArray[np.uint8]
_Elements = NDArray[np.unsignedinteger[Any]]


class _Pair(NamedTuple):
    """A tensor in the new file and in the base, of one length and width."""

    new: Span
    old: Span


def make(base: bytes, content: bytes) -> bytes | None:
    """The patch from a base to a content; None where no tensor changed.

    The same for the same inputs.
    """
    pairs = _changed(base, content)
    if not pairs:
        return None
    old, new = _rest(base, [pair.old for pair in pairs]), _rest(content, [p.new for p in pairs])
    kind, skeleton = _pack_skeleton(old, new)
    table = zstd.compress(_table(pairs))
    differences = zstd.compress(_differences(base, content, pairs))
    header = _HEADER.pack(len(pairs), len(new), kind, len(table), len(differences))
    return b"".join([header, table, differences, skeleton])


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
    skeleton = np.frombuffer(_unpack_skeleton(kind, old, patch[end:], rest), np.uint8)
    return _joined(skeleton, _moved(base, packed, pairs), pairs, size)


# --- which tensors ---------------------------------------------------------------------------


def _changed(base: bytes, content: bytes) -> list[_Pair]:
    """Tensors of both files that are alike in all but their values, in the new file's order."""
    known = tensors.find(base)
    pairs = []
    for name, new in tensors.find(content).items():
        old = known.get(name)
        if old is None or _shape(old) != _shape(new) or new.end - new.start < LEAST_BYTES:
            continue
        if base[old.start : old.end] != content[new.start : new.end]:
            pairs.append(_Pair(new, old))
    return sorted(pairs)[:MOST_TENSORS]


def _shape(span: Span) -> tuple[int, int]:
    return span.end - span.start, span.width


def _table(pairs: Sequence[_Pair]) -> bytes:
    """Of each tensor: bytes of the skeleton before it, what moved more than that, length, width."""
    rows = []
    new_end = old_end = 0
    for new, old in pairs:
        gap = new.start - new_end
        rows.append((gap, old.start - old_end - gap, new.end - new.start, new.width))
        new_end, old_end = new.end, old.end
    values = np.array(rows, "<i4")
    columns = np.ascontiguousarray(values.T).reshape(-1).view("<u4")
    return _planes(columns)


def _pairs(table: bytes, base: int, rest: int, size: int) -> list[_Pair]:
    """What a table says, if it fits the sizes of base, skeleton and result."""
    planes = np.frombuffer(table, np.uint8).reshape(4, -1).T
    columns = np.ascontiguousarray(planes).view("<i4").reshape(_COLUMNS, -1)
    gap, moved, length, width = columns.astype(np.int64)
    new_start = np.cumsum(gap + length) - length
    old_start = np.cumsum(gap + moved + length) - length
    if gap.min() < 0 or length.min() < 1 or not np.isin(width, WIDTHS).all():
        raise ValueError("a patch has a tensor that makes no sense")
    if (length % width).any() or gap.sum() > rest or length.sum() != size - rest:
        raise ValueError("a patch has tensors of another size")
    order = np.argsort(old_start, kind="stable")
    starts, ends = old_start[order], (old_start + length)[order]
    if starts[0] < 0 or ends[-1] > base or (ends[:-1] > starts[1:]).any():
        raise ValueError("a patch leads out of its base")
    found = zip(*(c.tolist() for c in (new_start, old_start, length, width)), strict=True)
    return [_Pair(Span(n, n + size, w), Span(o, o + size, w)) for n, o, size, w in found]


# --- values ----------------------------------------------------------------------------------


def _differences(base: bytes, content: bytes, pairs: Sequence[_Pair]) -> bytes:
    """Of all tensors, those of the narrowest elements first."""
    parts = []
    for width in WIDTHS:
        chosen = [pair for pair in pairs if pair.new.width == width]
        if not chosen:
            continue
        new = _values(content, [pair.new for pair in chosen], width)
        old = _values(base, [pair.old for pair in chosen], width)
        parts.append(_planes(_folded(new - old)))
    return b"".join(parts)


def _moved(base: bytes, packed: bytes, pairs: Sequence[_Pair]) -> dict[Span, _Bytes]:
    """The new bytes of each tensor by its place in the new file."""
    made: dict[Span, _Bytes] = {}
    at = 0
    for width in WIDTHS:
        chosen = [pair for pair in pairs if pair.new.width == width]
        if not chosen:
            continue
        old = _values(base, [pair.old for pair in chosen], width)
        planes = np.frombuffer(packed, np.uint8, old.nbytes, at).reshape(width, -1)
        at += old.nbytes
        folded = np.ascontiguousarray(planes.T).view(old.dtype).reshape(-1)
        new = (old + _unfolded(folded)).view(np.uint8)
        ends = np.cumsum([pair.new.end - pair.new.start for pair in chosen], dtype=np.int64)
        parts = np.split(new, ends[:-1])
        made.update(zip((pair.new for pair in chosen), parts, strict=True))
    return made


def _values(content: bytes, spans: Sequence[Span], width: int) -> _Elements:
    """The elements of tensors one after the other, as whole numbers."""
    joined = b"".join(content[span.start : span.end] for span in spans)
    return np.frombuffer(joined, f"<u{width}")


def _folded(values: _Elements) -> _Elements:
    """0, -1, 1, -2 ... as 0, 1, 2, 3 ... (zigzag)."""
    one, top = values.dtype.type(1), values.dtype.type(values.itemsize * 8 - 1)
    return np.asarray((values << one) ^ (-(values >> top)), values.dtype)


def _unfolded(values: _Elements) -> _Elements:
    one = values.dtype.type(1)
    return np.asarray((values >> one) ^ (-(values & one)), values.dtype)


def _planes(values: _Elements) -> bytes:
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


def _joined(
    skeleton: _Bytes, moved: dict[Span, _Bytes], pairs: Sequence[_Pair], size: int
) -> bytes:
    parts, at, taken = [], 0, 0
    for new, _ in pairs:
        gap = new.start - at
        parts += [skeleton[taken : taken + gap], moved[new]]
        at, taken = new.end, taken + gap
    content = b"".join(part.tobytes() for part in [*parts, skeleton[taken:]])
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
