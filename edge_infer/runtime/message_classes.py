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

"""Message classes that behave like rosidl's: ``Msg()``, ``Msg(field=value)``, ``==``, constants.

Values are kept as they are assigned; ``cdr.py`` checks and converts when a
message is sent. Arrays and sequences of numbers are numpy arrays by default,
``byte`` is a ``bytes`` of length one, as in rclpy.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np

from edge_infer.runtime.definitions import PADDING_FIELD, Constant, Definition, Field, Shape

DTYPES = {
    "bool": np.dtype(np.bool_),
    "char": np.dtype(np.uint8),
    **{
        name: np.dtype(name)
        for name in ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64")
    },
    "float32": np.dtype(np.float32),
    "float64": np.dtype(np.float64),
}
"""Types whose arrays are numpy arrays."""

_SCALARS: dict[str, Any] = {
    "bool": False,
    "byte": b"\0",
    "string": "",
    "float32": 0.0,
    "float64": 0.0,
}


class MessageBase:
    """What all message classes share."""

    __slots__: tuple[str, ...] = ()
    __hash__ = None  # type: ignore[assignment]
    __msgtype__: ClassVar[str]

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return all(_equal(getattr(self, name), getattr(other, name)) for name in self.__slots__)

    def __repr__(self) -> str:
        values = ", ".join(f"{name}={getattr(self, name)!r}" for name in self.__slots__)
        return f"{self.__msgtype__.replace('/', '.')}({values})"


def message_class(definition: Definition, nested: Callable[[str], type]) -> type[MessageBase]:
    """The class for a definition; ``nested`` gives those of its fields' types."""
    fields = [field for field in definition.fields if field.name != PADDING_FIELD]
    source, scope = _constructor(fields, nested)
    namespace: dict[str, Any] = {
        "__slots__": tuple(field.name for field in fields),
        "__msgtype__": definition.name,
        "__doc__": f"{definition.name}",
        "__module__": definition.name.rpartition("/")[0].replace("/", "."),
        **{constant.name: _constant(constant) for constant in definition.constants},
    }
    exec(source, scope, namespace)  # noqa: S102 - made from parsed definitions, as dataclasses do
    return type(definition.name.rpartition("/")[2], (MessageBase,), namespace)


def _constructor(fields: list[Field], nested: Callable[[str], type]) -> tuple[str, dict[str, Any]]:
    """Source of ``__init__`` and the names that it uses."""
    scope: dict[str, Any] = {}
    arguments, body = ["self"], []
    for index, field in enumerate(fields):
        make, default = f"make{index}", f"default{index}"
        scope[make], scope[default] = _default(field, nested)
        arguments.append(f"{field.name}={default}")
        fresh = f"{make}() if {field.name} is None else " if scope[make] else ""
        body.append(f"    self.{field.name} = {fresh}{field.name}")
    source = f"def __init__({', '.join(arguments)}):\n" + "\n".join(body or ["    pass"])
    return source, scope


def _default(field: Field, nested: Callable[[str], type]) -> tuple[Callable[[], Any] | None, Any]:
    """(factory, None) of a mutable default, (None, value) of another."""
    default, size = field.default, field.size
    if field.shape is Shape.SCALAR:
        if field.is_nested:
            return nested(field.type), None
        return None, _SCALARS.get(field.type, 0) if default is None else default
    if field.type in DTYPES:
        values = np.zeros(size if field.shape is Shape.ARRAY else 0, DTYPES[field.type])
        if default is not None:
            values = np.array(default, values.dtype)
        if not len(values):
            values.flags.writeable = False
            return None, values
        return values.copy, None
    if default is not None:
        return default.copy, None
    if field.shape is Shape.SEQUENCE:
        return list, None
    element = nested(field.type) if field.is_nested else type(_SCALARS[field.type])
    if field.type == "byte":
        return (lambda: [b"\0"] * size), None
    return (lambda: [element() for _ in range(size)]), None


def _constant(constant: Constant) -> Any:
    """Its value; of a ``byte`` as rosidl has it."""
    if constant.type == "byte":
        return int(constant.value).to_bytes(1, "little")
    return constant.value


def _equal(left: Any, right: Any) -> bool:
    if isinstance(left, np.ndarray) or isinstance(right, np.ndarray):
        return np.array_equal(left, right)
    return bool(left == right)
