"""Who is alive, told as stories."""

from __future__ import annotations

import pytest

from edge_infer.fleet.membership import MemberEvent, Membership, MembershipConfig, MemberState

ALIVE, SUSPECT, DEAD, LEFT = MemberState


@pytest.fixture
def fleet() -> Membership:
    membership = Membership(MembershipConfig(suspect_after_s=2.0, dead_after_s=10.0))
    assert membership.heartbeat("a", 3, 0.0) == [MemberEvent("a", None, ALIVE)]
    return membership


def test_silence_makes_suspect_then_dead_and_each_is_told_once(fleet: Membership) -> None:
    assert fleet.tick(1.99) == []
    assert fleet.tick(2.0) == [MemberEvent("a", ALIVE, SUSPECT)]
    assert fleet.tick(9.99) == []
    assert fleet.tick(10.0) == [MemberEvent("a", SUSPECT, DEAD)]
    assert fleet.tick(99.0) == []
    assert fleet.states() == {"a": DEAD}


def test_a_sign_of_life_clears_suspicion_and_death(fleet: Membership) -> None:
    fleet.tick(5.0)
    assert fleet.heartbeat("a", 3, 5.0) == [MemberEvent("a", SUSPECT, ALIVE)]
    fleet.tick(50.0)
    assert fleet.heartbeat("a", 3, 51.0) == [MemberEvent("a", DEAD, ALIVE)]
    assert fleet.tick(52.0) == []


def test_a_restart_is_the_same_member_and_its_past_says_nothing(fleet: Membership) -> None:
    assert fleet.heartbeat("a", 4, 1.0) == []
    assert fleet.heartbeat("a", 3, 9.0) == []
    assert fleet.tick(9.5) == [MemberEvent("a", ALIVE, SUSPECT)]


def test_who_left_stays_away_until_it_starts_again(fleet: Membership) -> None:
    assert fleet.leave("a", 2) == []
    assert fleet.leave("a", 3) == [MemberEvent("a", ALIVE, LEFT)]
    assert fleet.leave("a", 3) == []
    assert fleet.heartbeat("a", 3, 1.0) == []
    assert fleet.tick(99.0) == []
    assert fleet.heartbeat("a", 4, 100.0) == [MemberEvent("a", LEFT, ALIVE)]
    assert fleet.leave("nobody", 1) == []


def test_members_are_judged_one_by_one(fleet: Membership) -> None:
    fleet.heartbeat("b", 1, 9.0)
    assert fleet.tick(10.0) == [MemberEvent("a", ALIVE, DEAD)]
    assert fleet.states() == {"a": DEAD, "b": ALIVE}
