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

"""Whether replicas agree, and which of them are cut off, judged by listening to their digests.

Digests that differ mean little while sightings are on their way, so a listener
looks at some seconds. Two replicas are *apart* when in that time they never told
the same digest, and one still lacks what the other held at the beginning, or
neither notices that they differ. Replicas that are not apart, directly or through
others, form a *part*; with one part there is one truth.

A listener needs no replica of its own. It sees no more than it hears: of replicas
that it cannot hear it says so. Times are seconds of any one clock.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import NamedTuple

from edge_infer.fleet.floors import Floor
from edge_infer.fleet.ranges import LogRange, minus


@dataclass(frozen=True)
class Standing:
    """How one replica stands to the others.

    Attributes:
        name: of the replica.
        digest: its latest.
        silent_s: since when it told nothing, seconds.
        part: number of its part, from 1, the largest first; None when it is silent.
        behind: sightings that others have held for a while and it does not tell to
            hold; None when it told no ranges, as replicas that agree do.
    """

    name: str
    digest: str
    silent_s: float
    part: int | None
    behind: int | None

    @property
    def drone(self) -> str:
        """The namespace that the replica flies in; its own name where that is the root."""
        return self.name.strip("/").rsplit("/", 1)[0]


class _Word(NamedTuple):
    """One digest, when it was heard, and what it told."""

    at_s: float
    digest: str
    ranges: list[LogRange]


class _Teller:
    """What one replica told in the last seconds."""

    def __init__(self) -> None:
        self.words: deque[_Word] = deque()
        self.garbage: list[LogRange] = []

    @property
    def latest(self) -> _Word:
        return self.words[-1]

    def forget_before(self, limit_s: float) -> None:
        """The latest word stays, however old."""
        while len(self.words) > 1 and self.words[0].at_s < limit_s:
            self.words.popleft()

    def held(self, until_s: float = float("inf")) -> list[LogRange]:
        """All that it told to hold up to a time; it may have been told in parts."""
        return [one for word in self.words if word.at_s <= until_s for one in word.ranges]

    def lacks(self, ranges: Iterable[LogRange]) -> list[LogRange]:
        """What of these it did not tell, and is not garbage there."""
        return minus(ranges, [*self.held(), *self.garbage])


class Agreement:
    """Judges what it hears.

    Args:
        window_s: so much of the past is looked at.
        settle_s: what a replica has told for this long should have reached the others.
        away_s: who told nothing for this long is silent.
    """

    def __init__(self, window_s: float = 6.0, settle_s: float = 3.0, away_s: float = 4.0) -> None:
        self._window_s = window_s
        self._settle_s = settle_s
        self._away_s = away_s
        self._tellers: dict[str, _Teller] = {}

    def hear(
        self,
        name: str,
        digest: str,
        ranges: Iterable[LogRange],
        floors: Iterable[Floor],
        now_s: float,
    ) -> None:
        """A replica told its digest."""
        teller = self._tellers.setdefault(name, _Teller())
        teller.words.append(_Word(now_s, digest, list(ranges)))
        teller.garbage = [LogRange(f.source, f.boot, 0, f.below - 1) for f in floors if f.below]
        teller.forget_before(now_s - self._window_s)

    def parts(self, now_s: float) -> list[tuple[str, ...]]:
        """The parts, largest first, then by name; who is silent belongs to none."""
        home = {name: {name} for name in sorted(self._tellers) if self._is_heard(name, now_s)}
        for a, b in combinations(home, 2):
            if home[a] is not home[b] and not self._are_apart(a, b, now_s):
                home[a] |= home[b]
                for name in home[b]:
                    home[name] = home[a]
        distinct = {id(part): tuple(sorted(part)) for part in home.values()}
        return sorted(distinct.values(), key=lambda part: (-len(part), part))

    def apart_from(self, name: str, now_s: float) -> tuple[str, ...]:
        """Those that are heard and apart from one of them, by name.

        They may still be of one part with it, through others; in return it takes little time.
        """
        heard = [other for other in sorted(self._tellers) if self._is_heard(other, now_s)]
        if name not in heard:
            return ()
        return tuple(other for other in heard if self._are_apart(name, other, now_s))

    def standings(self, now_s: float) -> list[Standing]:
        """Every replica that was ever heard, by name."""
        number = {name: index for index, part in enumerate(self.parts(now_s), 1) for name in part}
        settled = self._settled(list(number), now_s)
        return [
            Standing(
                name,
                teller.latest.digest,
                now_s - teller.latest.at_s,
                number.get(name),
                _behind(teller, settled),
            )
            for name, teller in sorted(self._tellers.items())
        ]

    def _is_heard(self, name: str, now_s: float) -> bool:
        return now_s - self._tellers[name].latest.at_s < self._away_s

    def _are_apart(self, a: str, b: str, now_s: float) -> bool:
        one, other = self._tellers[a], self._tellers[b]
        if {word.digest for word in one.words} & {word.digest for word in other.words}:
            return False
        if min(now_s - one.words[0].at_s, now_s - other.words[0].at_s) < self._settle_s:
            return False  # too new to judge
        # Who tells no ranges agrees with all whom it hears, so it does not hear the other.
        if not one.held() or not other.held():
            return True
        since_s = now_s - self._settle_s
        return bool(one.lacks(other.held(since_s)) or other.lacks(one.held(since_s)))

    def _settled(self, names: Sequence[str], now_s: float) -> list[LogRange]:
        """What anybody told long enough ago."""
        since_s = now_s - self._settle_s
        told = [one for name in names for one in self._tellers[name].held(since_s)]
        return minus(told, ())


def _behind(teller: _Teller, settled: Sequence[LogRange]) -> int | None:
    if not teller.held():
        return None
    return sum(last - first + 1 for _, _, first, last in teller.lacks(settled))
