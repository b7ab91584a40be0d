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

"""An mcap file from its beginning, without its index, to where it is damaged."""

from __future__ import annotations

import struct
import zlib
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import BinaryIO

from edge_infer.replay import compression
from edge_infer.replay.messages import BagMessage, Survey

MAGIC = b"\x89MCAP0\r\n"

_FOOTER, _SCHEMA, _CHANNEL, _MESSAGE, _CHUNK, _DATA_END = 0x02, 0x03, 0x04, 0x05, 0x06, 0x0F
_HEAD = struct.Struct("<BQ")
_CHUNK_HEAD = struct.Struct("<QQQI")
_MESSAGE_HEAD = struct.Struct("<HIQQ")
_LARGEST = 1 << 32
"""No record is longer; a length that says so is damaged."""

_UNPACK: dict[bytes, Callable[[bytes], bytes]] = {
    b"": lambda data: data,
    b"zstd": compression.zstd,
    b"lz4": compression.lz4,
}

Record = tuple[int, bytes]
"""Kind and content."""


class McapRemains:
    """What is left of one file."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._schemas: dict[int, str] = {}
        self._channels: dict[int, tuple[str, str]] = {}
        self.problem = ""

    def survey(self) -> Survey:
        """Read all once."""
        channels = Counter(
            _number(content) for kind, content in self._records() if kind == _MESSAGE
        )
        known = {number: topic for number, (topic, _) in self._channels.items()}
        counts = Counter({known[number]: n for number, n in channels.items() if number in known})
        return Survey(dict(self._channels.values()), counts)

    def messages(self, topics: Collection[str]) -> Iterator[BagMessage]:
        for kind, content in self._records():
            if kind != _MESSAGE or len(content) < _MESSAGE_HEAD.size:
                continue
            channel, _, time_ns, _ = _MESSAGE_HEAD.unpack_from(content)
            topic, _ = self._channels.get(channel, ("", ""))
            if topic in topics:
                payload = self._unpacked(content[_MESSAGE_HEAD.size :])
                if payload:
                    yield BagMessage(topic, time_ns, payload)

    def _unpacked(self, payload: bytes) -> bytes:
        try:
            return compression.message(payload)
        except compression.Broken as error:
            self.problem = f"a message cannot be unpacked: {error}"
            return b""

    def _records(self) -> Iterator[Record]:
        """All records, those in chunks among them; topics are learnt on the way."""
        with self._file.open("rb") as stream:
            stream.seek(len(MAGIC))
            for kind, content in self._read(stream):
                for inner in self._chunk(content) if kind == _CHUNK else [(kind, content)]:
                    self._learn(*inner)
                    yield inner

    def _read(self, stream: BinaryIO) -> Iterator[Record]:
        """The records of a stream until the data end, or until it breaks off."""
        while True:
            head = stream.read(_HEAD.size)
            if len(head) < _HEAD.size:
                self.problem = "it breaks off"
                return
            kind, length = _HEAD.unpack(head)
            if kind in (_DATA_END, _FOOTER):
                return
            content = stream.read(length) if length < _LARGEST else b""
            if len(content) == length or kind == _CHUNK:
                yield kind, content
            if len(content) < length:
                self.problem = "it breaks off"
                return

    def _chunk(self, content: bytes) -> Iterator[Record]:
        """The records of a chunk; none when it is damaged, and reading goes on behind it."""
        try:
            data = self._chunk_data(content)
        except (*compression.Broken, struct.error, KeyError) as error:
            self.problem = f"a chunk is damaged: {error}"
            return
        at = 0
        while at + _HEAD.size <= len(data):
            kind, length = _HEAD.unpack_from(data, at)
            at += _HEAD.size
            if at + length > len(data):
                return
            yield kind, data[at : at + length]
            at += length

    def _chunk_data(self, content: bytes) -> bytes:
        """Raises what damaged bytes make it raise; of plain bytes a part is welcome too."""
        _, _, size, checksum = _CHUNK_HEAD.unpack_from(content)
        name, at = _sized(content, _CHUNK_HEAD.size)
        (length,) = struct.unpack_from("<Q", content, at)
        packed = content[at + 8 : at + 8 + length]
        data = _UNPACK[name](packed)
        if len(data) < size and name:
            raise ValueError(f"{len(data)} bytes where {size} belong")
        if len(data) == size and checksum and zlib.crc32(data) != checksum:
            raise ValueError("its checksum is another")
        return data

    def _learn(self, kind: int, content: bytes) -> None:
        """Take a topic down; one that cannot be read is none."""
        try:
            if kind == _SCHEMA:
                name, _ = _sized(content, 2)
                self._schemas[_number(content)] = name.decode()
            elif kind == _CHANNEL:
                topic, at = _sized(content, 4)
                encoding, _ = _sized(content, at)
                schema = self._schemas.get(_number(content, 2), "")
                if encoding == b"cdr" and schema:
                    self._channels[_number(content)] = topic.decode(), schema
        except (struct.error, UnicodeDecodeError) as error:
            self.problem = f"a topic is damaged: {error}"


def _number(content: bytes, at: int = 0) -> int:
    return int.from_bytes(content[at : at + 2], "little")


def _sized(content: bytes, at: int) -> tuple[bytes, int]:
    """A string with its length before it, and where it ends."""
    (length,) = struct.unpack_from("<I", content, at)
    end = at + 4 + length
    return content[at + 4 : end], end
