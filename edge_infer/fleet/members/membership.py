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

"""Who is there: ALIVE, SUSPECT, DEAD or LEFT, from heartbeats and what they say of others.

The words, the incarnations and the notes that travel with the heartbeats are
SWIM's (Das, Gupta and Motivala, DSN 2002); how far an observer trusts itself is
Lifeguard's (``suspicion.py``). Other than there, everybody hears everybody, so
nobody is probed, nobody suspects on the word of others, and every accuser counts
as one more pair of ears. Three things clear a suspect: a heartbeat of its own; a
third one who hears it; and a higher incarnation, with which it answers accusations
and makes them obsolete wherever they are.

Nobody acts against a member because of this: it is for people, and for sharing
work. What a member saw stays when it dies; what it had to do is open (``gone``).

The caller owns topics and timers and passes ``now_s`` of any clock.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from edge_infer.fleet.members.clock_offsets import ClockOffsets
from edge_infer.fleet.members.heartbeats import Beat, Incarnation, MemberEvent, MemberState, Note
from edge_infer.fleet.members.namesakes import Namesakes, refuse_later
from edge_infer.fleet.members.suspicion import Attention, patience_s

__all__ = [
    "Beat",
    "Incarnation",
    "MemberEvent",
    "MemberState",
    "Membership",
    "MembershipConfig",
    "Note",
]


@dataclass(frozen=True)
class MembershipConfig:
    """When silence means what. All but ``tick_s`` is stretched by the observer's doubt.

    Attributes:
        tick_s: time between two calls of ``tick``.
        lease_s: silent for this long: SUSPECT. Never less than 2.5 of its periods.
        fastest_s: a suspect is DEAD after this when ``sure`` others accuse it, or
            when nobody else could.
        slowest_s: likewise when no other accuses it.
        sure: so many other accusers make the observer sure.
        most_doubt: time-outs are stretched by one more than this at most.
        calm_s: doubt falls by one after this long without a cause.
        refute_s: least time between two new incarnations.
        noted_s: the dead and the departed are told of for this long.
        most_notes: notes in one heartbeat.
    """

    tick_s: float = 0.2
    lease_s: float = 0.5
    fastest_s: float = 1.5
    slowest_s: float = 4.5
    sure: int = 3
    most_doubt: int = 3
    calm_s: float = 0.5
    refute_s: float = 1.0
    noted_s: float = 10.0
    most_notes: int = 16


@dataclass
class _Member:
    incarnation: Incarnation
    state: MemberState
    since_s: float
    seen_s: float = float("-inf")
    """Its latest heartbeat."""
    vouched_s: float = float("-inf")
    """When a third one last told that it hears it."""
    asked_s: float = float("-inf")
    """When it was last accused, or said to be in a life that is over."""
    late_s: float = float("-inf")
    """When it last spoke out of a life that is over."""
    period_s: float = 0.2
    session: int = 0
    accusers: set[str] = field(default_factory=set)

    @property
    def known_s(self) -> float:
        """The latest that is known of it."""
        return max(self.seen_s, self.vouched_s)


class Membership:
    """The members that one observer has heard of.

    Args:
        name: of the observer when it is a member itself, else empty.
        boot: starts of the observer so far.
        session: its number, drawn at random at this start.
    """

    def __init__(
        self,
        config: MembershipConfig | None = None,
        *,
        name: str = "",
        boot: int = 0,
        session: int = 0,
    ) -> None:
        self._config = config or MembershipConfig()
        self._name = name
        self._session = session
        self._members: dict[str, _Member] = {}
        self._attention = Attention(
            self._config.tick_s, self._config.most_doubt, self._config.calm_s
        )
        self._namesakes = Namesakes()
        self._clocks = ClockOffsets(name)
        self._heard_s = 0.0
        self._refuted_s = float("-inf")
        self._first_note = 0
        self._namesake_boot = 0
        """The highest boot number of another drone that has the observer's name."""
        self.incarnation = Incarnation(boot)
        """The observer's own."""
        self.lost_boot = 0
        """Above the own boot number when the fleet knows a start of the observer that its disk
        does not; 0 while it does not, and for what a namesake explains."""

    # --- what is known ---------------------------------------------------------------

    def states(self) -> dict[str, MemberState]:
        """Every other member's state, by source."""
        return {source: self._members[source].state for source in sorted(self._members)}

    def gone(self) -> list[str]:
        """Whose work is open: the dead and the departed."""
        return [s for s, state in self.states().items() if state in _GONE]

    def shared_names(self) -> list[str]:
        """Names by which two go."""
        now_s = self._attention.now_s
        return [s for s in sorted(self._members) if self._namesakes.is_shared(s, now_s)]

    def wrong_clocks(self) -> dict[str, float]:
        """Whose clocks are off, the own one included: seconds ahead of the fleet's."""
        return self._clocks.wrong([s for s, state in self.states().items() if state not in _GONE])

    @property
    def doubt(self) -> int:
        """How much the observer doubts itself; 0 when all is well."""
        return self._attention.doubt

    @property
    def uptime_s(self) -> float:
        """Attentive time since the beginning."""
        return self._attention.now_s

    def notes(self) -> tuple[Note, ...]:
        """What to say of others in the next heartbeat; in doubt of itself, only farewells."""
        said = [
            Note(source, member.incarnation, state)
            for source, member in sorted(self._members.items())
            if (state := self._worth_a_note(member))
        ]
        room = self._config.most_notes
        if len(said) <= room:
            return tuple(said)
        self._first_note = (self._first_note + room) % len(said)
        return tuple((said[self._first_note :] + said[: self._first_note])[:room])

    def _worth_a_note(self, member: _Member) -> MemberState | None:
        now, config = self._attention.now_s, self._config
        is_recent = now - member.since_s < config.noted_s
        is_asked = now - member.asked_s < 2 * config.lease_s
        is_unaware = now - member.late_s < 2 * config.lease_s
        if member.state is MemberState.LEFT:
            return member.state if is_recent or is_asked or is_unaware else None
        if self.doubt:
            return None
        if now - member.seen_s < self._lease_s(member):
            # Old evidence would only delay the judgement of the others.
            is_fresh = now - member.seen_s < self._lease_s(member) / 2
            return MemberState.ALIVE if is_asked and is_fresh else None
        is_told = member.state is not MemberState.DEAD or is_recent or is_unaware
        return MemberState.SUSPECT if is_told else None

    # --- what happens ------------------------------------------------------------------

    def hear(self, beat: Beat, now_s: float, clock_s: float | None = None) -> list[MemberEvent]:
        """A heartbeat came; a late one, of a life that is over, says nothing.

        Args:
            beat: what it said.
            now_s: of the clock of this observer's time-outs.
            clock_s: of the clock with which ``beat.clock_s`` is compared.

        Raises:
            FleetError: it has the observer's own name, and its sender was there first.
        """
        now = self._attention.at(now_s)
        if beat.source == self._name:
            self._hear_namesake(beat, now)
            return []
        self._namesakes.hear(beat.source, beat.session, now)
        self._heard_s = now
        if beat.clock_s is not None and clock_s is not None:
            self._clocks.hear(beat.source, beat.clock_s, clock_s)
        events = self._take(beat, now)
        for note in beat.notes:
            events += self._weigh(beat.source, note, now)
        return events

    def tick(self, now_s: float) -> list[MemberEvent]:
        """Judge everybody's silence."""
        now = self._attention.tick(now_s)
        if self._name:
            self._namesakes.hear(self._name, self._session, now)
        if self._is_deaf(now):
            self._attention.raise_to(self._config.most_doubt)
        events = []
        for source, member in sorted(self._members.items()):
            events += self._judge(source, member, now)
        return events

    def _hear_namesake(self, beat: Beat, now: float) -> None:
        if beat.session == self._session:
            return
        if now > self._namesakes.patience_s:  # sooner it may be late, of an earlier life
            self._namesake_boot = max(self._namesake_boot, beat.incarnation.boot)
        self._namesakes.hear(self._name, self._session, now)
        self._namesakes.hear(self._name, beat.session, now)
        shared_s = self._namesakes.shared_s(self._name, now)
        if shared_s >= self._namesakes.patience_s:
            own, other = (self.uptime_s, self._session), (beat.uptime_s, beat.session)
            is_late = shared_s >= 2 * self._namesakes.patience_s
            refuse_later(self._name, own, other, is_late=is_late)

    def _take(self, beat: Beat, now: float) -> list[MemberEvent]:
        after = MemberState.LEFT if beat.leaving else MemberState.ALIVE
        member = self._members.get(beat.source)
        if member is None:
            member = self._members[beat.source] = _Member(beat.incarnation, after, now)
            events = [MemberEvent(beat.source, None, after)]
        elif self._is_late(beat, member):
            member.late_s = now
            return []
        else:
            events = self._turn(beat.source, after)
        member.incarnation, member.session = beat.incarnation, beat.session
        member.period_s, member.seen_s = beat.period_s, now
        member.accusers.clear()
        return events

    def _is_late(self, beat: Beat, member: _Member) -> bool:
        if beat.incarnation.boot < member.incarnation.boot:
            # Unless it has lost the disk with its boot counter.
            return not self._namesakes.has_replaced(beat.source, beat.session)
        if beat.session != member.session and beat.incarnation.boot == member.incarnation.boot:
            return False  # a namesake, or a drone that has lost its disk
        return beat.incarnation < member.incarnation or (
            beat.incarnation == member.incarnation and member.state is MemberState.LEFT
        )

    def _weigh(self, teller: str, note: Note, now: float) -> list[MemberEvent]:
        if note.source == self._name:
            self._answer(note, now)
            return []
        member = self._members.get(note.source)
        if member is None:
            return self._first_told(note, now)
        is_left = note.incarnation == member.incarnation and member.state is MemberState.LEFT
        if note.incarnation < member.incarnation or is_left:
            if note.state is not MemberState.LEFT:  # or farewells would echo for ever
                member.asked_s = now
            return []
        if note.state is MemberState.SUSPECT:
            member.accusers.add(teller)
            member.asked_s = now
            return []
        member.incarnation = note.incarnation
        if note.state is MemberState.ALIVE:
            member.vouched_s = now
        return self._turn(note.source, note.state)

    def _first_told(self, note: Note, now: float) -> list[MemberEvent]:
        """Of a member that this observer never heard itself."""
        if note.state is not MemberState.ALIVE:
            return []
        self._members[note.source] = _Member(note.incarnation, note.state, now, vouched_s=now)
        return [MemberEvent(note.source, None, note.state)]

    def _answer(self, note: Note, now: float) -> None:
        """Somebody says something of this observer: what is wrong it denies."""
        if note.incarnation.boot > self.incarnation.boot:
            if note.incarnation.boot > self._namesake_boot:
                self.lost_boot = max(self.lost_boot, note.incarnation.boot)
        elif note.state is not MemberState.ALIVE and note.incarnation >= self.incarnation:
            if now - self._refuted_s < self._config.refute_s:
                return
            self._refuted_s = now
            self.incarnation = note.incarnation._replace(refutation=note.incarnation.refutation + 1)
            self._attention.raise_to(self.doubt + 1)

    # --- judgement ----------------------------------------------------------------------

    def _is_deaf(self, now: float) -> bool:
        """Whether nobody is heard who should be: then it is rather the observer."""
        periods = [m.period_s for m in self._members.values() if m.state not in _GONE]
        return bool(periods) and now - self._heard_s >= 2 * min(periods)

    def _judge(self, source: str, member: _Member, now: float) -> list[MemberEvent]:
        stretch = 1 + self.doubt
        if member.state is MemberState.ALIVE:
            is_silent = now - member.known_s >= self._lease_s(member) * stretch
            return self._turn(source, MemberState.SUSPECT) if is_silent else []
        if member.state is MemberState.SUSPECT:
            wait_s = self._patience_s(source, member) * stretch
            is_over = now - member.since_s >= wait_s
            return self._turn(source, MemberState.DEAD) if is_over else []
        return []

    def _lease_s(self, member: _Member) -> float:
        return max(self._config.lease_s, 2.5 * member.period_s)

    def _patience_s(self, source: str, suspect: _Member) -> float:
        config = self._config
        others = self._present(s for s in self._members if s != source)
        accusers = self._present(suspect.accusers)
        return patience_s(accusers, min(config.sure, others), config.fastest_s, config.slowest_s)

    def _present(self, sources: Iterable[str]) -> int:
        alive = MemberState.ALIVE
        return sum(s in self._members and self._members[s].state is alive for s in sources)

    def _turn(self, source: str, after: MemberState) -> list[MemberEvent]:
        member = self._members[source]
        before, member.state = member.state, after
        if before is after:
            return []
        member.since_s = self._attention.now_s
        return [MemberEvent(source, before, after)]


_GONE = (MemberState.DEAD, MemberState.LEFT)
