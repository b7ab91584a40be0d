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

"""A member's transfer on the fleet's topics: messages, disk and timers around updates/transfer/.

Neither the disk nor a network that is full may hold up the node's callbacks: chunks are
stored by one thread, which leaves the processor to all others, and read and sent by another.
"""

from __future__ import annotations

import array
import os
import sys
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Protocol

from edge_infer.errors import UpdateError
from edge_infer.fleet.elapsed import Elapsed
from edge_infer.nodes import topics
from edge_infer.nodes.conversions.common import header_to_msg
from edge_infer.nodes.conversions.transfers import (
    METADATA,
    announcement_from_msg,
    digest_to_msg,
    holdings_to_msgs,
    metadata_files_from_msgs,
    metadata_files_to_msgs,
    ranges_from_msgs,
    ranges_to_msgs,
)
from edge_infer.nodes.identity import Identity
from edge_infer.nodes.reporting.complaints import Complaints
from edge_infer.nodes.workers.background import Background, Outcome
from edge_infer.runtime.api import Node
from edge_infer.updates.release import Blob
from edge_infer.updates.transfer.chunk_ranges import Range
from edge_infer.updates.transfer.metadata_exchange import AskMetadata, TellMetadata
from edge_infer.updates.transfer.serving import Send
from edge_infer.updates.transfer.transfer import Announce, Ask, Transfer, TransferConfig

IDLE_S = 0.1
SENDING_S = 0.02
DISK_REST_S = 5.0
"""How long nothing is fetched after the disk did not take a chunk."""
MOST_STORING = 64
"""Chunks that wait for the disk; more are not taken, and asked for again."""
NICER = 7
"""Steps of niceness of the thread that stores, for as long as it lives."""
MOST_SENDING = 2
"""Chunks that wait for the network: a writer that is throttled keeps the rest here."""


class Chunks(Protocol):
    """A blob, whole or in part, on the disk or in memory."""

    @property
    def held(self) -> set[int]:
        """Indices of the chunks that are there."""

    def add(self, index: int, content: bytes) -> bool:
        """Keep a chunk; raises UpdateError."""

    def read(self, index: int) -> bytes:
        """A chunk; raises UpdateError."""

    def content(self) -> bytes:
        """The whole; raises UpdateError."""


class MemoryChunks:
    """A whole blob in memory.

    Args:
        blob: its description.
        content: its bytes.
    """

    def __init__(self, blob: Blob, content: bytes) -> None:
        self._blob = blob
        self._content = content
        self.held = set(range(len(blob.chunks)))

    def add(self, _index: int, _content: bytes) -> bool:
        """It has all."""
        return False

    def read(self, index: int) -> bytes:
        """A chunk."""
        start, end = self._blob.span(index)
        return self._content[start:end]

    def content(self) -> bytes:
        """The whole."""
        return self._content


class TransferLink:
    """One member on the wire.

    Args:
        node: the handle.
        identity: of the drone or gateway.
        bytes_per_s: that it may send of chunks.
        versions: root and timestamp of its metadata.
        metadata: gives the signed files to somebody who has that root.
        on_metadata: takes files from somebody; raises UpdateError, after which that one is
            not asked for a while.
        on_complete: takes a blob that has been fetched, in the executor's thread.
        is_gateway: whether it makes new metadata.
    """

    def __init__(
        self,
        node: Node,
        identity: Identity,
        *,
        bytes_per_s: float,
        versions: Callable[[], tuple[int, int]],
        metadata: Callable[[int], Mapping[str, bytes]],
        on_metadata: Callable[[Mapping[str, bytes], str], None],
        on_complete: Callable[[bytes], None] = lambda _: None,
        is_gateway: bool = False,
    ) -> None:
        self._node = node
        self._identity = identity
        self._versions = versions
        self._metadata = metadata
        self._take_metadata = on_metadata
        self._on_complete = on_complete
        self._is_gateway = is_gateway
        self._complaints = Complaints(node)
        self._chunks: dict[str, Chunks] = {}
        self._storing = Background(node, f"{node.get_name()}-chunks")
        self._sending = Background(node, f"{node.get_name()}-sending")
        if node.runtime_name != "loopback":  # where it has a thread of its own
            self._storing.run(_give_way, lambda _: None)
        self._elapsed = Elapsed()
        config = TransferConfig(bytes_per_s=bytes_per_s)
        self._transfer = Transfer(identity.source, config, identity.boot)
        self._announcements = topics.MODEL_ANNOUNCEMENT.publisher(node)
        self._requests = topics.MODEL_REQUEST.publisher(node)
        self._metadata_publisher = topics.MODEL_METADATA.publisher(node)
        self._chunk_publisher = topics.MODEL_CHUNK.publisher(node)
        topics.MODEL_ANNOUNCEMENT.subscription(node, self._on_announcement)
        topics.MODEL_REQUEST.subscription(node, self._on_request)
        topics.MODEL_METADATA.subscription(node, self._on_metadata)
        topics.MODEL_CHUNK.subscription(node, self._on_chunk)
        node.create_timer(IDLE_S, self._tick)
        self._fast_timer = node.create_timer(SENDING_S, self._tick)
        self._is_fast = True

    @property
    def refused(self) -> int:
        """Chunks that were not what was signed."""
        return self._transfer.refused

    def fetch(self, blob: Blob, chunks: Chunks) -> None:
        """Fetch what is missing, and give others what is there."""
        self._chunks[blob.sha256] = chunks
        self._transfer.want(blob, chunks.held, self._now_s())
        if self._transfer.is_complete(blob.sha256):
            self._complete(blob.sha256)

    def offer(self, blob: Blob, content: bytes) -> None:
        """Give others a whole blob."""
        chunks = MemoryChunks(blob, content)
        self._chunks[blob.sha256] = chunks
        self._transfer.want(blob, chunks.held, self._now_s())

    def drop(self, sha256: str) -> None:
        """Neither fetch nor give a blob any more."""
        self._chunks.pop(sha256, None)
        self._transfer.drop(sha256)

    def progress(self, sha256: str) -> float:
        """Share of a blob that is here."""
        return self._transfer.progress(sha256)

    def announce(self) -> None:
        """Tell at once what is new."""
        self._transfer.announce()

    def close(self) -> None:
        """Stop storing and sending."""
        self._storing.close()
        self._sending.close()

    # --- heard ---------------------------------------------------------------------------

    def _on_announcement(self, msg: Any) -> None:
        self._transfer.metadata.set_versions(self._versions())
        self._transfer.on_announcement(announcement_from_msg(msg), self._now_s())

    def _on_request(self, msg: Any) -> None:
        wanted, now_s = bytes(msg.sha256), self._now_s()
        if wanted == METADATA:
            self._transfer.on_metadata_request(msg.source, msg.holder, int(msg.root_version), now_s)
        else:
            ranges = ranges_from_msgs(msg.chunks)
            self._transfer.on_request(msg.source, msg.holder, wanted.hex(), ranges, now_s)
        if msg.holder == self._identity.source and not self._is_fast:
            self._tick()

    def _on_metadata(self, msg: Any) -> None:
        if msg.source == self._identity.source:
            return
        before = self._versions()
        try:
            self._take_metadata(metadata_files_from_msgs(msg.files), msg.source)
        except UpdateError as error:
            self._transfer.metadata.distrust(msg.source, self._now_s())
            self._complaints.warn(f"metadata of {msg.source} is refused: {error}")
        if self._versions() != before:
            self._transfer.announce()

    def _on_chunk(self, msg: Any) -> None:
        sha256, index = bytes(msg.sha256).hex(), int(msg.index)
        chunks = self._chunks.get(sha256)
        if chunks is None or self._storing.waiting >= MOST_STORING:
            return
        content = bytes(msg.content)
        if self._transfer.on_chunk(sha256, index, content, self._now_s()):
            self._storing.run(
                partial(chunks.add, index, content), partial(self._on_stored, sha256, index)
            )

    # --- the disk ------------------------------------------------------------------------

    def _on_stored(self, sha256: str, index: int, outcome: Outcome) -> None:
        try:
            outcome()
        except UpdateError as error:
            self._transfer.not_stored(sha256, index, self._now_s() + DISK_REST_S)
            self._complaints.warn(error)
            return
        if self._transfer.stored(sha256, index):
            self._complete(sha256)

    def _complete(self, sha256: str) -> None:
        chunks = self._chunks[sha256]
        self._storing.run(chunks.content, partial(self._on_read, sha256, chunks))

    def _on_read(self, sha256: str, chunks: Chunks, outcome: Outcome) -> None:
        try:
            content = outcome()
        except UpdateError as error:
            self._on_damaged(sha256, error)
            return
        if self._chunks.get(sha256) is chunks:  # it is still wanted
            self._on_complete(content)

    def _on_damaged(self, sha256: str, error: UpdateError) -> None:
        """The disk does not give what it was given: that is fetched again."""
        self._complaints.warn(error)
        if sha256 in self._chunks:
            self._transfer.set_held(sha256, self._chunks[sha256].held)

    # --- said ----------------------------------------------------------------------------

    def _tick(self) -> None:
        transfer = self._transfer
        transfer.metadata.set_versions(self._versions())
        room = max(MOST_SENDING - self._sending.waiting, 0)
        for action in transfer.tick(self._now_s(), room):
            if isinstance(action, Send):
                self._send(action)
            elif isinstance(action, Ask):
                self._ask(action.holder, bytes.fromhex(action.sha256), action.chunks)
            elif isinstance(action, AskMetadata):
                self._ask(action.holder, METADATA, ())
            elif isinstance(action, TellMetadata):
                self._tell_metadata(action)
            else:
                self._announce(action)
        self._set_pace(transfer.is_sending)

    def _set_pace(self, is_sending: bool) -> None:
        if is_sending and not self._is_fast:
            self._fast_timer.reset()
        elif self._is_fast and not is_sending:
            self._fast_timer.cancel()
        self._is_fast = is_sending

    def _send(self, action: Send) -> None:
        self._sending.run(
            partial(self._read_and_send, self._chunks[action.sha256], action),
            partial(self._on_sent, action.sha256),
        )

    def _read_and_send(self, chunks: Chunks, action: Send) -> None:
        content = chunks.read(action.chunk)
        chunk: Any = self._node.messages["edge_infer_msgs/msg/ModelChunk"]
        self._chunk_publisher.publish(
            chunk(
                sha256=digest_to_msg(action.sha256),
                index=action.chunk,
                content=array.array("B", content),
            )
        )

    def _on_sent(self, sha256: str, outcome: Outcome) -> None:
        try:
            outcome()
        except UpdateError as error:
            self._on_damaged(sha256, error)

    def _ask(self, holder: str, sha256: bytes, chunks: tuple[Range, ...]) -> None:
        messages = self._node.messages
        root, timestamp = self._versions()
        self._requests.publish(
            messages["edge_infer_msgs/msg/ModelRequest"](
                header=self._header(),
                source=self._identity.source,
                holder=holder,
                sha256=array.array("B", sha256),
                chunks=ranges_to_msgs(messages, chunks),
                root_version=root,
                timestamp_version=timestamp,
            )
        )

    def _tell_metadata(self, action: TellMetadata) -> None:
        messages = self._node.messages
        files = self._metadata(action.since_root)
        self._metadata_publisher.publish(
            messages["edge_infer_msgs/msg/ModelMetadata"](
                header=self._header(),
                source=self._identity.source,
                files=metadata_files_to_msgs(messages, files),
            )
        )

    def _announce(self, action: Announce) -> None:
        messages = self._node.messages
        root, timestamp = self._versions()
        self._announcements.publish(
            messages["edge_infer_msgs/msg/ModelAnnouncement"](
                header=self._header(),
                source=self._identity.source,
                boot=self._identity.boot,
                gateway=self._is_gateway,
                root_version=root,
                timestamp_version=timestamp,
                holdings=holdings_to_msgs(messages, action.holdings),
            )
        )

    def _header(self) -> Any:
        return header_to_msg(self._node.messages, self._node.get_clock().now().nanoseconds, "")

    def _now_s(self) -> float:
        """A clock that is set must not stop a transfer."""
        return self._elapsed.at(self._node.get_clock().now().nanoseconds / 1e9)


def _give_way() -> None:
    """Whatever else this machine does comes before the disk; Linux knows that of a thread."""
    if sys.platform == "linux":
        os.setpriority(os.PRIO_PROCESS, 0, min(os.getpriority(os.PRIO_PROCESS, 0) + NICER, 19))
