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

"""A node's configuration: a pydantic model whose fields are ROS parameters.

``load_config`` works with any handle that has rclpy's parameter methods. Files
and ``--ros-args`` are read elsewhere; what they set for a node is found at
``node.parameter_overrides``, on a bare rclpy node at what rclpy read itself.
"""

from __future__ import annotations

import difflib
import math
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from enum import Enum
from pathlib import Path
from typing import Any, Literal, NamedTuple, TypeVar, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from edge_infer.errors import ParameterError
from edge_infer.runtime.api import Node
from edge_infer.runtime.parameter_files import Overrides, Setting

Config = TypeVar("Config", bound=BaseModel)

BUILT_IN = ("use_sim_time", "qos_overrides.", "start_type_description_service")
"""Parameters, or what their names start with, that every node may be given."""

_CONSTRAINT_TEXTS = {
    "gt": "> {}",
    "lt": "< {}",
    "pattern": "matches {}",
    "min_length": "length >= {}",
    "max_length": "length <= {}",
}
_LARGEST = {int: 2**63 - 1, float: sys.float_info.max}


class Row(NamedTuple):
    """One parameter: its full name, and the field of which model it is."""

    name: str
    field: FieldInfo


class Change(Enum):
    """When a parameter may be changed."""

    ANY_TIME = "any time"
    UNCONFIGURED = "while the node is unconfigured"
    NEVER = "at the start only"


def change_of(field: FieldInfo, is_managed: bool) -> Change:
    """When a field's parameter may be changed, of a managed node or another."""
    extra = field.json_schema_extra
    read_only = extra.get("read_only") if isinstance(extra, Mapping) else None
    if read_only is None:
        return Change.UNCONFIGURED if is_managed else Change.NEVER
    return Change.NEVER if read_only else Change.ANY_TIME


def load_config(node: Node, config_class: type[Config], is_managed: bool = False) -> Config:
    """Declare every field as a parameter, read, check.

    A field's description, its unit (``json_schema_extra={"unit": "m"}``), range (``ge``,
    ``le``, ``gt``, ``lt``) and choices (``Literal``, ``Enum``) go into the descriptor. With
    ``json_schema_extra={"read_only": False}`` it may be changed at any time, with True never,
    else only in a managed node that is unconfigured. A field that is itself a model
    contributes its fields as ``field.inner``.

    Raises:
        ParameterError: a setting names no field, or its value does not fit.
    """
    rows = list(rows_of(config_class))
    settings = settings_of(node)
    _refuse_unknown(node, settings, [row.name for row in rows])
    given = {row.name: settings[row.name] for row in rows if row.name in settings}
    try:
        config = config_class.model_validate(
            nested({name: setting.value for name, setting in given.items()})
        )
    except ValidationError as error:
        raise _unusable(node, given, error.errors()[0]) from error
    for row in rows:
        if not node.has_parameter(row.name):
            value = _parameter_value(_at(config, row.name))
            descriptor = _descriptor(node, row, change_of(row.field, is_managed))
            node.declare_parameter(row.name, value, descriptor, ignore_override=True)
    return config


def check_unknown(overrides: Overrides, warn: Callable[[str], None]) -> None:
    """Look once, when all nodes of a process are made, at settings for many nodes.

    One in a file that no node here has may be meant for others and is only worth
    a warning, unless its name is nearly that of a parameter here.

    Raises:
        ParameterError: one given on the command line that no node has, or a near miss.
    """
    if overrides.are_checked:
        return
    overrides.are_checked = True
    for setting in overrides.unknown():
        if setting.name.startswith(BUILT_IN):
            continue
        close = difflib.get_close_matches(setting.name, overrides.known_names, n=1, cutoff=0.8)
        problem = f"no node here has the parameter {setting.name!r} of {setting.origin}"
        if close or setting.is_explicit:
            raise ParameterError(problem, _hint(setting.name, overrides.known_names))
        warn(problem)


def rows_of(config_class: type[BaseModel], prefix: str = "") -> Iterator[Row]:
    """All parameters of a configuration."""
    for name, field in config_class.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from rows_of(field.annotation, f"{prefix}{name}.")
        else:
            yield Row(prefix + name, field)


def settings_of(node: Any) -> dict[str, Setting]:
    """What files and the command line set for a node."""
    overrides = getattr(node, "parameter_overrides", None)
    full_name = node.get_fully_qualified_name()
    if isinstance(overrides, Overrides):
        return overrides.for_node(full_name)
    plain: Mapping[str, Any] = getattr(node, "_parameter_overrides", {})
    return {
        name: Setting(full_name, name, parameter.value, "what rclpy was given")
        for name, parameter in plain.items()
    }


def _refuse_unknown(node: Any, settings: Mapping[str, Setting], names: list[str]) -> None:
    """Complain about what is meant for this node alone; note what it has for the others."""
    overrides = getattr(node, "parameter_overrides", None)
    if isinstance(overrides, Overrides):
        overrides.known_names.update(names)
    for name, setting in settings.items():
        known = name in names or name.startswith(BUILT_IN) or node.has_parameter(name)
        if not known and not setting.is_wildcard:
            raise ParameterError(
                f"{node.get_fully_qualified_name()} has no parameter {name!r}, "
                f"which {setting.origin} sets",
                _hint(name, names),
            )


def _hint(name: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(name, list(known), n=1)
    if close:
        return f"did you mean {close[0]!r}?"
    return f"use one of {', '.join(sorted(known))}" if known else "remove it"


def nested(settings: Mapping[str, Any]) -> dict[str, Any]:
    """``{"a.b": value}`` as ``{"a": {"b": value}}``."""
    result: dict[str, Any] = {}
    for name, value in settings.items():
        *parents, leaf = name.split(".")
        place = result
        for parent in parents:
            place = place.setdefault(parent, {})
        place[leaf] = value
    return result


def _unusable(node: Node, given: Mapping[str, Setting], error: ErrorDetails) -> ParameterError:
    """The first complaint of pydantic as a sentence for a user."""
    path = [str(part) for part in error["loc"]]
    names = [".".join(path[:n]) for n in range(len(path), 0, -1)]
    setting = next((given[name] for name in names if name in given), None)
    expected = expectation(error)
    if setting is None:
        return ParameterError(
            f"the parameters of {node.get_fully_qualified_name()} do not fit together",
            f"{'.'.join(path)}: {expected}" if path else expected,
        )
    return ParameterError(
        f"parameter {setting.name!r} of {node.get_fully_qualified_name()} cannot be "
        f"{error['input']!r} ({setting.origin})",
        f"it {expected}",
    )


def expectation(error: ErrorDetails) -> str:
    """What pydantic expected, to follow "it": "should be less than 1"."""
    return error["msg"].removeprefix("Value error, ").removeprefix("Input ")


def _at(config: Any, name: str) -> Any:
    for part in name.split("."):
        config = getattr(config, part)
    return config


def _parameter_value(value: Any) -> Any:
    """A field's value as one that a ROS parameter can have."""
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, list | tuple | set | frozenset):
        return [_parameter_value(item) for item in value]
    return value


def _descriptor(node: Node, row: Row, change: Change) -> Any:
    """The rcl_interfaces/msg/ParameterDescriptor of a field."""
    extra = row.field.json_schema_extra
    extra = extra if isinstance(extra, Mapping) else {}
    unit = f" [{extra['unit']}]" if "unit" in extra else ""
    descriptor = node.messages["rcl_interfaces/msg/ParameterDescriptor"]()
    descriptor.name = row.name
    descriptor.description = (row.field.description or "") + unit
    descriptor.read_only = change is Change.NEVER
    descriptor.dynamic_typing = type(None) in get_args(row.field.annotation)
    constraints = [*_constraints(row.field)]
    if change is Change.UNCONFIGURED:
        constraints.append(f"changes {change.value}")
    descriptor.additional_constraints = ", ".join(constraints)
    number = _number_type(row.field)
    bounds = _bounds(row.field)
    if number and bounds:
        kind = "Integer" if number is int else "FloatingPoint"
        largest = _LARGEST[number]
        limits = node.messages[f"rcl_interfaces/msg/{kind}Range"](
            from_value=number(bounds.get("least", -largest)),
            to_value=number(bounds.get("most", largest)),
        )
        ranges = "integer_range" if number is int else "floating_point_range"
        setattr(descriptor, ranges, [limits])
    return descriptor


def _number_type(field: FieldInfo) -> type | None:
    """The kind of number a field holds, if it holds one."""
    options = get_args(field.annotation) or (field.annotation,)
    return next((kind for kind in (float, int) if kind in options), None)


def _bounds(field: FieldInfo) -> dict[str, float]:
    """The least and the most that a number may be."""
    found = {}
    for constraint in field.metadata:
        for name, key in (("ge", "least"), ("gt", "least"), ("le", "most"), ("lt", "most")):
            value = getattr(constraint, name, None)
            if value is not None and math.isfinite(value):
                found[key] = value
    return found


def _constraints(field: FieldInfo) -> Iterator[str]:
    """What a range cannot say."""
    for constraint in field.metadata:
        for name, text in _CONSTRAINT_TEXTS.items():
            value = getattr(constraint, name, None)
            if value is not None:
                yield text.format(value)
    annotation = field.annotation
    if get_origin(annotation) is Literal:
        yield "one of " + ", ".join(map(str, get_args(annotation)))
    elif isinstance(annotation, type) and issubclass(annotation, Enum):
        yield "one of " + ", ".join(str(member.value) for member in annotation)
