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

"""Where message definitions come from: names in, fields, constants and type hashes out.

The common ROS packages are in rosbags' type store; what it lacks stands as
``.msg`` and ``.srv`` files in ``interfaces/``, our own in ``edge_infer_msgs`` (beside
the package in a checkout, under ``share/`` when installed), and any other
package's in the folders that EDGE_INFER_INTERFACES names, as PATH does, or under
the share folders of a sourced ROS 2. Parsing is rosbags';
making classes is ``message_classes.py``, bytes are ``cdr.py``.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from enum import Enum
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from rosbags.interfaces import Nodetype
from rosbags.typesys import Stores, TypesysError, get_types_from_msg, get_typestore

from edge_infer.errors import MessageError

PADDING_FIELD = "structure_needs_at_least_one_member"
"""The one byte that ROS 2 gives a message without fields."""

USERS_FOLDERS = "EDGE_INFER_INTERFACES"
"""Variable of the environment: folders that hold packages with definitions."""

PREDEFINED_DEFAULTS: dict[str, dict[str, Any]] = {
    "geometry_msgs/msg/Quaternion": {"w": 1.0},
    "sensor_msgs/msg/NavSatStatus": {"status": -2},
}
"""Default values in the common packages, which the type store does not keep."""

_PADDING: Any = [(PADDING_FIELD, (Nodetype.BASE, ("uint8", 0)))]
_DEFAULT_LINE = re.compile(r"^\s*[\w/]+(?:<=\d+)?(?:\[[^]]*\])?\s+([a-z]\w*)\s+([^#=\s][^#]*)")


class Shape(Enum):
    """How many values a field has."""

    SCALAR = "scalar"
    ARRAY = "array"
    SEQUENCE = "sequence"


class Field(NamedTuple):
    """One field of a message.

    Attributes:
        name: as in the definition.
        type: a basic type (``float64``, ``string``, ...) or ``pkg/msg/Name``.
        shape: one value, a fixed number or any number.
        size: of an array; the bound of a sequence, 0 for none.
        string_bound: the most characters of a string, 0 for no limit.
        default: from the definition; None for the type's own.
    """

    name: str
    type: str
    shape: Shape = Shape.SCALAR
    size: int = 0
    string_bound: int = 0
    default: Any = None

    @property
    def is_nested(self) -> bool:
        """Whether its type is another message."""
        return "/" in self.type


class Constant(NamedTuple):
    """One named value of a message."""

    name: str
    type: str
    value: Any


class Definition(NamedTuple):
    """What a message, or one half of a service, consists of."""

    name: str
    fields: tuple[Field, ...]
    constants: tuple[Constant, ...]


def search_path() -> Iterator[Path]:
    """Folders that may hold ``<package>/msg/<Name>.msg``, ours first."""
    here = Path(__file__).resolve().parent
    yield here / "interfaces"
    yield here.parents[1]
    for place in (here, Path(__file__).absolute().parent):
        for parent in place.parents:
            yield parent / "share" / "edge_infer" / "interfaces"
    for folder in os.environ.get(USERS_FOLDERS, "").split(os.pathsep):
        if folder:
            yield Path(folder).expanduser()
    for prefix in os.environ.get("AMENT_PREFIX_PATH", "").split(os.pathsep):
        if prefix:
            yield Path(prefix) / "share"


class Definitions:
    """Every definition that can be found, read when it is first asked for."""

    def __init__(self) -> None:
        self._store = get_typestore(Stores.ROS2_JAZZY)
        for name, (constants, fields) in self._store.fielddefs.items():
            self._store.fielddefs[name] = (constants, _with_uint8(fields))
        self._defaults = dict(PREDEFINED_DEFAULTS)
        self._known: dict[str, Definition] = {}
        self._hashes: dict[str, str] = {}

    def __getitem__(self, name: str) -> Definition:
        """The definition of ``pkg/msg/Name``, ``pkg/srv/Name_Request`` or ``…_Response``.

        Raises:
            MessageError: nobody defines it, or its definition cannot be read.
        """
        found = self._known.get(name)
        if found is None:
            found = self._known[name] = self._load(name)
        return found

    def type_hash(self, name: str) -> str:
        """The RIHS01 hash by which ROS 2 tells versions of a type apart."""
        found = self._hashes.get(name)
        if found is None:
            self._require(name)
            found = self._hashes[name] = self._store.hash_rihs01(name)
        return found

    def text(self, name: str) -> str:
        """The definition of a message and of all it is made of, as bags hold it."""
        self._require(name)
        return self._store.generate_msgdef(name, ros_version=2)[0]

    def _require(self, name: str) -> None:
        """Read a type and all it is made of into the store."""
        for field in self[name].fields:
            if field.is_nested:
                self._require(field.type)

    def _load(self, name: str) -> Definition:
        if name not in self._store.fielddefs:
            self._parse(name)
        if name not in self._store.fielddefs:
            raise MessageError(
                f"{name} is a service, not a message", f"take {name}_Request or {name}_Response"
            )
        constants, fields = self._store.fielddefs[name]
        defaults = self._defaults.get(name, {})
        return Definition(
            name,
            tuple(_field(key, desc, defaults.get(key)) for key, desc in fields),
            tuple(_constant(*constant) for constant in constants),
        )

    def _parse(self, name: str) -> None:
        for part, text in _split(name, _find(name)).items():
            # Parsed as a message, because rosbags resolves plain names for those only.
            alias = part.replace("/srv/", "/msg/")
            try:
                constants, fields = get_types_from_msg(text, alias)[alias]
            except (TypesysError, KeyError, AssertionError) as error:
                raise MessageError(
                    f"the definition of {part} cannot be read ({error})", "correct its file"
                ) from error
            self._store.fielddefs[part] = (constants, _with_uint8(fields) or _PADDING)
            self._defaults[part] = _defaults(text)


@cache
def definitions() -> Definitions:
    """The definitions of this process."""
    return Definitions()


def _find(name: str) -> Path:
    """The file that defines a type."""
    try:
        package, kind, stem = name.split("/")
    except ValueError:
        raise MessageError(
            f"{name!r} is no type name", "write it as package/msg/Name or package/srv/Name"
        ) from None
    if kind == "srv":
        stem = re.sub(r"_(Request|Response)$", "", stem)
    relative = Path(package, kind, f"{stem}.{kind}")
    for folder in search_path():
        if (folder / relative).is_file():
            return folder / relative
    raise MessageError(
        f"nobody defines the type {name}",
        f"source the package {package}, or name the folder that holds it in {USERS_FOLDERS}",
    )


def _split(name: str, path: Path) -> dict[str, str]:
    """The definitions in a file by type name: one, or the two halves of a service."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".msg":
        return {name: text}
    service = re.sub(r"_(Request|Response)$", "", name)
    request, _, response = re.split(r"^(---)\s*$", text, maxsplit=1, flags=re.MULTILINE)
    return {f"{service}_Request": request, f"{service}_Response": response.lstrip("\n")}


def _with_uint8(fields: Any) -> Any:
    """Fields with ``uint8`` for ``char``: the same to ROS 2, whose hash is that of the former."""
    char, uint8 = ((Nodetype.BASE, (name, 0)) for name in ("char", "uint8"))
    result: list[Any] = []
    for name, (kind, detail) in fields:
        if kind in (Nodetype.ARRAY, Nodetype.SEQUENCE) and detail[0] == char:
            result.append((name, (kind, (uint8, detail[1]))))
        else:
            result.append((name, uint8 if (kind, detail) == char else (kind, detail)))
    return result


def _defaults(text: str) -> dict[str, Any]:
    """The default values that a definition states."""
    matches = (_DEFAULT_LINE.match(line) for line in text.splitlines())
    return {match[1]: yaml.safe_load(match[2]) for match in matches if match}


def _constant(name: str, type_name: str, value: Any) -> Constant:
    """One constant; older versions of rosbags leave the quotes around strings."""
    if isinstance(value, str) and value[:1] in ("'", '"') and value.endswith(value[0]):
        value = value[1:-1]
    return Constant(name, type_name, value)


def _field(name: str, desc: Any, default: Any) -> Field:
    """One entry of the type store as a Field."""
    kind, detail = desc
    shape, size = Shape.SCALAR, 0
    if kind in (Nodetype.ARRAY, Nodetype.SEQUENCE):
        shape = Shape.ARRAY if kind == Nodetype.ARRAY else Shape.SEQUENCE
        (kind, detail), size = detail
    if kind == Nodetype.NAME:
        return Field(name, detail, shape, size, default=default)
    type_name, bound = detail
    return Field(name, type_name, shape, size, bound, default)
