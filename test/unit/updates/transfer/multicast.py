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

"""A simulated radio: everybody hears everybody, now and then not, a little later.

Members are the real ``Transfer`` with a disk in memory. Time is virtual and one seed gives one
run. Bytes of chunks are counted where they are sent, once however many hear them.
"""

from __future__ import annotations

import heapq
import itertools
import random
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from edge_infer.updates.release import Blob
from edge_infer.updates.transfer.peers import Announcement
from edge_infer.updates.transfer.transfer import (
    Announce,
    Ask,
    AskMetadata,
    Send,
    TellMetadata,
    Transfer,
    TransferConfig,
)

CHUNK = 100
CHUNKS = 84
CONFIG = TransferConfig(bytes_per_s=CHUNK * 42.0, patience_s=0.5, again_s=0.4)
"""As 2.5 MB/s for chunks of 60 kB: the whole blob takes 2 s."""
TICK_S = 0.02
IDLE_S = 0.1
DISK_S = 0.005


def content_of(chunks: int = CHUNKS, seed: int = 0) -> bytes:
    """A blob whose last chunk is shorter."""
    return random.Random(seed).randbytes(chunks * CHUNK - CHUNK // 2)


@dataclass
class Member:
    """One drone or gateway.

    Attributes:
        disk: chunks by blob; it survives a restart.
        said: all that it has sent: announcements, requests, chunks.
        metadata: versions of root and timestamp; they move to the others by an answer.
    """

    name: str
    is_gateway: bool
    transfer: Transfer
    disk: dict[str, dict[int, bytes]] = field(default_factory=dict)
    said: list[Any] = field(default_factory=list)
    metadata: tuple[int, int] = (0, 0)
    is_up: bool = True

    def has(self, blob: Blob) -> bool:
        """Whether it holds all of a blob."""
        return len(self.disk.get(blob.sha256, {})) == len(blob.chunks)

    def content(self, blob: Blob) -> bytes:
        """What it holds of a blob."""
        return b"".join(chunk for _, chunk in sorted(self.disk[blob.sha256].items()))


class Radio:
    """All members, and the time that they live in.

    Args:
        seed: of losses and delays.
        loss: share of what is sent that a receiver does not hear though another may.
        delay_s: the most that something is on its way.
    """

    def __init__(self, seed: int = 0, loss: float = 0.0, delay_s: float = 0.005) -> None:
        self.loss = loss
        self.now_s = 0.0
        self.members: dict[str, Member] = {}
        self.sent_bytes = 0
        self.on_request: Callable[[str, Ask], None] = lambda _name, _ask: None
        self._delay_s = delay_s
        self._random = random.Random(seed)
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._count = itertools.count()
        self._sides: Sequence[Collection[str]] = ()

    # --- what a test does ----------------------------------------------------------------

    def join(self, name: str, *, is_gateway: bool = False, rate: float = 1.0) -> Member:
        """Somebody new."""
        config = replace(CONFIG, bytes_per_s=CONFIG.bytes_per_s * rate)
        member = Member(name, is_gateway, Transfer(name, config))
        self.members[name] = member
        self._at(self.now_s + self._random.uniform(0, TICK_S), lambda: self._tick(member))
        return member

    def restart(self, old: Member, blob: Blob) -> Member:
        """It comes back with what is on its disk."""
        old.is_up = False
        member = self.join(old.name, is_gateway=old.is_gateway)
        member.disk = old.disk
        member.transfer.want(blob, member.disk.get(blob.sha256, {}), self.now_s)
        return member

    def give(self, member: Member, content: bytes, chunks: Iterable[int] | None = None) -> Blob:
        """Let somebody hold a blob, or some chunks of it."""
        blob = Blob.of(content, CHUNK)
        kept = range(len(blob.chunks)) if chunks is None else chunks
        spans = {index: blob.span(index) for index in kept}
        member.disk[blob.sha256] = {i: content[start:end] for i, (start, end) in spans.items()}
        member.transfer.want(blob, spans, self.now_s)
        return blob

    def want(self, members: Iterable[Member], blob: Blob) -> None:
        """They have learned that there is a blob."""
        for member in members:
            member.disk.setdefault(blob.sha256, {})
            member.transfer.want(blob, member.disk[blob.sha256], self.now_s)

    def cut(self, *sides: Collection[str]) -> None:
        """Let members hear only those of their own side; without any, all."""
        self._sides = sides

    def run_until(self, condition: Callable[[], bool], within_s: float) -> bool:
        """Let time pass until something holds; False when it ran out first."""
        end_s = self.now_s + within_s
        while not condition():
            if not self._due or self._due[0][0] > end_s:
                self.now_s = end_s
                return condition()
            self.now_s, _, act = heapq.heappop(self._due)
            act()
        return True

    def run_for(self, seconds: float) -> None:
        """Let time pass."""
        self.run_until(lambda: False, seconds)

    def complete(self, members: Iterable[Member], blob: Blob, within_s: float = 60.0) -> bool:
        """Let time pass until all hold a blob."""
        waiting = list(members)
        return self.run_until(lambda: all(each.has(blob) for each in waiting), within_s)

    def tell_all(self, sender: str, event: Callable[[Transfer, float], Any]) -> None:
        """Something is said by anybody, member or stranger."""
        for name, member in self.members.items():
            if name != sender and self._hears(sender, name):
                late_s = self._random.uniform(0.0, self._delay_s)
                self._at(self.now_s + late_s, lambda to=member: self._deliver(to, event))

    def tell_chunk(self, sender: str, sha256: str, index: int, content: bytes) -> None:
        """A chunk is sent."""
        self.sent_bytes += len(content)
        for name, member in self.members.items():
            if self._hears(sender, name):
                late_s = self._random.uniform(0.0, self._delay_s)
                self._at(
                    self.now_s + late_s,
                    lambda to=member: self._chunk(to, sha256, index, content),
                )

    # --- what members do -----------------------------------------------------------------

    def _tick(self, member: Member) -> None:
        if not member.is_up:
            return
        member.transfer.metadata.set_versions(member.metadata)
        for action in member.transfer.tick(self.now_s):
            member.said.append(action)
            self._act(member, action)
        wait_s = TICK_S if member.transfer.is_sending else IDLE_S
        self._at(self.now_s + wait_s, lambda: self._tick(member))

    def _act(self, member: Member, action: Any) -> None:
        name, own = member.name, member.metadata
        match action:
            case Send(sha256, index):
                self.tell_chunk(name, sha256, index, member.disk[sha256][index])
            case Ask(holder, sha256, chunks):
                self.on_request(name, action)
                self.tell_all(name, lambda t, s: t.on_request(name, holder, sha256, chunks, s))
            case Announce(holdings):
                told = Announcement(name, member.is_gateway, *own, holdings)
                self.tell_all(name, lambda t, s: t.on_announcement(told, s))
            case AskMetadata(holder):
                self.tell_all(name, lambda t, s: t.on_metadata_request(name, holder, own[0], s))
            case TellMetadata():
                self._tell_metadata(name, own)

    def _tell_metadata(self, name: str, versions: tuple[int, int]) -> None:
        for other in self.members.values():
            if other.name != name and self._hears(name, other.name) and other.metadata < versions:
                other.metadata = versions
                other.transfer.metadata.set_versions(versions)
                other.transfer.announce()

    def _chunk(self, member: Member, sha256: str, index: int, content: bytes) -> None:
        if member.is_up and member.transfer.on_chunk(sha256, index, content, self.now_s):
            self._at(self.now_s + DISK_S, lambda: self._stored(member, sha256, index, content))

    def _stored(self, member: Member, sha256: str, index: int, content: bytes) -> None:
        if member.is_up:
            member.disk[sha256][index] = content
            member.transfer.stored(sha256, index)

    def _deliver(self, member: Member, event: Callable[[Transfer, float], Any]) -> None:
        if member.is_up:
            event(member.transfer, self.now_s)

    def _hears(self, sender: str, receiver: str) -> bool:
        if any((sender in side) != (receiver in side) for side in self._sides):
            return False
        return sender == receiver or self._random.random() >= self.loss

    def _at(self, when_s: float, act: Callable[[], None]) -> None:
        heapq.heappush(self._due, (when_s, next(self._count), act))
