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

"""One world for every process: the same seed and number of drones rebuild it byte by byte.

The supervisor of a swarm keeps the truth, each drone's process renders its own
camera, and nothing has to be sent between them. Time is the seconds since
take-off, given by the caller.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np

from edge_infer.domain import CameraFrame, CameraModel, Pose
from edge_infer.errors import SimulationError
from edge_infer.simulation.camera import ThermalCamera
from edge_infer.simulation.farm import Farm, FarmConfig
from edge_infer.simulation.flight import Flight, plan_flights
from edge_infer.simulation.gps import GpsError
from edge_infer.simulation.modules import DrawnModules
from edge_infer.simulation.real_modules import RealModules

_SIGHT_M = 16.0
"""No camera sees farther to the side of its drone than this."""


class Capture(NamedTuple):
    """What a drone has at the moment of a frame; ``true_pose`` is for the score alone."""

    frame: CameraFrame
    pose: Pose
    camera: CameraModel
    true_pose: Pose


@dataclass(frozen=True, eq=False)
class SimulatedDrone:
    """A drone in the world: where it flies, what it sees, where it believes to be.

    Attributes:
        farm: with a picture of the part under its flight only.
        flight: its way.
        camera: its camera.
        gps: its errors.
    """

    farm: Farm
    flight: Flight
    camera: ThermalCamera
    gps: GpsError

    def frame(self, sequence: int, t_s: float, stamp_ns: int | None = None) -> Capture:
        """Take a picture.

        Args:
            sequence: number of the frame; decides noise.
            t_s: seconds since take-off.
            stamp_ns: what frame and poses are stamped with; ``t_s`` when not given.
        """
        true_pose = self.flight.pose_at(t_s)
        frame = self.camera.render(self.farm, true_pose, sequence, self.flight.velocity_at(t_s))
        if stamp_ns is not None:
            true_pose = replace(true_pose, stamp_ns=stamp_ns)
            frame = replace(frame, stamp_ns=stamp_ns)
        reported = self.gps.reported_pose(true_pose, sequence)
        return Capture(frame, reported, self.camera.model, true_pose)


@dataclass(frozen=True, eq=False)
class World:
    """A farm and the drones over it.

    Attributes:
        seed: what it was built from, with the number of flights.
        farm: the farm and its faults.
        flights: one for each drone.
    """

    seed: int
    farm: Farm
    flights: tuple[Flight, ...]

    @classmethod
    def build(cls, seed: int = 0, drones: int = 5, modules: str | Path | None = None) -> World:
        """Build the world.

        Args:
            seed: decides everything but the number of drones.
            drones: how many; the farm grows with them.
            modules: file of real module pictures; drawn ones when None.
        """
        if drones < 1 or seed < 0:
            raise SimulationError(
                f"there is no world with seed {seed} for {drones} drones",
                "give a seed of 0 or more and at least one drone",
            )
        library = DrawnModules() if modules is None else RealModules.load(modules)
        farm = Farm.build(FarmConfig.for_drones(drones, seed), library)
        return cls(seed, farm, tuple(plan_flights(farm, drones)))

    def drone(self, index: int) -> SimulatedDrone:
        """The drone of one flight; each call draws its own picture of the ground."""
        flight = self.flights[index]
        across = self.farm.from_map(flight.track_m)[:, 1]
        band = self.farm.band(float(across.min()) - _SIGHT_M, float(across.max()) + _SIGHT_M)
        own_seed = self._own_seed(index)
        return SimulatedDrone(band, flight, ThermalCamera(seed=own_seed), GpsError(own_seed))

    @cached_property
    def cover_s(self) -> float:
        """Seconds until the whole farm was seen once."""
        return max(flight.cover_s for flight in self.flights)

    def _own_seed(self, index: int) -> int:
        return int(np.random.SeedSequence([self.seed, index]).generate_state(1)[0])
