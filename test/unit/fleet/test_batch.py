"""The priority set with numpy, where the crowd is large or lies badly."""

from __future__ import annotations

import fleet_oracle as oracle
import numpy as np
import pytest
from fleet_oracle import sighting
from hypothesis import given
from hypothesis import strategies as st

from edge_infer.domain import Sighting
from edge_infer.fleet.batch import priority_set, priority_set_columns


def kept_of(sightings: list[Sighting], radius_mm: int = oracle.RADIUS_MM) -> set[Sighting]:
    mask = priority_set(sightings, radius_mm)
    assert mask.shape == (len(sightings),)
    return {s for s, kept in zip(sightings, mask, strict=True) if kept}


def test_nothing_gives_nothing() -> None:
    assert priority_set([]).shape == (0,)
    assert priority_set_columns([], [], [], []).shape == (0,)


@pytest.mark.parametrize("things", [10, 60, 600])
@pytest.mark.parametrize("plot_mm", [20_000, 200_000])
def test_dense_and_sparse_crowds_equal_the_definition(things: int, plot_mm: int) -> None:
    fleet = oracle.crowd(1200, seed=things, things=things, plot_mm=plot_mm)
    assert kept_of(fleet) == set(oracle.priority_set(fleet))


def test_all_in_one_place_keeps_the_best_and_its_frame() -> None:
    fleet = [sighting("a", 1, k, score=0.5, frame=k // 2) for k in range(2000)]
    assert kept_of(fleet) == set(fleet[:2])


@pytest.mark.parametrize("side", [-1, 1])
def test_the_edge_counts_in_a_crowd_too(side: int) -> None:
    best = sighting("a", 1, 1, score=1.0)
    edge = [sighting("b", 1, k, y_mm=side * 5000, score=0.5) for k in range(600)]
    beyond = [sighting("c", 1, k, y_mm=side * 5001, score=0.25) for k in range(600)]
    assert kept_of([best, *edge, *beyond]) == {best, beyond[0]}


def test_all_in_one_frame_keeps_everything() -> None:
    fleet = [sighting("a", 1, k, frame=1) for k in range(600)]
    assert kept_of(fleet) == set(fleet)


@given(oracle.fleets(), st.integers(-(2**38), 2**38), st.sampled_from([0, 1, 1000, 5000, 10**6]))
def test_any_radius_anywhere(fleet: list[Sighting], shift_mm: int, radius_mm: int) -> None:
    from dataclasses import replace

    moved = [replace(s, x_mm=s.x_mm + shift_mm, y_mm=s.y_mm - shift_mm) for s in fleet]
    assert kept_of(moved, radius_mm) == set(oracle.priority_set(moved, radius_mm))


@given(oracle.fleets())
def test_columns_in_order_of_identity_give_the_same(fleet: list[Sighting]) -> None:
    fleet.sort(key=lambda s: s.id)
    frames = sorted({(s.id.source, s.id.boot, s.frame) for s in fleet})
    by_columns = priority_set_columns(
        [s.x_mm for s in fleet],
        [s.y_mm for s in fleet],
        np.array([s.score for s in fleet], np.float32),
        [frames.index((s.id.source, s.id.boot, s.frame)) for s in fleet],
    )
    assert by_columns.tolist() == priority_set(fleet).tolist()


def test_scores_next_to_each_other_are_told_apart() -> None:
    low = np.float32(0.7)
    high = np.nextafter(low, np.float32(1))
    assert priority_set_columns([0, 0], [0, 0], [low, high], [1, 2]).tolist() == [False, True]
    assert priority_set_columns([0, 0], [0, 0], [0.0, -0.0], [1, 2]).tolist() == [True, False]
