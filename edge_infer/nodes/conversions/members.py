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

"""Heartbeats to messages and back."""

from __future__ import annotations

import math
from typing import Any

from edge_infer.errors import FleetError
from edge_infer.fleet.members.membership import Beat, Incarnation, MemberState, Note
from edge_infer.nodes.conversions.common import NS, Messages, stamp_from_msg

_NOTE_STATES = {MemberState.ALIVE: 0, MemberState.SUSPECT: 1, MemberState.LEFT: 3}
_STATE_OF_CODE = {code: state for state, code in _NOTE_STATES.items()}


def beat_into_msg(messages: Messages, beat: Beat, msg: Any) -> None:
    """Fill who, which life and what of others into an edge_infer_msgs/msg/Heartbeat."""
    msg.source = beat.source
    msg.incarnation, msg.refutation = beat.incarnation
    msg.session = beat.session
    msg.uptime, msg.period = beat.uptime_s, beat.period_s
    msg.leaving = beat.leaving
    note = messages["edge_infer_msgs/msg/MemberNote"]
    msg.notes = [
        note(source=n.source, incarnation=n.incarnation.boot,
             refutation=n.incarnation.refutation, state=_NOTE_STATES[n.state])
        for n in beat.notes
    ]  # fmt: skip


def beat_from_msg(msg: Any) -> Beat:
    """The same of an edge_infer_msgs/msg/Heartbeat; words of states not known are left out.

    Raises:
        FleetError: it has no sender, or its times are not finite and positive.
    """
    uptime_s, period_s = float(msg.uptime), float(msg.period)
    if not (msg.source and math.isfinite(uptime_s) and 0 <= period_s < math.inf):
        raise FleetError(
            f"a heartbeat of {msg.source!r} has no sender or no period",
            "update edge_infer on that drone",
        )
    return Beat(
        source=msg.source,
        incarnation=Incarnation(int(msg.incarnation), int(msg.refutation)),
        session=int(msg.session),
        uptime_s=uptime_s,
        period_s=period_s,
        clock_s=stamp_from_msg(msg.header.stamp) / NS,
        leaving=bool(msg.leaving),
        notes=tuple(_note(n) for n in msg.notes if int(n.state) in _STATE_OF_CODE),
    )


def _note(msg: Any) -> Note:
    incarnation = Incarnation(int(msg.incarnation), int(msg.refutation))
    return Note(msg.source, incarnation, _STATE_OF_CODE[int(msg.state)])
