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

"""Targets through their message and back, and what is no target or no sighting."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_infer.domain import Sighting, SightingId, Target
from edge_infer.errors import FleetError
from edge_infer.fleet.fusion import fuse
from edge_infer.nodes.conversions.sightings import sightings_from_msg, sightings_to_msgs
from edge_infer.nodes.conversions.targets import target_from_msg, target_to_msg
from edge_infer.runtime.messages import MessageTypes

MESSAGES = MessageTypes()
FLOAT32 = st.floats(0.0, 1.0, width=32)


@st.composite
def targets(draw: st.DrawFn) -> Target:
    identities = st.builds(
        SightingId, st.sampled_from(["a", "b/c"]), st.integers(1, 2), st.integers(1, 12)
    )
    return fuse(
        Sighting(
            id=identity,
            stamp_ns=draw(st.integers(0, 2**60)),
            frame=0,
            class_name=draw(st.sampled_from(["hot_cell", "diode"])),
            score=draw(FLOAT32),
            x_mm=draw(st.integers(-(10**7), 10**7)),
            y_mm=0,
            z_mm=5,
            covariance_m2=(draw(FLOAT32), 0.0, draw(FLOAT32)),
            model_version="1",
        )
        for identity in draw(st.sets(identities, min_size=1))
    )


@given(targets())
def test_a_target_comes_back_as_it_went(target: Target) -> None:
    assert target_from_msg(target_to_msg(MESSAGES, target)) == target


def test_neighbours_go_as_one_range() -> None:
    members = [("a", 1, 3), ("a", 1, 4), ("a", 1, 6), ("b", 1, 7)]
    msg = target_to_msg(MESSAGES, _target(*members))
    assert [(r.source, r.first, r.last) for r in msg.members] == [
        ("a", 3, 4),
        ("a", 6, 6),
        ("b", 7, 7),
    ]
    assert msg.sightings == 4
    assert [(vote.class_name, vote.votes) for vote in msg.votes] == [("hot_cell", 2.0)]


def _one_more(msg: Any) -> None:
    msg.sightings += 1


def _negative_vote(msg: Any) -> None:
    msg.votes[0].votes = -0.5


def _vote_of_no_number(msg: Any) -> None:
    msg.votes[0].votes = float("nan")


def _more_votes_than_numbers_go(msg: Any) -> None:
    msg.votes[0].votes = 1e305


def _farther_than_numbers_go(msg: Any) -> None:
    msg.position.y = 1e306


def _of_nothing(msg: Any) -> None:
    msg.members, msg.sightings = [], 0


def _range_that_ends_before_it_starts(msg: Any) -> None:
    msg.members[0].first, msg.members[0].last = 4, 3
    msg.sightings = 2


def _ranges_that_overlap(msg: Any) -> None:
    msg.members.append(msg.members[0])
    msg.sightings += 2


def _all_there_are(msg: Any) -> None:
    msg.members[0].first, msg.members[0].last = 0, 2**32 - 1
    msg.members[1:], msg.sightings = [], 2**32 - 1


def _no_identity(msg: Any) -> None:
    msg.id = "a/1"


def _endless_identity(msg: Any) -> None:
    msg.id = "a/1/" + "9" * 5000


@pytest.mark.parametrize(
    "spoil",
    [
        _one_more,
        _negative_vote,
        _vote_of_no_number,
        _more_votes_than_numbers_go,
        _farther_than_numbers_go,
        _of_nothing,
        _range_that_ends_before_it_starts,
        _ranges_that_overlap,
        _all_there_are,
        _no_identity,
        _endless_identity,
    ],
)
def test_what_is_no_target_is_refused_in_one_sentence(spoil: Callable[[Any], None]) -> None:
    msg = target_to_msg(MESSAGES, _target(("a", 1, 3), ("a", 1, 4), ("b", 1, 7)))
    spoil(msg)
    with pytest.raises(FleetError, match=r"^target 'a/1.* has "):
        target_from_msg(msg)


def _nowhere(item: Any) -> None:
    item.position.x = float("nan")


def _beyond_all_numbers(item: Any) -> None:
    item.position.z = -1e306


def _below_zero(item: Any) -> None:
    item.score = -0.5


def _above_one(item: Any) -> None:
    item.score = 1.5


def _of_an_unknown_class(item: Any) -> None:
    item.class_index = 1


@pytest.mark.parametrize(
    ("spoil", "problem"),
    [
        (_nowhere, "is not finite"),
        (_beyond_all_numbers, "is not finite"),
        (_below_zero, "has a score of -0.5, not 0 to 1"),
        (_above_one, "has a score of 1.5, not 0 to 1"),
        (_of_an_unknown_class, "names class 1 of 1"),
    ],
)
def test_what_is_no_sighting_is_refused_in_one_sentence(
    spoil: Callable[[Any], None], problem: str
) -> None:
    sighting = _sighting("a", 1, 3)
    (msg,) = sightings_to_msgs(MESSAGES, [sighting], "map", "camera")
    assert sightings_from_msg(msg) == [sighting]
    spoil(msg.sightings[0])
    with pytest.raises(FleetError, match=f"^a sighting of a {problem}"):
        sightings_from_msg(msg)


def _target(*members: tuple[str, int, int]) -> Target:
    return fuse(_sighting(*member) for member in members)


def _sighting(*identity: Any) -> Sighting:
    return Sighting(SightingId(*identity), 0, 0, "hot_cell", 0.5, 0, 0, 0, (1.0, 0.0, 1.0), "1")
