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

"""The C library of Cyclone DDS, as the ``cyclonedds`` package loads it, seen through ctypes.

Only the calls that this room needs, with their types, so that a wrong argument
is an error and not a crash. ctypes releases the interpreter's lock for the time
of a call: a write that blocks or a copy of an image holds nobody up. The calls
are the same in Cyclone DDS 0.10 and 11.
"""

from __future__ import annotations

import ctypes
from ctypes import POINTER, c_bool, c_char_p, c_int, c_int32, c_int64, c_size_t, c_uint32, c_void_p
from functools import cache
from importlib import metadata
from typing import Any

from edge_infer.errors import RuntimeRoomError, RuntimeUnavailableError

INFINITY = 0x7FFF_FFFF_FFFF_FFFF
"""Nanoseconds that mean «without limit»."""

UNLIMITED = -1
"""As a number of samples."""

DATA_AVAILABLE = 1 << 8
OFFERED_INCOMPATIBLE_QOS = 1 << 3
REQUESTED_INCOMPATIBLE_QOS = 1 << 4
"""Bits of a status mask."""

ANY_STATE = 0b111_11_11
ALIVE = 0b001_11_11
"""Which samples to take or read: of any instance, or of those that are alive."""

BUILTIN_PARTICIPANTS = 0x7FFF_0001
BUILTIN_WRITERS = 0x7FFF_0003
BUILTIN_READERS = 0x7FFF_0004
"""Topics on which the library itself publishes what it discovers."""

FATAL, ERROR, WARNING = 1, 2, 4
"""Kinds of lines that the library writes to standard error."""

POLICIES = {
    2: "DURABILITY",
    3: "PRESENTATION",
    4: "DEADLINE",
    5: "LATENCY_BUDGET",
    6: "OWNERSHIP",
    8: "LIVELINESS",
    10: "PARTITION",
    11: "RELIABILITY",
    12: "DESTINATION_ORDER",
    24: "TYPE_CONSISTENCY",
    25: "DATA_REPRESENTATION",
}
"""Policies that the two sides of a topic must agree on, by their number in the library."""

_HOW_TO_GET_IT = (
    "run pip install cyclonedds (x86-64), build that package from source against your "
    "distribution's cyclonedds-dev (ARM), or source a ROS 2 and use --runtime ros"
)


class Box(ctypes.Structure):
    """A sample as the package's types take it from us: CDR with its header."""

    _fields_ = (("data", c_void_p), ("size", c_size_t))


class Span(ctypes.Structure):
    """ddsrt_iovec_t: a part of a sample as it lies in memory."""

    _fields_ = (("start", c_void_p), ("size", c_size_t))


class SampleInfo(ctypes.Structure):
    """dds_sample_info_t."""

    _fields_ = (
        ("sample_state", c_int),
        ("view_state", c_int),
        ("instance_state", c_int),
        ("valid_data", c_bool),
        ("source_timestamp", c_int64),
        ("instance_handle", ctypes.c_uint64),
        ("publication_handle", ctypes.c_uint64),
        ("disposed_generation_count", c_uint32),
        ("no_writers_generation_count", c_uint32),
        ("sample_rank", c_uint32),
        ("generation_rank", c_uint32),
        ("absolute_generation_rank", c_uint32),
    )


class Guid(ctypes.Structure):
    """dds_guid_t."""

    _fields_ = (("value", ctypes.c_uint8 * 16),)


class BuiltinParticipant(ctypes.Structure):
    """dds_builtintopic_participant_t."""

    _fields_ = (("key", Guid), ("qos", c_void_p))


class BuiltinEndpoint(ctypes.Structure):
    """dds_builtintopic_endpoint_t."""

    _fields_ = (
        ("key", Guid),
        ("participant_key", Guid),
        ("participant_instance_handle", ctypes.c_uint64),
        ("topic_name", c_char_p),
        ("type_name", c_char_p),
        ("qos", c_void_p),
    )


class IncompatibleQos(ctypes.Structure):
    """dds_offered_incompatible_qos_status_t, and dds_requested_incompatible_qos_status_t."""

    _fields_ = (
        ("total_count", c_uint32),
        ("total_count_change", c_int32),
        ("last_policy_id", c_uint32),
    )


_ENTITY, _QOS, _LISTENER, _DURATION, _ENUM = c_int32, c_void_p, c_void_p, c_int64, c_int
_HANDLES = POINTER(ctypes.c_uint64)

_CALLS: dict[str, tuple[Any, tuple[Any, ...]]] = {
    "dds_create_domain": (_ENTITY, (c_uint32, c_char_p)),
    "dds_create_participant": (_ENTITY, (c_uint32, _QOS, _LISTENER)),
    "dds_create_publisher": (_ENTITY, (_ENTITY, _QOS, _LISTENER)),
    "dds_create_subscriber": (_ENTITY, (_ENTITY, _QOS, _LISTENER)),
    "dds_create_writer": (_ENTITY, (_ENTITY, _ENTITY, _QOS, _LISTENER)),
    "dds_create_reader": (_ENTITY, (_ENTITY, _ENTITY, _QOS, _LISTENER)),
    "dds_delete": (c_int32, (_ENTITY,)),
    "dds_get_guid": (c_int32, (_ENTITY, POINTER(Guid))),
    "dds_get_instance_handle": (c_int32, (_ENTITY, _HANDLES)),
    "dds_set_status_mask": (c_int32, (_ENTITY, c_uint32)),
    "dds_get_offered_incompatible_qos_status": (c_int32, (_ENTITY, POINTER(IncompatibleQos))),
    "dds_get_requested_incompatible_qos_status": (c_int32, (_ENTITY, POINTER(IncompatibleQos))),
    "dds_get_matched_subscriptions": (c_int32, (_ENTITY, _HANDLES, c_size_t)),
    "dds_get_matched_publications": (c_int32, (_ENTITY, _HANDLES, c_size_t)),
    "dds_get_matched_subscription_data": (POINTER(BuiltinEndpoint), (_ENTITY, ctypes.c_uint64)),
    "dds_get_matched_publication_data": (POINTER(BuiltinEndpoint), (_ENTITY, ctypes.c_uint64)),
    "dds_builtintopic_free_endpoint": (None, (POINTER(BuiltinEndpoint),)),
    "dds_create_waitset": (_ENTITY, (_ENTITY,)),
    "dds_waitset_attach": (c_int32, (_ENTITY, _ENTITY, ctypes.c_ssize_t)),
    "dds_waitset_wait": (c_int32, (_ENTITY, POINTER(ctypes.c_ssize_t), c_size_t, _DURATION)),
    "dds_create_guardcondition": (_ENTITY, (_ENTITY,)),
    "dds_set_guardcondition": (c_int32, (_ENTITY, c_bool)),
    "dds_write": (c_int32, (_ENTITY, c_void_p)),
    "dds_takecdr": (
        c_int32,
        (_ENTITY, POINTER(c_void_p), c_uint32, POINTER(SampleInfo), c_uint32),
    ),
    "ddsi_serdata_size": (c_uint32, (c_void_p,)),
    "ddsi_serdata_to_ser": (None, (c_void_p, c_size_t, c_size_t, c_void_p)),
    "ddsi_serdata_to_ser_ref": (c_void_p, (c_void_p, c_size_t, c_size_t, POINTER(Span))),
    "ddsi_serdata_to_ser_unref": (None, (c_void_p, POINTER(Span))),
    "ddsi_serdata_unref": (None, (c_void_p,)),
    "dds_read_mask": (
        c_int32,
        (_ENTITY, POINTER(c_void_p), POINTER(SampleInfo), c_size_t, c_uint32, c_uint32),
    ),
    "dds_return_loan": (c_int32, (_ENTITY, POINTER(c_void_p), c_int32)),
    "dds_free": (None, (c_void_p,)),
    "dds_set_log_mask": (None, (c_uint32,)),
    "dds_strretcode": (c_char_p, (c_int32,)),
    "dds_create_qos": (_QOS, ()),
    "dds_delete_qos": (None, (_QOS,)),
    "dds_qset_userdata": (None, (_QOS, c_char_p, c_size_t)),
    "dds_qget_userdata": (c_bool, (_QOS, POINTER(c_void_p), POINTER(c_size_t))),
    "dds_qset_history": (None, (_QOS, _ENUM, c_int32)),
    "dds_qset_reliability": (None, (_QOS, _ENUM, _DURATION)),
    "dds_qset_durability": (None, (_QOS, _ENUM)),
    "dds_qset_durability_service": (
        None,
        (_QOS, _DURATION, _ENUM, c_int32, c_int32, c_int32, c_int32),
    ),
    "dds_qget_history": (c_bool, (_QOS, POINTER(_ENUM), POINTER(c_int32))),
    "dds_qget_reliability": (c_bool, (_QOS, POINTER(_ENUM), POINTER(_DURATION))),
    "dds_qget_durability": (c_bool, (_QOS, POINTER(_ENUM))),
    "dds_qget_lifespan": (c_bool, (_QOS, POINTER(_DURATION))),
    "dds_qget_deadline": (c_bool, (_QOS, POINTER(_DURATION))),
    "dds_qget_liveliness": (c_bool, (_QOS, POINTER(_ENUM), POINTER(_DURATION))),
    "dds_qset_lifespan": (None, (_QOS, _DURATION)),
    "dds_qset_deadline": (None, (_QOS, _DURATION)),
    "dds_qset_liveliness": (None, (_QOS, _ENUM, _DURATION)),
    "dds_qset_ignorelocal": (None, (_QOS, _ENUM)),
    "dds_qset_writer_data_lifecycle": (None, (_QOS, c_bool)),
    "dds_qset_data_representation": (None, (_QOS, c_uint32, POINTER(ctypes.c_int16))),
}


@cache
def library() -> ctypes.CDLL:
    """The loaded library with the types of its calls set.

    Raises:
        RuntimeUnavailableError: the package is not installed or cannot be loaded.
    """
    try:
        from cyclonedds import internal
    except ImportError as error:
        raise RuntimeUnavailableError(
            "the package cyclonedds is not installed", _HOW_TO_GET_IT
        ) from error
    except Exception as error:  # its loader raises an exception of its own, not exported
        raise RuntimeUnavailableError(
            f"cyclonedds cannot be loaded ({error})", _HOW_TO_GET_IT
        ) from (error)
    # A handle of our own: the package sets other types for the same calls on its own.
    dds = ctypes.CDLL(internal.DDS._dll_handle._name)  # noqa: SLF001 - it is not exported otherwise
    for name, (result, arguments) in _CALLS.items():
        call = getattr(dds, name)
        call.restype, call.argtypes = result, arguments
    return dds


@cache
def release() -> int:
    """The first number of the library's version: 0 or 11."""
    return int(metadata.version("cyclonedds").split(".")[0])


def checked(code: int, what: str) -> int:
    """The code itself: an entity, a count or 0.

    Raises:
        RuntimeRoomError: the library refused.
    """
    if code < 0:
        reason = library().dds_strretcode(code).decode()
        raise RuntimeRoomError(
            f"Cyclone DDS could not {what} ({reason})",
            "check ROS_DOMAIN_ID, CYCLONEDDS_URI and the network interface",
        )
    return code


def guid_of(entity: int) -> bytes:
    """The sixteen bytes by which an entity is known in the whole network."""
    guid = Guid()
    checked(library().dds_get_guid(entity, guid), "name an entity")
    return bytes(guid.value)


def user_data_of(qos: int) -> str:
    """The user data in a quality of service; empty when there is none."""
    dds = library()
    data, size = c_void_p(), c_size_t()
    if not dds.dds_qget_userdata(qos, data, size) or not data.value:
        return ""
    try:
        return ctypes.string_at(data.value, size.value).decode(errors="replace")
    finally:
        dds.dds_free(data)
