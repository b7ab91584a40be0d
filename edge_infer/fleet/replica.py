"""What one coordinator knows: a log of sightings that only grows and merges in any order.

``log[(source, boot)][sequence] = sighting`` is a join-semilattice (Shapiro et
al., "Conflict-free replicated data types", SSS 2011): adding is idempotent,
commutative and associative, so replicas that got the same sightings, in
whatever order and however often, hold the same state and show the same digest.

The digest hashes the sum of the sightings' hashes modulo 2^256, as Bellare and
Micciancio's AdHash does (EUROCRYPT 1997), so that one more sighting costs one
hash. It tells replicas apart that differ by loss, delay or a fault; it does not
defend against somebody who searches for sightings whose hashes add up.

Who asks whom for what is missing is decided in ``gossip.py``.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import suppress
from hashlib import sha256

from edge_infer.domain import Sighting
from edge_infer.errors import IdentityConflictError
from edge_infer.fleet.ranges import (
    Log,
    LogRange,
    Span,
    add_number,
    common,
    head,
    minus,
    to_ranges,
)

__all__ = ["LogRange", "Replica", "canonical_bytes"]

_MODULUS = 1 << 256
_encode = json.JSONEncoder(separators=(",", ":")).encode


class Replica:
    """A grow-only set of sightings.

    Attributes:
        conflicts: sightings that were refused because their identity stood for
            another payload here.
    """

    def __init__(self, sightings: Iterable[Sighting] = ()) -> None:
        self.conflicts = 0
        self._logs: dict[Log, dict[int, Sighting]] = {}
        self._spans: dict[Log, list[Span]] = {}
        self._count = 0
        self._sum = 0
        self.add_all(sightings)

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[Sighting]:
        for log in self._logs.values():
            yield from log.values()

    def add(self, sighting: Sighting) -> bool:
        """Take in one sighting; whether it was new.

        Raises:
            IdentityConflictError: its identity is known with another payload. The
                replica stays as it was.
        """
        source, boot, sequence = sighting.id
        log = self._logs.setdefault((source, boot), {})
        known = log.get(sequence)
        if known is not None:
            self._check_same(known, sighting)
            return False
        log[sequence] = sighting
        add_number(self._spans.setdefault((source, boot), []), sequence)
        self._count += 1
        self._sum = (self._sum + _fingerprint(sighting)) % _MODULUS
        return True

    def add_all(self, sightings: Iterable[Sighting]) -> list[Sighting]:
        """Take in many; returns those that were new. Conflicting ones are refused and counted."""
        fresh = []
        for sighting in sightings:
            with suppress(IdentityConflictError):
                if self.add(sighting):
                    fresh.append(sighting)
        return fresh

    def merge(self, other: Replica) -> list[Sighting]:
        """Take in all that another replica holds; returns what was new."""
        return self.add_all(other)

    def digest(self) -> str:
        """SHA-256 of the state, 64 hexadecimal digits: equal digests mean equal sightings."""
        state = self._count.to_bytes(8, "big") + self._sum.to_bytes(32, "big")
        return sha256(state).hexdigest()

    def ranges(self) -> list[LogRange]:
        """What this replica holds, ordered by source, boot, first."""
        return to_ranges(self._spans)

    def missing(self, theirs: Iterable[LogRange]) -> list[LogRange]:
        """What they hold and this replica does not."""
        return minus(theirs, self.ranges())

    def take(self, ranges: Iterable[LogRange], limit: int) -> list[Sighting]:
        """Of these ranges what this replica holds, the first ``limit`` by identity."""
        return [
            self._logs[source, boot][sequence]
            for source, boot, first, last in head(common(ranges, self.ranges()), limit)
            for sequence in range(first, last + 1)
        ]

    def _check_same(self, known: Sighting, sighting: Sighting) -> None:
        if known is sighting or canonical_bytes(known) == canonical_bytes(sighting):
            return
        self.conflicts += 1
        raise IdentityConflictError(
            f"sighting {sighting.id} arrived with two different payloads",
            f"give each source its own name and boot counter: two call themselves "
            f"{sighting.id.source!r}",
        )


def canonical_bytes(sighting: Sighting) -> bytes:
    """The sighting as a JSON array in ASCII; the same bytes on every machine."""
    s = sighting
    fields = (*s.id, s.stamp_ns, s.frame, s.class_name, s.score, s.x_mm, s.y_mm, s.z_mm)
    return _encode((*fields, *s.covariance_m2, s.model_version)).encode("ascii")


def _fingerprint(sighting: Sighting) -> int:
    return int.from_bytes(sha256(canonical_bytes(sighting)).digest(), "big")
