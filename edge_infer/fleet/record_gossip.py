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

"""When one replica tells its records: a digest each period, and records while somebody differs.

Records are few, so nobody asks for what it misses: who hears a digest that is not
its own owes all that it holds, in parts. All hear all, and that keeps it calm: what
another tells nobody needs to tell again, and when all agree the rest is not told
either. An own write goes out at once; it spares nobody but itself, so steady writers
do not keep a late joiner waiting. So does what changed here and was not heard here:
who joins two links carries it from one to the other.

Events in, actions out: the caller owns topics, timers and the clock, and passes
``now_s`` of any clock. Periods are jittered, seeded by the name. Bytes are taken from a
bucket.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from edge_infer.bucket import Bucket
from edge_infer.fleet.counters import Count
from edge_infer.fleet.elapsed import Elapsed
from edge_infer.fleet.records import Part, Records
from edge_infer.fleet.registers import Entry

MESSAGE_BYTES, RECORD_BYTES = 300, 48
"""What they cost at most beside their texts and values, headers of RTPS, UDP and IP included."""

_Id = str | tuple[str, int, str]
"""The key of a last value; source, boot and name of a count."""

_Some = dict[_Id, Entry | Count]


@dataclass(frozen=True)
class RecordGossipConfig:
    """How eager a replica is.

    Attributes:
        period_s: mean time between two words: a digest, with a part while somebody differs.
        jitter: share of the period by which each one comes earlier or later.
        patience_s: who told what was the digest here so short a time ago only waits for
            what is on its way.
        most: records per message.
        part_bytes: and bytes, though always one record.
        bytes_per_s: what this replica sends here, on the average. Digests and own writes
            go out anyway; what they take is wanting for the rest.
        burst_bytes: and at once.
    """

    period_s: float = 2.0
    jitter: float = 0.25
    patience_s: float = 0.5
    most: int = 100
    part_bytes: int = 16_000
    bytes_per_s: float = 16_000.0
    burst_bytes: float = 16_000.0

    @property
    def memory_s(self) -> float:
        """A peer that is silent for longer is away."""
        return 3 * self.period_s


class RecordGossip:
    """One replica's part of the conversation.

    Args:
        name: of the replica; also the seed of its jitter.
    """

    def __init__(self, name: str, config: RecordGossipConfig | None = None) -> None:
        self._config = config or RecordGossipConfig()
        self._name = name
        self._random = random.Random(name)
        self._bucket = Bucket(self._config.bytes_per_s, self._config.burst_bytes)
        self._time = Elapsed()
        self._next_s = self._config.period_s * self._random.random()
        self._digest = ""
        self._former: dict[str, float] = {}
        """Digests that were the own one lately, and until when that excuses a peer."""
        self._heard: dict[str, tuple[str, float]] = {}
        """Which other digests peers told, and until when that holds."""
        self._known: _Some = {}
        """What stands, the latest changes first: most likely what a peer misses."""
        self._fresh: _Some = {}
        """What changed and was neither told nor heard here."""
        self._owed: _Some = {}

    def tell(self, part: Part, now_s: float) -> None:
        """Own writes are told at once."""
        self._bucket.level(self._time.at(now_s))
        self._bucket.spend(part_bytes(part))
        self._strike(part)
        self._note(dict(_identified(part)))

    def hear(self, peer: str, digest: str, part: Part, records: Records, now_s: float) -> None:
        """A peer told its digest, and maybe records, which have been taken in before."""
        if peer == self._name:
            return
        now = self._time.at(now_s)
        self._follow(records, now)
        if digest == self._digest or digest in self._former:
            self._heard.pop(peer, None)
        else:
            self._heard[peer] = digest, now + self._config.memory_s
            self._owed = self._owed or dict(self._known)
        self._strike(part)

    def poll(self, records: Records, now_s: float) -> Part | None:
        """What to tell now beside the digest, maybe nothing; None when nothing is due."""
        now, config = self._time.at(now_s), self._config
        self._follow(records, now)
        if self._fresh and self._bucket.level(now) > 0:
            return self._tell_of(self._fresh, now)
        if now < self._next_s:
            return None
        jitter = self._random.uniform(1 - config.jitter, 1 + config.jitter)
        self._next_s = now + config.period_s * jitter
        if not self._differs(now):
            self._owed.clear()
        return self._tell_of(self._owed, now)

    def _differs(self, now: float) -> bool:
        """Whether some peer's last word is not what is held here by now."""
        self._heard = {
            peer: (digest, until_s)
            for peer, (digest, until_s) in self._heard.items()
            if until_s > now and digest != self._digest
        }
        return bool(self._heard)

    def _follow(self, records: Records, now: float) -> None:
        self._former = {d: until_s for d, until_s in self._former.items() if until_s > now}
        digest = records.digest()
        if digest == self._digest:
            return
        standing = dict(_identified(records.whole()))
        changed = {i: record for i, record in standing.items() if self._known.get(i) != record}
        self._note(changed)
        if self._digest:  # what stood before the first look is told to who differs
            self._fresh |= changed
            self._former[self._digest] = now + self._config.patience_s
        self._digest = digest

    def _note(self, changed: _Some) -> None:
        self._known = changed | (self._known | changed)

    def _strike(self, part: Part) -> None:
        """What all have heard, or something later, needs not be told."""
        for identity, told in _identified(part):
            for some in (self._owed, self._fresh):
                kept = some.get(identity)
                if kept is not None and (told == kept or _is_later(told, kept)):
                    del some[identity]

    def _tell_of(self, some: _Some, now: float) -> Part:
        part = self._take(some, self._bucket.level(now))
        self._strike(part)
        self._bucket.spend(part_bytes(part))
        return part

    def _take(self, some: _Some, level: float) -> Part:
        """The first of some, as much as bytes allow; one where there are any left."""
        if level <= 0:
            return Part()
        entries: list[Entry] = []
        counts: list[Count] = []
        room = min(level, self._config.part_bytes)
        for record in islice(some.values(), self._config.most):
            room -= record_bytes(record)
            if room < 0 and (entries or counts):
                break
            if isinstance(record, Entry):
                entries.append(record)
            else:
                counts.append(record)
        return Part(tuple(entries), tuple(counts))


def record_bytes(record: Entry | Count) -> int:
    """What a record costs in a message, at most."""
    if isinstance(record, Entry):
        texts, size = (record.key, record.stamp.source), len(record.value)
    else:
        texts, size = (record.source, record.name), 0
    return RECORD_BYTES + size + sum(len(text.encode()) for text in texts)


def part_bytes(part: Part) -> int:
    """What a message with these records costs, at most, for names of up to 40 letters."""
    return MESSAGE_BYTES + sum(record_bytes(record) for _, record in _identified(part))


def _identified(part: Part) -> Iterator[tuple[_Id, Entry | Count]]:
    for entry in part.entries:
        yield entry.key, entry
    for count in part.counts:
        yield count[:3], count


def _is_later(told: Entry | Count, kept: Entry | Count) -> bool:
    if isinstance(told, Entry) and isinstance(kept, Entry):
        return told.stamp > kept.stamp
    return isinstance(told, Count) and isinstance(kept, Count) and told.value > kept.value
