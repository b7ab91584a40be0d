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

"""What members say of themselves and of others, and what is thought of them.

How that is judged is in ``membership.py``.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple


class MemberState(Enum):
    """What is thought of a member."""

    ALIVE = "alive"
    SUSPECT = "suspect"
    DEAD = "dead"
    LEFT = "left"


class Incarnation(NamedTuple):
    """One life of a member, and within it how often it has answered accusations."""

    boot: int
    refutation: int = 0


class Note(NamedTuple):
    """A word about another: ALIVE, "I hear it"; SUSPECT, "I do not"; LEFT, "it said goodbye"."""

    source: str
    incarnation: Incarnation
    state: MemberState


@dataclass(frozen=True)
class Beat:
    """One heartbeat.

    Attributes:
        source: who sent it.
        incarnation: which life of it this is.
        session: drawn at random at its start.
        uptime_s: attentive time since that start.
        period_s: time until it sends the next one.
        clock_s: the sender's clock; None when it has none.
        leaving: the last one: it goes on purpose.
        notes: what it says of others.
    """

    source: str
    incarnation: Incarnation
    session: int = 0
    uptime_s: float = 0.0
    period_s: float = 0.2
    clock_s: float | None = None
    leaving: bool = False
    notes: tuple[Note, ...] = ()


@dataclass(frozen=True)
class MemberEvent:
    """A member is thought of otherwise than before; ``before`` is None for a new one."""

    source: str
    before: MemberState | None
    after: MemberState
