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

"""Pictures of single solar modules, as a thermal camera sees them.

A patch is (40, 24) uint8, one module upright, relative temperature as grey
level: 10 x 6 cells of 4 x 4 pixels, a cooler frame, the junction box at the
top. The classes and what marks them follow the InfraredSolarModules set (Raptor
Maps, 2020). Patches are drawn here; real ones come from
:mod:`edge_infer.simulation.real_modules`. Nothing here knows where a module stands.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from edge_infer.errors import SimulationError

Patch = NDArray[np.uint8]
Heat = NDArray[np.float32]

NO_ANOMALY = "No-Anomaly"
FAULT_CLASSES = (
    "Cell",
    "Cell-Multi",
    "Cracking",
    "Hot-Spot",
    "Hot-Spot-Multi",
    "Shadowing",
    "Diode",
    "Diode-Multi",
    "Vegetation",
    "Soiling",
    "Offline-Module",
)
"""The faults a detector is to name, in the order of its labels."""

PATCH_SIZE = (40, 24)
"""Height and width of a patch, pixels."""

MODULE_LEVEL = 138.0
"""Grey level of a healthy module at 25 degrees Celsius of air."""

_CELL = 4
_ROWS, _COLUMNS = PATCH_SIZE[0] // _CELL, PATCH_SIZE[1] // _CELL
_SUBSTRING = PATCH_SIZE[1] // 3
_Y, _X = np.mgrid[0 : PATCH_SIZE[0], 0 : PATCH_SIZE[1]].astype(np.float32)


class ModuleLibrary(Protocol):
    """Where a farm takes the pictures of its modules from."""

    def patch(self, class_name: str, rng: Generator) -> Patch:
        """(40, 24) uint8 picture of a module of the class; ``rng`` alone decides which."""


class DrawnModules:
    """Modules drawn on the spot."""

    def patch(self, class_name: str, rng: Generator) -> Patch:
        """See :func:`draw_module`."""
        return draw_module(class_name, rng)


def draw_module(class_name: str, rng: Generator, size: tuple[int, int] = PATCH_SIZE) -> Patch:
    """Draw one module.

    Args:
        class_name: one of FAULT_CLASSES, or NO_ANOMALY.
        rng: decides everything that differs between two modules of a class.
        size: height and width of the result, pixels.

    Returns:
        (height, width) uint8.
    """
    if class_name not in _PAINTERS:
        raise SimulationError(
            f"module class {class_name!r} is not known",
            f"use one of {', '.join((NO_ANOMALY, *FAULT_CLASSES))}",
        )
    heat = _healthy(rng)
    _PAINTERS[class_name](heat, rng)
    heat = cv2.GaussianBlur(heat, (0, 0), 0.6)
    if size != PATCH_SIZE:
        heat = cv2.resize(heat, size[::-1], interpolation=cv2.INTER_AREA)
    return np.asarray(np.clip(np.rint(heat), 0, 255), np.uint8)


def _healthy(rng: Generator) -> Heat:
    """A module without a fault: uneven cells, a slow slope, frame and junction box."""
    cells = rng.normal(0.0, 1.5, (_ROWS, _COLUMNS)).astype(np.float32)
    heat = MODULE_LEVEL + np.kron(cells, np.ones((_CELL, _CELL), np.float32))
    heat += rng.normal(0.0, 3.0) + rng.normal(0.0, 3.0) * (_Y / PATCH_SIZE[0] - 0.5)
    heat[_CELL - 1 :: _CELL] -= 2.0
    heat[:, _CELL - 1 :: _CELL] -= 2.0
    heat[2:5, 9:15] += rng.uniform(4.0, 9.0)
    heat[[0, -1]] -= 30.0
    heat[:, [0, -1]] -= 30.0
    return heat


# --- what each fault does to the heat of a healthy module ---------------------------


def _nothing(heat: Heat, rng: Generator) -> None:
    """A healthy module stays as it is."""


def _cell(heat: Heat, rng: Generator) -> None:
    """One cell works as a resistor: a hot square on the grid of cells."""
    _heat_cells(heat, rng, 1, (75.0, 115.0))


def _cell_multi(heat: Heat, rng: Generator) -> None:
    """Several cells, each in its own square."""
    _heat_cells(heat, rng, int(rng.integers(4, 8)), (50.0, 105.0))


def _cracking(heat: Heat, rng: Generator) -> None:
    """A jagged hot line from edge to edge, with blots where it forks."""
    ys = np.linspace(rng.uniform(3, 10), rng.uniform(29, 36), 6)
    xs = rng.uniform(4, 20) + np.cumsum(
        rng.choice([-1, 1]) * rng.uniform(3, 7, 6) * [0, 1, -1, 1, 1, -1]
    )
    line = np.stack([np.clip(xs, 2, 21), ys], axis=1)
    mask = np.zeros(PATCH_SIZE, np.uint8)
    cv2.polylines(mask, [np.rint(line * 16).astype(np.int32)], False, 255, 2, cv2.LINE_AA, 4)
    for x, y in line[rng.choice(6, 3, replace=False)]:
        cv2.circle(mask, (round(x), round(y)), 2, 255, -1, cv2.LINE_AA)
    heat += mask.astype(np.float32) * np.float32(rng.uniform(70.0, 110.0) / 255.0)


def _hot_spot(heat: Heat, rng: Generator) -> None:
    """One flame along a busbar: much longer than wide, with a wide halo."""
    _flame(heat, rng, float(rng.uniform(6, 18)), rng.uniform(90.0, 120.0))


def _hot_spot_multi(heat: Heat, rng: Generator) -> None:
    """Flames side by side over most of the module."""
    for x in np.linspace(5, 19, 3) + rng.normal(0.0, 0.8, 3):
        _flame(heat, rng, float(x), rng.uniform(65.0, 110.0))
    heat[1:4] -= 20.0
    heat[-4:-1] -= 20.0


def _shadowing(heat: Heat, rng: Generator) -> None:
    """A cool region behind a straight, slanted edge."""
    slope, depth = rng.uniform(-0.7, 0.7), rng.uniform(0.4, 0.75)
    side = (_Y / 40 - 0.5) + slope * (_X / 24 - 0.5)
    shade = 1 / (1 + np.exp((side - (depth - 0.5)) * rng.uniform(20, 60)))
    if rng.random() < 0.5:
        shade = shade[::-1]
    heat -= (shade * rng.uniform(50.0, 75.0)).astype(np.float32)


def _diode(heat: Heat, rng: Generator) -> None:
    """One of three substrings is bypassed: a warm third along the whole module."""
    _heat_substrings(heat, rng, rng.integers(0, 3, 1))


def _diode_multi(heat: Heat, rng: Generator) -> None:
    """Two of three substrings are bypassed."""
    _heat_substrings(heat, rng, rng.permutation(3)[:2])


def _vegetation(heat: Heat, rng: Generator) -> None:
    """Cool leaves reach over the lower edge, and the cells that they shade run hot."""
    for _ in range(int(rng.integers(2, 4))):
        x, y = int(rng.integers(4, 20)), int(rng.integers(22, 28))
        cv2.circle(heat, (x, y), 3, MODULE_LEVEL + rng.uniform(60, 90), -1)
    for _ in range(int(rng.integers(16, 24))):
        x, y = int(rng.integers(0, 24)), int(rng.integers(29, 40))
        cv2.circle(heat, (x, y), int(rng.integers(1, 4)), float(rng.uniform(55, 95)), -1)


def _soiling(heat: Heat, rng: Generator) -> None:
    """Dirt dries along the lower edge: a warm band with a wavy upper border."""
    wave = np.interp(np.arange(24), np.linspace(0, 23, 6), rng.uniform(4.0, 11.0, 6))
    dirt = np.clip(_Y - (39 - wave[None, :]), 0, 1)
    speckle = rng.uniform(0.75, 1.0, PATCH_SIZE)
    heat += (dirt * speckle * rng.uniform(60.0, 90.0)).astype(np.float32)


def _offline(heat: Heat, rng: Generator) -> None:
    """No current flows: all the sun's power stays as heat, evenly."""
    heat[1:-1, 1:-1] += rng.uniform(38.0, 55.0)


_PAINTERS: Mapping[str, Callable[[Heat, Generator], None]] = {
    NO_ANOMALY: _nothing,
    "Cell": _cell,
    "Cell-Multi": _cell_multi,
    "Cracking": _cracking,
    "Hot-Spot": _hot_spot,
    "Hot-Spot-Multi": _hot_spot_multi,
    "Shadowing": _shadowing,
    "Diode": _diode,
    "Diode-Multi": _diode_multi,
    "Vegetation": _vegetation,
    "Soiling": _soiling,
    "Offline-Module": _offline,
}


# --- strokes ------------------------------------------------------------------------


def _heat_cells(heat: Heat, rng: Generator, count: int, span: tuple[float, float]) -> None:
    for index in rng.choice(_ROWS * _COLUMNS, count, replace=False):
        row, column = divmod(int(index), _COLUMNS)
        y, x = row * _CELL, column * _CELL
        heat[y : y + _CELL, x : x + _CELL] = MODULE_LEVEL + rng.uniform(*span)


def _heat_substrings(heat: Heat, rng: Generator, which: NDArray[np.int64]) -> None:
    rise = rng.uniform(38.0, 55.0)
    for substring in which:
        left = int(substring) * _SUBSTRING
        heat[1:-1, max(left, 1) : min(left + _SUBSTRING, 23)] += rise


def _flame(heat: Heat, rng: Generator, x: float, rise: float) -> None:
    y, length = rng.uniform(15, 25), rng.uniform(7.0, 9.0)
    far = ((_X - x) / 1.3) ** 2 + ((_Y - y) / length) ** 2
    halo = ((_X - x) / 3.5) ** 2 + ((_Y - y) / (length * 1.3)) ** 2
    heat += (rise * np.exp(-far / 2) + 15.0 * np.exp(-halo / 2)).astype(np.float32)
