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

"""Which pairs conflict: every option alone, then all of them against exact fractions."""

from __future__ import annotations

import math
from dataclasses import replace

import fleet_oracle as oracle
import pytest
from fleet_oracle import sighting
from hypothesis import given
from hypothesis import strategies as st

from edge_infer.domain import Sighting
from edge_infer.errors import FleetError
from edge_infer.fleet.gate import DEFAULT_GATE, FLOOR_MM2, Gate, conflict, moments

CERTAIN = Gate(radius_mm=12_000, sigmas_milli=3035)
S = 10**9


def apart(x_mm: int, y_mm: int = 0, **what: object) -> tuple[Sighting, Sighting]:
    """Two sightings of different drones, so far apart and both as said."""
    return sighting("a", **what), sighting("b", x_mm=x_mm, y_mm=y_mm, **what)  # type: ignore[arg-type]


def test_the_default_is_five_metres_and_nothing_else() -> None:
    assert Gate() == DEFAULT_GATE == Gate(radius_mm=5000)
    assert DEFAULT_GATE.is_plain
    assert conflict(*apart(3000, 4000))
    assert not conflict(*apart(3000, 4001))


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"radius_mm": -1}, "radius_mm of the gate is -1: give a whole number"),
        ({"radius_mm": 5.0}, "radius_mm of the gate is 5.0: give a whole number"),
        ({"window_ns": True}, "window_ns of the gate is True"),
        ({"sigmas_milli": -3}, "sigmas_milli of the gate is -3"),
        ({"max_speed_mmps": float("nan")}, "max_speed_mmps of the gate is nan"),
        ({"radius_mm": 5000, "other_class_mm": 5000}, "give less than the radius"),
    ],
)
def test_a_gate_that_makes_no_sense_is_refused(options: dict[str, object], says: str) -> None:
    with pytest.raises(FleetError, match=says):
        Gate(**options)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("sigma_m", "x_mm", "same"),
    [(1.0, 4297, True), (1.0, 4298, False), (0.0, 214, True), (0.0, 215, False)],
)
def test_the_gate_of_two_round_errors_is_a_circle(sigma_m: float, x_mm: int, same: bool) -> None:
    """3.035 * sqrt(2 * (sigma^2 + floor)): 4297.5 mm at 1 m, 214.6 mm where none is stated."""
    covariance = (sigma_m**2, 0.0, sigma_m**2)
    assert conflict(*apart(x_mm, covariance_m2=covariance), CERTAIN) is same


def test_a_long_error_reaches_far_in_its_own_direction_alone() -> None:
    north = (0.01, 0.0, 4.0)
    assert conflict(*apart(0, 8000, covariance_m2=north), CERTAIN)
    assert not conflict(*apart(8000, 0, covariance_m2=north), CERTAIN)
    slanted = (2.0, 1.9, 2.0)
    assert conflict(*apart(5000, 5000, covariance_m2=slanted), CERTAIN)
    assert not conflict(*apart(5000, -5000, covariance_m2=slanted), CERTAIN)


@pytest.mark.parametrize("value", [math.nan, math.inf, 1e30, 1e308])
def test_an_absurd_covariance_reaches_no_farther_than_the_radius(value: float) -> None:
    assert conflict(*apart(12_000, covariance_m2=(value, 0.0, value)), CERTAIN)
    for covariance in ((value, 0.0, value), (value, value, value), (value, -value, 0.25)):
        assert conflict(*apart(0, covariance_m2=covariance), CERTAIN)
        assert not conflict(*apart(12_001, covariance_m2=covariance), CERTAIN)


def test_no_covariance_is_no_certainty() -> None:
    assert moments((0.0, 0.0, 0.0)) == (FLOOR_MM2, 0, FLOOR_MM2)
    assert moments((-1.0, 5.0, -math.inf)) == (FLOOR_MM2, 0, FLOOR_MM2)
    assert moments((1.0, 7.0, 4.0)) == (10**6 + FLOOR_MM2, 2 * 10**6, 4 * 10**6 + FLOOR_MM2)
    assert moments((math.nan, math.nan, math.nan)) == (10**12 + FLOOR_MM2, 0, 10**12 + FLOOR_MM2)


@pytest.mark.parametrize(("x_mm", "same"), [(4000, True), (4001, False)])
def test_another_class_counts_as_distance(x_mm: int, same: bool) -> None:
    gate = Gate(5000, other_class_mm=1000)
    a, b = apart(x_mm)
    assert conflict(a, b, gate)
    assert conflict(a, replace(b, class_name="bypass_diode"), gate) is same


def test_another_class_narrows_the_statistical_gate_and_forbids_nothing() -> None:
    gate = Gate(12_000, sigmas_milli=3035, other_class_mm=6000)
    for x_mm, same in ((2148, True), (2149, False)):
        a, b = apart(x_mm, covariance_m2=(1.0, 0.0, 1.0))
        assert conflict(a, b, gate)
        assert conflict(a, replace(b, class_name="bypass_diode"), gate) is same


@pytest.mark.parametrize(("later_ns", "same"), [(S, True), (S + 1, False), (-S, True)])
def test_the_window_is_inclusive_to_the_nanosecond(later_ns: int, same: bool) -> None:
    a, b = apart(0, stamp_ns=10 * S)
    b = replace(b, stamp_ns=b.stamp_ns + later_ns)
    assert conflict(a, b, Gate(5000, window_ns=S)) is same
    assert conflict(a, b), "without a window things stand still"


def test_no_option_makes_one_of_two_in_a_frame() -> None:
    one, two = sighting("a", 1, 1, frame=7), sighting("a", 1, 2, frame=7)
    for gate in (Gate(), CERTAIN, Gate(5000, other_class_mm=1, window_ns=S)):
        assert not conflict(one, two, gate)


@given(oracle.fleets(max_size=6, covariances=oracle.ANY_COVARIANCES), oracle.gates())
def test_every_gate_is_what_exact_fractions_say_and_symmetric(
    fleet: list[Sighting], gate: Gate
) -> None:
    for a in fleet:
        for b in fleet:
            assert conflict(a, b, gate) is conflict(b, a, gate) is oracle.conflict(a, b, gate)


@given(oracle.fleets(max_size=4), oracle.gates(), st.integers(-(2**40), 2**40))
def test_only_the_distance_counts_and_not_the_place(
    fleet: list[Sighting], gate: Gate, shift_mm: int
) -> None:
    moved = [replace(s, x_mm=s.x_mm + shift_mm, y_mm=s.y_mm - shift_mm) for s in fleet]
    for a, far_a in zip(fleet, moved, strict=True):
        for b, far_b in zip(fleet, moved, strict=True):
            assert conflict(a, b, gate) is conflict(far_a, far_b, gate)
