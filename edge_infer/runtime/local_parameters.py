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

"""Parameters of a node of ours: declaring, setting with checks, and as wire messages.

The rules are ROS 2's: a declared parameter keeps its type unless its descriptor
says otherwise, stays in its range and may be read-only. The services by which
other programs reach them are in ``parameter_services.py``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from enum import IntEnum
from typing import Any, NamedTuple

import numpy as np

from edge_infer.errors import ParameterError
from edge_infer.runtime.messages import message_types
from edge_infer.runtime.parameter_files import Setting


class Kind(IntEnum):
    """The values of rcl_interfaces/msg/ParameterType."""

    NOT_SET = 0
    BOOL = 1
    INTEGER = 2
    DOUBLE = 3
    STRING = 4
    BYTE_ARRAY = 5
    BOOL_ARRAY = 6
    INTEGER_ARRAY = 7
    DOUBLE_ARRAY = 8
    STRING_ARRAY = 9

    @property
    def field(self) -> str:
        """Where a rcl_interfaces/msg/ParameterValue holds such a value."""
        return f"{self.name.lower()}_value"

    def __str__(self) -> str:
        return self.name.lower().replace("_", " ")


_SCALARS = {
    bool: Kind.BOOL,
    int: Kind.INTEGER,
    float: Kind.DOUBLE,
    str: Kind.STRING,
    bytes: Kind.BYTE_ARRAY,
}
_ARRAYS = {
    bool: Kind.BOOL_ARRAY,
    int: Kind.INTEGER_ARRAY,
    float: Kind.DOUBLE_ARRAY,
    str: Kind.STRING_ARRAY,
}
"""By the type of the elements."""


class Parameter(NamedTuple):
    """A declared parameter."""

    name: str
    value: Any

    @property
    def kind(self) -> Kind:
        """What its value is."""
        return kind_of(self.value)

    def get_parameter_value(self) -> Any:
        """The rcl_interfaces/msg/ParameterValue."""
        return value_to_msg(self.value)


class Refusal(Exception):  # noqa: N818 - an answer, not a fault
    """Why a parameter keeps its value."""


def kind_of(value: Any) -> Kind:
    """The kind of a value; an empty list counts as one of strings.

    Raises:
        ParameterError: no parameter can have that value.
    """
    if value is None:
        return Kind.NOT_SET
    kinds: Mapping[type, Kind] = _SCALARS
    types = {type(value)}
    if isinstance(value, list | tuple):
        kinds, types = _ARRAYS, {type(item) for item in value} or {str}
        types = {float} if types == {int, float} else types
    kind = kinds.get(types.pop()) if len(types) == 1 else None
    if kind is None:
        raise ParameterError(
            f"{value!r} cannot be the value of a parameter",
            "use a bool, an integer, a float, a string, bytes, or a list of one of these",
        )
    return kind


def value_to_msg(value: Any) -> Any:
    """The rcl_interfaces/msg/ParameterValue of a value."""
    kind = kind_of(value)
    message = message_types()["rcl_interfaces/msg/ParameterValue"](type=int(kind))
    if kind != Kind.NOT_SET:
        setattr(message, kind.field, value)
    return message


def value_from_msg(message: Any) -> Any:
    """The value in a rcl_interfaces/msg/ParameterValue.

    Raises:
        ParameterError: it is of no known kind.
    """
    try:
        kind = Kind(message.type)
    except ValueError:
        raise ParameterError(
            f"there is no type {message.type} of parameters", "use one of ParameterType"
        ) from None
    if kind == Kind.NOT_SET:
        return None
    value = getattr(message, kind.field)
    if isinstance(value, np.ndarray):
        return value.tolist()
    return b"".join(value) if kind == Kind.BYTE_ARRAY else value


class LocalParameters:
    """The parameters of one node.

    Args:
        node: fully qualified name, for errors.
        overrides: what files and the command line say, by parameter name.
        changed: called with name, value and whether it is new after each accepted change.

    Attributes:
        judges: asked, in this order, whether changes that keep types and ranges are good;
            each takes a list of Parameter and gives a rcl_interfaces/msg/SetParametersResult.
    """

    def __init__(
        self,
        node: str,
        overrides: Mapping[str, Setting],
        changed: Callable[[str, Any, bool], None],
    ) -> None:
        self._node = node
        self._overrides = overrides
        self._changed = changed
        self._values: dict[str, Any] = {}
        self._descriptors: dict[str, Any] = {}
        self.judges: list[Callable[[list[Parameter]], Any]] = []

    def __contains__(self, name: str) -> bool:
        return name in self._values

    def names(self) -> list[str]:
        """All declared ones, sorted."""
        return sorted(self._values)

    def declare(
        self, name: str, value: Any, descriptor: Any = None, ignore_override: bool = False
    ) -> Parameter:
        """Introduce a parameter with its default, or what overrides it.

        Raises:
            ParameterError: declared before, or the override does not fit.
        """
        if name in self._values:
            raise ParameterError(
                f"{self._node} declares the parameter {name!r} twice", "declare it once"
            )
        descriptor = descriptor or message_types()["rcl_interfaces/msg/ParameterDescriptor"]()
        descriptor.name, descriptor.type = name, int(kind_of(value))
        setting = None if ignore_override else self._overrides.get(name)
        if setting is not None:
            value = self._overridden(descriptor, setting)
        self._descriptors[name] = descriptor
        self._values[name] = value
        self._changed(name, value, True)
        return Parameter(name, value)

    def get(self, name: str) -> Parameter:
        """A declared parameter.

        Raises:
            ParameterError: it is not declared.
        """
        if name not in self._values:
            raise ParameterError(
                f"{self._node} has not declared the parameter {name!r}", "declare it first"
            )
        return Parameter(name, self._values[name])

    def descriptor(self, name: str) -> Any:
        """Its rcl_interfaces/msg/ParameterDescriptor."""
        self.get(name)
        return self._descriptors[name]

    def set_all(self, changes: Sequence[tuple[str, Any]]) -> str:
        """Set several or none.

        Returns:
            Why they were refused, empty when they were not.
        """
        try:
            checked = [(name, self._checked(name, value)) for name, value in changes]
        except Refusal as refusal:
            return str(refusal)
        for judge in self.judges:
            verdict = judge([Parameter(name, value) for name, value in checked])
            if not verdict.successful:
                return str(verdict.reason)
        for name, value in checked:
            self._values[name] = value
            self._changed(name, value, False)
        return ""

    def _overridden(self, descriptor: Any, setting: Setting) -> Any:
        try:
            return _fitting(descriptor, setting.value)
        except Refusal as refusal:
            raise ParameterError(
                f"parameter {setting.name!r} of {self._node} cannot be {setting.value!r} "
                f"({setting.origin})",
                str(refusal),
            ) from refusal

    def _checked(self, name: str, value: Any) -> Any:
        """The value to take over, if it may be."""
        if name not in self._values:
            raise Refusal(f"parameter {name!r} is not declared")
        if self._descriptors[name].read_only:
            raise Refusal(f"parameter {name!r} is read-only")
        return _fitting(self._descriptors[name], value)


def _fitting(descriptor: Any, value: Any) -> Any:
    """A value that has the declared type and range; whole numbers pass as floats."""
    declared = Kind(descriptor.type)
    if declared == Kind.DOUBLE and type(value) is int:
        value = float(value)
    try:
        kind = kind_of(value)
    except ParameterError as error:
        raise Refusal(error.problem) from error
    is_empty_list = value in ([], ()) and declared in _ARRAYS.values()
    if kind != declared and not descriptor.dynamic_typing and not is_empty_list:
        raise Refusal(f"it must be of type {declared}, not {kind}")
    for limits in (*descriptor.integer_range, *descriptor.floating_point_range):
        if not limits.from_value <= value <= limits.to_value:
            raise Refusal(f"it must be between {limits.from_value} and {limits.to_value}")
    return value
