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

"""The farm from straight above as one grey-level picture: grass, tracks, shadows, modules.

The picture is a stack of strips, one for each row: the modules at the lower
edge, their shadow and the aisle above. Every strip is drawn from a seed of its
own, so a part of the picture is the same bytes as the same part of the whole.
Modules stand at the nearest whole pixel, at most 2 cm from where the layout
says (exactly there with the default sizes). What a lens and a sensor do to the
picture is left to :mod:`edge_infer.simulation.camera`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from edge_infer.simulation.layout import PIXELS_PER_M, FarmConfig, Fault, module_centres_m
from edge_infer.simulation.modules import NO_ANOMALY, ModuleLibrary

Image = NDArray[np.uint8]

MARGIN_M = 10.0
"""At least so much grass surrounds the outermost modules."""

LEVELS_PER_KELVIN = 2.0
"""Grey levels of one degree; 8 bits span about 128 degrees."""

_GRASS_LEVEL, _TRACK, _TYRE, _SHADOW = 42, 20, 14, 22
_GRASS_PERIODS = (1024, 741)
_HEALTHY_PICTURES = 96
_STONES_PER_M2, _BUSHES_PER_M2 = 0.03, 0.004
_TRACK_EVERY, _TRACK_NEEDS_M = 4, 3.5


@dataclass(frozen=True, eq=False)
class Texture:
    """A picture of the ground plane in the farm's axes.

    Attributes:
        image: (height, width) uint8; columns run along, rows run against across.
        pixel_from_farm: (3, 3), homogeneous (along, across, 1) to (x, y, 1), where
            the centre of the top left pixel is (0, 0).
    """

    image: Image
    pixel_from_farm: NDArray[np.float64]


def draw_texture(
    config: FarmConfig,
    modules: ModuleLibrary,
    faults: Sequence[Fault],
    across_m: tuple[float, float],
) -> Texture:
    """Draw the ground whose across lies within ``across_m``, rounded up to whole rows."""
    painter = _Painter(config, modules, faults)
    first, last = painter.rows_within(across_m)
    image = np.vstack([painter.strip(row) for row in range(last, first - 1, -1)])
    scale = np.diag([PIXELS_PER_M, -PIXELS_PER_M, 1.0])
    scale[0, 2] = config.length_m / 2 * PIXELS_PER_M + painter.margin - 0.5
    scale[1, 2] = painter.base_m * PIXELS_PER_M + painter.bottom(last + 1) - 0.5
    return Texture(image, scale)


class _Painter:
    """Draws one strip at a time. Pixels count upwards from the lower edge of row 0's modules."""

    def __init__(self, config: FarmConfig, modules: ModuleLibrary, faults: Sequence[Fault]) -> None:
        self.config = config
        self.modules = modules
        self.margin = round(MARGIN_M * PIXELS_PER_M)
        self.width = ceil(config.length_m * PIXELS_PER_M) + 2 * self.margin
        self.base_m = -config.width_m / 2
        self.depth = round(config.module_depth_m * PIXELS_PER_M)
        self.module_width = round(config.module_width_m * PIXELS_PER_M)
        along, _ = module_centres_m(config)
        left = (along + (config.length_m - config.module_width_m) / 2) * PIXELS_PER_M
        self.lefts = np.rint(left).astype(int) + self.margin
        self.faults: dict[int, list[Fault]] = {}
        for fault in faults:
            self.faults.setdefault(fault.row, []).append(fault)
        self.grass = [
            np.resize(tile.T, (self.width, len(tile))).T.copy()
            for tile in (_grass(period, self._rng(2, period)) for period in _GRASS_PERIODS)
        ]
        rng = self._rng(3)
        self.healthy = np.stack(
            [self._patch(NO_ANOMALY, rng) for _ in range(_HEALTHY_PICTURES)]
        ).astype(np.int16)

    def rows_within(self, across_m: tuple[float, float]) -> tuple[int, int]:
        """First and last strip; those outside 0..rows-1 are bare ground."""
        pitch, spare = self.config.row_pitch_m, ceil(MARGIN_M / self.config.row_pitch_m)
        low, high = ((across - self.base_m) / pitch for across in across_m)
        first = max(-spare, np.floor(low))
        last = min(self.config.rows - 1 + spare, np.ceil(high) - 1)
        return int(first), int(max(first, last))

    def bottom(self, row: int) -> int:
        """Pixel at which a strip begins."""
        return round(row * self.config.row_pitch_m * PIXELS_PER_M)

    def strip(self, row: int) -> Image:
        """(height, width) uint8, the far side on top."""
        rng = self._rng(4, row + 2**20)
        low, high = self.bottom(row), self.bottom(row + 1)
        upwards = np.arange(low, high)
        near, far = (tile[upwards % len(tile)] for tile in self.grass)
        ground = near + far
        self._scatter(ground, rng)
        aisle_m = self.config.row_pitch_m - self.config.module_depth_m
        if row % _TRACK_EVERY == _TRACK_EVERY - 1 and aisle_m > _TRACK_NEEDS_M:
            self._track(ground, rng)
        if 0 <= row < self.config.rows:
            self._table_shadows(ground)
            self._modules(ground, row, rng)
        warmth = (self.config.ambient_c - 25.0) * LEVELS_PER_KELVIN
        return np.asarray(cv2.add(ground[::-1], np.full(1, warmth)), np.uint8)

    def _scatter(self, ground: Image, rng: Generator) -> None:
        """Warm stones and cool bushes."""
        area_m2 = ground.size / PIXELS_PER_M**2
        extent = (self.width, len(ground))
        for _ in range(rng.poisson(_BUSHES_PER_M2 * area_m2)):
            middle, level = rng.integers(extent), int(rng.integers(58, 76))
            for leaf in np.rint(rng.normal(0.0, 6.0, (14, 2))).astype(int):
                colour = float(level + rng.integers(-6, 7))
                _ellipse(ground, middle + leaf, rng.integers(3, 9, 2), 0.0, colour)
        for _ in range(rng.poisson(_STONES_PER_M2 * area_m2)):
            middle, axes = rng.integers(extent), rng.integers(1, 5, 2)
            _ellipse(ground, middle, axes, rng.uniform(0, 180), float(rng.integers(105, 190)))

    def _track(self, ground: Image, rng: Generator) -> None:
        """A gravel track in the aisle, with the ruts of the mowing tractor."""
        middle = (self.depth + len(ground)) // 2 + int(rng.integers(-6, 7))
        half, rut = round(1.3 * PIXELS_PER_M), round(0.9 * PIXELS_PER_M)
        ground[middle - half : middle + half] += _TRACK
        for side in (middle - rut, middle + rut):
            ground[side - 5 : side + 5] += _TYRE

    def _table_shadows(self, ground: Image) -> None:
        """Behind a table the ground stays cool."""
        depth = slice(self.depth, self.depth + round(0.7 * PIXELS_PER_M))
        per_table = self.config.modules_per_table
        for first in self.lefts[::per_table]:
            right = first + round(self.config.table_m * PIXELS_PER_M)
            ground[depth, first:right] -= _SHADOW

    def _modules(self, ground: Image, row: int, rng: Generator) -> None:
        """A row of modules, each a little warmer or cooler than the next; then the faults."""
        count, per_table = len(self.lefts), self.config.modules_per_table
        table = np.repeat(rng.normal(0.0, 3.0, ceil(count / per_table)), per_table)
        warmth = np.rint(table + rng.normal(0.0, 2.5, count)).astype(np.int16)
        pictures = self.healthy[rng.integers(0, len(self.healthy), count)]
        pictures = np.clip(pictures + warmth[:, None, None], 0, 255).astype(np.uint8)
        for left, picture in zip(self.lefts, pictures, strict=True):
            ground[: self.depth, left : left + self.module_width] = picture[::-1]
        for fault in self.faults.get(row, []):
            left = self.lefts[fault.column]
            picture = self._patch(fault.class_name, self._rng(5, fault.id))
            ground[: self.depth, left : left + self.module_width] = picture[::-1]

    def _patch(self, class_name: str, rng: Generator) -> Image:
        patch = self.modules.patch(class_name, rng)
        size = (self.module_width, self.depth)
        if patch.shape != size[::-1]:
            patch = np.asarray(cv2.resize(patch, size, interpolation=cv2.INTER_AREA), np.uint8)
        return patch

    def _rng(self, *purpose: int) -> Generator:
        return np.random.default_rng([self.config.seed, *purpose])


def _grass(period: int, rng: Generator) -> Image:
    """(period, period) uint8 noise of several sizes that repeats without a seam."""
    level = np.full((period, period), float(_GRASS_LEVEL), np.float32)
    for grain, strength in ((2, 2.0), (6, 3.0), (24, 3.0), (110, 4.0)):
        coarse = rng.normal(0.0, strength, (period // grain, period // grain)).astype(np.float32)
        wrapped = np.pad(coarse, 2, mode="wrap")
        pad = round(2 * period / len(coarse))
        size = period + 2 * pad
        level += cv2.resize(wrapped, (size, size), interpolation=cv2.INTER_CUBIC)[
            pad : pad + period, pad : pad + period
        ]
    return np.clip(np.rint(level), 25, 65).astype(np.uint8)


def _ellipse(
    image: Image, middle: NDArray[np.int64], axes: NDArray[np.int64], turn_deg: float, level: float
) -> None:
    (x, y), (a, b) = middle.tolist(), axes.tolist()
    cv2.ellipse(image, (x, y), (a, b), turn_deg, 0, 360, level, -1)
