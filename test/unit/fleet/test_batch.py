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
from edge_infer.fleet.gate import Gate


def kept_of(sightings: list[Sighting], gate: Gate = oracle.GATE) -> set[Sighting]:
    mask = priority_set(sightings, gate)
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
    gate = Gate(radius_mm)
    assert kept_of(moved, gate) == set(oracle.priority_set(moved, gate))


@pytest.mark.parametrize("things", [10, 100])
@pytest.mark.parametrize(
    "gate",
    [
        Gate(12_000, sigmas_milli=3035),
        Gate(5000, other_class_mm=1500),
        Gate(5000, window_ns=20_000),
        Gate(8000, sigmas_milli=2000, other_class_mm=2000, window_ns=100_000),
    ],
    ids=["sigmas", "class", "window", "all"],
)
def test_crowds_under_every_option_equal_the_definition(things: int, gate: Gate) -> None:
    fleet = oracle.crowd(1200, seed=things, things=things)
    assert kept_of(fleet, gate) == set(oracle.priority_set(fleet, gate))


def test_a_window_may_lie_anywhere_in_time() -> None:
    gate = Gate(5000, window_ns=10)
    stamps = [0, 9, 10, 25, 36, 10**18, 10**18 + 10, 10**18 + 21, 2 * 10**18]
    fleet = [
        sighting("a", 1, k, stamp_ns=stamp, x_mm=1000 * k, score=k / 16)
        for k, stamp in enumerate(stamps)
    ]
    assert kept_of(fleet, gate) == set(oracle.priority_set(fleet, gate))


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
