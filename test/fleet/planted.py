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

"""Bugs to plant, for the simulator's own proof: a check that cannot fail says nothing.

Each converges often enough to pass a test that only looks once. Nothing flies with these.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from edge_infer.domain import Sighting
from edge_infer.fleet.duplicates import Change, PrioritySet
from edge_infer.fleet.ranges import LogRange
from edge_infer.fleet.replica import Replica
from edge_infer.nodes import identity

Plant = Callable[[pytest.MonkeyPatch], None]


def highest_number(patch: pytest.MonkeyPatch) -> None:
    """What is held is told as a highest number, so that nobody sees a gap."""

    def ranges(replica: Replica) -> list[LogRange]:
        tops: dict[tuple[str, int], int] = {}
        for source, boot, sequence in (sighting.id for sighting in replica):
            tops[source, boot] = max(sequence, tops.get((source, boot), 0))
        return [LogRange(*log, 1, top) for log, top in sorted(tops.items())]

    patch.setattr(Replica, "ranges", ranges)


def arrival_order(patch: pytest.MonkeyPatch) -> None:
    """What comes first is kept, and not what is best."""
    insert = PrioritySet.insert

    def insert_ranked(known: PrioritySet, sighting: Sighting) -> Change:
        return insert(known, replace(sighting, score=1 / (1 + len(known))))

    patch.setattr(PrioritySet, "insert", insert_ranked)


def no_boot(patch: pytest.MonkeyPatch) -> None:
    """An identity is source and sequence: every start counts from one again."""
    patch.setattr(identity, "next_boot", lambda _path, _wall_s: 1)


def from_one_again(patch: pytest.MonkeyPatch) -> None:
    """A boot counter that is lost begins at one again."""
    patch.setattr(identity, "_first_boot", lambda _wall_s: 1)


def floors_not_told(patch: pytest.MonkeyPatch) -> None:
    """Floors stay with who raised them."""
    patch.setattr(Replica, "floors", lambda _replica: [])


def nothing_again(patch: pytest.MonkeyPatch) -> None:
    """What somebody missed is asked for, and not sent."""

    def take(_replica: Replica, _ranges: Any, _limit: int) -> list[Sighting]:
        return []

    patch.setattr(Replica, "take", take)


PLANTS: dict[str, Plant] = {
    plant.__name__: plant
    for plant in (
        highest_number,
        arrival_order,
        no_boot,
        from_one_again,
        floors_not_told,
        nothing_again,
    )
}
