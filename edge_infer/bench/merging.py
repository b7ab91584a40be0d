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

"""Five replicas that insert and merge, ours and pycrdt's, taking turns: see ``coordinator.py``."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from edge_infer.bench.fleet_load import scene
from edge_infer.bench.harness import Progress, Row, median, rounded
from edge_infer.domain import Sighting
from edge_infer.fleet.replica import Replica, canonical_bytes
from edge_infer.nodes.conversions.sightings import sightings_from_msg, sightings_to_msgs
from edge_infer.runtime.messages import message_types

OURS, WIRE, THEIRS = "ours", "ours, over the wire", "pycrdt"
REPLICAS = 5

Contents = dict[str, bytes]
"""Canonical bytes by identity, as text."""


class Times(NamedTuple):
    """Seconds of processor time."""

    insert: float
    merge: float
    whole: float
    """Merging everything into an empty replica."""


class Turn(NamedTuple):
    """One way's times, and what its last replica held."""

    times: Times
    contents: Contents


def merge_rows(count: int, repeats: int, progress: Progress) -> list[Row]:
    """Insert so many sightings at five replicas, then merge all with all."""
    sightings = list(scene(count))
    shares = [sightings[at::REPLICAS] for at in range(REPLICAS)]
    ways: dict[str, Callable[[Sequence[Sequence[Sighting]]], Turn]] = {OURS: _ours, WIRE: _wire}
    try:
        import pycrdt  # noqa: F401
    except ImportError:
        progress("pycrdt is not installed: pip install 'edge_infer[bench]'")
    else:
        ways[THEIRS] = _theirs
    turns: dict[str, list[Turn]] = {way: [] for way in ways}
    for turn in range(repeats):
        for way, work in ways.items():
            progress(f"merge of {count:,}: {way}, {turn + 1} of {repeats}")
            turns[way].append(work(shares))
    wanted = {str(one.id): canonical_bytes(one) for one in sightings}
    return [_row(way, count, some, wanted) for way, some in turns.items()]


def _row(way: str, count: int, turns: Sequence[Turn], wanted: Contents) -> Row:
    def middle(field: str) -> float:
        return median([getattr(turn.times, field) for turn in turns])

    return {
        "way": way,
        "sightings": count,
        "replicas": REPLICAS,
        "insert µs each": rounded(middle("insert") / count * 1e6),
        "merge ms": rounded(middle("merge") * 1000),
        "whole merge ms": rounded(middle("whole") * 1000),
        "complete": all(turn.contents == wanted for turn in turns),
    }


def _ours(shares: Sequence[Sequence[Sighting]]) -> Turn:
    return _with_replicas(shares, lambda into, other: into.merge(other))


def _wire(shares: Sequence[Sequence[Sighting]]) -> Turn:
    """What is missing travels as messages in CDR."""

    def merge(into: Replica, other: Replica) -> object:
        missing = other.take(into.missing(other.ranges()), len(other))
        return into.add_all(_carried(missing))

    return _with_replicas(shares, merge)


def _with_replicas(
    shares: Sequence[Sequence[Sighting]], merge: Callable[[Replica, Replica], object]
) -> Turn:
    replicas = [Replica() for _ in shares]
    began = time.thread_time()
    for replica, share in zip(replicas, shares, strict=True):
        replica.add_all(share)
    inserted = time.thread_time()
    for into in replicas:
        for other in replicas:
            if other is not into:
                merge(into, other)
    merged = time.thread_time()
    last = Replica()
    merge(last, replicas[-1])
    whole = time.thread_time()
    contents = {str(one.id): canonical_bytes(one) for one in last}
    return Turn(Times(inserted - began, merged - inserted, whole - merged), contents)


def _carried(sightings: Sequence[Sighting]) -> list[Sighting]:
    """Encoded to bytes and decoded, as between two nodes."""
    messages = message_types()
    array = messages["edge_infer_msgs/msg/SightingArray"]
    arrived: list[Sighting] = []
    for msg in sightings_to_msgs(messages, sightings, "map", ""):
        arrived += sightings_from_msg(messages.decode(memoryview(messages.encode(msg)), array))
    return arrived


def _theirs(shares: Sequence[Sequence[Sighting]]) -> Turn:
    import pycrdt

    def document() -> tuple[Any, Any]:
        doc: Any = pycrdt.Doc()
        return doc, doc.get("log", type=pycrdt.Map)

    documents = [document() for _ in shares]
    began = time.thread_time()
    for (doc, log), share in zip(documents, shares, strict=True):
        with doc.transaction():
            for one in share:
                log[str(one.id)] = canonical_bytes(one)
    inserted = time.thread_time()
    for into, _ in documents:
        for other, _ in documents:
            if other is not into:
                into.apply_update(other.get_update(into.get_state()))
    merged = time.thread_time()
    last, log = document()
    last.apply_update(documents[-1][0].get_update(last.get_state()))
    whole = time.thread_time()
    contents = {key: bytes(log[key]) for key in log.keys()}  # noqa: SIM118
    return Turn(Times(inserted - began, merged - inserted, whole - merged), contents)
