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

"""What a fleet agrees on beside its sightings: last values, and counts.

Both merge in any order (``registers.py``, ``counters.py``) and are part of a
replica's state and digest. They are few, so replicas compare them as a whole; who
tells what is decided in ``record_gossip.py``, what keys, values and names mean
elsewhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from edge_infer.errors import FleetError, IdentityConflictError
from edge_infer.fleet.counters import Count, Counters
from edge_infer.fleet.fingerprint import digest_of
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

    def get(self, key: str) -> bytes | None:
        """The last value of a key; None where nobody wrote one."""
        return self._values.get(key)

    def total(self, name: str) -> int:
        """Of a count, over all sources and boots."""
        return self._counters.total(name)

    def write(self, key: str, value: bytes, source: str, boot: int) -> Entry:
        """Replace what stands; returns what to tell the others.

        Raises:
            FleetError: the key or the value is too long or cannot travel, or there
                is no number left for it.
        """
        check(Part([Entry(key, Stamp(0, source, boot), value)]))
        return self._values.write(key, value, source, boot)

    def count(self, source: str, boot: int, name: str, by: int = 1) -> Count:
        """Raise an own count; returns what to tell the others.

        Raises:
            FleetError: the name is too long or cannot travel, or the count would not
                fit its field.
        """
        check(Part(counts=[Count(source, boot, name, by)]))
        return self._counters.count(source, boot, name, by)

    def add(self, part: Part) -> bool:
        """Take in what was told; whether anything changed.

        Raises:
            FleetError: something is too long; nothing is taken in then.
            IdentityConflictError: a stamp came with two values; all else is taken in.
        """
        check(part)
        before = self.fingerprint()
        self._counters.merge(part.counts)
        conflicts = [error for entry in part.entries if (error := self._conflict(entry))]
        if conflicts:
            raise conflicts[0]
        return self.fingerprint() != before

    def merge(self, other: Records) -> bool:
        """Take in all that another replica holds; conflicting writes are refused and counted."""
        before = self.fingerprint()
        self._values.merge(other._values.entries())
        self._counters.merge(other._counters.counts())
        return self.fingerprint() != before

    def whole(self) -> Part:
        """All, ordered."""
        return Part(self._values.entries(), self._counters.counts())

    def digest(self) -> str:
        """64 hexadecimal digits of the records alone."""
        return digest_of(len(self._values) + len(self._counters), self.fingerprint())

    def fingerprint(self) -> int:
        """What they add to a replica's digest; nothing while there are none."""
        return self._values.fingerprint() + self._counters.fingerprint()

    def _conflict(self, entry: Entry) -> IdentityConflictError | None:
        """Take in one entry; why it was refused, if it was."""
        try:
            self._values.add(entry)
        except IdentityConflictError as error:
            return error
        return None


def check(part: Part) -> None:
    """Raise FleetError where a record is longer than may travel, or would arrive as another."""
    for entry in part.entries:
        _check_name(entry.key)
        _check_name(entry.stamp.source)
    for count in part.counts:
        _check_name(count.name)
        _check_name(count.source)
    for entry in part.entries:
        if len(entry.value) > MOST_VALUE:
            raise FleetError(
                f"the record {entry.key!r} has {len(entry.value)} bytes",
                f"keep records below {MOST_VALUE}, and larger things in files",
            )


def _check_name(name: str) -> None:
    if not 0 < len(name) <= MOST_NAME:
        raise FleetError(f"a record's name has {len(name)} characters", f"give it 1 to {MOST_NAME}")
    # No string of a message may hold a zero, nor half of a character.
    if any(letter == "\0" or "\ud800" <= letter <= "\udfff" for letter in name):
        raise FleetError(f"the name {name!r} is no text", "name records in plain letters")
