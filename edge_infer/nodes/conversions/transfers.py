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

"""Transfers to messages and back."""

from __future__ import annotations

import array
from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Any

from edge_infer.nodes.conversions.common import Messages
from edge_infer.updates.transfer.chunk_ranges import MOST_RANGES, Range
from edge_infer.updates.transfer.peers import MOST_HOLDINGS, Announcement

METADATA = bytes(32)
"""Stands for the metadata in a request."""
MOST_FILES = 300
"""In one message: all roots since the first, and a handful of others."""


def digest_to_msg(sha256: str) -> Any:
    """A SHA-256 as 32 bytes."""
    return array.array("B", bytes.fromhex(sha256))


def ranges_to_msgs(messages: Messages, ranges: Iterable[Range]) -> list[Any]:
    """One edge_infer_msgs/msg/ChunkRange each."""
    chunk_range = messages["edge_infer_msgs/msg/ChunkRange"]
    return [chunk_range(first=first, last=last) for first, last in ranges]


def ranges_from_msgs(msgs: Iterable[Any]) -> tuple[Range, ...]:
    """Ranges of chunk numbers, as many as an honest sender tells at once."""
    return tuple((int(msg.first), int(msg.last)) for msg in islice(msgs, MOST_RANGES))


def holdings_to_msgs(messages: Messages, holdings: Mapping[str, tuple[Range, ...]]) -> list[Any]:
    """One edge_infer_msgs/msg/ModelHolding each."""
    holding = messages["edge_infer_msgs/msg/ModelHolding"]
    return [
        holding(sha256=digest_to_msg(sha256), chunks=ranges_to_msgs(messages, ranges))
        for sha256, ranges in holdings.items()
    ]


def announcement_from_msg(msg: Any) -> Announcement:
    """What a peer can give."""
    return Announcement(
        msg.source,
        bool(msg.gateway),
        int(msg.root_version),
        int(msg.timestamp_version),
        {
            bytes(each.sha256).hex(): ranges_from_msgs(each.chunks)
            for each in islice(msg.holdings, MOST_HOLDINGS)
        },
    )


def metadata_files_to_msgs(messages: Messages, files: Mapping[str, bytes]) -> list[Any]:
    """One edge_infer_msgs/msg/MetadataFile each."""
    file = messages["edge_infer_msgs/msg/MetadataFile"]
    return [file(name=name, content=array.array("B", files[name])) for name in sorted(files)]


def metadata_files_from_msgs(msgs: Iterable[Any]) -> dict[str, bytes]:
    """Signed files by name, as many as honest metadata may have."""
    return {msg.name: bytes(msg.content) for msg in islice(msgs, MOST_FILES)}
