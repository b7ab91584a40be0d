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

"""The nouns of an update: what is published, what is decided, and how far a drone is.

What is signed about a package or a decision is the ``custom`` part of a target of The
Update Framework (specification 1.0.34, 4.5): a JSON object, checked here when it is read.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, NoReturn

from edge_infer.errors import UpdateError

CHUNK_BYTES = 60_000
"""Fits a datagram on one machine; the middleware cuts it into frames on a radio."""
HIGHEST_RELEASE = (1 << 32) - 1
MOST_BYTES = 256 * 1024 * 1024
"""No package is larger, packed or unpacked: a claim beyond it would only fill the disk."""
_MODEL = re.compile(r"[a-z][a-z0-9_]*", re.ASCII)
_SHA256 = re.compile(r"[0-9a-f]{64}", re.ASCII)


class UpdateState(str, Enum):
    """How far a drone is with a release."""

    IDLE = "IDLE"
    DOWNLOADING = "DOWNLOADING"
    VERIFYING = "VERIFYING"
    STAGED = "STAGED"
    ON_TRIAL = "ON_TRIAL"
    COMMITTED = "COMMITTED"
    ROLLED_BACK = "ROLLED_BACK"
    FAILED = "FAILED"


@dataclass(frozen=True)
class Release:
    """One version of a model, as published.

    Attributes:
        model: its name.
        version: for people.
        number: counts up; decides which is newer.
        digest: SHA-256 of the bundle's manifest, hexadecimal.
        hardware: kinds of machine that it is for; empty for all.
    """

    model: str
    version: str
    number: int
    digest: str
    hardware: tuple[str, ...] = ()

    def suits(self, hardware: str) -> bool:
        """Whether it is for that kind of machine."""
        return not self.hardware or hardware in self.hardware


@dataclass(frozen=True)
class Blob:
    """Bytes that travel in chunks, each of which can be checked alone.

    Attributes:
        sha256: of the whole, hexadecimal.
        size: bytes.
        chunk_bytes: of every chunk but the last, which may be shorter.
        chunks: SHA-256 of each, 32 bytes.
    """

    sha256: str
    size: int
    chunk_bytes: int
    chunks: tuple[bytes, ...]

    @classmethod
    def of(cls, content: bytes, chunk_bytes: int = CHUNK_BYTES) -> Blob:
        """Describe bytes that are at hand."""
        starts = range(0, len(content), chunk_bytes)
        digests = tuple(hashlib.sha256(content[i : i + chunk_bytes]).digest() for i in starts)
        return cls(hashlib.sha256(content).hexdigest(), len(content), chunk_bytes, digests)

    def span(self, index: int) -> tuple[int, int]:
        """First byte of a chunk, and the one after its last."""
        start = index * self.chunk_bytes
        return start, min(start + self.chunk_bytes, self.size)

    def fits(self, index: int, content: bytes) -> bool:
        """Whether this is that chunk, whoever sent it."""
        if not 0 <= index < len(self.chunks):
            return False
        start, end = self.span(index)
        return len(content) == end - start and (
            hashlib.sha256(content).digest() == self.chunks[index]
        )


@dataclass(frozen=True)
class Package:
    """A release as one blob: whole, or as what changed since another bundle.

    Attributes:
        release: that it unpacks to.
        base: digest of the bundle that is needed to unpack it; empty for none.
        unpacked: bytes of all files of the bundle.
        blob: the packed bytes.
    """

    release: Release
    base: str
    unpacked: int
    blob: Blob

    @property
    def path(self) -> str:
        """Its name among the targets."""
        release = self.release
        kind = f"from-{self.base[:16]}" if self.base else "whole"
        return f"models/{release.model}/{release.number}/{kind}.package"

    def to_custom(self) -> dict[str, Any]:
        """What is signed about it beside its length and hash."""
        release = self.release
        return {
            "model": release.model,
            "version": release.version,
            "release": release.number,
            "digest": release.digest,
            "hardware": list(release.hardware),
            "base": self.base,
            "unpacked": self.unpacked,
            "chunk_bytes": self.blob.chunk_bytes,
            "chunks": base64.b64encode(b"".join(self.blob.chunks)).decode(),
        }

    @classmethod
    def from_custom(cls, path: str, length: int, sha256: str, custom: Any) -> Package:
        """Read what was signed; raises UpdateError when it makes no sense."""
        told = _Reader(path, custom)
        base = told.text("base")
        if base and not _SHA256.fullmatch(base):
            told.refuse("base")
        release = Release(
            told.matching("model", _MODEL),
            told.text("version"),
            told.whole("release", 1, HIGHEST_RELEASE),
            told.matching("digest", _SHA256),
            told.texts("hardware"),
        )
        blob = Blob(sha256, length, told.whole("chunk_bytes", 1, MOST_BYTES), told.digests())
        if not 0 < length <= MOST_BYTES or len(blob.chunks) != -(-length // blob.chunk_bytes):
            told.refuse("chunks")
        package = cls(release, base, told.whole("unpacked", 1, MOST_BYTES), blob)
        if package.path != path:
            told.refuse("model")
        return package


class RolloutState(str, Enum):
    """How far the fleet is with a release."""

    RUNNING = "running"
    PAUSED = "paused"
    ABORTED = "aborted"
    DONE = "done"


@dataclass(frozen=True)
class Decision:
    """Who may run a release now.

    Attributes:
        model: its name.
        release: its number.
        state: of the rollout. ABORTED sends back whoever runs the release.
        wave: that is under way, from 1.
        waves: that there are.
        drones: that may install it; when DONE, all may.
        reason: of the last change, in one sentence.
    """

    model: str
    release: int
    state: RolloutState
    wave: int
    waves: int
    drones: tuple[str, ...]
    reason: str = ""

    @property
    def path(self) -> str:
        """Its name among the targets of the role ``rollout``."""
        return f"rollout/{self.model}"

    def allows(self, drone: str) -> bool:
        """Whether a drone may install the release now; those that have it keep it."""
        if self.state is RolloutState.DONE:
            return True
        return self.state is RolloutState.RUNNING and drone in self.drones

    def to_custom(self) -> dict[str, Any]:
        """What is signed."""
        return {
            "model": self.model,
            "release": self.release,
            "state": self.state.value,
            "wave": self.wave,
            "waves": self.waves,
            "drones": list(self.drones),
            "reason": self.reason,
        }

    @classmethod
    def from_custom(cls, path: str, custom: Any) -> Decision:
        """Read what was signed; raises UpdateError when it makes no sense."""
        told = _Reader(path, custom)
        state = told.text("state")
        if state not in {each.value for each in RolloutState}:
            told.refuse("state")
        decision = cls(
            told.matching("model", _MODEL),
            told.whole("release", 1, HIGHEST_RELEASE),
            RolloutState(state),
            told.whole("wave", 1, 100),
            told.whole("waves", 1, 100),
            told.texts("drones"),
            told.text("reason"),
        )
        if decision.path != path:
            told.refuse("model")
        return decision


class _Reader:
    """Values of a signed JSON object, each checked."""

    def __init__(self, path: str, custom: Any) -> None:
        self._path = path
        self._custom: Mapping[str, Any] = custom if isinstance(custom, dict) else {}

    def text(self, key: str) -> str:
        value = self._custom.get(key)
        if not isinstance(value, str) or len(value) > 1000:
            self.refuse(key)
        return value

    def matching(self, key: str, pattern: re.Pattern[str]) -> str:
        value = self.text(key)
        if not pattern.fullmatch(value):
            self.refuse(key)
        return value

    def whole(self, key: str, least: int, most: int) -> int:
        value = self._custom.get(key)
        if type(value) is not int or not least <= value <= most:
            self.refuse(key)
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        value = self._custom.get(key)
        if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
            self.refuse(key)
        return tuple(value)

    def digests(self) -> tuple[bytes, ...]:
        value = self._custom.get("chunks")
        try:
            joined = base64.b64decode(value if isinstance(value, str) else "?", validate=True)
        except ValueError:
            self.refuse("chunks")
        if len(joined) % 32:
            self.refuse("chunks")
        return tuple(joined[i : i + 32] for i in range(0, len(joined), 32))

    def refuse(self, key: str) -> NoReturn:
        raise UpdateError(
            f"the signed target {self._path} has no usable {key!r}",
            "publish it again with this version of edge_infer",
        )
