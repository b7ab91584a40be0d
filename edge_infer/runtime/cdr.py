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

"""Messages to and from CDR: one function each way per type, generated when first needed.

The layout is that of ROS 2 on DDS (XCDR version 1): four bytes of header, then
every value aligned to its own size, counted from the end of the header. The
generated code walks a type once, inlines what it is made of and packs runs of
numbers with one call; arrays of numbers are read as numpy views of the
received bytes. Knows classes and definitions, neither topics nor services.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any, Literal

from edge_infer.runtime.cdr_values import array, as_array, as_bytes, check_length, octets, text
from edge_infer.runtime.definitions import PADDING_FIELD, Definition, Field, Shape
from edge_infer.runtime.message_classes import DTYPES

HEADER = b"\0\1\0\0"
"""CDR, little endian."""

CODES = {
    "bool": "?",
    "byte": "c",
    "char": "B",
    "int8": "b",
    "uint8": "B",
    "int16": "h",
    "uint16": "H",
    "int32": "i",
    "uint32": "I",
    "int64": "q",
    "uint64": "Q",
    "float32": "f",
    "float64": "d",
}
"""struct's letters."""

Encoder = Callable[[Any, bytearray], None]
"""(message, bytes so far, header included): appends the message."""

Decoder = Callable[[memoryview], tuple[Any, int]]
"""(bytes after the header) -> (message, where it ends)."""

Definitions = Callable[[str], Definition]
Classes = Callable[[str], type]


def make_encoder(definition: Definition, definitions: Definitions) -> Encoder:
    """The function that writes messages of a type, little endian."""
    return _EncoderSource(definitions).function(definition)


def make_decoder(
    definition: Definition, definitions: Definitions, classes: Classes, *, little_endian: bool
) -> Decoder:
    """The function that reads messages of a type; it raises ValueError or struct.error."""
    return _DecoderSource(definitions, classes, little_endian=little_endian).function(definition)


class _Source:
    """Code under construction, and what is known of the position when it runs.

    The position is ``offset`` modulo ``modulus``; numbers that follow each other
    at known offsets are collected in ``run`` and become one struct call.
    """

    def __init__(self, definitions: Definitions, order: Literal["<", ">"]) -> None:
        self.definitions = definitions
        self.order: Literal["<", ">"] = order
        self.lines: list[str] = []
        self.scope: dict[str, Any] = {}
        self.indent = 1
        self.names = 0
        self.run: list[tuple[str, str]] = []
        self.at(8)

    def at(self, modulus: int) -> None:
        """The position is now known to be a multiple of ``modulus``."""
        self.modulus, self.offset = modulus, 0

    def name(self, value: Any = None) -> str:
        """A new name; bound to a value for the code to use, if one is given."""
        self.names += 1
        name = f"n{self.names}"
        if value is not None:
            self.scope[name] = value
        return name

    def emit(self, line: str) -> None:
        self.lines.append("    " * self.indent + line)

    def is_aligned(self, size: int) -> bool:
        return size <= self.modulus and self.offset % size == 0

    def align(self, size: int) -> None:
        """Move to the next multiple of ``size``."""
        if size > self.modulus:
            self.flush()
            self.emit_alignment(size)
            self.at(size)
        elif padding := -self.offset % size:
            self.run.append((f"{padding}x", ""))
            self.offset += padding

    def number(self, code: str, expression: str) -> None:
        """One number, read from or written to by an expression."""
        size = struct.calcsize(f"={code}")
        self.align(size)
        self.run.append((code, expression))
        self.offset += size

    def flush(self) -> None:
        """Emit the collected numbers."""
        if self.run:
            layout = struct.Struct(self.order + "".join(code for code, _ in self.run))
            self.emit_run(layout, [name for _, name in self.run if name])
            self.run = []

    def emit_alignment(self, size: int) -> None:
        raise NotImplementedError

    def emit_run(self, layout: struct.Struct, names: list[str]) -> None:
        raise NotImplementedError

    def compiled(self, signature: str, label: str) -> Any:
        source = "\n".join([f"def function({signature}):", *self.lines])
        exec(compile(source, f"<cdr {label}>", "exec"), self.scope)  # noqa: S102
        return self.scope["function"]


class _EncoderSource(_Source):
    """``function(message, out)``: appends to ``out``."""

    def __init__(self, definitions: Definitions) -> None:
        super().__init__(definitions, "<")
        self.scope.update(as_array=as_array, as_bytes=as_bytes, check=check_length)
        self.scope["padding"] = tuple(bytes(n) for n in range(8))

    def function(self, definition: Definition) -> Encoder:
        self.message(definition, "message")
        self.flush()
        self.emit("return")
        function: Encoder = self.compiled("message, out", definition.name)
        return function

    def emit_alignment(self, size: int) -> None:
        self.emit(f"out += padding[({len(HEADER)} - len(out)) & {size - 1}]")

    def emit_run(self, layout: struct.Struct, names: list[str]) -> None:
        self.emit(f"out += {self.name(layout.pack)}({', '.join(names)})")

    def message(self, definition: Definition, expression: str) -> None:
        for field in definition.fields:
            if field.name == PADDING_FIELD:
                self.number("B", "0")
            else:
                self.field(field, f"{expression}.{field.name}")

    def field(self, field: Field, expression: str) -> None:
        if field.shape is Shape.SCALAR:
            self.one(field, expression)
        elif field.type in DTYPES:
            self.numbers(field, expression)
        else:
            self.many(field, expression)

    def one(self, field: Field, expression: str) -> None:
        if field.is_nested:
            local = self.name()
            self.emit(f"{local} = {expression}")
            self.message(self.definitions(field.type), local)
        elif field.type == "string":
            characters = self.name()
            self.emit(f"{characters} = {expression}.encode()")
            if field.string_bound:
                self.emit(f"check({characters}, 0, {field.string_bound})")
            self.number("I", f"len({characters}) + 1")
            self.flush()
            self.emit(f"out += {characters}")
            self.emit("out += padding[1]")
            self.at(1)
        else:
            self.number(CODES[field.type], expression)

    def numbers(self, field: Field, expression: str) -> None:
        dtype = DTYPES[field.type]
        values = self.name()
        self.emit(f"{values} = as_array({expression}, {self.name(dtype)})")
        self.count(field, values)
        if field.shape is Shape.ARRAY:
            self.align(dtype.itemsize)
            self.flush()
        else:
            self.flush()
            if not self.is_aligned(dtype.itemsize):
                self.emit(f"if len({values}):")
                self.indent += 1
                self.emit_alignment(dtype.itemsize)
                self.indent -= 1
        self.emit(f"out += {values}.data")
        self.at(dtype.itemsize if field.shape is Shape.ARRAY else min(dtype.itemsize, 4))

    def many(self, field: Field, expression: str) -> None:
        values = self.name()
        self.emit(f"{values} = {expression}")
        self.count(field, values)
        self.flush()
        if field.type == "byte":
            self.emit(f"out += as_bytes({values})")
        else:
            element = self.name()
            self.emit(f"for {element} in {values}:")
            self.indent += 1
            self.at(1)
            self.one(Field(field.name, field.type, string_bound=field.string_bound), element)
            self.flush()
            self.indent -= 1
        self.at(1)

    def count(self, field: Field, values: str) -> None:
        """Check how many there are; of a sequence, write it."""
        if field.size:
            least = field.size if field.shape is Shape.ARRAY else 0
            self.emit(f"check({values}, {least}, {field.size})")
        if field.shape is Shape.SEQUENCE:
            self.number("I", f"len({values})")


class _DecoderSource(_Source):
    """``function(data)``: returns the message and the position behind it."""

    def __init__(self, definitions: Definitions, classes: Classes, *, little_endian: bool) -> None:
        super().__init__(definitions, "<" if little_endian else ">")
        self.classes = classes
        self.scope.update(text=text, array=array, octets=octets)

    def function(self, definition: Definition) -> Decoder:
        self.emit("pos = 0")
        result = self.message(definition)
        self.flush()
        self.emit(f"return {result}, pos")
        function: Decoder = self.compiled("data", definition.name)
        return function

    def emit_alignment(self, size: int) -> None:
        self.emit(f"pos = (pos + {size - 1}) & -{size}")

    def emit_run(self, layout: struct.Struct, names: list[str]) -> None:
        targets = "".join(f"{name}, " for name in names)
        read = f"{self.name(layout.unpack_from)}(data, pos)"
        self.emit(f"{targets}= {read}" if targets else read)
        self.emit(f"pos += {layout.size}")

    def message(self, definition: Definition) -> str:
        """Read a message; the expression that makes it from what was read."""
        values = [
            self.one(field) if field.shape is Shape.SCALAR else self.several(field)
            for field in definition.fields
        ]
        if definition.fields[0].name == PADDING_FIELD:
            values = []
        return f"{self.name(self.classes(definition.name))}({', '.join(values)})"

    def one(self, field: Field) -> str:
        if field.is_nested:
            return self.message(self.definitions(field.type))
        value = self.name()
        if field.type != "string":
            self.number(CODES[field.type], value)
            return value
        self.number("I", value)
        self.flush()
        self.emit(f"{value}, pos = text(data, pos, {value})")
        self.at(1)
        return value

    def several(self, field: Field) -> str:
        count: int | str = field.size
        if field.shape is Shape.SEQUENCE:
            count = self.name()
            self.number("I", count)
        self.flush()
        values = self.name()
        if field.type in DTYPES:
            self.numbers(field, values, count)
        elif field.type == "byte":
            self.emit(f"{values}, pos = octets(data, pos, {count})")
            self.at(1)
        else:
            self.emit(f"{values} = []")
            self.emit(f"for _ in range({count}):")
            self.indent += 1
            self.at(1)
            element = self.one(Field(field.name, field.type))
            self.flush()
            self.emit(f"{values}.append({element})")
            self.indent -= 1
            self.at(1)
        return values

    def numbers(self, field: Field, values: str, count: int | str) -> None:
        dtype = DTYPES[field.type].newbyteorder(self.order)
        if not self.is_aligned(dtype.itemsize):
            if field.shape is Shape.SEQUENCE:
                self.emit(f"if {count}:")
            self.indent += field.shape is Shape.SEQUENCE
            self.emit_alignment(dtype.itemsize)
            self.indent -= field.shape is Shape.SEQUENCE
        self.emit(f"{values}, pos = array(data, pos, {count}, {self.name(dtype)})")
        self.at(dtype.itemsize if field.shape is Shape.ARRAY else min(dtype.itemsize, 4))
