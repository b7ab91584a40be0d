"""Last values that the whole fleet agrees on: a map in which the later write wins.

Later is what has the higher stamp: a write counts one more than the write that it
replaces (Lamport, 1978), and source and boot decide between writes that did not
know of each other. No clock is read. A stamp that comes with two values means
that two call themselves by one name: the second is refused and counted.

What keys and values mean is decided elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from hashlib import sha256
from typing import NamedTuple

from edge_infer.errors import IdentityConflictError
from edge_infer.fleet.fingerprint import quoted


class Stamp(NamedTuple):
    """The rank of a write; the highest one of a key stands."""

    counter: int
    source: str
    boot: int


class Entry(NamedTuple):
    """One write."""

    key: str
    stamp: Stamp
    value: bytes


class LastValues:
    """One replica's last values.

    Attributes:
        conflicts: writes that were refused because their stamp stood for another
            value here.
    """

    def __init__(self, entries: Iterable[Entry] = ()) -> None:
        self.conflicts = 0
        self._entries: dict[str, Entry] = {}
        self.merge(entries)

    def get(self, key: str) -> bytes | None:
        """The last value; None where nobody wrote one."""
        entry = self._entries.get(key)
        return entry.value if entry else None

    def write(self, key: str, value: bytes, source: str, boot: int) -> Entry:
        """Replace what stands here; returns what to tell the others."""
        known = self._entries.get(key)
        stamp = Stamp(known.stamp.counter + 1 if known else 1, source, boot)
        entry = self._entries[key] = Entry(key, stamp, value)
        return entry

    def add(self, entry: Entry) -> bool:
        """Take in one write; whether it is the last one now and was not before.

        Raises:
            IdentityConflictError: its stamp is known with another value.
        """
        known = self._entries.get(entry.key)
        if known is None or entry.stamp > known.stamp:
            self._entries[entry.key] = entry
            return True
        if entry.stamp == known.stamp and entry.value != known.value:
            self.conflicts += 1
            raise IdentityConflictError(
                f"{entry.key!r} was written twice as number {entry.stamp.counter} by "
                f"{entry.stamp.source}/{entry.stamp.boot}, with two values",
                "give each source its own name and boot counter",
            )
        return False

    def merge(self, entries: Iterable[Entry]) -> list[Entry]:
        """Take in many; returns those that stand now. Conflicting ones are refused and counted."""
        taken = []
        for entry in entries:
            with suppress(IdentityConflictError):
                if self.add(entry):
                    taken.append(entry)
        return taken

    def entries(self) -> list[Entry]:
        """What stands, ordered by key."""
        return [entry for _, entry in sorted(self._entries.items())]

    def canonical_bytes(self) -> bytes:
        """The state as lines of JSON in ASCII, values in hexadecimal; the same everywhere."""
        return b"".join(
            f'[{quoted(key)},{counter},{quoted(source)},{boot},"{value.hex()}"]\n'.encode("ascii")
            for key, (counter, source, boot), value in self.entries()
        )

    def digest(self) -> str:
        """SHA-256 of the state, 64 hexadecimal digits."""
        return sha256(self.canonical_bytes()).hexdigest()
