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

"""Targets to messages and back."""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Iterable
from itertools import pairwise
from typing import Any

import numpy as np

from edge_infer.domain import VOTE_ONE, SightingId, Target
from edge_infer.errors import FleetError
from edge_infer.fleet.ranges import Log, LogRange, Span, add_number, to_ranges
from edge_infer.nodes.conversions.common import (
    Messages,
    fill_point,
    millimetres,
    stamp_from_msg,
    stamp_to_msg,
)
from edge_infer.nodes.conversions.ranges import ranges_to_msgs

_MOST_MEMBERS = 1_000_000
"""More sightings than that are no target of a fleet, but a claim that fills the memory."""
_IDENTITY = re.compile(r"(.*)/(\d{1,20})/(\d{1,20})", re.ASCII | re.DOTALL)
"""source/boot/sequence, with no more digits than a field of 64 bits has."""
_LONGEST_ID = 200
"""Characters of an id that an error shows."""


def target_to_msg(messages: Messages, target: Target, in_full: bool = True) -> Any:
    """An edge_infer_msgs/msg/Target; in full it names its sightings."""
    vote = messages["edge_infer_msgs/msg/Vote"]
    msg = messages["edge_infer_msgs/msg/Target"](
        id=str(target.id),
        class_name=target.class_name,
        score=target.score,
        covariance=np.array(target.covariance_m2, np.float32),
        first_seen=stamp_to_msg(messages, target.first_seen_ns),
        last_seen=stamp_to_msg(messages, target.last_seen_ns),
        sources=list(target.sources),
        sightings=target.sightings,
        votes=[vote(class_name=name, votes=votes / VOTE_ONE) for name, votes in target.votes],
        members=ranges_to_msgs(messages, _ranges(target.members)) if in_full else [],
    )
    fill_point(msg.position, target.x_mm, target.y_mm, target.z_mm)
    return msg


def target_from_msg(msg: Any) -> Target:
    """The target of an edge_infer_msgs/msg/Target that was told in full.

    Raises:
        FleetError: a number is not finite, a vote is negative, its sightings are none
            or not as many as it says, or its id is none.
    """
    position_mm = millimetres(msg.position)
    covariance = tuple(float(value) for value in msg.covariance)
    votes = [vote.votes * VOTE_ONE for vote in msg.votes]
    numbers = (*position_mm, *covariance, msg.score, *votes)
    if not all(map(math.isfinite, numbers)) or any(vote < 0 for vote in votes):
        raise _malformed(msg, "a number that is not finite, or a negative vote")
    return Target(
        id=_identity_of(msg),
        class_name=msg.class_name,
        score=float(np.float32(msg.score)),
        x_mm=round(position_mm[0]),
        y_mm=round(position_mm[1]),
        z_mm=round(position_mm[2]),
        covariance_m2=(covariance[0], covariance[1], covariance[2]),
        first_seen_ns=stamp_from_msg(msg.first_seen),
        last_seen_ns=stamp_from_msg(msg.last_seen),
        sources=tuple(msg.sources),
        votes=tuple(
            (vote.class_name, round(count)) for vote, count in zip(msg.votes, votes, strict=True)
        ),
        members=_members(msg),
    )


def _identity_of(msg: Any) -> SightingId:
    found = _IDENTITY.fullmatch(msg.id)
    if not found:
        raise _malformed(msg, "an id that is not source/boot/sequence")
    source, boot, sequence = found.groups()
    return SightingId(source, int(boot), int(sequence))


def _members(msg: Any) -> tuple[SightingId, ...]:
    """Not expanded before it is sure that they are no more than the target says."""
    ranges = [LogRange(r.source, int(r.boot), int(r.first), int(r.last)) for r in msg.members]
    is_sound = all(r.first <= r.last for r in ranges) and all(
        (a.source, a.boot, a.last) < (b.source, b.boot, b.first) for a, b in pairwise(ranges)
    )
    count = sum(r.last - r.first + 1 for r in ranges)
    if not is_sound or count != msg.sightings or not 0 < count <= _MOST_MEMBERS:
        raise _malformed(msg, f"{msg.sightings} sightings and ranges of {count}")
    return tuple(
        SightingId(r.source, r.boot, sequence)
        for r in ranges
        for sequence in range(r.first, r.last + 1)
    )


def _malformed(msg: Any, what: str) -> FleetError:
    return FleetError(
        f"target {msg.id[:_LONGEST_ID]!r} has {what}",
        "update edge_infer on the drone that published it",
    )


def _ranges(members: Iterable[SightingId]) -> list[LogRange]:
    spans: defaultdict[Log, list[Span]] = defaultdict(list)
    for source, boot, sequence in members:
        add_number(spans[source, boot], sequence)
    return to_ranges(spans)
