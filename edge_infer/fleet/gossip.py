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

"""Anti-entropy: replicas tell what they hold, and ask for what they miss.

Each replica sends its digest every second or so: the hash alone while all agree,
else with ranges, a part at a time when they are many. Who misses something
for longer than it can be on its way asks a replica that holds it, by choice that of
the drone that saw it. All hear all, and that keeps it calm:

- who hears a request for what it misses, too, waits for the answer;
- who is not asked and holds it answers late, unless it hears the answer first;
- whoever has answered, or heard the answer, does not answer the same again at once.

Delays are random, seeded by the name. All that a replica sends here is taken from
one bucket of bytes.

Events in, actions out: the caller owns topics, timers and the clock, and passes
``now_s`` of any clock.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from edge_infer.bucket import Bucket
from edge_infer.domain import Sighting, SightingId
from edge_infer.fleet.answering import Answering, Until, holding
from edge_infer.fleet.elapsed import Elapsed
from edge_infer.fleet.ranges import LogRange, common, head, minus
from edge_infer.fleet.replica import Replica

MESSAGE_BYTES, RANGE_BYTES, SIGHTING_BYTES = 250, 44, 260
"""What they cost at most, headers of CDR, RTPS, UDP and IP included; for names of up to 20 letters.

A sighting counts as if it were alone in its array.
"""

_NOTICED_BATCHES = 4
"""So many batches are missed at once; the rest has its turn when these have come."""


@dataclass(frozen=True)
class GossipConfig:
    """How eager a replica is.

    Attributes:
        period_s: mean time between two digests.
        jitter: share of the period by which each one comes earlier or later, so
            that replicas that started together do not speak together.
        patience_s: what is missing for less than this is taken to be on its way.
        spread_s: random delays, before a request and before an answer in place of
            another, are up to this long.
        stand_in_s: who is not asked answers this much later than who is.
        retry_s: what was asked for is asked for again after this, and up to half more.
        again_s: what was answered is not answered again for this long; less than
            ``retry_s``, or what got lost would stay so.
        batch: sightings per request and per answer, at most.
        digest_ranges: ranges per digest, at most; a larger state is told in parts.
        bytes_per_s: what this replica sends as digests, requests and answers, on the
            average.
        burst_bytes: and at once.
    """

    period_s: float = 1.0
    jitter: float = 0.25
    patience_s: float = 0.5
    spread_s: float = 0.5
    stand_in_s: float = 0.5
    retry_s: float = 2.0
    again_s: float = 1.5
    batch: int = 200
    digest_ranges: int = 100
    bytes_per_s: float = 16_000.0
    burst_bytes: float = 16_000.0

    @property
    def memory_s(self) -> float:
        """What a peer said is true for this long; one that is silent for longer is away."""
        return 3 * self.period_s


class Ask(NamedTuple):
    """Send a request to a peer."""

    peer: str
    ranges: list[LogRange]


class Answer(NamedTuple):
    """Send these sightings again, to all."""

    sightings: list[Sighting]


class Gossip:
    """One replica's part of the conversation.

    Args:
        name: of the replica; also the seed of its delays. A replica on board of a drone
            has a name that begins with the drone's, as in ``/drone_1/coordinator``.
    """

    def __init__(self, name: str, config: GossipConfig | None = None) -> None:
        self._config = config or GossipConfig()
        self._name = name
        self._random = random.Random(name)
        self._bucket = Bucket(self._config.bytes_per_s, self._config.burst_bytes)
        self._answering = Answering(self._config.again_s, self._config.batch)
        self._time = Elapsed()
        self._next_s: float | None = None
        self._differs_until_s = float("-inf")
        self._told = 0
        """Where the next digest goes on when ranges are told in parts."""
        self._offers: dict[str, Until] = {}
        """What peers hold and this replica missed when they said so, and until when that holds."""
        self._noticed: list[Until] = []
        """What is missing, and when it is ripe to be asked for."""
        self._noticed_at = ""
        """The digest of the replica that misses it."""
        self._asked: list[Until] = []
        """What somebody asked for, and how long to wait for the answer."""

    # --- digests ------------------------------------------------------------------------

    def due(self, now_s: float) -> bool:
        """Whether to send a digest now; while the bucket is overdrawn it waits."""
        now, period_s = self._time.at(now_s), self._config.period_s
        if self._next_s is None:
            self._next_s = now + period_s * self._random.random()
        if now < self._next_s or self._bucket.level(now) < 0:
            return False
        jitter = self._config.jitter
        self._next_s = now + period_s * self._random.uniform(1 - jitter, 1 + jitter)
        return True

    def excerpt(self, ranges: Sequence[LogRange], now_s: float) -> list[LogRange]:
        """Of all ranges those to tell in the digest that is due: none while all agree."""
        told: list[LogRange] = []
        if self._time.at(now_s) < self._differs_until_s:
            room = self._config.digest_ranges
            first = self._told if self._told < len(ranges) else 0
            told = list(ranges[first : first + room])
            self._told = first + room
        self._bucket.spend(MESSAGE_BYTES + RANGE_BYTES * len(told))
        return told

    def on_digest(
        self, peer: str, digest: str, ranges: Iterable[LogRange], replica: Replica, now_s: float
    ) -> list[LogRange]:
        """A peer told what it holds, or a part; returns what to ask it for now, maybe nothing."""
        if peer == self._name:
            return []
        if digest == replica.digest():
            self._offers.pop(peer, None)
            return []
        now = self._time.at(now_s)
        self._differs_until_s = until_s = now + self._config.memory_s
        missing = replica.missing(ranges)
        self._notice(missing, replica, now)
        earlier = self._offers.get(peer)
        known = replica.missing(earlier.ranges) if earlier and earlier.at_s > now else []
        self._offers[peer] = Until(until_s, minus([*known, *missing], ()))
        return self._ask(peer, replica, now)

    # --- requests and answers of others -------------------------------------------------

    def on_request(self, ranges: Iterable[LogRange], replica: Replica) -> list[Sighting]:
        """What there is of these ranges, to be sent at once: the answer that no other spares."""
        return replica.take(ranges, self._config.batch)

    def hear_request(
        self,
        requester: str,
        responder: str,
        ranges: Sequence[LogRange],
        replica: Replica,
        now_s: float,
    ) -> None:
        """A request was heard, whomever it is for."""
        if requester == self._name:
            return
        now = self._time.at(now_s)
        self._wait_for(ranges, now)
        delay_s = 0.0
        if responder != self._name:
            delay_s = self._config.stand_in_s + self._delay_s()
        self._answering.plan(ranges, replica, now + delay_s, now)

    def hear_sightings(self, identities: Iterable[SightingId], now_s: float) -> None:
        """Sightings were heard, new or again: nobody needs to answer with these."""
        self._answering.hear(identities, self._time.at(now_s))

    def poll(self, replica: Replica, now_s: float) -> Iterator[Ask | Answer]:
        """What is due now; to be called often, a few times per ``spread_s`` at least."""
        now = self._time.at(now_s)
        self._asked = [some for some in self._asked if some.at_s > now]
        self._offers = {p: offer for p, offer in self._offers.items() if offer.at_s > now}
        self._notice((), replica, now)
        peers = list(self._offers) if self._open(now) else []
        self._random.shuffle(peers)
        for peer in peers:
            if ranges := self._ask(peer, replica, now):
                yield Ask(peer, ranges)
        while sightings := self._answering.due(replica, self._room(now), now):
            self._bucket.spend(SIGHTING_BYTES * len(sightings))
            yield Answer(sightings)

    # --- inside ----------------------------------------------------------------------------

    def _room(self, now: float) -> int:
        """Sightings that may be sent now."""
        return min(self._config.batch, int(self._bucket.level(now) // SIGHTING_BYTES))

    def _ask(self, peer: str, replica: Replica, now: float) -> list[LogRange]:
        wanted = common(self._open(now), self._offers[peer].ranges)
        if not wanted or self._bucket.level(now) < 0:
            return []
        elsewhere = self._at_home_elsewhere(peer, now)
        request = head(replica.missing(minus(wanted, elsewhere)), self._config.batch)
        if request:
            self._wait_for(request, now)
            self._bucket.spend(MESSAGE_BYTES + RANGE_BYTES * len(request))
        return request

    def _open(self, now: float) -> list[LogRange]:
        """What is ripe to be asked for, and nobody has."""
        ripe = [one for some in self._noticed if some.at_s <= now for one in some.ranges]
        return minus(ripe, holding(self._asked, now)) if ripe else []

    def _at_home_elsewhere(self, peer: str, now: float) -> list[LogRange]:
        """What the replica on board of the drone that saw it offers, where that is another."""
        return [
            one
            for other, offer in self._offers.items()
            if other != peer and offer.at_s > now
            for one in offer.ranges
            if _is_home(other, one) and not _is_home(peer, one)
        ]

    def _wait_for(self, ranges: Sequence[LogRange], now: float) -> None:
        wait_s = self._config.retry_s * self._random.uniform(1.0, 1.5)
        self._asked.append(Until(now + wait_s, list(ranges)))

    def _notice(self, missing: Sequence[LogRange], replica: Replica, now: float) -> None:
        """Remember what is missing, not too much at once, and anew after a while."""
        if self._noticed and replica.digest() != self._noticed_at:
            self._noticed = [Until(s.at_s, replica.missing(s.ranges)) for s in self._noticed]
        self._noticed_at = replica.digest()
        limit_s = now - 3 * self._config.memory_s
        self._noticed = [s for s in self._noticed if s.at_s > limit_s and s.ranges]
        if not missing:
            return
        known = [one for some in self._noticed for one in some.ranges]
        room = _NOTICED_BATCHES * self._config.batch - _count(known)
        if new := head(minus(missing, known), room):
            ripe_s = now + self._config.patience_s + self._delay_s()
            self._noticed.append(Until(ripe_s, new))

    def _delay_s(self) -> float:
        """Random, seldom short: of many who wait, one comes first and the others hear it."""
        return self._config.spread_s * float(self._random.random() ** 0.5)


def _count(ranges: Iterable[LogRange]) -> int:
    return sum(last - first + 1 for _, _, first, last in ranges)


def _is_home(peer: str, wanted: LogRange) -> bool:
    """Whether this replica is on board of the drone that saw it."""
    return f"{peer.strip('/')}/".startswith(f"{wanted.source}/")
