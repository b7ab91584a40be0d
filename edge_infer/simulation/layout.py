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

"""The layout of a solar farm: where its modules stand and which of them are faulty.

The farm's own axes are ``along`` (the direction in which rows run) and
``across`` (left of it), metres from the farm's centre, which is the origin of
the fleet frame; ``heading_deg`` turns them into east and north. The farm is
one plane, z = 0, through the middle of the modules. A tilted module's lower
and upper edges really stand ``length * sin(tilt) / 2`` below and above that
plane (0.3 m by default), which the picture leaves out: seen from 20 m that is
up to 0.2 m of displacement at the corner of the image, none at its centre.
Fault positions are those of module centres, for which the plane is exact.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import cos, radians, sin

import numpy as np
from numpy.typing import NDArray

from edge_infer.errors import SimulationError
from edge_infer.geometry import LocalFrame
from edge_infer.simulation.modules import FAULT_CLASSES

Array = NDArray[np.float64]

ROWS_PER_DRONE = 4
PIXELS_PER_M = 24
"""Scale of the farm's picture: at it a module of one metre is one patch wide."""

SEAM_M = 1 / PIXELS_PER_M
"""Between two modules of a table."""


@dataclass(frozen=True)
class FarmConfig:
    """What a farm is like.

    Attributes:
        rows: rows of tables, one behind the other.
        tables: tables in a row.
        modules_per_table: modules side by side on a table.
        module_width_m: along the row.
        module_length_m: up the slope of the table.
        tilt_deg: slope of the tables; what is seen from above is length * cos(tilt).
        row_pitch_m: from row to row.
        table_gap_m: free ground between two tables of a row.
        heading_deg: compass direction in which rows run, 90 is east.
        latitude_deg, longitude_deg, altitude_m: WGS-84 place of the farm's centre.
        fault_rate: share of the modules that are faulty.
        fault_spacing_m: no two faults are closer than this. A fleet whose
            duplicate radius is 5 m cannot tell closer faults apart, whatever its
            detector does, and the default keeps that limit of the method out of
            the score; 0 lets every module fail independently of its neighbours.
        ambient_c: temperature of the air; makes the whole picture brighter or darker.
        seed: decides everything else.
    """

    rows: int = 20
    tables: int = 5
    modules_per_table: int = 24
    module_width_m: float = 1.0
    module_length_m: float = 1.77
    tilt_deg: float = 20.0
    row_pitch_m: float = 7.0
    table_gap_m: float = 1.0
    heading_deg: float = 90.0
    latitude_deg: float = 37.0
    longitude_deg: float = -6.0
    altitude_m: float = 0.0
    fault_rate: float = 0.022
    fault_spacing_m: float = 6.0
    ambient_c: float = 25.0
    seed: int = 0

    def __post_init__(self) -> None:
        checks = {
            "rows": self.rows >= 1,
            "tables": self.tables >= 1,
            "modules_per_table": self.modules_per_table >= 1,
            "module_width_m": 0.5 <= self.module_width_m <= 3.0,
            "module_length_m": 0.5 <= self.module_length_m <= 3.0,
            "tilt_deg": 0.0 <= self.tilt_deg <= 60.0,
            "row_pitch_m": self.row_pitch_m >= self.module_length_m + 0.5,
            "table_gap_m": 0.0 <= self.table_gap_m <= 20.0,
            "fault_rate": 0.0 <= self.fault_rate <= 1.0,
            "fault_spacing_m": self.fault_spacing_m >= 0.0,
            "ambient_c": -30.0 <= self.ambient_c <= 55.0,
            "seed": self.seed >= 0,
        }
        for name, good in checks.items():
            if not good:
                raise SimulationError(
                    f"a farm cannot have {name} = {getattr(self, name)}",
                    f"see {type(self).__name__} for what {name} means and its default",
                )

    @classmethod
    def for_drones(cls, drones: int, seed: int = 0) -> FarmConfig:
        """A farm that so many drones cover in about 50 s: 4 rows of 5 tables for each."""
        return cls(rows=ROWS_PER_DRONE * max(drones, 1), seed=seed)

    @property
    def origin(self) -> LocalFrame:
        """The fleet frame of this farm."""
        return LocalFrame(self.latitude_deg, self.longitude_deg, self.altitude_m)

    @property
    def module_depth_m(self) -> float:
        """Length of a module as seen from above."""
        return self.module_length_m * cos(radians(self.tilt_deg))

    @property
    def module_pitch_m(self) -> float:
        """From module to module of a table, the seam between them included."""
        return self.module_width_m + SEAM_M

    @property
    def length_m(self) -> float:
        """Extent along the rows."""
        return self.tables * (self.table_m + self.table_gap_m) - self.table_gap_m

    @property
    def table_m(self) -> float:
        """Extent of one table along its row."""
        return self.modules_per_table * self.module_pitch_m - SEAM_M

    @property
    def width_m(self) -> float:
        """Extent across the rows."""
        return (self.rows - 1) * self.row_pitch_m + self.module_depth_m


@dataclass(frozen=True)
class Fault:
    """A faulty module, the truth that a swarm is to find.

    Attributes:
        id: number within the farm.
        class_name: one of FAULT_CLASSES.
        position_m: east, north, up of the module's centre.
        extent_m: size along and across the row, as seen from above.
        row, column: which module it is; columns count through all tables of a row.
    """

    id: int
    class_name: str
    position_m: tuple[float, float, float]
    extent_m: tuple[float, float]
    row: int
    column: int


def module_centres_m(config: FarmConfig) -> tuple[Array, Array]:
    """Along of every column, across of every row; metres from the farm's centre."""
    column = np.arange(config.tables * config.modules_per_table)
    table, place = np.divmod(column, config.modules_per_table)
    left = table * (config.table_m + config.table_gap_m) + place * config.module_pitch_m
    along = left + (config.module_width_m - config.length_m) / 2
    across = (np.arange(config.rows, dtype=float) - (config.rows - 1) / 2) * config.row_pitch_m
    return along, across


def map_from_farm(config: FarmConfig) -> Array:
    """(2, 2) that turns (along, across) columns into (east, north)."""
    turn = radians(90.0 - config.heading_deg)
    return np.array([[cos(turn), -sin(turn)], [sin(turn), cos(turn)]])


def choose_faults(config: FarmConfig) -> list[Fault]:
    """Modules in random order, each taken if no fault is too close; classes in equal shares."""
    rng = np.random.default_rng([config.seed, 1])
    along, across = module_centres_m(config)
    wanted = round(config.fault_rate * len(along) * len(across))
    chosen: list[tuple[int, int]] = []
    places = np.empty((wanted, 2))
    for module in rng.permutation(len(along) * len(across)):
        if len(chosen) == wanted:
            break
        row, column = divmod(int(module), len(along))
        place = np.array([along[column], across[row]])
        apart = np.hypot(*(places[: len(chosen)] - place).T)
        if np.all(apart >= config.fault_spacing_m):
            places[len(chosen)] = place
            chosen.append((row, column))
    shares = np.resize(rng.permutation(len(FAULT_CLASSES)), len(chosen))
    names = [FAULT_CLASSES[i] for i in rng.permutation(shares)]
    positions = places[: len(chosen)] @ map_from_farm(config).T
    extent = (config.module_width_m, config.module_depth_m)
    return [
        Fault(i, name, (float(x), float(y), 0.0), extent, row, column)
        for i, (name, (x, y), (row, column)) in enumerate(
            zip(names, positions, chosen, strict=True)
        )
    ]
