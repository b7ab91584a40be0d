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

"""A thermal camera over the farm: true pose in, 640 x 512 mono8 frame out.

Rays through lens and pixels meet the farm's plane and fetch its picture; that is
blurred by focus and motion, darkened towards the corners, scaled by a gain that
drifts, and covered with noise: the order in which light and electronics do it.
Noise comes from a bank that is shifted from frame to frame, which nobody can
tell from fresh noise and costs a copy. Rolling shutter, dead pixels and the
pauses of a real camera's shutter are left out.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import ceil, cos, pi, sin

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_infer.domain import CameraFrame, CameraModel, Pose
from edge_infer.geometry import BASE_FROM_OPTICAL_NADIR, pixel_rays, rotation_matrix
from edge_infer.simulation.farm import Farm

Array = NDArray[np.float64]

CAMERA_640X512 = CameraModel(
    width=640, height=512, fx=600.0, fy=600.0, cx=319.5, cy=255.5,
    distortion=(-0.12, 0.03, 0.0005, -0.0003, 0.0),
)  # fmt: skip
"""56 degrees across: 21 m of ground from 20 m, where a module of 1 m is 30 pixels wide."""

_NOISE_FRAMES = 4
_BLOCK = 8
"""Pixels across which rays are interpolated."""


@dataclass(frozen=True)
class ThermalCamera:
    """An uncooled thermal camera that looks straight down from base_link.

    Attributes:
        model: its optics, as its CameraInfo states them.
        frame_id: of its frames.
        focus_sigma_px: blur of the lens.
        exposure_s: time constant of the sensor; a moving image smears so long.
        noise_levels: sigma of the noise of one pixel.
        vignette: loss of signal at the corner of the image, 0..1.
        gain_drift: amplitude of the slow change of gain, 0..1.
        seed: noise pattern and phase of the drift.
    """

    model: CameraModel = CAMERA_640X512
    frame_id: str = "camera_optical"
    focus_sigma_px: float = 0.7
    exposure_s: float = 0.008
    noise_levels: float = 1.5
    vignette: float = 0.12
    gain_drift: float = 0.05
    seed: int = 0

    def render(
        self,
        farm: Farm,
        pose: Pose,
        sequence: int = 0,
        velocity_mps: tuple[float, float] = (0.0, 0.0),
    ) -> CameraFrame:
        """What the camera sees from a true pose.

        Args:
            farm: the world.
            pose: where base_link truly is; its stamp becomes the frame's.
            sequence: number of the frame; decides its noise.
            velocity_mps: east, north; smears the image.
        """
        where = self._texture_pixels(farm, pose)
        image = cv2.remap(
            farm.texture.image, where, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101
        )
        image = cv2.sepFilter2D(image, -1, *self._smear(pose, velocity_mps))
        image = self._expose(image, pose.stamp_ns, sequence)
        return CameraFrame(image, "mono8", pose.stamp_ns, self.frame_id)

    def _texture_pixels(self, farm: Farm, pose: Pose) -> NDArray[np.float32]:
        """(height, width, 2): where in the farm's picture each pixel of the frame looks.

        Worked out for the centres of blocks of pixels and interpolated, which is
        right to 0.003 pixels of the frame.
        """
        map_from_optical = rotation_matrix(pose.orientation_xyzw) @ BASE_FROM_OPTICAL_NADIR
        rays = self._rays @ map_from_optical.T
        east_north = pose.position_m[:2] - rays[..., :2] * (pose.position_m[2] / rays[..., 2:])
        to_pixel = farm.texture.pixel_from_farm
        pixel = east_north @ farm.map_from_farm @ to_pixel[:2, :2].T + to_pixel[:2, 2]
        rows, columns, _ = pixel.shape
        where = cv2.resize(pixel.astype(np.float32), (columns * _BLOCK, rows * _BLOCK))
        return np.asarray(
            where[_BLOCK : _BLOCK + self.model.height, _BLOCK : _BLOCK + self.model.width]
        )

    @cached_property
    def _rays(self) -> Array:
        """(rows, columns, 3): optical rays of block centres, one block beyond the image around."""
        columns, rows = (ceil(n / _BLOCK) + 2 for n in (self.model.width, self.model.height))
        v, u = (np.mgrid[0:rows, 0:columns] - 0.5) * _BLOCK - 0.5
        rays = pixel_rays(self.model, np.column_stack([u.ravel(), v.ravel()]))
        return rays.reshape(rows, columns, 3)

    @cached_property
    def _vignette_map(self) -> NDArray[np.float32]:
        m = self.model
        v, u = np.mgrid[0 : m.height, 0 : m.width]
        far2 = ((u - m.cx) ** 2 + (v - m.cy) ** 2) / (m.cx**2 + m.cy**2)
        return np.asarray(1.0 - self.vignette * far2, np.float32)

    @cached_property
    def _noise_bank(self) -> NDArray[np.float32]:
        rng = np.random.default_rng([self.seed, 1])
        shape = (_NOISE_FRAMES, self.model.height, self.model.width)
        columns = rng.normal(0.0, 0.5, (_NOISE_FRAMES, 1, self.model.width))
        return (rng.normal(0.0, self.noise_levels, shape) + columns).astype(np.float32)

    def _smear(
        self, pose: Pose, velocity_mps: tuple[float, float]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Kernels along x and y: the lens's blur and the motion during the exposure."""
        body = rotation_matrix(pose.orientation_xyzw).T @ (*velocity_mps, 0.0)
        per_m = self.exposure_s * self.model.fx / max(pose.position_m[2], 1.0)
        return self._kernel(body[1] * per_m), self._kernel(body[0] * per_m)

    def _kernel(self, smear_px: float) -> NDArray[np.float32]:
        """A Gaussian that moved by so many pixels."""
        radius = ceil(2.5 * self.focus_sigma_px + abs(smear_px) / 2)
        at = np.arange(-radius, radius + 1)[:, None] - np.linspace(-0.5, 0.5, 7) * smear_px
        kernel = np.exp(-(at**2) / (2 * self.focus_sigma_px**2)).sum(axis=1)
        return np.asarray(kernel / kernel.sum(), np.float32)

    def _expose(self, image: NDArray[np.uint8], stamp_ns: int, sequence: int) -> NDArray[np.uint8]:
        """Vignetting, gain, noise, eight bits."""
        phase = 2 * pi * (stamp_ns * 1e-9 / 97.0 + (self.seed * 0.618) % 1.0)
        gain = 1.0 + self.gain_drift * (sin(phase) + 0.4 * sin(5.3 * phase)) / 1.4
        offset = 255.0 * self.gain_drift * cos(0.7 * phase) / 4
        rng = np.random.default_rng([self.seed, 2, sequence])
        noise = self._noise_bank[rng.integers(_NOISE_FRAMES)]
        noise = np.roll(noise, int(rng.integers(self.model.height)), axis=0)
        signal = cv2.multiply(image, self._vignette_map, scale=gain, dtype=cv2.CV_32F)
        signal = cv2.scaleAdd(noise, 1.0, signal)
        return np.asarray(cv2.convertScaleAbs(signal, beta=offset), np.uint8)
