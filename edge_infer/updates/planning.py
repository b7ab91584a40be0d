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

"""What a drone does next about a model: what to fetch, whether to try it, whether to go back.

Pure: from what is signed and what the drone has, so that a start in the middle of
anything comes to the same.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

from edge_infer.updates.release import Decision, Package, RolloutState


@dataclass(frozen=True)
class Holdings:
    """What a drone has.

    Attributes:
        drone: its name.
        hardware: kind of machine.
        running: number of the release that it runs; 0 for one that nobody published.
        staged: number of the release that lies ready; 0 for none.
        bases: digests of the bundles whose files it has.
        refused: digests of releases that failed here.
        spoilt: SHA-256 of packages that did not become the bundle that they were signed as.
        can_go_back: whether something else than the running model is there to run.
    """

    drone: str
    hardware: str
    running: int
    staged: int
    bases: frozenset[str]
    refused: frozenset[str] = frozenset()
    spoilt: frozenset[str] = frozenset()
    can_go_back: bool = True


class Move(Enum):
    """What to do with the slots."""

    STAY = "stay"
    TRY = "try"
    GO_BACK = "go back"


def package_to_fetch(
    packages: Iterable[Package], decision: Decision | None, have: Holdings
) -> Package | None:
    """The smallest package of the newest release that this drone lacks and may want.

    Args:
        packages: all that are signed.
        decision: about the rollout that is under way.
        have: what is there.
    """
    usable = [
        package
        for package in packages
        if package.release.number > max(have.running, have.staged)
        and package.release.suits(have.hardware)
        and package.release.digest not in have.refused
        and package.blob.sha256 not in have.spoilt
        and (not package.base or package.base in have.bases)
        and not _is_aborted(decision, package.release.number)
    ]
    # The path settles a tie, so that a whole fleet asks for the same.
    return min(
        usable, key=lambda each: (-each.release.number, each.blob.size, each.path), default=None
    )


def move(decision: Decision | None, have: Holdings) -> Move:
    """What a decision asks of this drone now."""
    if decision is None:
        return Move.STAY
    if _is_aborted(decision, have.running) and have.can_go_back:
        return Move.GO_BACK
    if decision.release == have.staged > have.running and decision.allows(have.drone):
        return Move.TRY
    return Move.STAY


def _is_aborted(decision: Decision | None, release: int) -> bool:
    return (
        decision is not None
        and decision.state is RolloutState.ABORTED
        and decision.release == release
    )
