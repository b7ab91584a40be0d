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

"""Mutated messages of a transfer, fed as bytes to a drone's real link on the loopback runtime.

Half are mutated on the wire, half say wrong things in messages that are whole. Whatever comes,
the drone holds only chunks that were signed, says nothing that is not so, and still gets the
whole blob from whoever is honest.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from random import Random
from typing import Any

from fuzzing import AcceptedWronglyError, Attempt
from mutations import mutated

from edge_infer.errors import TrustError
from edge_infer.nodes import topics
from edge_infer.nodes.conversions.transfers import METADATA, ranges_from_msgs
from edge_infer.nodes.identity import Identity
from edge_infer.nodes.updater.transfer_link import TransferLink
from edge_infer.runtime import loggers
from edge_infer.runtime.loopback import LoopbackNetwork
from edge_infer.updates.release import Blob
from edge_infer.updates.transfer.partial import PartialBlob

CHUNK = 300
CONTENT = Random(1).randbytes(5 * CHUNK + 77)
BLOB = Blob.of(CONTENT, CHUNK)
OTHER = Blob.of(CONTENT[::-1], CHUNK)
PIECES = [CONTENT[slice(*BLOB.span(index))] for index in range(len(BLOB.chunks))]
HELD = {0, 1, 4}
ROOT = {"1.root.json": b"root"}
_TOPICS = (
    topics.MODEL_CHUNK, topics.MODEL_REQUEST, topics.MODEL_ANNOUNCEMENT, topics.MODEL_METADATA,
)  # fmt: skip
_TO_ITSELF_S = 0.0001
"""So soon the stranger hears what it wrote, and before anybody else does."""
_TO_OTHERS_S = 0.01
_PATIENCE_S = 2.5
"""So long the drone is watched after the mutated messages: it asks, is let down, asks again."""
_MOST_SAID = 60
"""Messages of the drone meanwhile."""
_LONGEST_S = 60.0
"""Of virtual time, until the drone has all from an honest one."""


def _refuse(_files: Mapping[str, bytes], source: str) -> None:
    raise TrustError(f"metadata of {source} is refused", "ask somebody else")


class Scene:
    """A drone that misses chunks, and a stranger who hears all and may write any bytes.

    Args:
        folder: of the drone's chunks; emptied.

    Attributes:
        got: blobs that the drone completed.
        heard: messages by topic, the stranger's own first.
    """

    def __init__(self, folder: Path) -> None:
        self.network = LoopbackNetwork()
        self.got: list[bytes] = []
        self.link = self._member("drone")
        # What it complains of is not looked at.
        logging.getLogger(loggers.ROOT).setLevel(logging.CRITICAL)
        self.partial = PartialBlob(folder, BLOB)
        self.partial.discard()
        for index in HELD:
            self.partial.add(index, PIECES[index])
        self.link.fetch(BLOB, self.partial)
        stranger = self.network.runtime("stranger").create_node("stranger")
        self.messages = stranger.messages
        self.heard: dict[str, list[Any]] = {topic.name: [] for topic in _TOPICS}
        self._publishers = {topic.name: topic.publisher(stranger) for topic in _TOPICS}
        for topic in _TOPICS:
            topic.subscription(stranger, self.heard[topic.name].append)

    def _member(self, name: str, is_gateway: bool = False) -> TransferLink:
        node = self.network.runtime(name).create_node(name)
        return TransferLink(
            node, Identity(name, 1), bytes_per_s=100_000.0, versions=lambda: (1, 1),
            metadata=lambda _since: ROOT, on_metadata=_refuse, on_complete=self.got.append,
            is_gateway=is_gateway,
        )  # fmt: skip

    def write(self, topic: topics.Topic, payload: bytes) -> bool:
        """Bytes on a topic; whether anybody can read them as its message."""
        heard = self.heard[topic.name]
        before = len(heard)
        self._publishers[topic.name]._writer.write(payload)
        self.network.run_for(_TO_ITSELF_S)
        is_read = len(heard) > before
        if is_read:
            del heard[before:]
        return is_read

    def encoded(self, topic: topics.Topic, **fields: Any) -> bytes:
        return bytes(self.messages.encode(self.messages[topic.type](**fields)))

    def say_chunk(self, index: int) -> None:
        """An honest one."""
        sha256 = list(bytes.fromhex(BLOB.sha256))
        self.write(
            topics.MODEL_CHUNK,
            self.encoded(
                topics.MODEL_CHUNK, sha256=sha256, index=index, content=list(PIECES[index])
            ),
        )

    def check_held(self) -> None:
        """What the drone holds is what was signed, byte for byte."""
        if any(self.partial.read(index) != PIECES[index] for index in self.partial.held):
            raise AcceptedWronglyError("a chunk is held that nobody signed")

    def check_end(self) -> None:
        if self.got != [CONTENT]:
            raise AcceptedWronglyError("the drone did not get the blob, or another one, or twice")

    def offer(self) -> None:
        """An honest gateway comes."""
        self._member("gateway", is_gateway=True).offer(BLOB, CONTENT)
        self.network.run_until(lambda: bool(self.got), _LONGEST_S)


# --- chunks ------------------------------------------------------------------------------


def chunks(folder: Path) -> Attempt:
    """Chunks that are damaged, wrongly numbered, of another blob, too long or shifted."""

    def attempt(seed: int) -> bool:
        rng = Random(seed)
        scene = Scene(folder)
        for _ in range(rng.choice((1, 1, 3))):
            scene.write(topics.MODEL_CHUNK, _chunk(scene, rng))
        scene.network.run_for(_TO_OTHERS_S)
        scene.check_held()
        is_refused = scene.partial.held == HELD
        for index in range(len(PIECES)):
            scene.say_chunk(index)
        scene.network.run_for(_TO_OTHERS_S)
        scene.check_held()
        scene.check_end()
        return is_refused

    return attempt


def _chunk(scene: Scene, rng: Random) -> bytes:
    index = rng.randrange(len(PIECES))
    sha256, number, content = bytes.fromhex(BLOB.sha256), index, PIECES[index]
    is_whole = rng.random() < 0.5
    if is_whole:
        kind = rng.randrange(4)
        if kind == 0:
            others = (bytes.fromhex(OTHER.sha256), bytes(32), mutated(sha256, rng)[:32])
            sha256 = rng.choice(others).ljust(32, b"\0")
        elif kind == 1:
            number = rng.choice((index ^ 1, index + 1, len(PIECES), (1 << 32) - 1, 1 << 31))
        else:
            content = _content(index, rng)
    wire = scene.encoded(
        topics.MODEL_CHUNK, sha256=list(sha256), index=number, content=list(content)
    )
    return wire if is_whole else mutated(wire, rng, CONTENT)


def _content(index: int, rng: Random) -> bytes:
    start, end = BLOB.span(index)
    shift = rng.choice((-CHUNK, -1, 1, CHUNK // 2))
    shifted = CONTENT[max(start + shift, 0) : max(end + shift, 0)]
    longer, shorter = CONTENT[start : end + 1], CONTENT[start : end - 1]
    return rng.choice(
        (mutated(PIECES[index], rng, CONTENT), shifted, longer, shorter, b"", CONTENT)
    )


# --- announcements, requests and metadata ------------------------------------------------


def messages(folder: Path) -> Attempt:
    """What strangers claim to hold, ask for, and send as metadata."""

    def attempt(seed: int) -> bool:
        rng = Random(seed)
        scene = Scene(folder)
        is_read = False
        for _ in range(rng.choice((1, 2, 4))):
            topic = rng.choice((topics.MODEL_ANNOUNCEMENT, topics.MODEL_REQUEST) * 2 + _TOPICS[3:])
            payload = scene.encoded(topic, **_CLAIMS[topic.name](scene, rng))
            is_read |= scene.write(topic, mutated(payload, rng) if rng.random() < 0.5 else payload)
        scene.network.run_for(_PATIENCE_S)
        _check_said(scene)
        scene.offer()
        scene.check_held()
        scene.check_end()
        return not is_read

    return attempt


def _check_said(scene: Scene) -> None:
    """Whether the drone spoke the truth, asked for what it misses, and was brief."""
    heard = scene.heard
    for msg in heard[topics.MODEL_CHUNK.name]:
        if bytes(msg.sha256).hex() != BLOB.sha256 or bytes(msg.content) != PIECES[msg.index]:
            raise AcceptedWronglyError("the drone sends a chunk that nobody signed")
    for msg in heard[topics.MODEL_REQUEST.name]:
        asked = {number for low, high in ranges_from_msgs(msg.chunks)
                 for number in range(low, high + 1)}  # fmt: skip
        if bytes(msg.sha256) != METADATA and not asked <= set(range(len(PIECES))) - HELD:
            raise AcceptedWronglyError("the drone asks for what it has, or what there is not")
    for msg in heard[topics.MODEL_ANNOUNCEMENT.name]:
        told = {number for each in msg.holdings for low, high in ranges_from_msgs(each.chunks)
                for number in range(low, high + 1)}  # fmt: skip
        if told != HELD or (msg.root_version, msg.timestamp_version) != (1, 1):
            raise AcceptedWronglyError("the drone claims what it does not hold")
    for msg in heard[topics.MODEL_METADATA.name]:
        if {each.name: bytes(each.content) for each in msg.files} != ROOT:
            raise AcceptedWronglyError("the drone sends metadata that it does not trust")
    if scene.partial.held != HELD or scene.got:
        raise AcceptedWronglyError("the drone holds more, and no chunk came")
    if sum(map(len, heard.values())) > _MOST_SAID:
        raise AcceptedWronglyError("the drone can be made to talk without end")


def _ranges(scene: Scene, rng: Random) -> list[Any]:
    most = (1 << 32) - 1
    if rng.random() < 0.02:
        pairs = rng.choice(([(0, most)] * 300, [(each, each) for each in range(0, 2000, 2)]))
    else:
        drawn = [(rng.randrange(8), rng.randrange(8)) for _ in range(rng.randrange(5))]
        pairs = rng.choice(
            ([(2, 3)], [(0, len(PIECES) - 1)], [(0, most)], [(most, most)], [(3, 1)], drawn, [])
        )
    chunk_range = scene.messages["edge_infer_msgs/msg/ChunkRange"]
    return [chunk_range(first=first, last=last) for first, last in pairs]


def _digest(rng: Random) -> list[int]:
    known = bytes.fromhex(BLOB.sha256)
    return list(rng.choice((known, known, known, bytes.fromhex(OTHER.sha256), METADATA)))


def _name(rng: Random) -> str:
    return rng.choice(("drone", "drone", "stranger", "gateway", "", "é" * 500, "../up\n"))


def _version(rng: Random) -> int:
    return rng.choice((0, 1, 2, (1 << 32) - 1))


def _announcement(scene: Scene, rng: Random) -> dict[str, Any]:
    holding = scene.messages["edge_infer_msgs/msg/ModelHolding"]
    count = 40 if rng.random() < 0.05 else rng.randrange(3)
    return {
        "source": rng.choice(("stranger", "gateway", _name(rng))),
        "boot": _version(rng),
        "gateway": rng.random() < 0.5,
        "root_version": _version(rng),
        "timestamp_version": _version(rng),
        "holdings": [
            holding(sha256=_digest(rng), chunks=_ranges(scene, rng)) for _ in range(count)
        ],
    }


def _request(scene: Scene, rng: Random) -> dict[str, Any]:
    return {
        "source": rng.choice(("stranger", _name(rng))),
        "holder": _name(rng),
        "sha256": _digest(rng),
        "chunks": _ranges(scene, rng),
        "root_version": _version(rng),
        "timestamp_version": _version(rng),
    }


def _metadata(scene: Scene, rng: Random) -> dict[str, Any]:
    file = scene.messages["edge_infer_msgs/msg/MetadataFile"]
    count = 400 if rng.random() < 0.05 else rng.randrange(3)
    files = [file(name=_name(rng), content=list(rng.randbytes(20))) for _ in range(count)]
    return {"source": _name(rng), "files": files}


_CLAIMS = {
    topics.MODEL_ANNOUNCEMENT.name: _announcement,
    topics.MODEL_REQUEST.name: _request,
    topics.MODEL_METADATA.name: _metadata,
}
