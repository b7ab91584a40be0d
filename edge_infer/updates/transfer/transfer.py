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

"""Blobs to everybody at once: who asks whom for what, and who sends what when.

Events in, actions out. All hear all: a request for what this member misses, and a chunk that
somebody else asked for, are as good as its own. So a fleet that wants the same is served by
one multicast. The middleware repairs what it has just sent; what stays missing is asked for
here, of a holder that all choose alike.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from edge_infer.updates.release import Blob
from edge_infer.updates.transfer.chunk_ranges import MOST_RANGES, Range, numbers_in, to_ranges
from edge_infer.updates.transfer.metadata_exchange import (
    AskMetadata,
    MetadataExchange,
    TellMetadata,
)
from edge_infer.updates.transfer.peers import Announcement, Peers
from edge_infer.updates.transfer.requests import Fetch, Patience
from edge_infer.updates.transfer.serving import Send, Serving

MOST_HOLDERS = 8
"""That are asked at once, each for what the others do not hold."""
_PATIENCE_CHUNKS = 4
"""Patience lasts at least for so many chunks at the rate of a holder."""
_LEAST_S = 0.5
"""Between two announcements because somebody came: strangers may come in crowds."""


@dataclass(frozen=True)
class TransferConfig:
    """How patient and how loud a member is.

    Attributes:
        bytes_per_s: that it may send of chunks.
        announce_s: time between two announcements when nothing changes.
        ask_delay_s: a request waits up to so long for another one to make it needless.
        patience_s: without a new chunk for so long, what is missing is asked for again; longer
            where a chunk takes longer.
        again_s: a chunk that was sent so recently is not sent again.
        away_s: a peer that does not announce for so long is not asked.
    """

    bytes_per_s: float = 2_500_000.0
    announce_s: float = 2.0
    ask_delay_s: float = 0.1
    patience_s: float = 1.0
    again_s: float = 1.0
    away_s: float = 6.0


class Announce(NamedTuple):
    """Tell what this member holds."""

    holdings: Mapping[str, tuple[Range, ...]]


class Ask(NamedTuple):
    """Ask a holder for chunks."""

    holder: str
    sha256: str
    chunks: tuple[Range, ...]


Action = Announce | Ask | AskMetadata | Send | TellMetadata


class Transfer:
    """What one member holds, wants, and owes to others.

    Args:
        name: of this member.
        config: how patient and how loud it is.
        seed: of its delays, which differ so that not all ask at once.

    Attributes:
        metadata: what it knows of the metadata of others.
        refused: chunks that were not what was signed.
    """

    def __init__(self, name: str, config: TransferConfig, seed: int = 0) -> None:
        self._name = name
        self._config = config
        self._random = random.Random(f"{name} {seed}")
        self._peers = Peers(config.away_s)
        self._fetches: dict[str, Fetch] = {}
        self._serving = Serving(config.bytes_per_s, config.again_s)
        self._announce_at_s = 0.0
        self._announced_s = 0.0
        patience = Patience(config.ask_delay_s, config.patience_s)
        self.metadata = MetadataExchange(patience, config.again_s, self._random)
        self.refused = 0

    # --- what this member has and wants --------------------------------------------------

    def want(self, blob: Blob, held: Iterable[int], now_s: float) -> None:
        """Fetch what is missing of a blob; give others what is there."""
        chunk_s = blob.chunk_bytes / self._config.bytes_per_s
        patience_s = max(self._config.patience_s, _PATIENCE_CHUNKS * chunk_s)
        patience = Patience(self._config.ask_delay_s, patience_s)
        self._fetches[blob.sha256] = Fetch(blob, held, patience, self._random, now_s)
        if self._fetches[blob.sha256].held:
            self.announce()

    def drop(self, sha256: str) -> None:
        """Neither fetch nor give a blob any more."""
        self._fetches.pop(sha256, None)
        self._serving.drop(sha256)

    def stored(self, sha256: str, index: int) -> bool:
        """A chunk is kept; whether the blob is complete with it."""
        fetch = self._fetches.get(sha256)
        if fetch is None:
            return False
        fetch.end_storing(index, is_held=True)
        if fetch.is_complete:
            self.announce()
        return fetch.is_complete

    def not_stored(self, sha256: str, index: int, until_s: float) -> None:
        """The disk did not take a chunk: nothing of the blob is asked for before that."""
        fetch = self._fetches.get(sha256)
        if fetch is not None:
            fetch.end_storing(index, is_held=False)
            fetch.rest_until(until_s)

    def set_held(self, sha256: str, held: Iterable[int]) -> None:
        """What is held of a blob is another than was thought: the disk has damaged some."""
        if sha256 in self._fetches:
            self._fetches[sha256].set_held(held)

    def is_complete(self, sha256: str) -> bool:
        """Whether all of a blob is held."""
        return sha256 in self._fetches and self._fetches[sha256].is_complete

    def progress(self, sha256: str) -> float:
        """Share of a blob's chunks that are held; 0 for one that is not wanted."""
        fetch = self._fetches.get(sha256)
        return len(fetch.held) / len(fetch.blob.chunks) if fetch else 0.0

    def announce(self) -> None:
        """Announce at the next tick."""
        self._announce_at_s = 0.0

    # --- what is heard -------------------------------------------------------------------

    def on_announcement(self, told: Announcement, now_s: float) -> None:
        """A peer tells what it can give."""
        if told.source == self._name:
            return
        if self._peers.hear(told, now_s):
            # Who comes new may not have heard what this member told before.
            soon_s = max(now_s, self._announced_s + _LEAST_S)
            soon_s += self._random.uniform(0.0, self._config.ask_delay_s)
            self._announce_at_s = min(self._announce_at_s, soon_s)
        self.metadata.on_announcement(told, now_s)

    def on_request(
        self, source: str, holder: str, sha256: str, chunks: Iterable[Range], now_s: float
    ) -> None:
        """Somebody asks somebody for chunks."""
        fetch = self._fetches.get(sha256)
        if fetch is None or source == self._name:
            return
        asked = numbers_in(chunks, len(fetch.blob.chunks))
        if holder == self._name:
            self._serving.queue(sha256, (i for i in asked if i in fetch.held), now_s)
        else:
            fetch.hear_asked(holder, asked, now_s)

    def on_metadata_request(self, source: str, holder: str, since_root: int, now_s: float) -> None:
        """Somebody asks somebody for metadata."""
        if source == self._name:
            return
        if holder == self._name:
            self.metadata.on_request(since_root)
        else:
            self.metadata.hear_asked(now_s)

    def on_chunk(self, sha256: str, index: int, content: bytes, now_s: float) -> bool:
        """A chunk was heard; whether it is to be kept. ``stored`` or ``not_stored`` must follow."""
        fetch = self._fetches.get(sha256)
        if fetch is None or self._serving.was_sent(sha256, index, now_s):
            return False  # also what this member sends, which it hears itself
        if not fetch.blob.fits(index, content):
            self.refused += 1
            return False
        self._serving.on_chunk(sha256, index, now_s)
        if not fetch.misses(index):
            return False
        self._peers.credit(fetch.begin_storing(index, now_s))
        return True

    # --- what is to be done --------------------------------------------------------------

    def tick(self, now_s: float, most_sends: int = 8) -> list[Action]:
        """What to do now, with at most so many chunks to be sent."""
        actions: list[Action] = [*self.metadata.tick(self._peers, now_s)]
        for fetch in self._fetches.values():
            actions += self._ask(fetch, now_s)
        for _ in range(most_sends):
            send = self._serving.next(now_s)
            if send is None:
                break
            start, end = self._fetches[send.sha256].blob.span(send.chunk)
            self._serving.spend(end - start)
            actions.append(send)
        if now_s >= self._announce_at_s:
            actions.append(self._announce(now_s))
        return actions

    @property
    def is_sending(self) -> bool:
        """Whether somebody waits for chunks of this member."""
        return len(self._serving) > 0

    def _ask(self, fetch: Fetch, now_s: float) -> list[Action]:
        """Ask those whom all would ask for what is missing, each for what is left."""
        due = fetch.due(now_s)
        if not due:
            return []
        self._peers.doubt(fetch.in_vain(due))
        sha256, actions = fetch.blob.sha256, list[Action]()
        offers = [told for told in self._peers.present(now_s) if sha256 in told.holdings]
        for told in sorted(offers, key=lambda told: self._peers.rank(told, sha256)):
            ranges = told.holdings[sha256]
            useful = due.intersection(numbers_in(ranges, len(fetch.blob.chunks)))
            if useful:
                fetch.ask(told.source, useful, now_s)
                actions.append(Ask(told.source, sha256, to_ranges(useful)))
                due -= useful
            if not due or len(actions) >= MOST_HOLDERS:
                break
        fetch.rest_until(now_s + self._random.uniform(0.0, self._config.ask_delay_s))
        return actions

    def _announce(self, now_s: float) -> Announce:
        self._announced_s = now_s
        self._announce_at_s = now_s + self._config.announce_s * self._random.uniform(0.8, 1.2)
        holdings: dict[str, tuple[Range, ...]] = {}
        room = MOST_RANGES
        for sha256, fetch in self._fetches.items():
            ranges = to_ranges(fetch.held)[:room]
            if ranges:
                holdings[sha256] = ranges
            room -= len(ranges)
        return Announce(holdings)
