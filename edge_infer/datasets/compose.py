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

"""Frames of a solar farm, composed of pictures of single modules.

Modules are set in rows on a flat canvas at the pictures' own scale, ground and
clutter between them; one perspective warp carries the canvas into the frame, and
optics and sensor follow. Wider than any one plant: modules 20 to 72 pixels wide,
upright or lying, cut off at the rim, with or without seams, warm or cool ground.
A frame's boxes name all of its modules, the healthy ones too; their outlines are
turned as the modules are.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from edge_infer.datasets.frames import HEALTHY, Boxes, LabelledFrame, area
from edge_infer.datasets.pictures import Pictures
from edge_infer.outlines import bounds

Canvas = NDArray[np.uint8]
Matrix = NDArray[np.float64]

_INTERPOLATIONS = (cv2.INTER_LINEAR, cv2.INTER_LINEAR, cv2.INTER_CUBIC)


@dataclass(frozen=True)
class FrameSpec:
    """What composed frames are like; each value is drawn anew for each frame.

    Attributes:
        width, height: pixels.
        module_px: least and greatest short side of a module.
        faulty: least and greatest share of faulty modules.
        evenness: 0 takes faults as the set has them, 1 all classes in equal shares.
        tilted: share of the frames whose rows run in any direction; the others
            are turned by a few degrees from upright or lying.
        varied: whether each module is also mirrored, and its warmth changed.
    """

    width: int = 640
    height: int = 512
    module_px: tuple[float, float] = (20.0, 72.0)
    faulty: tuple[float, float] = (0.5, 0.5)
    evenness: float = 0.0
    tilted: float = 0.0
    varied: bool = False


TAUGHT = FrameSpec(width=320, height=256, faulty=(0.1, 0.9), evenness=0.3, tilted=0.15, varied=True)
"""What is learnt from: small frames, so that many go into a step, and rare faults more
often than they are."""

JUDGED = FrameSpec(module_px=(22.0, 70.0), tilted=0.1)
"""What is judged: as many healthy modules as faulty ones, classes as in the set."""


class Composer:
    """Composes frames of one set of modules: a FrameSource."""

    def __init__(self, pictures: Pictures, spec: FrameSpec) -> None:
        self.spec = spec
        self._pictures = pictures
        self._healthy = np.flatnonzero(pictures.class_id == HEALTHY)
        self._faulty = np.flatnonzero(pictures.class_id != HEALTHY)
        classes = pictures.class_id[self._faulty]
        weight = np.bincount(classes).astype(np.float64)[classes] ** -spec.evenness
        self._weight = weight.cumsum() / weight.sum()

    def __call__(self, rng: Generator) -> LabelledFrame:
        """The next frame; ``rng`` decides everything."""
        side = _log_uniform(rng, *self.spec.module_px)
        canvas, corners, rows = self._canvas(side, rng)
        warp = self._warp(side, canvas.shape[0], rng)
        image = cv2.warpPerspective(
            canvas, warp, (self.spec.width, self.spec.height),
            flags=int(rng.choice(_INTERPOLATIONS)), borderMode=cv2.BORDER_REFLECT_101,
        )  # fmt: skip
        boxes = self._boxes(corners, self._pictures.class_id[rows], warp)
        return LabelledFrame(_expose(np.asarray(image, np.uint8), rng), boxes)

    def _canvas(
        self, side: float, rng: Generator
    ) -> tuple[Canvas, NDArray[np.float32], NDArray[np.int64]]:
        """The flat farm: picture, (n, 4, 2) corners of its modules, and which they are."""
        height, width = self._pictures.images.shape[1:]
        reach = np.hypot(self.spec.width, self.spec.height) * 1.15 * width / side
        canvas = _ground(int(np.ceil(reach)), rng)
        seam = rng.integers(0, 4, 2)
        places = _places(canvas.shape[0], (width + seam[0], height + seam[1]), rng)
        rows = self._choose(len(places), rng)
        if seam.any():
            _frames(canvas, places, (width, height), int(rng.integers(30, 210)))
        pictures = self._pictures.images[rows]
        if self.spec.varied:
            pictures = _vary(pictures, rng)
        for (x, y), picture in zip(places, pictures, strict=True):
            canvas[y : y + height, x : x + width] = picture
        # A pixel's centre is its whole coordinate, so a picture begins half a pixel before it.
        outline = np.array([[0, 0], [width, 0], [width, height], [0, height]]) - 0.5
        return canvas, (places[:, None] + outline).astype(np.float32), rows

    def _choose(self, count: int, rng: Generator) -> NDArray[np.int64]:
        """Which picture stands at each of so many places."""
        faulty = rng.random(count) < rng.uniform(*self.spec.faulty)
        rows = rng.choice(self._healthy, count)
        found = np.searchsorted(self._weight, rng.random(int(faulty.sum())))
        rows[faulty] = self._faulty[found]
        return rows

    def _warp(self, side: float, reach: int, rng: Generator) -> Matrix:
        """(3, 3) canvas pixels to frame pixels: turn, scale, a little perspective."""
        spec = self.spec
        if rng.random() < spec.tilted:
            turn = rng.uniform(-np.pi, np.pi)
        else:
            turn = rng.integers(4) * np.pi / 2 + np.clip(rng.normal(0.0, 0.06), -0.2, 0.2)
        scale = side / self._pictures.images.shape[2]
        to_origin = np.eye(3)
        to_origin[:2, 2] = -(reach - 1) / 2
        turned = scale * np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
        perspective = np.eye(3)
        perspective[:2, :2] = turned
        perspective[2, :2] = rng.uniform(-1.5e-4, 1.5e-4, 2) * scale
        to_frame = np.eye(3)
        to_frame[:2, 2] = (spec.width - 1) / 2, (spec.height - 1) / 2
        return to_frame @ perspective @ to_origin

    def _boxes(
        self, corners: NDArray[np.float32], class_id: NDArray[np.int64], warp: Matrix
    ) -> Boxes:
        """The modules that the frame shows at least partly; its first pixel begins at 0."""
        plane = np.dstack([corners, np.ones(corners.shape[:2])]) @ warp.T
        outline = (plane[..., :2] / plane[..., 2:] + 0.5).astype(np.float32)
        whole = bounds(outline)
        edge = np.array([self.spec.width, self.spec.height] * 2, np.float32)
        cut = np.clip(whole, 0, edge)
        visible = (area(cut) / area(whole)).astype(np.float32)
        shown = visible > 0
        frame = np.zeros(int(shown.sum()), np.int64)
        return Boxes(frame, cut[shown], class_id[shown], visible[shown], outline[shown])


def _places(reach: int, pitch: tuple[int, int], rng: Generator) -> NDArray[np.int64]:
    """(n, 2) left and top of every module: tables of a few rows, aisles and gaps between."""
    across, down = pitch
    deep, aisle = int(rng.integers(1, 5)), int(rng.integers(6, 90))
    per_table, gap = int(rng.integers(4, 30)), int(rng.integers(2, 40))
    top = np.arange(reach // down + 1) * down
    top += np.arange(len(top)) // deep * aisle + int(rng.integers(-down, 1)) + down
    left = np.arange(reach // across + 1) * across
    left += np.arange(len(left)) // per_table * gap
    left, top = left[left <= reach - across], top[top <= reach - down]
    stagger = rng.integers(0, 2) * rng.integers(0, across, len(top) // deep + 1)
    places = np.stack(np.meshgrid(left, top), axis=-1).astype(np.int64)
    places[..., 0] += stagger[np.arange(len(top)) // deep][:, None]
    places = places.reshape(-1, 2)
    # Some places stay empty: a table that ends early, a module that was taken down.
    return places[(places[:, 0] <= reach - across) & (rng.random(len(places)) > 0.03)]


def _frames(canvas: Canvas, places: NDArray[np.int64], size: tuple[int, int], level: int) -> None:
    """The metal around the modules, which shows in the seams."""
    for x, y in places:
        canvas[max(y - 2, 0) : y + size[1] + 2, max(x - 2, 0) : x + size[0] + 2] = level


def _ground(reach: int, rng: Generator) -> Canvas:
    """Grass, gravel or sand with patches of several sizes, stones, bushes and cables."""
    level = np.full((reach, reach), rng.uniform(15, 225), np.float32)
    for grain in (4, 16, 70):
        coarse = rng.normal(0.0, rng.uniform(1.0, 7.0), (reach // grain + 2,) * 2)
        level += cv2.resize(coarse.astype(np.float32), (reach, reach))
    canvas = np.clip(level, 0, 255).astype(np.uint8)
    for _ in range(int(rng.poisson(reach * reach / 9000))):
        middle, axes = rng.integers(0, reach, 2), rng.integers(1, int(rng.integers(3, 16)), 2)
        cv2.ellipse(canvas, middle.tolist(), axes.tolist(), float(rng.uniform(0, 180)), 0, 360,
                    float(rng.uniform(0, 255)), -1)  # fmt: skip
    for _ in range(int(rng.integers(0, 4))):
        start, end = rng.integers(0, reach, (2, 2)).tolist()
        cv2.line(canvas, start, end, float(rng.uniform(0, 255)), int(rng.integers(1, 4)))
    return canvas


def _vary(pictures: NDArray[np.uint8], rng: Generator) -> NDArray[np.uint8]:
    """Mirror each module at random about both axes, and change its warmth a little."""
    count = len(pictures)
    across, down = rng.random((2, count)) < 0.5
    varied = pictures.copy()
    varied[across] = varied[across][:, :, ::-1]
    varied[down] = varied[down][:, ::-1]
    gain = rng.normal(1.0, 0.06, (count, 1, 1)).astype(np.float32)
    offset = rng.normal(0.0, 5.0, (count, 1, 1)).astype(np.float32)
    warmer = (varied - np.float32(150)) * gain + 150 + offset
    return np.asarray(np.clip(warmer, 0, 255), np.uint8)


def _expose(image: NDArray[np.uint8], rng: Generator) -> NDArray[np.uint8]:
    """Focus, gain, offset, vignette and noise of a sensor."""
    signal = image.astype(np.float32)
    blur = rng.uniform(0.0, 1.1)
    if blur > 0.3:
        signal = cv2.GaussianBlur(signal, (0, 0), blur)
    signal = (signal - 150) * rng.uniform(0.7, 1.2) + 150 + rng.uniform(-30, 25)
    if rng.random() < 0.5:
        y, x = (np.linspace(-1, 1, n, dtype=np.float32) ** 2 for n in image.shape)
        signal *= 1 - rng.uniform(0.0, 0.1) * (y[:, None] + x)
    noise = np.empty(image.shape, np.float32)
    cv2.setRNGSeed(int(rng.integers(2**31)))
    cv2.randn(noise, 0.0, rng.uniform(0.3, 4.0))
    return np.asarray(np.clip(signal + noise + 0.5, 0, 255), np.uint8)


def _log_uniform(rng: Generator, low: float, high: float) -> float:
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))
