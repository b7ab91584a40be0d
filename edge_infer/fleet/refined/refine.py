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

"""The refined layer: the drones' offsets are taken out, then sightings are merged again.

The priority set of ``duplicates.py`` decides what is published and what each
coordinator shows at once. This layer looks at all sightings together and tells
things 2 m apart although positions are 2 m off: from frame to frame it learns
how much of the stated error is noise, from what several drones saw how far each
of them is off (``biases.py``), and it merges on the corrected positions
(``clusters.py``, ``settling.py``).

The outcome is a pure function of the sightings and of a ``Refinement``, a record
with a version, so replicas that hold both agree to the byte. It is worked out
from nothing in time that grows with the sightings and their neighbours; it
follows no stream and knows no motion.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from edge_infer.domain import Sighting, SightingId
from edge_infer.errors import FleetError
from edge_infer.fleet.gate import FLOOR_MM2, moments
from edge_infer.fleet.ranges import Log
from edge_infer.fleet.refined.biases import Offsets, Registration, improved, noise_milli, register
from edge_infer.fleet.refined.clusters import Cluster, Costs, agglomerate, observe
from edge_infer.fleet.refined.settling import improve

VERSION = 1
"""Raised whenever the same sightings and numbers would give another outcome."""

_MOST = 10**10
"""Larger numbers in a record mean nothing: (100 m)², or 3,000 sigma."""

_MOST_ROUNDS = 100
"""After so many nothing moves; a record that asks for more would never be done with."""

_QUOTED = 80
"""Characters of a record that cannot be used which its error shows."""


class Refinement(NamedTuple):
    """All that decides the outcome beside the sightings.

    Attributes:
        version: of the algorithm.
        piece_milli: as ``merge_milli``, for sightings of one drone to begin with.
        merge_milli, reach_milli, other_class_milli, target_milli, each_milli: see ``Costs``.
        match_milli, least_matches: see ``Registration``.
        offset_rounds: how often offsets and targets are worked out from each other.
        move_rounds: how often sightings are moved between targets each time.
        floor_mm2: added to each stated variance; the noise is at least this.
        ceiling_mm2: a larger variance counts as this, or one poor position would be
            compared with everything.
    """

    version: int = VERSION
    piece_milli: int = 2_000
    merge_milli: int = Costs().merge
    reach_milli: int = Costs().reach
    other_class_milli: int = Costs().other_class
    target_milli: int = Costs().target
    each_milli: int = Costs().each
    match_milli: int = 2_500
    least_matches: int = 3
    offset_rounds: int = 2
    move_rounds: int = 4
    floor_mm2: int = FLOOR_MM2
    ceiling_mm2: int = 10**8

    @property
    def costs(self) -> Costs:
        """What keeps sightings apart."""
        return Costs(
            self.merge_milli,
            self.reach_milli,
            self.other_class_milli,
            self.target_milli,
            self.each_milli,
        )

    def to_json(self) -> str:
        """The record; the same text on every machine."""
        return json.dumps(self._asdict(), sort_keys=True, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> Refinement:
        """The record of ``to_json``.

        Raises:
            FleetError: it is none, of an algorithm that is not known here, or would
                take for ever.
        """
        try:
            fields: Mapping[str, Any] = json.loads(text)
            # First, for another version may have other numbers.
            _check_version(fields)
            record = cls(**fields)
        except (TypeError, ValueError, RecursionError) as error:
            raise FleetError(
                f"this is no record of the refined layer: {text[:_QUOTED]!r}",
                "see Refinement.to_json",
            ) from error
        for name, value in record._asdict().items():
            most = _MOST_ROUNDS if name.endswith("_rounds") else _MOST
            if type(value) is not int or not 0 < value <= most:
                raise FleetError(
                    f"a record of the refined layer has whole numbers from 1 to {most} under"
                    f" {name}, unlike {text[:_QUOTED]!r}",
                    "see Refinement.to_json",
                )
        return record


DEFAULT = Refinement()


class Refined(NamedTuple):
    """What the sightings say when they are looked at together.

    Attributes:
        groups: the sightings of each target by identity, targets by their first identity.
        offsets_mm: how far each source's boot is off, east and north, by name.
        noise_milli: how much of the stated variances is noise, thousandths.
    """

    groups: tuple[tuple[Sighting, ...], ...]
    offsets_mm: tuple[tuple[Log, tuple[int, int]], ...]
    noise_milli: int


def refine(sightings: Iterable[Sighting], record: Refinement = DEFAULT) -> Refined:
    """Group the sightings by target; identities must differ, their order does not matter."""
    in_order = sorted(sightings, key=_identity)
    noise = noise_milli(in_order)
    pieces = _pieces(in_order, noise, record)
    offsets = _registered(pieces, in_order, noise, record)
    clusters: list[Cluster] = []
    for _ in range(record.offset_rounds):
        clusters = _merged(_moved(pieces, offsets), record)
        offsets = improved(offsets, clusters, record.least_matches)
    groups = (
        tuple(sorted((one.sighting for one in cluster.members.values()), key=_identity))
        for cluster in clusters
    )
    return Refined(tuple(groups), tuple(sorted(offsets.items())), noise)


def _check_version(fields: Mapping[str, Any]) -> None:
    version = dict(fields).get("version", VERSION)
    if type(version) is int and version != VERSION:
        raise FleetError(
            f"version {str(version)[:_QUOTED]} of the refined layer is not known here",
            f"use version {VERSION}, or one release on all machines",
        )


def _pieces(
    in_order: Sequence[Sighting], noise: int, record: Refinement
) -> dict[Log, list[Cluster]]:
    """What is surely one thing in each drone's own positions: far fewer than sightings."""
    seen: defaultdict[Log, list[Cluster]] = defaultdict(list)
    for sighting in in_order:
        stated = moments(sighting.covariance_m2, record.floor_mm2).variance
        one = observe(sighting, (0, 0), _noise_mm2(stated, noise, record))
        seen[sighting.id[:2]].append(Cluster([one]))
    costs = record.costs._replace(merge=record.piece_milli)
    return {log: agglomerate(clusters, costs) for log, clusters in seen.items()}


def _registered(
    pieces: Mapping[Log, Sequence[Cluster]],
    in_order: Iterable[Sighting],
    noise: int,
    record: Refinement,
) -> Offsets:
    """First offsets, by laying the drones' things over each other."""
    stated: defaultdict[Log, list[int]] = defaultdict(list)
    for sighting in in_order:
        variance = moments(sighting.covariance_m2, record.floor_mm2).variance
        stated[sighting.id[:2]].append(min(variance, record.ceiling_mm2))
    unmoved = dict.fromkeys(pieces, (0, 0))
    things = {log: _merged(_moved({log: some}, unmoved), record) for log, some in pieces.items()}
    everything = [variance for variances in stated.values() for variance in variances]
    how = Registration(
        match_milli=record.match_milli,
        least_matches=record.least_matches,
        noise_mm2=_noise_mm2(_middle(everything), noise, record),
        reach_milli=record.merge_milli,
    )
    return register(things, {log: _middle(some) for log, some in stated.items()}, how)


def _moved(pieces: Mapping[Log, Iterable[Cluster]], offsets: Offsets) -> list[Cluster]:
    """New clusters of the same sightings, without the drones' offsets."""
    moved = [
        Cluster(observe(one.sighting, offsets[log], one.variance) for one in piece.members.values())
        for log, seen in pieces.items()
        for piece in seen
    ]
    return sorted(moved, key=lambda cluster: cluster.first)


def _merged(clusters: Sequence[Cluster], record: Refinement) -> list[Cluster]:
    return improve(agglomerate(clusters, record.costs), record.costs, record.move_rounds)


def _noise_mm2(variance: int, noise: int, record: Refinement) -> int:
    return min(record.ceiling_mm2, max(record.floor_mm2, variance * noise // 1000))


def _middle(variances: Sequence[int]) -> int:
    return sorted(variances)[len(variances) // 2] if variances else 1


def _identity(sighting: Sighting) -> SightingId:
    return sighting.id
