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

"""What a drone does next follows from what is signed and what it has."""

from __future__ import annotations

from dataclasses import replace

import pytest

from edge_infer.updates.planning import Holdings, Move, move, package_to_fetch
from edge_infer.updates.release import Blob, Decision, Package, Release, RolloutState

OLD, NEW = "05" * 32, "06" * 32
HAVE = Holdings("drone_1", "aarch64", running=5, staged=0, bases=frozenset({OLD}))
RELEASE = Release("solar", "0.6.0", 6, NEW)
WHOLE = Package(RELEASE, "", 100, Blob.of(b"w" * 100))
PATCH = Package(RELEASE, OLD, 100, Blob.of(b"p" * 10))
DECISION = Decision("solar", 6, RolloutState.RUNNING, 1, 3, ("drone_1",))


def test_the_smallest_that_suits_is_fetched() -> None:
    assert package_to_fetch([WHOLE, PATCH], None, HAVE) is PATCH


@pytest.mark.parametrize(
    "have",
    [
        replace(HAVE, bases=frozenset()),
        replace(HAVE, spoilt=frozenset({PATCH.blob.sha256})),
    ],
    ids=["no base", "the patch did not fit"],
)
def test_the_whole_is_the_way_out(have: Holdings) -> None:
    assert package_to_fetch([WHOLE, PATCH], None, have) is WHOLE


@pytest.mark.parametrize(
    "have",
    [
        replace(HAVE, running=6),
        replace(HAVE, running=7),
        replace(HAVE, staged=6),
        replace(HAVE, refused=frozenset({NEW})),
    ],
    ids=["it runs", "something newer runs", "it lies ready", "it failed here"],
)
def test_nothing_is_fetched_that_is_no_use(have: Holdings) -> None:
    assert package_to_fetch([WHOLE, PATCH], None, have) is None


def test_other_machines_models_are_left_to_them() -> None:
    jetson = replace(WHOLE, release=replace(RELEASE, hardware=("jetson",)))
    assert package_to_fetch([jetson], None, HAVE) is None
    assert package_to_fetch([jetson], None, replace(HAVE, hardware="jetson")) is jetson


def test_the_newest_release_counts_not_the_smallest() -> None:
    newer = replace(WHOLE, release=replace(RELEASE, number=7, digest="07" * 32))
    assert package_to_fetch([PATCH, newer], None, HAVE) is newer


def test_an_aborted_release_is_not_fetched_but_the_next_one_is() -> None:
    aborted = replace(DECISION, state=RolloutState.ABORTED)
    assert package_to_fetch([WHOLE, PATCH], aborted, HAVE) is None
    newer = replace(WHOLE, release=replace(RELEASE, number=7, digest="07" * 32))
    assert package_to_fetch([WHOLE, newer], aborted, HAVE) is newer


@pytest.mark.parametrize(
    ("decision", "have", "expected"),
    [
        (None, replace(HAVE, staged=6), Move.STAY),
        (DECISION, replace(HAVE, staged=6), Move.TRY),
        (DECISION, HAVE, Move.STAY),
        (replace(DECISION, drones=("drone_2",)), replace(HAVE, staged=6), Move.STAY),
        (replace(DECISION, state=RolloutState.PAUSED), replace(HAVE, staged=6), Move.STAY),
        (replace(DECISION, state=RolloutState.DONE), replace(HAVE, staged=6), Move.TRY),
        (replace(DECISION, release=7), replace(HAVE, staged=6), Move.STAY),
        (DECISION, replace(HAVE, running=7, staged=6), Move.STAY),
        (replace(DECISION, state=RolloutState.ABORTED), replace(HAVE, running=6), Move.GO_BACK),
        (replace(DECISION, state=RolloutState.ABORTED), replace(HAVE, running=5), Move.STAY),
        (
            replace(DECISION, state=RolloutState.ABORTED),
            replace(HAVE, running=6, can_go_back=False),
            Move.STAY,
        ),
    ],
)
def test_what_a_decision_asks(decision: Decision | None, have: Holdings, expected: Move) -> None:
    assert move(decision, have) is expected
