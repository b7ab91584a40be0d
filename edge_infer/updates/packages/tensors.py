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

"""Where the named tensors of a model file lie: ONNX and TFLite, without their packages.

Reads no more of either format than that. ONNX is Protocol Buffers (onnx.proto: ModelProto,
GraphProto, TensorProto), TFLite is FlatBuffers (schema.fbs: Model, SubGraph, Tensor,
Buffer, QuantizationParameters). A file that is neither, or broken, has no tensors.
"""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import NamedTuple


class Span(NamedTuple):
    """Bytes of a file that are a tensor.

    Attributes:
        start: of the first.
        end: after the last.
        width: bytes of an element; divides the length.
        shape: as the file says, which may be wrong; () where it says none.
    """

    start: int
    end: int
    width: int
    shape: tuple[int, ...] = ()

    @property
    def elements(self) -> int:
        """How many there are."""
        return (self.end - self.start) // self.width


def find(content: bytes) -> dict[str, Span]:
    """The tensors of a model file by name, none empty, no two of them overlapping."""
    read = _tflite if content[4:8] == b"TFL3" else _onnx
    try:
        return _apart(read(content))
    except (ValueError, struct.error):
        return {}


def _apart(found: Iterable[tuple[str, Span]]) -> dict[str, Span]:
    """Without those that share bytes with one before; a name that comes again gets a number."""
    named: dict[str, Span] = {}
    times: Counter[str] = Counter()
    for name, span in found:
        times[name] += 1
        if span.end > span.start:
            own = span.width if (span.end - span.start) % span.width == 0 else 1
            named[f"{name}\0{times[name]}"] = span._replace(width=own)
    kept: dict[str, Span] = {}
    reached = 0
    for name, span in sorted(named.items(), key=lambda item: item[1]):
        if span.start >= reached:
            kept[name], reached = span, span.end
    return kept


# --- ONNX ------------------------------------------------------------------------------------

_GRAPH, _NODE, _INITIALIZER = 7, 1, 5
_NODE_OUTPUT, _NODE_ATTRIBUTE, _ATTRIBUTE_TENSOR = 2, 5, 5
_DIMS, _DATA_TYPE, _FLOATS, _NAME, _RAW, _DOUBLES = 1, 2, 4, 8, 9, 10
_VARINT, _EIGHT, _BYTES, _FOUR = 0, 1, 2, 5

_ONNX_WIDTHS = {1: 4, 4: 2, 5: 2, 6: 4, 7: 8, 10: 2, 11: 8, 12: 4, 13: 8, 14: 4, 15: 8, 16: 2}
"""TensorProto.DataType -> bytes of an element, where it is more than one."""


class _Field(NamedTuple):
    """A field of a message.

    Attributes:
        number: of the field.
        kind: its wire type.
        start, end: of its bytes.
        value: of a varint; 0 for another kind.
    """

    number: int
    kind: int
    start: int
    end: int
    value: int


def _onnx(content: bytes) -> Iterator[tuple[str, Span]]:
    for graph in _fields(content, 0, len(content), _GRAPH):
        for field in _fields(content, graph.start, graph.end):
            if field.number == _INITIALIZER:
                yield from _tensor(content, field, "")
            elif field.number == _NODE:
                yield from _constants(content, field)


def _constants(content: bytes, node: _Field) -> Iterator[tuple[str, Span]]:
    """Tensors that a node carries: named after its first output."""
    for output in _fields(content, node.start, node.end, _NODE_OUTPUT):
        name = content[output.start : output.end].decode(errors="replace")
        for attribute in _fields(content, node.start, node.end, _NODE_ATTRIBUTE):
            for tensor in _fields(content, attribute.start, attribute.end, _ATTRIBUTE_TENSOR):
                yield from _tensor(content, tensor, name)
        return


def _tensor(content: bytes, tensor: _Field, name: str) -> Iterator[tuple[str, Span]]:
    width, spans, shape = 1, [], []
    for field in _fields(content, tensor.start, tensor.end):
        if field.number == _DIMS:
            shape += _numbers(content, field)
        elif field.number == _DATA_TYPE:
            width = _ONNX_WIDTHS.get(field.value, 1)
        elif field.number == _NAME:
            name += content[field.start : field.end].decode(errors="replace")
        elif field.number in (_RAW, _FLOATS, _DOUBLES):
            spans.append(field)
    for field in spans:
        own = {_FLOATS: 4, _DOUBLES: 8}.get(field.number, width)
        yield name, Span(field.start, field.end, own, tuple(shape))


def _numbers(content: bytes, field: _Field) -> list[int]:
    """A repeated number: one of them, or all of them packed."""
    if field.kind == _VARINT:
        return [field.value]
    values, at = [], field.start
    while at < field.end:
        value, at = _varint(content, at, field.end)
        values.append(value)
    return values


def _fields(content: bytes, start: int, end: int, wanted: int | None = None) -> Iterator[_Field]:
    """The fields of a message; of one number, those that have a length, if it is given."""
    at = start
    while at < end:
        key, at = _varint(content, at, end)
        number, kind = key >> 3, key & 7
        value, first = 0, at
        if kind == _VARINT:
            value, at = _varint(content, at, end)
        elif kind == _BYTES:
            length, first = _varint(content, at, end)
            at = first + length
        elif kind in (_FOUR, _EIGHT):
            at += 4 if kind == _FOUR else 8
        else:
            raise ValueError("no protocol buffer")
        if at > end:
            raise ValueError("a field leads out of its message")
        if wanted is None or (number == wanted and kind == _BYTES):
            yield _Field(number, kind, first, at, value)


def _varint(content: bytes, at: int, end: int) -> tuple[int, int]:
    """A number and where it ends."""
    value = 0
    for shift in range(0, 70, 7):
        if at >= end:
            raise ValueError("a number is cut off")
        byte = content[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
    raise ValueError("a number is too long")


# --- TFLite ----------------------------------------------------------------------------------

_MODEL_SUBGRAPHS, _MODEL_BUFFERS, _SUBGRAPH_TENSORS = 2, 4, 0
_TENSOR_SHAPE, _TENSOR_TYPE, _TENSOR_BUFFER, _TENSOR_NAME, _TENSOR_QUANTIZATION = range(5)
_SCALE, _ZERO_POINT = 2, 3
_BUFFER_DATA, _BUFFER_OFFSET, _BUFFER_SIZE = 0, 1, 2

_TFLITE_WIDTHS = {0: 4, 1: 2, 2: 4, 4: 8, 7: 2, 8: 8, 10: 8, 11: 8, 12: 8, 15: 4, 16: 2, 18: 2}
"""TensorType -> bytes of an element, where it is more than one."""


def _tflite(content: bytes) -> Iterator[tuple[str, Span]]:
    model = _Table(content, _u32(content, 0))
    buffers = model.tables(_MODEL_BUFFERS)
    for number, subgraph in enumerate(model.tables(_MODEL_SUBGRAPHS)):
        for tensor in subgraph.tables(_SUBGRAPH_TENSORS):
            start, length = tensor.vector(_TENSOR_NAME, 1)
            name = f"{number}/{content[start : start + length].decode(errors='replace')}"
            index = tensor.u32(_TENSOR_BUFFER)
            if index < len(buffers):
                start, end = buffers[index].stretch(_BUFFER_DATA, _BUFFER_OFFSET, _BUFFER_SIZE)
                width = _TFLITE_WIDTHS.get(tensor.u8(_TENSOR_TYPE), 1)
                yield name, Span(start, end, width, tensor.numbers(_TENSOR_SHAPE))
            for quantization in tensor.table(_TENSOR_QUANTIZATION):
                for slot, width in ((_SCALE, 4), (_ZERO_POINT, 8)):
                    start, length = quantization.vector(slot, width)
                    yield f"{name}/quantization/{slot}", Span(start, start + length * width, width)


class _Table:
    """A table of a FlatBuffer: its fields by their number in the schema."""

    def __init__(self, content: bytes, at: int) -> None:
        self._content = content
        self._at = at
        self._directory = at - _i32(content, at)
        self._directory_bytes = _u16(content, self._directory)

    def _place(self, slot: int) -> int | None:
        """Where a field lies; None when it has its default."""
        entry = 4 + 2 * slot
        if entry + 2 > self._directory_bytes:
            return None
        offset = _u16(self._content, self._directory + entry)
        return self._at + offset if offset else None

    def u8(self, slot: int) -> int:
        place = self._place(slot)
        return 0 if place is None else _read("<B", self._content, place)

    def u32(self, slot: int) -> int:
        place = self._place(slot)
        return 0 if place is None else _u32(self._content, place)

    def u64(self, slot: int) -> int:
        place = self._place(slot)
        return 0 if place is None else _read("<Q", self._content, place)

    def stretch(self, inside: int, offset: int, size: int) -> tuple[int, int]:
        """Bytes that are in a vector, or else where two other fields say."""
        start, length = self.vector(inside, 1)
        if not length:
            start, length = self.u64(offset), self.u64(size)
        if start + length > len(self._content):
            raise ValueError("a buffer leads out of its file")
        return start, start + length

    def vector(self, slot: int, width: int) -> tuple[int, int]:
        """First byte and number of elements of a vector or string."""
        place = self._place(slot)
        if place is None:
            return 0, 0
        start = place + _u32(self._content, place)
        count = _u32(self._content, start)
        if start + 4 + count * width > len(self._content):
            raise ValueError("a vector leads out of its file")
        return start + 4, count

    def numbers(self, slot: int) -> tuple[int, ...]:
        """A vector of whole numbers of four bytes."""
        start, count = self.vector(slot, 4)
        return struct.unpack_from(f"<{count}i", self._content, start)

    def table(self, slot: int) -> list[_Table]:
        """The table in a field; none when it is not there."""
        place = self._place(slot)
        if place is None:
            return []
        return [_Table(self._content, place + _u32(self._content, place))]

    def tables(self, slot: int) -> list[_Table]:
        """The tables in a vector."""
        start, count = self.vector(slot, 4)
        places = range(start, start + 4 * count, 4)
        return [_Table(self._content, place + _u32(self._content, place)) for place in places]


def _u16(content: bytes, at: int) -> int:
    return _read("<H", content, at)


def _u32(content: bytes, at: int) -> int:
    return _read("<I", content, at)


def _i32(content: bytes, at: int) -> int:
    return _read("<i", content, at)


def _read(kind: str, content: bytes, at: int) -> int:
    if at < 0:
        raise ValueError("an offset leads out of its file")
    value: int = struct.unpack_from(kind, content, at)[0]
    return value
