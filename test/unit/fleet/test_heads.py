"""The head is the first of the living, and whoever is new listens first."""

from __future__ import annotations

from edge_infer.fleet.heads import Heads


def test_who_is_alone_leads_after_listening() -> None:
    heads = Heads("b", memory_s=3.0)
    assert [heads.is_head(at) for at in (10.0, 12.9, 13.0, 20.0)] == [False, False, True, True]


def test_the_first_name_leads_while_it_lives() -> None:
    heads = Heads("b", memory_s=3.0)
    assert not heads.is_head(0.0)
    heads.hear("a", 4.0)
    heads.hear("c", 4.0)
    assert not heads.is_head(5.0)
    assert heads.is_head(7.5), "a is silent for more than three seconds"
    heads.hear("a", 8.0)
    assert not heads.is_head(8.0)


def test_later_names_take_nothing_away() -> None:
    heads = Heads("a", memory_s=3.0)
    heads.is_head(0.0)
    heads.hear("b", 4.0)
    assert heads.is_head(4.0)
