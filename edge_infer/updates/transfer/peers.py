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

"""Who else is there, what they claim to hold, and whom of them all would ask first."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import NamedTuple

from edge_infer.updates.transfer.chunk_ranges import MOST_RANGES, Range

MOST_PEERS = 1000
MOST_HOLDINGS = 16
"""Of one peer; who claims more is not believed the rest."""


class Announcement(NamedTuple):
    """What a peer can give.

    Attributes:
        source: its name.
        is_gateway: it makes new metadata.
        root_version, timestamp_version: of its metadata.
        holdings: SHA-256 of blobs -> ranges of chunks.
    """

    source: str
    is_gateway: bool
    root_version: int
    timestamp_version: int
    holdings: Mapping[str, tuple[Range, ...]]


class Peers:
    """The last announcement of each peer, bounded whatever they say.

    Args:
        away_s: who has not announced for so long is not asked.
    """

    def __init__(self, away_s: float) -> None:
        self._away_s = away_s
        self._heard: dict[str, tuple[Announcement, float]] = {}
        self._doubts: dict[str, int] = {}
        self._swept_s = -math.inf

    def hear(self, told: Announcement, now_s: float) -> bool:
        """Take an announcement; whether it is of somebody new."""
        is_new = told.source not in self._heard
        if is_new and len(self._heard) >= MOST_PEERS:
            if now_s - self._swept_s > self._away_s / 4:
                self._forget_silent(now_s)
            if len(self._heard) >= MOST_PEERS:
                return False
        self._heard[told.source] = told._replace(holdings=_bounded(told.holdings)), now_s
        return is_new

    def present(self, now_s: float) -> Iterator[Announcement]:
        """Those that were heard of late."""
        for told, heard_s in self._heard.values():
            if now_s - heard_s <= self._away_s:
                yield told

    def doubt(self, names: Iterable[str]) -> None:
        """They were asked, and nothing came."""
        for name in names:
            if name in self._heard:
                self._doubts[name] = self._doubts.get(name, 0) + 1

    def credit(self, name: str) -> None:
        """What it was asked for came: it goes before all that have only claimed something."""
        if name in self._heard:
            self._doubts[name] = -1

    def rank(self, told: Announcement, thing: str) -> tuple[int, bool, str]:
        """Low for whom to ask: who answers, the gateway first, then by a draw that all share."""
        draw = hashlib.sha256(f"{thing} {told.source}".encode()).hexdigest()
        return self._doubts.get(told.source, 0), not told.is_gateway, draw

    def _forget_silent(self, now_s: float) -> None:
        self._swept_s = now_s
        present = {told.source for told in self.present(now_s)}
        self._heard = {name: self._heard[name] for name in present}
        self._doubts = {name: n for name, n in self._doubts.items() if name in present}


def _bounded(holdings: Mapping[str, tuple[Range, ...]]) -> dict[str, tuple[Range, ...]]:
    """As many ranges in all as an honest peer tells of one blob."""
    kept: dict[str, tuple[Range, ...]] = {}
    room = MOST_RANGES
    for sha256, ranges in islice(holdings.items(), MOST_HOLDINGS):
        kept[sha256] = ranges[:room]
        room -= len(kept[sha256])
    return kept
