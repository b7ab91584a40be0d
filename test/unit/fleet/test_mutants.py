"""The invariants notice every planted fault, and have nothing against what flies."""

from __future__ import annotations

import pytest
from fleet_world import Parts, invariant_suite
from mutants import MUTANTS

WALKS = 12


def test_what_flies_passes() -> None:
    invariant_suite(Parts(), WALKS)


@pytest.mark.parametrize("name", MUTANTS)
def test_a_planted_fault_is_noticed(name: str) -> None:
    with pytest.raises(AssertionError):
        invariant_suite(MUTANTS[name], WALKS)
