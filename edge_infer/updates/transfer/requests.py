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

"""What one member misses of one blob, and when it is time to ask for it.

Requests are heard by all. Who hears a request for what it misses, or sees new chunks still
coming, waits: so a fleet asks once. The scheme is that of scalable reliable multicast (Floyd
et al., IEEE/ACM ToN 5(6), 1997), with one holder who answers instead of a race.
"""

from __future__ import annotations

import random
from collections.abc import Iterable
from typing import NamedTuple

from edge_infer.updates.release import Blob

MOST_TRUST = 2
"""Requests of others in a row that make an own one needless. More would let a stranger, who
asks and asks somebody that does not answer, keep a fleet from fetching."""


class Patience(NamedTuple):
    """How long a request or a gap is borne.

    Attributes:
        ask_delay_s: a request waits up to so long for another one to make it needless.
        patience_s: without a new chunk for so long, what is missing is asked for again.
    """

    ask_delay_s: float
    patience_s: float


class _Asked(NamedTuple):
    """Somebody asked a holder for a chunk; until then it may come."""

    holder: str
    until_s: float
    by_others: int


class Fetch:
    """The chunks of one blob at one member.

    Args:
        blob: what is wanted, as signed.
        held: indices of the chunks that are here.
        patience: with those that may still come.
        rng: of the delays, which differ so that not all ask at once.
        now_s: when it begins.

    Attributes:
        storing: indices of the chunks that are on their way to the disk.
    """

    def __init__(
        self,
        blob: Blob,
        held: Iterable[int],
        patience: Patience,
        rng: random.Random,
        now_s: float,
    ) -> None:
        self.blob = blob
        self.storing: set[int] = set()
        self._patience = patience
        self._random = rng
        self._asked: dict[int, _Asked] = {}
        self._missing = set(range(len(blob.chunks)))
        self._ask_at_s = 0.0
        self.held: set[int] = set()
        self.set_held(held)
        self.rest_until(self._soon_s(now_s))

    @property
    def is_complete(self) -> bool:
        """Whether all chunks are here."""
        return len(self.held) == len(self.blob.chunks)

    def set_held(self, held: Iterable[int]) -> None:
        """Believe the disk about what is there."""
        everything = range(len(self.blob.chunks))
        self.held = {index for index in held if index in everything}
        self._missing = set(everything) - self.held - self.storing

    def rest_until(self, until_s: float) -> None:
        """Do not ask before that."""
        self._ask_at_s = until_s

    # --- what comes ----------------------------------------------------------------------

    def misses(self, index: int) -> bool:
        """Whether a chunk is neither here nor on its way to the disk."""
        return index in self._missing

    def begin_storing(self, index: int, now_s: float) -> str:
        """A chunk has come that was missing; returns who was asked for it, empty for nobody."""
        self._missing.discard(index)
        self.storing.add(index)
        self._ask_at_s = max(self._ask_at_s, self._later_s(now_s))
        asked = self._asked.pop(index, None)
        return asked.holder if asked else ""

    def end_storing(self, index: int, is_held: bool) -> None:
        """The disk has taken a chunk, or not."""
        self.storing.discard(index)
        if is_held:
            self.held.add(index)
        else:
            self._missing.add(index)

    # --- asking --------------------------------------------------------------------------

    def due(self, now_s: float) -> set[int]:
        """What nobody has asked for of late, if it is time to ask."""
        if now_s < self._ask_at_s:
            return set()
        asked = self._asked
        return {i for i in self._missing if i not in asked or asked[i].until_s <= now_s}

    def in_vain(self, indices: Iterable[int]) -> set[str]:
        """Who was asked for chunks that did not come."""
        return {self._asked[index].holder for index in indices if index in self._asked}

    def ask(self, holder: str, indices: Iterable[int], now_s: float) -> None:
        """This member asks somebody."""
        until_s = self._later_s(now_s)
        for index in indices:
            self._asked[index] = _Asked(holder, until_s, 0)

    def hear_asked(self, holder: str, indices: Iterable[int], now_s: float) -> None:
        """Somebody else asks somebody: what of it is missing here, too, may come by that."""
        until_s = self._later_s(now_s)
        for index in self._missing.intersection(indices):
            before = self._asked.get(index, _Asked("", 0.0, 0))
            if before.until_s <= now_s and before.by_others < MOST_TRUST:
                self._asked[index] = _Asked(holder, until_s, before.by_others + 1)

    def _soon_s(self, now_s: float) -> float:
        return now_s + self._random.uniform(0.0, self._patience.ask_delay_s)

    def _later_s(self, now_s: float) -> float:
        """When patience is over."""
        return self._soon_s(now_s + self._patience.patience_s)
