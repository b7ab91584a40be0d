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

"""Tracks cover the farm, overlap, never jump, and repeat."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_infer.errors import SimulationError
from edge_infer.geometry import rotation_matrix
from edge_infer.simulation.camera import CAMERA_640X512
from edge_infer.simulation.farm import Farm, FarmConfig
from edge_infer.simulation.flight import plan_flights
from edge_infer.simulation.truth import FaultsInView


def planned(drones, **changes):
    farm = Farm.build(FarmConfig.for_drones(drones, seed=2))
    return farm, plan_flights(farm, drones, **changes)


def views(farm, flights, every_s=0.5):
    """One FaultsInView per flight."""
    collected = []
    for flight in flights:
        in_view = FaultsInView(farm, CAMERA_640X512)
        for t_s in np.arange(0.0, flight.cover_s, every_s):
            in_view.add(flight.pose_at(t_s))
        collected.append({fault.id for fault in in_view.whole})
    return collected


@pytest.mark.parametrize("drones", [1, 3, 5, 20])
def test_the_fleet_sees_every_fault_within_50_s(drones):
    farm, flights = planned(drones)
    assert len(flights) == drones
    assert max(flight.cover_s for flight in flights) < 50
    assert set().union(*views(farm, flights)) == {fault.id for fault in farm.faults}


def test_neighbours_see_the_same_faults():
    farm, flights = planned(5)
    seen = views(farm, flights)
    shared = [len(a & b) for a, b in pairwise(seen)]
    assert min(shared) >= 1
    assert sum(shared) >= 0.15 * len(farm.faults)


@pytest.mark.parametrize("overlap", [0.0, 0.3, 0.6])
def test_lanes_overlap_as_asked(overlap):
    farm, flights = planned(2, overlap=overlap)
    across = np.concatenate([farm.from_map(flight.track_m)[:, 1] for flight in flights])
    places, visits = np.unique(across.round(3), return_counts=True)
    lanes = places[visits > 500]
    swath_m = 20.0 * 640 / 600
    assert np.all(np.diff(lanes) <= swath_m * (1 - overlap) + 1e-3)
    assert np.all(np.abs(np.diff(lanes, 2)) < 2e-3)


FARM, FLIGHTS = planned(3)


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 2), st.floats(0, 600), st.floats(1e-3, 0.05))
def test_a_pose_never_jumps(drone, t_s, step_s):
    flight = FLIGHTS[drone]
    before, after = flight.pose_at(t_s), flight.pose_at(t_s + step_s)
    moved = np.linalg.norm(np.subtract(after.position_m, before.position_m))
    assert moved <= 6.0 * step_s + 1e-6
    turn = rotation_matrix(before.orientation_xyzw).T @ rotation_matrix(after.orientation_xyzw)
    assert np.arccos(np.clip((np.trace(turn) - 1) / 2, -1, 1)) < 2.0 * step_s + 1e-4


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2), st.floats(0.1, 300))
def test_velocity_is_the_rate_of_position(drone, t_s):
    flight = FLIGHTS[drone]
    ahead, behind = (np.array(flight.pose_at(t_s + h).position_m[:2]) for h in (0.01, -0.01))
    assert np.allclose((ahead - behind) / 0.02, flight.velocity_at(t_s), atol=0.15)


def test_the_nose_follows_the_track_outbound():
    flight = FLIGHTS[0]
    for t_s in np.linspace(3.0, flight.cover_s - 3.0, 25):
        nose = rotation_matrix(flight.pose_at(t_s).orientation_xyzw)[:2, 0]
        velocity = np.array(flight.velocity_at(t_s))
        assert nose @ velocity / np.linalg.norm(velocity) > 0.999


def test_the_way_back_is_the_same_way():
    flight = FLIGHTS[1]
    for dt in (0.0, 0.4, 5.0, 17.0):
        there, back = (flight.pose_at(flight.cover_s + s * dt).position_m[:2] for s in (-1, 1))
        assert there == pytest.approx(back, abs=1e-6)


def test_wobble_is_small_and_there():
    rolls = [rotation_matrix(FLIGHTS[0].pose_at(t).orientation_xyzw)[2] for t in range(5, 40)]
    tilt = np.arccos(np.array(rolls)[:, 2])
    assert 0.002 < tilt.mean() < 0.03
    assert tilt.max() < 0.05


def test_flights_are_a_function_of_the_seed():
    _, again = planned(3)
    assert [f.pose_at(12.3) for f in again] == [f.pose_at(12.3) for f in FLIGHTS]


def test_the_stamp_is_given_or_the_time():
    assert FLIGHTS[0].pose_at(1.5).stamp_ns == 1_500_000_000
    assert FLIGHTS[0].pose_at(1.5, 77).stamp_ns == 77


def test_the_pose_counts_from_the_ground():
    heights = [FLIGHTS[0].pose_at(t).position_m[2] for t in np.linspace(0, 60, 100)]
    assert 19.7 < min(heights) < max(heights) < 20.3


@pytest.mark.parametrize(
    "wrong", [{"drones": 0}, {"overlap": 1.0}, {"speed_mps": 0.0}, {"altitude_m": -1.0}]
)
def test_an_impossible_plan_is_refused(wrong):
    with pytest.raises(SimulationError, match="cannot fly"):
        plan_flights(**{"farm": FARM, "drones": 3, **wrong})


def test_a_tiny_farm_is_flown_too():
    farm = Farm.build(FarmConfig(rows=1, tables=1, modules_per_table=2, fault_rate=1.0))
    (flight,) = plan_flights(farm, 1)
    assert views(farm, [flight]) == [{0}]
