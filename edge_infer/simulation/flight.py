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

"""Where the drones fly: overlapping lawnmower tracks over the farm, back and forth for ever.

A track is a polyline along the rows whose corners are rounded by averaging over
a few metres; the nose follows the track outbound, and on the way back the drone
flies it in reverse, as a multicopter may. Small sinusoidal wobble stands for wind.
Everything is a function of the time since take-off: no state, no dynamics, no
avoidance of other drones (their tracks never meet).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import ceil, pi

import numpy as np
from numpy.typing import NDArray

from edge_infer.domain import CameraModel, Pose
from edge_infer.errors import SimulationError
from edge_infer.geometry import quaternion_from_rpy
from edge_infer.simulation.camera import CAMERA_640X512
from edge_infer.simulation.farm import Farm

Array = NDArray[np.float64]

ALTITUDE_M = 20.0
"""Above the modules; 3.3 cm to a pixel."""

SPEED_MPS = 5.5
OVERLAP = 0.3
"""Share of a lane's width that the next lane sees again."""

_STEP_M = 0.1
_CORNER_M = 4.0
"""Half the stretch of track over which a corner is rounded."""

_TURN_S = 2.0
"""From full speed to full speed the other way, at either end of a track."""

_BEYOND_M = 2.0
"""The footprint passes the end of a row by so much."""

_WOBBLE = np.array([[0.012, 2.9], [0.015, 3.7], [0.015, 7.3], [0.15, 11.0]])
"""Amplitude and period (s) of roll, pitch, yaw (rad) and altitude (m)."""


@dataclass(frozen=True, eq=False)
class Flight:
    """The way of one drone.

    Attributes:
        drone: number of the drone.
        track_m: (n, 2) east, north, about every 0.1 m of the track before rounding.
        speed_mps: along the track.
        altitude_m: above the ground plane.
        seed: phases of the wobble.
    """

    drone: int
    track_m: Array
    speed_mps: float = SPEED_MPS
    altitude_m: float = ALTITUDE_M
    seed: int = 0

    @property
    def length_m(self) -> float:
        """Of the track, one way."""
        return (len(self.track_m) - 1) * _STEP_M

    @property
    def cover_s(self) -> float:
        """From take-off until the whole track was flown once."""
        return self.length_m / self.speed_mps

    def pose_at(self, t_s: float, stamp_ns: int | None = None) -> Pose:
        """True pose so long after take-off; stamped with that time unless told otherwise."""
        at_m, _ = self._along(t_s)
        east, north, yaw = (float(self._at(at_m, column)) for column in range(3))
        wave = 2 * pi * t_s / _WOBBLE[:, 1]
        sway = _WOBBLE[:, 0] * (np.sin(wave + self._phase[0]) + np.sin(2.3 * wave + self._phase[1]))
        roll, pitch, turn, climb = sway / 2
        x, y, z, w = (float(q) for q in quaternion_from_rpy(roll, pitch, yaw + turn))
        stamp = round(t_s * 1e9) if stamp_ns is None else stamp_ns
        return Pose(stamp, (east, north, self.altitude_m + float(climb)), (x, y, z, w))

    def velocity_at(self, t_s: float) -> tuple[float, float]:
        """East, north in m/s."""
        at_m, rate = self._along(t_s)
        return (
            float(self._at(at_m, 3)) * rate * self.speed_mps,
            float(self._at(at_m, 4)) * rate * self.speed_mps,
        )

    def _along(self, t_s: float) -> tuple[float, float]:
        """Metres along the track and the share of full speed, negative on the way back."""
        there_s = self.cover_s
        phase = t_s % (2 * there_s)
        at_s = there_s - abs(there_s - phase)
        end_s = min(at_s, there_s - at_s)
        if end_s < _TURN_S / 2:
            rounded = end_s**2 / _TURN_S + _TURN_S / 4
            at_s = rounded if at_s < there_s / 2 else there_s - rounded
        rate = min(1.0, 2 * end_s / _TURN_S)
        return at_s * self.speed_mps, rate if phase < there_s else -rate

    def _at(self, at_m: float, column: int) -> float:
        grid = np.arange(len(self.track_m)) * _STEP_M
        return float(np.interp(at_m, grid, self._smooth[:, column]))

    @cached_property
    def _smooth(self) -> Array:
        """(n, 5): the rounded track, its heading, and its tangent per metre of track."""
        reach = round(_CORNER_M / _STEP_M)
        first, last = self.track_m[:2], self.track_m[-2:]
        run = np.arange(1, reach + 1)[:, None]
        before = first[0] - (first[1] - first[0]) * run[::-1]
        after = last[1] + (last[1] - last[0]) * run
        track = np.vstack([before, self.track_m, after])
        window = np.full(2 * reach + 1, 1 / (2 * reach + 1))
        smooth = np.column_stack([np.convolve(c, window, "valid") for c in track.T])
        tangent = np.gradient(smooth, _STEP_M, axis=0)
        yaw = np.unwrap(np.arctan2(tangent[:, 1], tangent[:, 0]))
        return np.column_stack([smooth, yaw, tangent])

    @cached_property
    def _phase(self) -> Array:
        return np.random.default_rng([self.seed, self.drone, 1]).uniform(0, 2 * pi, (2, 4))


def plan_flights(
    farm: Farm,
    drones: int,
    overlap: float = OVERLAP,
    speed_mps: float = SPEED_MPS,
    altitude_m: float = ALTITUDE_M,
    camera: CameraModel = CAMERA_640X512,
) -> list[Flight]:
    """Share the farm among drones: lanes along the rows, neighbours side by side.

    Args:
        farm: what to cover.
        drones: how many; each gets the same number of lanes.
        overlap: least share of its width that a lane has in common with the next.
        speed_mps: of all drones.
        altitude_m: of all drones.
        camera: its field of view decides how far apart lanes may be.
    """
    if drones < 1 or not 0 <= overlap < 1 or speed_mps <= 0 or altitude_m <= 0:
        raise SimulationError(
            f"{drones} drones cannot fly with overlap {overlap} at {speed_mps} m/s, {altitude_m} m",
            "give at least one drone, 0 <= overlap < 1, and a speed and altitude above 0",
        )
    config = farm.config
    swath_m = altitude_m * camera.width / camera.fx
    needed = ceil(config.width_m / (swath_m * (1 - overlap)))
    lanes = ceil(needed / drones)
    spacing_m = config.width_m / (lanes * drones)
    inset_m = altitude_m * camera.height / camera.fy / 2 - _BEYOND_M
    reach_m = max(config.length_m / 2 - inset_m, _STEP_M) + _TURN_S / 4 * speed_mps
    flights = []
    for drone in range(drones):
        across = (
            np.arange(lanes, dtype=np.float64) + drone * lanes + 0.5
        ) * spacing_m - config.width_m / 2
        track = farm.to_map(_resample(_lawnmower(across, reach_m)))[:, :2]
        flights.append(Flight(drone, track, speed_mps, altitude_m, config.seed))
    return flights


def _lawnmower(across_m: Array, reach_m: float) -> Array:
    """(2n, 2) along, across: the ends of n lanes in the order of flight."""
    there_and_back = np.array([-reach_m, reach_m, reach_m, -reach_m])
    return np.column_stack([np.resize(there_and_back, 2 * len(across_m)), np.repeat(across_m, 2)])


def _resample(corners_m: Array) -> Array:
    """(n, 2): a polyline at equal steps of about 0.1 m, both ends included."""
    at = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(corners_m, axis=0).T))])
    grid = np.linspace(0.0, at[-1], max(round(at[-1] / _STEP_M), 2) + 1)
    return np.column_stack([np.interp(grid, at, column) for column in corners_m.T])
