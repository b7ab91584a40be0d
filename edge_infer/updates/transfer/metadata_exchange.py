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

"""Signed metadata from whoever has newer: who asks whom, and who answers when.

The files are checked elsewhere. Here it is only decided whom to ask next, so that one answer
serves all, and nobody who only claims to know something newer is asked for ever.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from typing import NamedTuple

from edge_infer.updates.transfer.peers import MOST_PEERS, Announcement, Peers
from edge_infer.updates.transfer.requests import MOST_TRUST, Patience

DISTRUST_S = 30.0
"""How long somebody is not asked whose metadata was refused."""
_LONGEST_REST_S = 30.0


class AskMetadata(NamedTuple):
    """Ask a holder for metadata that is newer."""

    holder: str


class TellMetadata(NamedTuple):
    """Publish the metadata.

    Attributes:
        since_root: the oldest root that somebody who asks has.
    """

    since_root: int


class MetadataExchange:
    """What one member knows of the metadata of others.

    Args:
        patience: with an answer.
        again_s: metadata that was told so recently is not told again.
        rng: of the delays, which differ so that not all ask at once.

    Attributes:
        versions: root and timestamp of its own.
    """

    def __init__(self, patience: Patience, again_s: float, rng: random.Random) -> None:
        self.versions = (0, 0)
        self._patience = patience
        self._again_s = again_s
        self._random = rng
        self._ask_at_s = math.inf
        self._patient_until_s = -math.inf
        self._by_others = 0
        self._asked: dict[str, tuple[int, float]] = {}
        """How often in vain, and until when that rests."""
        self._distrusted_until_s: dict[str, float] = {}
        self._since_root: int | None = None
        self._told_s = -math.inf

    def set_versions(self, versions: tuple[int, int]) -> None:
        """This member has other metadata now: whoever was asked in vain may be asked again."""
        if versions != self.versions:
            self.versions = versions
            self._asked.clear()
            self._by_others = 0
            self._patient_until_s = -math.inf

    def is_newer(self, told: Announcement) -> bool:
        """Whether somebody claims to know something newer."""
        root, timestamp = self.versions
        return told.root_version > root or told.timestamp_version > timestamp

    # --- what is heard -------------------------------------------------------------------

    def on_announcement(self, told: Announcement, now_s: float) -> None:
        """Somebody tells what it has."""
        if self.is_newer(told) and self._rests_until_s(told.source) <= now_s:
            self._ask_at_s = min(self._ask_at_s, self._soon_s(now_s))

    def on_request(self, since_root: int) -> None:
        """Somebody asks this member."""
        known = self._since_root
        self._since_root = since_root if known is None else min(known, since_root)

    def hear_asked(self, now_s: float) -> None:
        """Somebody asks somebody else: the answer is for all."""
        if self._by_others < MOST_TRUST:
            self._by_others += 1
            self._patient_until_s = self._soon_s(now_s + self._patience.patience_s)

    def distrust(self, source: str, now_s: float) -> None:
        """What somebody sent was refused."""
        if len(self._distrusted_until_s) >= MOST_PEERS:
            self._distrusted_until_s.clear()
        self._distrusted_until_s[source] = now_s + DISTRUST_S

    # --- what is to be done --------------------------------------------------------------

    def tick(self, peers: Peers, now_s: float) -> Iterator[AskMetadata | TellMetadata]:
        """What to do now."""
        if self._since_root is not None and now_s - self._told_s >= self._again_s:
            yield TellMetadata(self._since_root)
            self._since_root, self._told_s = None, now_s
        if now_s >= max(self._ask_at_s, self._patient_until_s):
            holder = self._whom(peers, now_s)
            if holder is not None:
                yield AskMetadata(holder)

    def _whom(self, peers: Peers, now_s: float) -> str | None:
        """Whom all would ask of those that are not resting; it rests longer each time."""
        newer = [told for told in peers.present(now_s) if self.is_newer(told)]
        rests_s = [self._rests_until_s(told.source) for told in newer]
        awake = [told for told, until_s in zip(newer, rests_s, strict=True) if until_s <= now_s]
        # Until the first of them is awake again; an announcement calls, too.
        self._ask_at_s = min(rests_s, default=math.inf)
        if not awake:
            return None
        holder = min(
            awake, key=lambda told: (self._times(told.source), peers.rank(told, "metadata"))
        )
        self._rest(holder.source, now_s)
        self._patient_until_s = self._soon_s(now_s + self._patience.patience_s)
        self._by_others = 0
        return holder.source

    def _rest(self, holder: str, now_s: float) -> None:
        if len(self._asked) >= MOST_PEERS:
            self._asked.clear()
        times = self._times(holder) + 1
        rest_s = min(self._patience.patience_s * 2.0**times, _LONGEST_REST_S)
        self._asked[holder] = times, now_s + rest_s

    def _times(self, source: str) -> int:
        return self._asked.get(source, (0, 0.0))[0]

    def _rests_until_s(self, source: str) -> float:
        _, rest_s = self._asked.get(source, (0, -math.inf))
        return max(rest_s, self._distrusted_until_s.get(source, -math.inf))

    def _soon_s(self, now_s: float) -> float:
        return now_s + self._random.uniform(0.0, self._patience.ask_delay_s)
