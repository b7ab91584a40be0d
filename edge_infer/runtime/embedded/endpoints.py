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

"""Writers and readers: quality of service as rmw_cyclonedds sets it, samples as raw CDR."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import numpy as np

from edge_infer.errors import RuntimeRoomError
from edge_infer.runtime.embedded.executor import DdsExecutor
from edge_infer.runtime.embedded.library import (
    DATA_AVAILABLE,
    OFFERED_INCOMPATIBLE_QOS,
    POLICIES,
    REQUESTED_INCOMPATIBLE_QOS,
    Box,
    IncompatibleQos,
    checked,
    guid_of,
    library,
    user_data_of,
)
from edge_infer.runtime.embedded.participant import Participant
from edge_infer.runtime.embedded.profiles import dds_qos
from edge_infer.runtime.embedded.samples import Batch, Replays, Sample
from edge_infer.runtime.embedded.types import idl_struct
from edge_infer.runtime.qos import Durability
from edge_infer.runtime.transport import Deliver, Endpoint, Incompatible, Payload

REMEMBERED = 64
"""Samples per writer, at least, by which a replay is recognised."""


@contextmanager
def _topic(participant: Participant, endpoint: Endpoint) -> Iterator[int]:
    """A topic for as long as it takes to open an endpoint, which then keeps what it needs."""
    from cyclonedds._clayer import ddspy_topic_create

    participant.require_own_process()
    name, struct = endpoint.wire_topic, idl_struct(endpoint.type_name)
    entity = checked(
        ddspy_topic_create(participant.entity, name, struct, None, None),
        f"create the topic {name} of type {endpoint.type_name}",
    )
    try:
        yield entity
    finally:
        library().dds_delete(entity)


def create_writer(participant: Participant, endpoint: Endpoint) -> int:
    """The library's entity for a writer."""
    with (
        _topic(participant, endpoint) as topic,
        dds_qos(endpoint.qos, endpoint.user_data) as qos,
    ):
        entity = library().dds_create_writer(participant.publisher, topic, qos, None)
    return checked(entity, f"write to {endpoint.wire_topic}")


def create_reader(participant: Participant, endpoint: Endpoint, *, ignore_own: bool = False) -> int:
    """The library's entity for a reader; it may leave out what this participant writes."""
    with (
        _topic(participant, endpoint) as topic,
        dds_qos(endpoint.qos, endpoint.user_data, ignore_own=ignore_own) as qos,
    ):
        entity = library().dds_create_reader(participant.subscriber, topic, qos, None)
    return checked(entity, f"read from {endpoint.wire_topic}")


def send(writer: int, payload: Payload) -> int:
    """Write a payload; the library's return code."""
    data = np.frombuffer(payload, np.uint8)
    box = Box(data.__array_interface__["data"][0], data.size)
    code: int = library().dds_write(writer, ctypes.addressof(box))
    return code


class _AttachedEndpoint:
    """What a writer and a reader share: an entity that the executor watches until it is closed."""

    _entity: int
    _executor: DdsExecutor
    _cookie: int
    _is_open: bool
    on_close: Callable[[], None] | None

    def close(self) -> None:
        """Leave the topic; nothing is delivered afterwards. A second call does nothing."""
        if self._is_open:
            self._is_open = False
            self._executor.detach(self._cookie)
            library().dds_delete(self._entity)
            if self.on_close:
                self.on_close()


class DdsWriter(_AttachedEndpoint):
    """Sends payloads to one topic; implements ``transport.Writer``."""

    def __init__(
        self,
        participant: Participant,
        executor: DdsExecutor,
        endpoint: Endpoint,
        incompatible: Incompatible,
    ) -> None:
        self._entity = create_writer(participant, endpoint)
        self._is_open = True
        self._executor = executor
        self._incompatible = incompatible
        handle = ctypes.c_uint64()
        checked(library().dds_get_instance_handle(self._entity, handle), "identify a writer")
        self.guid = int(handle.value)
        self.network_guid = guid_of(self._entity)
        self._cookie = executor.attach(self._entity, OFFERED_INCOMPATIBLE_QOS, self._ready)
        self.on_close = None

    def write(self, payload: Payload) -> None:
        """Send; from any thread. A reliable writer may block while readers catch up.

        Nothing is sent after ``close``: a worker may still be publishing then.
        """
        if self._is_open:
            code = send(self._entity, payload)
            if self._is_open:
                checked(code, "write a sample")

    def matched(self) -> Sequence[str]:
        """The user data of each matched reader."""
        dds = library()
        return _matched_user_data(
            partial(dds.dds_get_matched_subscriptions, self._entity),
            partial(dds.dds_get_matched_subscription_data, self._entity),
        )

    def _ready(self) -> None:
        status = IncompatibleQos()
        library().dds_get_offered_incompatible_qos_status(self._entity, status)
        _queue_complaint(self._executor, status, self._incompatible)


class DdsReader(_AttachedEndpoint):
    """Receives payloads from one topic; implements ``transport.Reader``."""

    def __init__(
        self,
        participant: Participant,
        executor: DdsExecutor,
        endpoint: Endpoint,
        deliver: Deliver,
        incompatible: Incompatible,
    ) -> None:
        self._entity = create_reader(participant, endpoint)
        self._is_open = True
        self._executor = executor
        self._deliver = deliver
        self._incompatible = incompatible
        self._batch = Batch()
        is_latched = endpoint.qos.durability is Durability.TRANSIENT_LOCAL
        self._replays = Replays(max(endpoint.qos.depth, REMEMBERED)) if is_latched else None
        self.network_guid = guid_of(self._entity)
        mask = DATA_AVAILABLE | REQUESTED_INCOMPATIBLE_QOS
        self._cookie = executor.attach(self._entity, mask, self._ready)
        self.on_close = None

    def matched(self) -> Sequence[str]:
        """The user data of each matched writer."""
        dds = library()
        return _matched_user_data(
            partial(dds.dds_get_matched_publications, self._entity),
            partial(dds.dds_get_matched_publication_data, self._entity),
        )

    def _ready(self) -> None:
        """Queue what has come; when that is no sample, it is another status."""
        try:
            samples, may_be_more = self._batch.take(self._entity)
        except RuntimeRoomError:
            if self._is_open:
                raise
            return
        for sample in samples:
            if not self._is_replay(sample):
                self._executor.queue(partial(self._hand_on, sample.payload))
        if may_be_more:
            self._executor.queue(self._ready)
        elif not samples:
            status = IncompatibleQos()
            library().dds_get_requested_incompatible_qos_status(self._entity, status)
            _queue_complaint(self._executor, status, self._incompatible)

    def _hand_on(self, payload: memoryview) -> None:
        if self._is_open:
            self._deliver(payload)

    def _is_replay(self, sample: Sample) -> bool:
        if self._replays is None:
            return False
        found = library().dds_get_matched_publication_data(self._entity, sample.writer)
        if not found:
            return False
        # The guid, unlike the handle, survives a broken connection.
        writer = bytes(found.contents.key.value)
        library().dds_builtintopic_free_endpoint(found)
        return self._replays.is_replay(writer, sample.source_timestamp_ns)


def _matched_user_data(
    list_handles: Callable[..., int], describe: Callable[[int], Any]
) -> list[str]:
    """The user data of the endpoints on the other side."""
    room = 16
    while True:
        handles = (ctypes.c_uint64 * room)()
        count = list_handles(handles, room)
        if count <= room:
            break
        room = count
    found = (describe(handle) for handle in handles[: max(count, 0)])
    return [_user_data(endpoint) for endpoint in found if endpoint]


def _user_data(endpoint: Any) -> str:
    try:
        return user_data_of(endpoint.contents.qos)
    finally:
        library().dds_builtintopic_free_endpoint(endpoint)


def _queue_complaint(
    executor: DdsExecutor, status: IncompatibleQos, incompatible: Incompatible
) -> None:
    policy = POLICIES.get(status.last_policy_id, "QUALITY_OF_SERVICE")
    for _ in range(status.total_count_change):
        executor.queue(partial(incompatible, policy))
