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

"""ROS 2 types for Cyclone DDS: the IDL struct of a message, and how types are named on the wire.

The library wants a description of every type. From release 11 on it checks each
sample against it, on the way out and on the way in, so bytes of a hostile or
broken sender never reach a decoder; 0.10 looks at the names alone. What is
described is the layout; payloads are made and read by ``runtime/cdr.py``.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Any

from edge_infer.runtime.definitions import Field, Shape, definitions
from edge_infer.runtime.embedded.library import release

KNOWS_EVERY_TYPE = 11
"""Since this release the library can read every type that others describe to it."""

_DDS_TYPE = re.compile(r"(\w+)::(msg|srv|action)::dds_::(\w+)_")
_SERVICE_HALF = re.compile(r"_(?:Request|Response)$")


def dds_type_name(ros_type: str) -> str:
    """``pkg/msg/Name`` as ROS 2 calls it in DDS: ``pkg::msg::dds_::Name_``."""
    package, kind, name = ros_type.split("/")
    return f"{package}::{kind}::dds_::{name}_"


def ros_type_name(dds_type: str) -> str:
    """The way back; the name of a type that is not ROS 2's stays as it is."""
    match = _DDS_TYPE.fullmatch(dds_type)
    return "/".join(match.groups()) if match else dds_type


@cache
def idl_struct(ros_type: str) -> type:
    """The description of a type, made once per process.

    Args:
        ros_type: ``pkg/msg/Name``; or ``pkg/srv/Name_Request`` or ``…_Response``, which
            are preceded by the 16 bytes that tie an answer to its question.

    Raises:
        MessageError: nobody defines the type.
    """
    from cyclonedds.idl import make_idl_struct, types

    fields: dict[str, Any] = {}
    if "/srv/" in ros_type and _SERVICE_HALF.search(ros_type):
        fields |= {"rmw_writer_guid": types.uint64, "rmw_sequence_number": types.int64}
    fields |= {field.name: _field_type(field) for field in definitions()[ros_type].fields}
    name = dds_type_name(ros_type)
    struct = make_idl_struct(name.rpartition("::")[2], name, fields, dataclassify=False)
    struct.__idl__.populate()
    if release() >= KNOWS_EVERY_TYPE:
        struct.__idl__.fill_type_data()
    # Otherwise types match by name. Who announces a description asks for those of others, and
    # 0.10 crashes on the answer where it has a uint8, which it only knows as a byte.
    made: type = struct
    return made


def _field_type(field: Field) -> Any:
    from cyclonedds.idl import types

    element = _element_type(field)
    if field.shape is Shape.ARRAY:
        return types.array[element, field.size]
    if field.shape is Shape.SEQUENCE:
        return types.sequence[element, field.size] if field.size else types.sequence[element]
    return element


def _element_type(field: Field) -> Any:
    from cyclonedds.idl import types

    if field.is_nested:
        return idl_struct(field.type)
    if field.type == "string":
        return types.bounded_str[field.string_bound] if field.string_bound else str
    basic = {"bool": bool, "byte": types.uint8, "char": types.uint8}
    return basic.get(field.type) or getattr(types, field.type)
