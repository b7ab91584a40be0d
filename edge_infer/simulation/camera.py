"""A thermal camera over the farm: true pose in, 640 x 512 mono8 frame out.

The farm's picture is warped by the homography of its plane, bent by the lens,
blurred by focus and motion, darkened towards the corners, scaled by a gain that
drifts, and covered with noise: the order in which light and electronics do it.
Noise comes from a bank that is shifted from frame to frame, which nobody can
tell from fresh noise and costs a copy. Rolling shutter, dead pixels and the
pauses of a real camera's shutter are left out.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import cos, hypot, pi, sin

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
        texture = farm.texture
        to_canvas = self.canvas_from_farm(farm, pose) @ np.linalg.inv(texture.pixel_from_farm)
        width, height, *_ = self._canvas
        image = cv2.warpPerspective(
            texture.image, to_canvas, (width, height),
            flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101,
        )  # fmt: skip
        image = cv2.remap(image, *self._lens_map, cv2.INTER_LINEAR)
        image = cv2.filter2D(image, -1, self._smear(pose, velocity_mps))
        image = self._expose(image, pose.stamp_ns, sequence)
        return CameraFrame(image, "mono8", pose.stamp_ns, self.frame_id)

    def canvas_from_farm(self, farm: Farm, pose: Pose) -> Array:
        """(3, 3) from (along, across, 1) to the image before the lens bends it."""
        _, _, left, top = self._canvas
        optical_from_map = (rotation_matrix(pose.orientation_xyzw) @ BASE_FROM_OPTICAL_NADIR).T
        plane = np.column_stack(
            [
                optical_from_map[:, :2] @ farm.map_from_farm,
                optical_from_map @ -np.array(pose.position_m),
            ]
        )
        pinhole = np.array([[self.model.fx, 0, left], [0, self.model.fy, top], [0, 0, 1]])
        return np.asarray(pinhole @ plane)

    @cached_property
    def _canvas(self) -> tuple[int, int, float, float]:
        """Width, height and principal point of a pinhole image that covers the lens's view."""
        m = self.model
        u, v = np.arange(m.width), np.arange(m.height)
        border = np.concatenate(
            [
                np.column_stack([u, 0 * u]), np.column_stack([u, 0 * u + m.height - 1]),
                np.column_stack([0 * v, v]), np.column_stack([0 * v + m.width - 1, v]),
            ]
        )  # fmt: skip
        xy = pixel_rays(m, border)[:, :2] * (m.fx, m.fy)
        low, high = np.floor(xy.min(axis=0)) - 2, np.ceil(xy.max(axis=0)) + 2
        width, height = (int(n) for n in high - low)
        return width, height, float(-low[0]), float(-low[1])

    @cached_property
    def _lens_map(self) -> tuple[NDArray[np.int16], NDArray[np.uint16]]:
        """Where each pixel finds its light on the canvas, in OpenCV's fixed-point form."""
        m = self.model
        _, _, left, top = self._canvas
        v, u = np.mgrid[0 : m.height, 0 : m.width]
        xy = pixel_rays(m, np.column_stack([u.ravel(), v.ravel()]))[:, :2]
        where = xy * (m.fx, m.fy) + (left, top)
        where = where.reshape(m.height, m.width, 2)
        fixed, fraction = cv2.convertMaps(where.astype(np.float32), None, cv2.CV_16SC2)
        return fixed, fraction

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

    def _smear(self, pose: Pose, velocity_mps: tuple[float, float]) -> NDArray[np.float32]:
        """Kernel of the lens's blur and of the motion during the exposure."""
        height_m = max(pose.position_m[2], 1.0)
        body = rotation_matrix(pose.orientation_xyzw).T @ (*velocity_mps, 0.0)
        smear = -body[1::-1][:2] * self.exposure_s * self.model.fx / height_m
        radius = int(np.ceil(2.5 * self.focus_sigma_px + hypot(*smear) / 2))
        y, x = np.mgrid[-radius : radius + 1, -radius : radius + 1]
        kernel = np.zeros(x.shape)
        for share in np.linspace(-0.5, 0.5, 7):
            far2 = (x - share * smear[0]) ** 2 + (y - share * smear[1]) ** 2
            kernel += np.exp(-far2 / (2 * self.focus_sigma_px**2))
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
        return np.asarray(cv2.convertScaleAbs(cv2.max(signal + offset, 0.0)), np.uint8)
