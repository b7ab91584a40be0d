"""Counts that the whole fleet agrees on: each start of each source counts for itself.

A grow-only counter (Shapiro et al., "Conflict-free replicated data types", SSS
2011): one number per (source, boot, name), that only its writer raises; merging
takes the higher one, so repeats and disorder change nothing. A boot of its own
is what lets a drone begin at 0 again. What is counted is decided elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import sha256
from typing import NamedTuple

from edge_infer.fleet.fingerprint import quoted


class Count(NamedTuple):
    """How often something happened in one start of one source."""

    source: str
    boot: int
    name: str
    value: int


class Counters:
    """One replica's counts."""

    def __init__(self, counts: Iterable[Count] = ()) -> None:
        self._values: dict[tuple[str, int, str], int] = {}
        self.merge(counts)

    def count(self, source: str, boot: int, name: str, by: int = 1) -> Count:
        """Raise an own count; returns what to tell the others.

        Raises:
            ValueError: counts do not fall.
        """
        if by < 0:
            raise ValueError(f"{name} cannot be counted by {by}")
        key = source, boot, name
        value = self._values[key] = self._values.get(key, 0) + by
        return Count(*key, value)

    def merge(self, counts: Iterable[Count]) -> list[Count]:
        """Take in what another replica holds or told; returns what rose."""
        risen = []
        for count in counts:
            if count.value > self._values.get(count[:3], -1):
                self._values[count[:3]] = count.value
                risen.append(count)
        return risen

    def total(self, name: str) -> int:
        """Of all sources and boots."""
        return sum(value for (*_, known), value in self._values.items() if known == name)

    def counts(self) -> list[Count]:
        """All, ordered by source, boot, name."""
        return [Count(*key, value) for key, value in sorted(self._values.items())]

    def canonical_bytes(self) -> bytes:
        """The state as lines of JSON in ASCII; the same bytes on every machine."""
        return b"".join(
            f"[{quoted(c.source)},{c.boot},{quoted(c.name)},{c.value}]\n".encode("ascii")
            for c in self.counts()
        )

    def digest(self) -> str:
        """SHA-256 of the state, 64 hexadecimal digits."""
        return sha256(self.canonical_bytes()).hexdigest()
