"""Anti-entropy: replicas tell what they hold, and ask for what they miss.

Each replica sends its digest every second or so. Whoever sees a digest that is
not its own compares the ranges and asks that peer for what it lacks; the peer
sends those sightings again, to all. A sighting that is merely on its way is not
asked for, and what was asked of one peer is not at once asked of another.

Events in, actions out: the caller owns topics, timers and the clock, and passes
``now_s`` of any clock.
"""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import dataclass

from edge_infer.domain import Sighting
from edge_infer.fleet.ranges import LogRange, common, head, minus
from edge_infer.fleet.replica import Replica


@dataclass(frozen=True)
class GossipConfig:
    """How eager a replica is.

    Attributes:
        period_s: mean time between two digests.
        jitter: share of the period by which each one comes earlier or later, so
            that replicas that started together do not speak together.
        patience_s: what is missing for less than this is taken to be on its way.
        retry_s: what was asked for is asked for again after this.
        batch: sightings per request and per answer, at most.
    """

    period_s: float = 1.0
    jitter: float = 0.25
    patience_s: float = 0.5
    retry_s: float = 1.5
    batch: int = 200


class Gossip:
    """One replica's part of the conversation.

    Args:
        name: of the replica; also the seed of its jitter.
    """

    def __init__(self, name: str, config: GossipConfig | None = None) -> None:
        self._config = config or GossipConfig()
        self._name = name
        self._random = random.Random(name)
        self._next_s: float | None = None
        self._noticed: list[tuple[float, list[LogRange]]] = []
        """What is missing, by the time when that was first seen."""
        self._asked: list[tuple[float, list[LogRange]]] = []

    def due(self, now_s: float) -> bool:
        """Whether to send a digest now."""
        period_s = self._config.period_s
        if self._next_s is None or self._next_s - now_s > 2 * period_s:
            self._next_s = now_s + period_s * self._random.random()
        if now_s < self._next_s:
            return False
        jitter = self._config.jitter
        self._next_s = now_s + period_s * self._random.uniform(1 - jitter, 1 + jitter)
        return True

    def on_digest(
        self, peer: str, digest: str, ranges: Iterable[LogRange], replica: Replica, now_s: float
    ) -> list[LogRange]:
        """A peer told what it holds; returns what to ask that peer for, empty for nothing."""
        if peer == self._name or digest == replica.digest():
            return []
        config = self._config
        missing = replica.missing(ranges)
        self._notice(missing, replica, now_s)
        self._asked = [(at, some) for at, some in self._asked if abs(now_s - at) < config.retry_s]
        overdue = [
            one
            for since_s, some in self._noticed
            if abs(now_s - since_s) >= config.patience_s
            for one in some
        ]
        asked = [one for _, some in self._asked for one in some]
        request = head(minus(common(missing, overdue), asked), config.batch)
        if request:
            self._asked.append((now_s, request))
        return request

    def on_request(self, ranges: Iterable[LogRange], replica: Replica) -> list[Sighting]:
        """A peer asks this replica; returns the sightings to send again, to all."""
        return replica.take(ranges, self._config.batch)

    def _notice(self, missing: list[LogRange], replica: Replica, now_s: float) -> None:
        still = [(since_s, replica.missing(some)) for since_s, some in self._noticed]
        self._noticed = [(since_s, some) for since_s, some in still if some]
        known = [one for _, some in self._noticed for one in some]
        if new := minus(missing, known):
            self._noticed.append((now_s, new))
