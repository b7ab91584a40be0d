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

"""A solar farm with its faults and its picture from above.

The picture (:mod:`edge_infer.simulation.texture`) is drawn when it is first
asked for; layout and faults alone cost milliseconds, so a process that only
keeps the score never draws.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from edge_infer.simulation.layout import (
    FarmConfig,
    Fault,
    choose_faults,
    map_from_farm,
    module_centres_m,
)
from edge_infer.simulation.modules import FAULT_CLASSES, DrawnModules, ModuleLibrary
from edge_infer.simulation.texture import Texture, draw_texture

__all__ = ["Farm", "FarmConfig", "Fault"]

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Farm:
    """A farm with its faults.

    Attributes:
        config: what it was built from.
        modules: where the pictures of its modules come from.
        faults: the truth.
        drawn_across_m: the part of the farm (across) that the picture covers;
            a drone that stays over a few rows needs no more.
    """

    config: FarmConfig
    modules: ModuleLibrary
    faults: tuple[Fault, ...]
    drawn_across_m: tuple[float, float] = field(default=(-np.inf, np.inf))

    @classmethod
    def build(cls, config: FarmConfig, modules: ModuleLibrary | None = None) -> Farm:
        """Lay a farm out and let some of its modules fail."""
        return cls(config, modules or DrawnModules(), tuple(choose_faults(config)))

    def band(self, low_m: float, high_m: float) -> Farm:
        """The same farm with a picture of a part only; where drawn, the bytes are the same."""
        return replace(self, drawn_across_m=(low_m, high_m))

    @cached_property
    def texture(self) -> Texture:
        """The farm from above."""
        return draw_texture(self.config, self.modules, self.faults, self.drawn_across_m)

    @cached_property
    def map_from_farm(self) -> Array:
        """(2, 2): (along, across) columns into (east, north)."""
        return map_from_farm(self.config)

    def to_map(self, farm_m: ArrayLike) -> Array:
        """(n, 3) east, north, up of (n, 2) along, across."""
        plane = np.asarray(farm_m, np.float64).reshape(-1, 2) @ self.map_from_farm.T
        return np.column_stack([plane, np.zeros(len(plane))])

    def from_map(self, enu_m: ArrayLike) -> Array:
        """(n, 2) along, across of (n, 2 or 3) east, north[, up]."""
        points = np.atleast_2d(np.asarray(enu_m, np.float64))
        return np.asarray(points[:, :2] @ self.map_from_farm)

    @cached_property
    def module_corners_m(self) -> Array:
        """(rows * columns, 4, 3) corners of all modules in the fleet frame, row by row."""
        along, across = module_centres_m(self.config)
        centres = np.stack(np.meshgrid(along, across), axis=-1).reshape(-1, 1, 2)
        signs = np.array([[-1, 1], [1, 1], [1, -1], [-1, -1]]) / 2
        extent = (self.config.module_width_m, self.config.module_depth_m)
        return self.to_map(centres + signs * extent).reshape(-1, 4, 3)

    @cached_property
    def module_classes(self) -> NDArray[np.int64]:
        """(rows * columns,) index into FAULT_CLASSES of each module; -1 for a healthy one."""
        columns = self.config.tables * self.config.modules_per_table
        classes = np.full(self.config.rows * columns, -1, np.int64)
        for fault in self.faults:
            classes[fault.row * columns + fault.column] = FAULT_CLASSES.index(fault.class_name)
        return classes

    @cached_property
    def fault_corners_m(self) -> Array:
        """(n, 4, 3) corners of the faulty modules in the fleet frame."""
        columns = self.config.tables * self.config.modules_per_table
        places = [fault.row * columns + fault.column for fault in self.faults]
        return self.module_corners_m[np.array(places, np.int64)]
