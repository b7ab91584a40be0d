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
from typing import NamedTuple

from edge_infer.errors import FleetError, IdentityConflictError
from edge_infer.fleet.fingerprint import digest_of, fingerprint, quoted

MOST_COUNTER = 2**32 - 1
"""What fits a stamp's field."""


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
        self._sum = 0
        self.merge(entries)

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, key: str) -> bytes | None:
        """The last value; None where nobody wrote one."""
        entry = self._entries.get(key)
        return entry.value if entry else None

    def write(self, key: str, value: bytes, source: str, boot: int) -> Entry:
        """Replace what stands here; returns what to tell the others.

        Raises:
            FleetError: somebody wrote the last number that there is.
        """
        known = self._entries.get(key)
        if known and known.stamp.counter >= MOST_COUNTER:
            raise FleetError(
                f"{key!r} was written as number {known.stamp.counter} by {known.stamp.source}, "
                "after which there is none",
                "take another key, and update edge_infer on that drone",
            )
        entry = Entry(key, Stamp(known.stamp.counter + 1 if known else 1, source, boot), value)
        self._replace(known, entry)
        return entry

    def add(self, entry: Entry) -> bool:
        """Take in one write; whether it is the last one now and was not before.

        Raises:
            IdentityConflictError: its stamp is known with another value.
        """
        known = self._entries.get(entry.key)
        if known is None or entry.stamp > known.stamp:
            self._replace(known, entry)
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
        return b"".join(map(_line, self.entries()))

    def digest(self) -> str:
        """64 hexadecimal digits of the state."""
        return digest_of(len(self), self._sum)

    def fingerprint(self) -> int:
        """The sum of the fingerprints of what stands; 0 of nothing."""
        return self._sum

    def _replace(self, known: Entry | None, entry: Entry) -> None:
        if known:
            self._sum -= fingerprint(b"R" + _line(known))
        self._sum += fingerprint(b"R" + _line(entry))
        self._entries[entry.key] = entry


def _line(entry: Entry) -> bytes:
    key, (counter, source, boot), value = entry
    line = f'[{quoted(key)},{counter},{quoted(source)},{boot},"{value.hex()}"]\n'
    return line.encode("ascii")
