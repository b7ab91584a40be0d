"""What a fleet agrees on beside its sightings: last values, and counts.

Both merge in any order (``registers.py``, ``counters.py``) and are part of a
replica's state and digest. They are few, so replicas compare them as a whole, and
who differs tells all, a part at a time (``Telling``). What keys, values and names
mean is decided elsewhere.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from hashlib import sha256
from typing import NamedTuple

from edge_infer.errors import FleetError
from edge_infer.fleet.counters import Count, Counters
from edge_infer.fleet.fingerprint import fingerprint
from edge_infer.fleet.registers import Entry, LastValues, Stamp

MOST_NAME, MOST_VALUE = 200, 4_000
"""Characters of a key or name, and bytes of a value."""


class Part(NamedTuple):
    """Some of the records, as they are told."""

    entries: Sequence[Entry] = ()
    counts: Sequence[Count] = ()


class Records:
    """One replica's records."""

    def __init__(self) -> None:
        self._values = LastValues()
        self._counters = Counters()
        self._bytes: bytes | None = b""
        """Canonical; None since the last change."""

    def get(self, key: str) -> bytes | None:
        """The last value of a key; None where nobody wrote one."""
        return self._values.get(key)

    def total(self, name: str) -> int:
        """Of a count, over all sources and boots."""
        return self._counters.total(name)

    def write(self, key: str, value: bytes, source: str, boot: int) -> Entry:
        """Replace what stands; returns what to tell the others.

        Raises:
            FleetError: the key or the value is too long.
        """
        check(Part([Entry(key, Stamp(0, source, boot), value)]))
        self._bytes = None
        return self._values.write(key, value, source, boot)

    def count(self, source: str, boot: int, name: str, by: int = 1) -> Count:
        """Raise an own count; returns what to tell the others.

        Raises:
            FleetError: the name is too long.
        """
        check(Part(counts=[Count(source, boot, name, by)]))
        self._bytes = None
        return self._counters.count(source, boot, name, by)

    def add(self, part: Part) -> bool:
        """Take in what was told; whether anything changed.

        Raises:
            FleetError: something is too long; nothing is taken in then.
            IdentityConflictError: a stamp came with two values; all else is taken in.
        """
        check(part)
        before = self._values.conflicts
        taken: list[object] = [*self._values.merge(part.entries)]
        taken += self._counters.merge(part.counts)
        if taken:
            self._bytes = None
        if self._values.conflicts > before:
            for entry in part.entries:
                self._values.add(entry)
        return bool(taken)

    def merge(self, other: Records) -> bool:
        """Take in all that another replica holds; conflicting writes are refused and counted."""
        taken: list[object] = [*self._values.merge(other._values.entries())]
        taken += self._counters.merge(other._counters.counts())
        if taken:
            self._bytes = None
        return bool(taken)

    def whole(self) -> Part:
        """All, ordered."""
        return Part(self._values.entries(), self._counters.counts())

    def digest(self) -> str:
        """64 hexadecimal digits of the records alone."""
        return sha256(self._canonical_bytes()).hexdigest()

    def fingerprint(self) -> int:
        """What they add to a replica's digest; nothing while there are none."""
        content = self._canonical_bytes()
        return fingerprint(b"R" + content) if content else 0

    def _canonical_bytes(self) -> bytes:
        if self._bytes is None:
            self._bytes = self._values.canonical_bytes() + self._counters.canonical_bytes()
        return self._bytes


class Telling:
    """When one replica tells its records: the digest each period, parts while somebody differs.

    Args:
        name: of the replica; the seed of its jitter.
        period_s: mean time between two words.
        most: records per word.
    """

    def __init__(self, name: str, period_s: float = 2.0, most: int = 50) -> None:
        self._random = random.Random(name)
        self._period_s = period_s
        self._most = most
        self._next_s: float | None = None
        self._differs_until_s = float("-inf")
        self._is_spared = False
        self._first = 0

    def hear(self, digest: str, has_content: bool, own: str, now_s: float) -> None:
        """Another replica told its digest, and maybe a part."""
        if digest != own:
            self._differs_until_s = now_s + 3 * self._period_s
        elif has_content:
            self._is_spared = True  # it tells the others what this one would

    def due(self, now_s: float) -> bool:
        """Whether to tell now."""
        if self._next_s is None:
            self._next_s = now_s + self._period_s * self._random.random()
        if now_s < self._next_s:
            return False
        self._next_s = now_s + self._period_s * self._random.uniform(0.75, 1.25)
        return True

    def part(self, records: Records, now_s: float) -> Part:
        """What to tell beside the digest that is due."""
        spared, self._is_spared = self._is_spared, False
        if now_s >= self._differs_until_s or spared:
            return Part()
        entries, counts = records.whole()
        first = self._first if self._first < len(entries) + len(counts) else 0
        self._first = last = first + self._most
        skipped = len(entries)
        return Part(entries[first:last], counts[max(first - skipped, 0) : max(last - skipped, 0)])


def check(part: Part) -> None:
    """Raise FleetError where a record is longer than may travel."""
    names = [*(e.key for e in part.entries), *(c.name for c in part.counts)]
    for name in names:
        if not 0 < len(name) <= MOST_NAME:
            raise FleetError(
                f"a record's name has {len(name)} characters", f"give it 1 to {MOST_NAME}"
            )
    for entry in part.entries:
        if len(entry.value) > MOST_VALUE:
            raise FleetError(
                f"the record {entry.key!r} has {len(entry.value)} bytes",
                f"keep records below {MOST_VALUE}, and larger things in files",
            )
