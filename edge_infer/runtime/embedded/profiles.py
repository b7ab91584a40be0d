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

"""Quality of service in the library's form, set as rmw_cyclonedds sets it, and read again."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from edge_infer.runtime.embedded.library import INFINITY, UNLIMITED, library
from edge_infer.runtime.qos import Durability, History, Liveliness, QoS, Reliability

_HISTORY = {History.KEEP_LAST: 0, History.KEEP_ALL: 1}
_RELIABILITY = {Reliability.BEST_EFFORT: 0, Reliability.RELIABLE: 1}
_DURABILITY = {Durability.VOLATILE: 0, Durability.TRANSIENT_LOCAL: 1}
_LIVELINESS = {Liveliness.AUTOMATIC: 0, Liveliness.MANUAL_BY_TOPIC: 2}
_XCDR1 = 0
_IGNORE_OWN_PARTICIPANT = 1


def _nanoseconds(seconds: float | None) -> int:
    return INFINITY if seconds is None else round(seconds * 1e9)


def _seconds(nanoseconds: int) -> float | None:
    return None if nanoseconds >= INFINITY else nanoseconds / 1e9


@contextmanager
def dds_qos(qos: QoS, user_data: str = "", *, ignore_own: bool = False) -> Iterator[int]:
    """The library's form of a quality of service, freed on leaving."""
    dds = library()
    made = dds.dds_create_qos()
    history = _HISTORY[qos.history]
    depth = qos.depth if qos.history is History.KEEP_LAST else UNLIMITED
    blocking = INFINITY if qos.reliability is Reliability.RELIABLE else 0
    try:
        dds.dds_qset_writer_data_lifecycle(made, False)
        dds.dds_qset_history(made, history, depth)
        dds.dds_qset_reliability(made, _RELIABILITY[qos.reliability], blocking)
        dds.dds_qset_durability(made, _DURABILITY[qos.durability])
        if qos.durability is Durability.TRANSIENT_LOCAL:
            limits = (UNLIMITED, UNLIMITED, UNLIMITED)
            dds.dds_qset_durability_service(made, 0, history, depth, *limits)
        dds.dds_qset_lifespan(made, _nanoseconds(qos.lifespan_s))
        dds.dds_qset_deadline(made, _nanoseconds(qos.deadline_s))
        lease = _nanoseconds(qos.liveliness_lease_s)
        dds.dds_qset_liveliness(made, _LIVELINESS[qos.liveliness], lease)
        dds.dds_qset_data_representation(made, 1, ctypes.c_int16(_XCDR1))
        if ignore_own:
            dds.dds_qset_ignorelocal(made, _IGNORE_OWN_PARTICIPANT)
        written = user_data.encode()
        dds.dds_qset_userdata(made, written, len(written))
        yield made
    finally:
        dds.dds_delete_qos(made)


def qos_of(made: int) -> QoS:
    """Our form of one of the library's; what ROS 2 has no word for becomes the nearest."""
    dds = library()
    kind, depth, limit = ctypes.c_int(), ctypes.c_int32(), ctypes.c_int64()
    values: dict[str, Any] = {}
    if dds.dds_qget_history(made, kind, depth) and kind.value == _HISTORY[History.KEEP_LAST]:
        values["depth"] = depth.value
    else:
        values["history"] = History.KEEP_ALL
    if dds.dds_qget_reliability(made, kind, limit) and not kind.value:
        values["reliability"] = Reliability.BEST_EFFORT
    if dds.dds_qget_durability(made, kind) and kind.value:
        values["durability"] = Durability.TRANSIENT_LOCAL
    if dds.dds_qget_lifespan(made, limit):
        values["lifespan_s"] = _seconds(limit.value)
    if dds.dds_qget_deadline(made, limit):
        values["deadline_s"] = _seconds(limit.value)
    if dds.dds_qget_liveliness(made, kind, limit):
        values["liveliness_lease_s"] = _seconds(limit.value)
        if kind.value == _LIVELINESS[Liveliness.MANUAL_BY_TOPIC]:
            values["liveliness"] = Liveliness.MANUAL_BY_TOPIC
    return QoS(**values)
