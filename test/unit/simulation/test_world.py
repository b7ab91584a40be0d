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

"""Any process rebuilds the same world from a seed."""

import os
import subprocess
import sys

import numpy as np
import pytest

from edge_infer.errors import SimulationError
from edge_infer.geometry import BASE_FROM_OPTICAL_NADIR, ground_intersection, rotation_matrix
from edge_infer.simulation.farm import FarmConfig
from edge_infer.simulation.labels import visible_faults
from edge_infer.simulation.world import World

DIGEST = """
import hashlib, sys
from edge_infer.simulation.world import World
world = World.build(int(sys.argv[1]), 3)
digest = hashlib.sha256(repr(world.farm.faults).encode())
for index in range(3):
    capture = world.drone(index).frame(4, 7.25)
    digest.update(capture.frame.image.tobytes())
    digest.update(repr((capture.pose, capture.true_pose)).encode())
print(digest.hexdigest())
"""


def digest(seed, hash_seed):
    done = subprocess.run(
        [sys.executable, "-c", DIGEST, str(seed)],
        env={**os.environ, "PYTHONHASHSEED": hash_seed},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


def test_processes_agree_byte_for_byte():
    assert digest(6, "1") == digest(6, "2") != digest(7, "1")


@pytest.fixture(scope="module")
def world():
    return World.build(3, 2)


def test_a_capture_is_complete(world):
    frame, pose, camera, true_pose = world.drone(1).frame(5, 9.0, stamp_ns=123)
    assert frame.stamp_ns == pose.stamp_ns == true_pose.stamp_ns == 123
    assert (camera.width, camera.height) == (frame.width, frame.height)
    assert 0 < np.linalg.norm(np.subtract(pose.position_m, true_pose.position_m)) < 4
    assert pose.position_variance_m2 == pytest.approx([0.5**2 + 0.15**2] * 3)


def test_the_stamp_changes_no_pixel(world):
    drone = world.drone(0)
    plain, stamped = drone.frame(2, 3.0), drone.frame(2, 3.0, stamp_ns=10**18)
    assert plain.frame.stamp_ns == 3_000_000_000
    assert np.array_equal(plain.frame.image, stamped.frame.image)


def test_a_drones_part_of_the_picture_is_enough(world):
    """Its frames are those that a picture of the whole farm would give."""
    drone = world.drone(0)
    for sequence, t_s in enumerate(np.linspace(0.0, 2 * drone.flight.cover_s, 12)):
        capture = drone.frame(sequence, t_s)
        velocity = drone.flight.velocity_at(t_s)
        whole = drone.camera.render(world.farm, capture.true_pose, sequence, velocity)
        differ = np.abs(capture.frame.image.astype(int) - whole.image)
        assert differ.max() <= 8, t_s  # sub-pixel positions are rounded to 1/32 pixel
        assert differ.mean() < 0.05, t_s


def test_drones_differ(world):
    one, other = world.drone(0), world.drone(1)
    assert one.gps.offset_m.tolist() != other.gps.offset_m.tolist()
    assert one.camera.seed != other.camera.seed


def test_a_report_of_a_seen_fault_lands_near_it(world):
    """Truth -> pixel -> reported pose -> ground: within the GPS error of the drone."""
    drone = world.drone(0)
    misses = []
    for sequence, t_s in enumerate(np.arange(0.0, drone.flight.cover_s, 1.0)):
        capture = drone.frame(sequence, t_s)
        seen = visible_faults(world.farm, capture.true_pose, capture.camera)
        turn = rotation_matrix(capture.true_pose.orientation_xyzw) @ BASE_FROM_OPTICAL_NADIR
        believed = rotation_matrix(capture.pose.orientation_xyzw) @ BASE_FROM_OPTICAL_NADIR
        for fault_id in seen.fault_id:
            truth = np.array(world.farm.faults[fault_id].position_m)
            ray = (truth - capture.true_pose.position_m) @ turn @ believed.T
            found = ground_intersection(capture.pose.position_m, ray)[0]
            misses.append(found[:2] - truth[:2])
    offset = drone.gps.offset_m
    assert np.linalg.norm(np.mean(misses, axis=0) - offset[:2]) < 0.5
    assert np.linalg.norm(misses, axis=1).max() < np.linalg.norm(offset) + 1.5


def test_the_world_is_the_default_farm(world):
    assert world.farm.config == FarmConfig.for_drones(2, 3)
    assert world.cover_s == max(flight.cover_s for flight in world.flights)


@pytest.mark.parametrize(("seed", "drones"), [(0, 0), (-1, 2)])
def test_an_impossible_world_is_refused(seed, drones):
    with pytest.raises(SimulationError, match="no world"):
        World.build(seed, drones)
