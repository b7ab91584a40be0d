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

"""Who is alive, told as stories: of one observer, then of whole fleets over a bad network."""

from __future__ import annotations

import random
from collections import defaultdict
from dataclasses import replace

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from edge_infer.errors import FleetError
from edge_infer.fleet.members.membership import (
    Beat,
    Incarnation,
    MemberEvent,
    Membership,
    MembershipConfig,
    MemberState,
    Note,
)

ALIVE, SUSPECT, DEAD, LEFT = MemberState
CONFIG = MembershipConfig()
STEP_S, BEAT_S = 0.05, 0.2


class Host:
    """A drone: its own list of members, its clock, and what has reached it."""

    def __init__(self, name: str, boot: int, now_s: float, rng: random.Random) -> None:
        self.name, self.boot = name, boot
        self.session = rng.getrandbits(64)
        self.membership = Membership(CONFIG, name=name, boot=boot, session=self.session)
        self.beat_s = now_s + rng.random() * BEAT_S
        self.tick_s = now_s + rng.random() * CONFIG.tick_s
        self.clock_off_s = 0.0
        self.asleep_until_s = 0.0
        self.nap_s = 0.0
        """So long it does nothing after each turn: a slow executor."""
        self.inbox: list[Beat] = []
        self.events: list[tuple[float, MemberEvent]] = []


class Fleet:
    """Hosts on one topic, in steps of 50 ms of virtual time."""

    def __init__(self, count: int, seed: int = 0, loss: float = 0.0) -> None:
        self.rng, self.loss, self.now_s = random.Random(seed), loss, 100.0
        self.hosts = [Host(f"d{k:02}", 1, self.now_s, self.rng) for k in range(count)]
        self.cuts: set[tuple[str, str]] = set()
        self.refused: list[tuple[Host, str]] = []
        self.notes = 0
        self.beats = 0

    def run(self, seconds: float) -> None:
        for _ in range(round(seconds / STEP_S)):
            self.now_s += STEP_S
            for host in self.rng.sample(self.hosts, len(self.hosts)):
                if self.now_s >= host.asleep_until_s:
                    self._turn(host)
                    host.asleep_until_s = self.now_s + host.nap_s

    def _turn(self, host: Host) -> None:
        clock_s = self.now_s + host.clock_off_s
        heard, host.inbox = host.inbox, []
        try:
            told = [e for beat in heard for e in host.membership.hear(beat, clock_s, clock_s)]
        except FleetError as error:
            self.refused.append((host, str(error)))
            self.hosts.remove(host)
            return
        if self.now_s >= host.tick_s:
            host.tick_s = self.now_s + CONFIG.tick_s
            told += host.membership.tick(clock_s)
        if self.now_s >= host.beat_s:
            host.beat_s = self.now_s + BEAT_S
            self._send(host, clock_s)
        host.events += [(self.now_s, event) for event in told]

    def _send(self, host: Host, clock_s: float, leaving: bool = False) -> None:
        membership = host.membership
        notes = membership.notes()
        self.beats, self.notes = self.beats + 1, self.notes + len(notes)
        beat = Beat(
            host.name, membership.incarnation, host.session, membership.uptime_s, BEAT_S,
            clock_s, leaving, notes,
        )  # fmt: skip
        for other in self.hosts:
            is_cut = (host.name, other.name) in self.cuts and other is not host
            if not is_cut and (other is host or self.rng.random() >= self.loss):
                other.inbox.append(beat)

    # --- what may happen ---------------------------------------------------------------

    def __getitem__(self, index: int) -> Host:
        return self.hosts[index]

    def kill(self, host: Host) -> None:
        self.hosts.remove(host)

    def leave(self, host: Host) -> None:
        self._send(host, self.now_s, leaving=True)
        self.hosts.remove(host)

    def start(self, name: str, boot: int) -> Host:
        self.hosts.append(Host(name, boot, self.now_s, self.rng))
        return self.hosts[-1]

    def cut(self, *groups: list[Host]) -> None:
        for group in groups:
            rest = [h for h in self.hosts if h not in group]
            self.cuts |= {(a.name, b.name) for a in group for b in rest}
            self.cuts |= {(b.name, a.name) for a in group for b in rest}

    def seen(self, of: str) -> dict[str, MemberState | None]:
        """What each other host thinks of one."""
        return {h.name: h.membership.states().get(of) for h in self.hosts if h.name != of}

    def ever(self, state: MemberState, of: set[str] | None = None) -> set[tuple[str, str]]:
        """Who ever thought this of whom."""
        return {
            (host.name, event.source)
            for host in self.hosts
            for _, event in host.events
            if event.after is state and (of is None or event.source in of)
        }

    def when(self, state: MemberState, of: str) -> list[float]:
        """At which times hosts first came to think this of one."""
        return [
            next(at for at, event in host.events if (event.source, event.after) == (of, state))
            for host in self.hosts
            if host.name != of
        ]


# --- one observer ----------------------------------------------------------------------


def beat(source: str, boot: int = 1, refutation: int = 0, *notes: Note, session: int = 0) -> Beat:
    return Beat(source, Incarnation(boot, refutation), session or boot, notes=notes)


def accuse(source: str, boot: int = 1, refutation: int = 0) -> Note:
    return Note(source, Incarnation(boot, refutation), SUSPECT)


class Observer(Membership):
    """With a way to let time pass, in ticks, while some members go on beating."""

    now_s = 0.0

    def live(self, seconds: float, *beats: Beat) -> list[MemberEvent]:
        events = []
        for _ in range(round(seconds / CONFIG.tick_s)):
            self.now_s += CONFIG.tick_s
            for one in beats:
                events += self.hear(one, self.now_s)
            events += self.tick(self.now_s)
        return events


@pytest.fixture
def observer() -> Observer:
    return Observer(CONFIG, name="me", boot=7, session=77)


def test_silence_makes_suspect_then_dead_and_each_is_told_once(observer: Observer) -> None:
    others = [beat("b"), beat("c")]
    events = observer.live(1.0, beat("a"), *others)
    assert events == [MemberEvent(s, None, ALIVE) for s in "abc"]
    assert observer.live(0.4, *others) == []
    assert observer.live(0.2, *others) == [MemberEvent("a", ALIVE, SUSPECT)]
    assert observer.live(4.2, *others) == []
    assert observer.live(0.4, *others) == [MemberEvent("a", SUSPECT, DEAD)]
    assert observer.live(99.0, *others) == []
    assert observer.states() == {"a": DEAD, "b": ALIVE, "c": ALIVE}
    assert observer.gone() == ["a"]


@pytest.mark.parametrize(("accusers", "wait_s"), [(0, 4.5), (1, 3.0), (2, 2.2), (3, 1.6), (4, 1.6)])
def test_the_more_independent_accusers_the_sooner(accusers: int, wait_s: float) -> None:
    observer = Observer(CONFIG)
    names = "bcdef"
    observer.live(1.0, beat("a"), *map(beat, names))
    others = [beat(s, 1, 0, *[accuse("a")] * (k < accusers)) for k, s in enumerate(names)]
    while observer.states()["a"] is ALIVE:
        observer.live(0.2, *others)
    begun_s = observer.now_s
    while observer.states()["a"] is SUSPECT:
        observer.live(0.2, *others)
    assert observer.now_s - begun_s == pytest.approx(wait_s, abs=0.21)


def test_nobody_suspects_on_the_word_of_others(observer: Observer) -> None:
    accusers = [beat(s, 1, 0, accuse("a")) for s in "bcd"]
    assert observer.live(20.0, beat("a"), *accusers)[4:] == []
    assert observer.notes() == (Note("a", Incarnation(1), ALIVE),)


def test_a_sign_of_life_clears_suspicion_and_death(observer: Observer) -> None:
    observer.live(1.0, beat("a"), beat("b"))
    observer.live(1.0, beat("b"))
    assert observer.live(0.2, beat("a"), beat("b")) == [MemberEvent("a", SUSPECT, ALIVE)]
    observer.live(9.0, beat("b"))
    assert observer.live(0.2, beat("a"), beat("b")) == [MemberEvent("a", DEAD, ALIVE)]


def test_whoever_hears_a_suspect_clears_it_for_those_who_do_not(observer: Observer) -> None:
    observer.live(1.0, beat("a"), beat("b"))
    observer.live(1.0, beat("b"))
    assert observer.notes() == (accuse("a"),)
    vouching = beat("b", 1, 0, Note("a", Incarnation(1, 1), ALIVE))
    assert observer.live(0.2, vouching) == [MemberEvent("a", SUSPECT, ALIVE)]
    assert observer.live(9.0, vouching) == []
    assert observer.notes() == (accuse("a", 1, 1),), "it goes on asking"
    assert observer.live(0.2, beat("a", 1, 0), vouching) == [], "that is obsolete"


def test_an_accusation_is_denied_by_a_higher_incarnation_but_not_in_a_hurry(
    observer: Observer,
) -> None:
    observer.live(0.2, beat("a", 1, 0, accuse("me", 7)))
    assert observer.incarnation == (7, 1)
    observer.live(0.2, beat("a", 1, 0, accuse("me", 7, 1)))
    observer.live(0.2, beat("a", 1, 0, accuse("me", 7, 0)))
    assert observer.incarnation == (7, 1)
    observer.live(1.0, beat("a"))
    observer.live(0.2, beat("a", 1, 0, accuse("me", 7, 5)))
    assert observer.incarnation == (7, 6)


def test_a_restart_is_a_new_incarnation_and_its_past_says_nothing(observer: Observer) -> None:
    others = [beat("b")]
    observer.live(1.0, beat("a", 3, 4), *others)
    assert observer.live(0.2, beat("a", 4), *others) == []
    assert observer.live(1.0, beat("a", 3, 5), *others) == [MemberEvent("a", ALIVE, SUSPECT)]


def test_who_left_stays_away_until_it_starts_again(observer: Observer) -> None:
    observer.live(1.0, beat("a", 3), beat("b"))
    goodbye = replace(beat("a", 3), leaving=True)
    assert observer.live(0.2, goodbye, beat("b")) == [MemberEvent("a", ALIVE, LEFT)]
    assert observer.notes() == (Note("a", Incarnation(3), LEFT),)
    assert observer.live(20.0, beat("a", 3), beat("b")) == []
    assert observer.live(20.0, beat("b")) == []
    assert observer.notes() == ()
    assert observer.gone() == ["a"]
    assert observer.live(0.2, beat("a", 4), beat("b")) == [MemberEvent("a", LEFT, ALIVE)]


def test_a_farewell_that_was_not_heard_is_passed_on_and_does_not_echo(observer: Observer) -> None:
    observer.live(1.0, beat("a"), beat("b"))
    told = beat("b", 1, 0, Note("a", Incarnation(1), LEFT))
    assert observer.live(0.2, told) == [MemberEvent("a", ALIVE, LEFT)]
    observer.live(CONFIG.noted_s + 2, told)
    assert observer.notes() == ()


def test_a_gap_in_ones_own_time_is_nobodys_silence(observer: Observer) -> None:
    observer.live(1.0, beat("a"), beat("b"))
    for jump_s in (5.0, 600.0, -600.0):
        observer.now_s += jump_s
        assert observer.tick(observer.now_s) == []
        assert observer.live(2.0, beat("a"), beat("b")) == []
    assert observer.doubt == 0


def test_who_hears_nobody_suspects_itself_first() -> None:
    observer = Observer(CONFIG)
    observer.live(1.0, *map(beat, "abcd"))
    assert observer.live(1.6) == []
    assert observer.doubt == CONFIG.most_doubt
    assert len(observer.live(0.8)) == 4
    assert observer.notes() == ()
    assert observer.live(3.0) == []
    assert {event.after for event in observer.live(10.0)} == {DEAD}, "but not for ever"


def test_a_slow_observer_waits_longer_and_accuses_nobody(observer: Observer) -> None:
    observer.live(1.0, beat("a"), beat("b"))
    for _ in range(4):  # ticks every second instead of every fifth of one
        observer.now_s += 1.0
        observer.hear(beat("b"), observer.now_s)
        assert observer.tick(observer.now_s) == []
        assert observer.notes() == ()
    assert observer.doubt == CONFIG.most_doubt


def test_notes_are_few_and_take_turns() -> None:
    observer = Observer(CONFIG)
    names = [f"d{k:02}" for k in range(40)]
    observer.live(1.0, *map(beat, names))
    observer.live(0.8, beat(names[0]))
    rounds = [observer.notes() for _ in range(3)]
    assert {len(notes) for notes in rounds} == {CONFIG.most_notes}
    assert {note.source for notes in rounds for note in notes} == set(names[1:])


# --- whole fleets -------------------------------------------------------------------------


@pytest.mark.parametrize(("count", "loss"), [(3, 0.0), (20, 0.0), (40, 0.1), (8, 0.3)])
def test_all_who_live_are_thought_alive(count: int, loss: float) -> None:
    fleet = Fleet(count, seed=count, loss=loss)
    fleet.run(20.0)
    assert fleet.ever(DEAD) == set()
    for host in fleet.hosts:
        states = list(host.membership.states().values())
        assert len(states) == count - 1
        assert states.count(SUSPECT) <= count * loss
    if not loss:
        assert fleet.ever(SUSPECT) == set()
        assert fleet.notes == 0, "who has nothing to say of others says nothing"


@pytest.mark.parametrize(("count", "dead_within_s"), [(3, 5.5), (20, 3.0), (40, 3.0)])
def test_a_death_is_known_by_all_soon_and_by_no_one_too_soon(
    count: int, dead_within_s: float
) -> None:
    fleet = Fleet(count, seed=1)
    fleet.run(5.0)
    victim, killed_s = fleet[1], fleet.now_s
    fleet.kill(victim)
    fleet.run(10.0)
    assert set(fleet.seen(victim.name).values()) == {DEAD}
    assert fleet.ever(DEAD) == {(h.name, victim.name) for h in fleet.hosts}
    assert min(fleet.when(SUSPECT, victim.name)) - killed_s >= CONFIG.lease_s - BEAT_S
    assert max(fleet.when(SUSPECT, victim.name)) - killed_s <= 1.0
    assert min(fleet.when(DEAD, victim.name)) - killed_s >= 1.5
    assert max(fleet.when(DEAD, victim.name)) - killed_s <= dead_within_s
    fleet.run(CONFIG.noted_s + 2)
    notes = fleet.notes
    fleet.run(5.0)
    assert fleet.notes == notes, "the dead are not talked about for ever"


def test_a_farewell_is_no_death() -> None:
    fleet = Fleet(5, seed=2, loss=0.4)
    fleet.run(5.0)
    gone = fleet[0]
    fleet.leave(gone)
    fleet.run(6.0)
    assert set(fleet.seen(gone.name).values()) == {LEFT}
    assert fleet.ever(DEAD) == set()


def test_a_slow_drone_accuses_no_one_and_is_not_taken_for_dead() -> None:
    fleet = Fleet(6, seed=3)
    fleet.run(3.0)
    slow = fleet[2]
    slow.nap_s = 1.2
    fleet.run(30.0)
    healthy = {h.name for h in fleet.hosts} - {slow.name}
    assert fleet.ever(SUSPECT, healthy) == set()
    assert fleet.ever(DEAD) == set()
    assert slow.membership.incarnation.refutation > 0, "it is suspected now and then, and denies it"
    slow.nap_s = 0.0
    fleet.run(5.0)
    assert set(fleet.seen(slow.name).values()) == {ALIVE}


def test_a_drone_that_stood_still_wakes_up_without_a_grudge() -> None:
    fleet = Fleet(6, seed=4)
    fleet.run(3.0)
    still = fleet[2]
    still.asleep_until_s = fleet.now_s + 5.0
    fleet.run(4.9)
    assert set(fleet.seen(still.name).values()) == {DEAD}
    fleet.run(1.0)
    assert set(fleet.seen(still.name).values()) == {ALIVE}
    assert still.events[5:] == [], "after it met the five it has no complaints"


def test_a_partition_is_seen_from_both_sides_and_heals() -> None:
    fleet = Fleet(20, seed=5)
    fleet.run(3.0)
    few, many = fleet.hosts[:4], fleet.hosts[4:]
    fleet.cut(few)
    fleet.run(10.0)
    for here, there in ((few, many), (many, few)):
        for host in here:
            states = host.membership.states()
            assert {states[h.name] for h in there} == {DEAD}
            assert {states[h.name] for h in here if h is not host} == {ALIVE}
    fleet.cuts.clear()
    fleet.run(0.5)
    for host in fleet.hosts:
        assert set(host.membership.states().values()) == {ALIVE}


def test_one_who_is_cut_off_doubts_itself_longer_than_the_others_doubt_it() -> None:
    fleet = Fleet(5, seed=6)
    fleet.run(3.0)
    alone = fleet[0]
    fleet.cut([alone])
    fleet.run(4.0)
    assert set(fleet.seen(alone.name).values()) == {DEAD}
    assert set(alone.membership.states().values()) == {SUSPECT}
    assert alone.membership.notes() == ()


@pytest.mark.parametrize("both_ways", [False, True])
def test_two_who_cannot_hear_each_other_hear_it_from_a_third(both_ways: bool) -> None:
    fleet = Fleet(4, seed=7)
    fleet.run(3.0)
    one, two = fleet[0], fleet[1]
    fleet.cuts.add((two.name, one.name))
    if both_ways:
        fleet.cuts.add((one.name, two.name))
    fleet.run(30.0)
    assert fleet.ever(DEAD) == set()
    suspicions = [event for _, event in one.events if event.after is SUSPECT]
    assert len(suspicions) <= 3, "it does not flicker"
    fleet.kill(two)
    fleet.run(10.0)
    assert set(fleet.seen(two.name).values()) == {DEAD}


def test_a_restart_is_one_member_and_its_accusations_are_over() -> None:
    fleet = Fleet(5, seed=8)
    fleet.run(3.0)
    fleet.kill(fleet[0])
    fleet.run(1.2)
    fleet.start("d00", 2)
    fleet.run(5.0)
    assert set(fleet.seen("d00").values()) == {ALIVE}
    assert fleet.ever(DEAD) == set()
    assert fleet.refused == []
    assert all(h.membership.shared_names() == [] for h in fleet.hosts)


@pytest.mark.parametrize("rest_s", [0.5, 60.0])
def test_a_drone_that_lost_its_disk_is_taken_in_and_told(rest_s: float) -> None:
    fleet = Fleet(5, seed=9)
    fleet.kill(fleet[0])
    fleet.start("d00", 6)
    fleet.run(3.0)
    fleet.kill(fleet[-1])
    fleet.run(rest_s)
    reborn = fleet.start("d00", 1)
    fleet.run(8.0)
    assert set(fleet.seen("d00").values()) == {ALIVE}
    assert reborn.membership.lost_boot == 6
    assert fleet.refused == []


@pytest.mark.parametrize("boot", [1, 2, 0])
def test_of_two_with_one_name_the_later_one_is_refused(boot: int) -> None:
    fleet = Fleet(5, seed=10 + boot)
    first = fleet[0]
    fleet.run(10.0)
    later = fleet.start("d00", boot)
    fleet.run(5.0)
    [(refused, sentence)] = fleet.refused
    assert refused is later
    assert "'d00'" in sentence
    assert "namespace" in sentence
    assert first in fleet.hosts
    fleet.run(10.0)
    assert first.membership.lost_boot == 0, "another's start is not its own"
    assert set(fleet.seen("d00").values()) == {ALIVE}
    assert all(h.membership.shared_names() == [] for h in fleet.hosts)


def test_others_notice_that_two_go_by_one_name(observer: Observer) -> None:
    both = [beat("a", session=1), beat("a", session=2)]
    observer.live(3.0, *both)
    assert observer.shared_names() == []
    observer.live(0.4, *both)
    assert observer.shared_names() == ["a"]
    observer.live(3.4, both[1])
    assert observer.shared_names() == []


def test_two_with_one_name_that_start_at_once_do_not_refuse_each_other() -> None:
    fleet = Fleet(4, seed=11)
    fleet.start("d00", 1)
    fleet.run(8.0)
    assert len(fleet.refused) == 1
    assert sum(host.name == "d00" for host in fleet.hosts) == 1


@pytest.mark.parametrize("session", [78, 76])
def test_two_that_each_take_themselves_for_the_earlier_one_draw(session: int) -> None:
    """One started 2 s after the other, which is at once for it, and not for the other."""
    late_s = 0.1  # of every message
    earlier = Observer(CONFIG, name="me", boot=7, session=77)
    later = Observer(CONFIG, name="me", boot=8, session=session)

    def live_together() -> None:
        for _ in range(60):
            of_earlier = replace(beat("me", 7, session=77), uptime_s=earlier.now_s - late_s)
            of_later = replace(beat("me", 8, session=session), uptime_s=later.now_s - late_s)
            earlier.live(CONFIG.tick_s, of_later)
            later.live(CONFIG.tick_s, of_earlier)

    earlier.live(2.0)
    with pytest.raises(FleetError, match="calls itself 'me'"):
        live_together()
    refused = later if session > 77 else earlier
    assert earlier.uptime_s - later.uptime_s == pytest.approx(2.2 if refused is earlier else 2.0)


@pytest.mark.parametrize("off_s", [600.0, -600.0])
def test_a_clock_that_is_off_is_shown_and_changes_nothing(off_s: float) -> None:
    fleet = Fleet(5, seed=12)
    fleet[3].clock_off_s = off_s
    fleet.run(10.0)
    assert fleet.ever(SUSPECT) == set()
    for host in fleet.hosts:
        assert {s: round(a) for s, a in host.membership.wrong_clocks().items()} == {"d03": off_s}
    fleet[3].clock_off_s = 0.0
    fleet.run(5.0)
    assert fleet.ever(SUSPECT) == set()
    assert fleet[0].membership.wrong_clocks() == {}


def test_a_mass_death_makes_no_flood_of_notes() -> None:
    fleet = Fleet(40, seed=13)
    fleet.run(3.0)
    for host in fleet.hosts[20:]:
        fleet.kill(host)
    beats, notes = fleet.beats, fleet.notes
    fleet.run(30.0)
    assert (fleet.notes - notes) / (fleet.beats - beats) <= CONFIG.most_notes / 2
    assert all(len(h.membership.gone()) == 20 for h in fleet.hosts)


class AnyFleet(RuleBasedStateMachine):
    """Whatever happens to four drones: when it is over, each knows who is there."""

    @initialize(seed=st.integers(0, 10))
    def begin(self, seed: int) -> None:
        self.fleet = Fleet(4, seed)
        self.boots: dict[str, int] = defaultdict(lambda: 1)

    def pick(self, index: int) -> Host:
        return self.fleet.hosts[index % len(self.fleet.hosts)]

    @rule(seconds=st.floats(0.05, 4.0))
    def wait(self, seconds: float) -> None:
        self.fleet.run(seconds)

    @rule(index=st.integers(0, 3), leaving=st.booleans())
    def stop(self, index: int, leaving: bool) -> None:
        if len(self.fleet.hosts) > 2:
            (self.fleet.leave if leaving else self.fleet.kill)(self.pick(index))

    @rule(index=st.integers(0, 3))
    def start(self, index: int) -> None:
        name = f"d{index:02}"
        if name not in {host.name for host in self.fleet.hosts}:
            self.boots[name] += 1
            self.fleet.start(name, self.boots[name])

    @rule(index=st.integers(0, 3), seconds=st.sampled_from([-600.0, 600.0]))
    def set_clock(self, index: int, seconds: float) -> None:
        self.pick(index).clock_off_s += seconds

    @rule(index=st.integers(0, 3), seconds=st.floats(0.1, 8.0))
    def freeze(self, index: int, seconds: float) -> None:
        self.pick(index).asleep_until_s = self.fleet.now_s + seconds

    @rule(index=st.integers(0, 3), other=st.integers(0, 3))
    def cut(self, index: int, other: int) -> None:
        self.fleet.cuts.add((self.pick(index).name, self.pick(other).name))

    @rule(loss=st.sampled_from([0.0, 0.3]))
    def worsen(self, loss: float) -> None:
        self.fleet.loss = loss

    @rule()
    def heal(self) -> None:
        """After half a quiet minute everybody knows the truth."""
        fleet = self.fleet
        fleet.cuts.clear()
        fleet.loss = 0.0
        fleet.run(33.0)
        present = {host.name for host in fleet.hosts}
        for host in fleet.hosts:
            states = host.membership.states()
            assert present <= states.keys() | {host.name}
            for source, state in states.items():
                assert (state is ALIVE) == (source in present), f"{host.name}: {states}"
            assert host.membership.doubt == 0
            assert host.membership.notes() == ()

    @invariant()
    def nobody_is_refused_or_takes_the_life_of_another(self) -> None:
        if hasattr(self, "fleet"):
            assert self.fleet.refused == []
            assert all(h.membership.incarnation.boot == h.boot for h in self.fleet.hosts)


AnyFleet.TestCase.settings = settings(max_examples=10, stateful_step_count=12, deadline=None)
TestAnyFleet = AnyFleet.TestCase
