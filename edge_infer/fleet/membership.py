"""Who is there: ALIVE, SUSPECT, DEAD or LEFT, from signs of life alone.

The words and the incarnation are SWIM's (Das, Gupta and Motivala, DSN 2002).
There is no probing and no gossip about others: every drone says on one topic
that it lives, and whoever listens judges for itself. Nobody acts against a
member because of this; it is for people, and for sharing work.

The caller passes ``now_s`` of a steady clock.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class MemberState(Enum):
    """What is thought of a member."""

    ALIVE = "alive"
    SUSPECT = "suspect"
    DEAD = "dead"
    LEFT = "left"


@dataclass(frozen=True)
class MembershipConfig:
    """When silence means what.

    Attributes:
        suspect_after_s: silent for this long: SUSPECT. Several heartbeat periods.
        dead_after_s: silent for this long: DEAD.
    """

    suspect_after_s: float = 2.0
    dead_after_s: float = 10.0


@dataclass(frozen=True)
class MemberEvent:
    """A member is thought of otherwise than before; ``before`` is None for a new one."""

    source: str
    before: MemberState | None
    after: MemberState


@dataclass
class _Member:
    incarnation: int
    heard_s: float
    state: MemberState


class Membership:
    """The members that one listener has heard of."""

    def __init__(self, config: MembershipConfig | None = None) -> None:
        self._config = config or MembershipConfig()
        self._members: dict[str, _Member] = {}

    def states(self) -> dict[str, MemberState]:
        """Every member's state, by source."""
        return {source: self._members[source].state for source in sorted(self._members)}

    def heartbeat(self, source: str, incarnation: int, now_s: float) -> list[MemberEvent]:
        """A member says that it lives.

        What an earlier incarnation sent, or one that has left, is late and says nothing.
        """
        member = self._members.get(source)
        if member is None:
            self._members[source] = _Member(incarnation, now_s, MemberState.ALIVE)
            return [MemberEvent(source, None, MemberState.ALIVE)]
        if incarnation < member.incarnation or (
            incarnation == member.incarnation and member.state is MemberState.LEFT
        ):
            return []
        member.incarnation = incarnation
        member.heard_s = now_s
        return self._turn(source, MemberState.ALIVE)

    def leave(self, source: str, incarnation: int) -> list[MemberEvent]:
        """A member says goodbye."""
        member = self._members.get(source)
        if member is None or incarnation < member.incarnation:
            return []
        member.incarnation = incarnation
        return self._turn(source, MemberState.LEFT)

    def tick(self, now_s: float) -> list[MemberEvent]:
        """Judge everybody's silence."""
        events = []
        for source, member in sorted(self._members.items()):
            if member.state is not MemberState.LEFT:
                events += self._turn(source, self._judge(now_s - member.heard_s))
        return events

    def _judge(self, silent_s: float) -> MemberState:
        if silent_s >= self._config.dead_after_s:
            return MemberState.DEAD
        if silent_s >= self._config.suspect_after_s:
            return MemberState.SUSPECT
        return MemberState.ALIVE

    def _turn(self, source: str, after: MemberState) -> list[MemberEvent]:
        member = self._members[source]
        before, member.state = member.state, after
        return [] if before is after else [MemberEvent(source, before, after)]
