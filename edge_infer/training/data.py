"""Labelled frames from the simulated farm, ready for the network.

Farms, flights, cameras and weather are drawn at random, wider than any one
mission: most frames show far more faults than a real farm has, so that each
frame teaches much, and the rest show as few as a real one, so that healthy
modules are learnt too. Tables are short, because what looks most like a fault is
a warm stone between two of them. Frames go through the same preprocessing as in flight.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from edge_infer.domain import Pose
from edge_infer.geometry import quaternion_from_rpy
from edge_infer.models.manifest import InputSpec
from edge_infer.perception.preprocess import Preprocessor
from edge_infer.simulation.camera import ThermalCamera
from edge_infer.simulation.farm import Farm
from edge_infer.simulation.labels import visible_faults
from edge_infer.simulation.layout import FarmConfig
from edge_infer.simulation.modules import FAULT_CLASSES
from edge_infer.training.targets import Boxes

WIDTH, HEIGHT = 320, 256
"""The network's input: half of the camera's 640 x 512, so no pixel is a border."""

INPUT = InputSpec(name="image", width=WIDTH, height=HEIGHT, channels=1, dtype="uint8")

FRAMES_PER_FARM = 50
DENSE_SHARE = 0.5
"""Share of the farms with many faults, side by side."""

ALIGNED_SHARE = 0.6
"""Share of the frames flown along or across the rows; the others go anywhere."""

_LOG = logging.getLogger(__name__)


class LabelledFrames(NamedTuple):
    """Frames with their faults.

    Attributes:
        images: (n, HEIGHT, WIDTH) uint8.
        boxes: in pixels of the images, sorted by frame.
        labels: class names; index is the class id.
    """

    images: NDArray[np.uint8]
    boxes: Boxes
    labels: tuple[str, ...] = FAULT_CLASSES

    def take(self, index: Sequence[int]) -> LabelledFrames:
        """Some of the frames, renumbered in the order given."""
        low = np.searchsorted(self.boxes.frame, index, "left")
        high = np.searchsorted(self.boxes.frame, index, "right")
        rows = np.concatenate([np.arange(a, b) for a, b in zip(low, high, strict=True)])
        boxes = self.boxes.where(rows.astype(np.int64))
        frame = np.repeat(np.arange(len(index)), high - low)
        return LabelledFrames(self.images[list(index)], boxes._replace(frame=frame), self.labels)


def augment(frames: LabelledFrames, rng: Generator) -> LabelledFrames:
    """Mirror each frame at random about both axes, and change its brightness and contrast."""
    images = np.empty_like(frames.images)
    xyxy = frames.boxes.xyxy.copy()
    grey = np.arange(256, dtype=np.float32)
    for index, image in enumerate(frames.images):
        own = frames.boxes.frame == index
        gain, offset = rng.uniform(0.85, 1.15), rng.uniform(-15.0, 15.0)
        curve = np.clip((grey - 128) * gain + 128 + offset, 0, 255).astype(np.uint8)
        image = curve[image]
        if rng.random() < 0.5:
            image = image[:, ::-1]
            xyxy[own] = xyxy[own][:, [2, 1, 0, 3]] * (-1, 1, -1, 1) + (WIDTH, 0, WIDTH, 0)
        if rng.random() < 0.5:
            image = image[::-1]
            xyxy[own] = xyxy[own][:, [0, 3, 2, 1]] * (1, -1, 1, -1) + (0, HEIGHT, 0, HEIGHT)
        images[index] = image
    return LabelledFrames(images, frames.boxes._replace(xyxy=xyxy), frames.labels)


def render(count: int, seed: int) -> LabelledFrames:
    """Render frames of random farms; the same seed gives the same bytes."""
    images = np.empty((count, HEIGHT, WIDTH), np.uint8)
    columns: list[Boxes] = []
    preprocess = Preprocessor(INPUT)
    for index, (farm, camera, pose, velocity) in zip(range(count), _flights(seed), strict=False):
        tensor, box = preprocess(camera.render(farm, pose, index, velocity))
        images[index] = tensor[0, 0]
        seen = visible_faults(farm, pose, camera.model)
        # The simulation counts from the centre of the first pixel, boxes here from its edge.
        xyxy = box.to_input((seen.xyxy + 0.5).astype(np.float32))
        frame = np.full(len(xyxy), index, np.int64)
        columns.append(Boxes(frame, xyxy, seen.class_index, seen.fraction.astype(np.float32)))
        if index % 500 == 0:
            _LOG.info("rendered %d of %d frames", index, count)
    return LabelledFrames(images, Boxes(*(np.concatenate(c) for c in zip(*columns, strict=True))))


def load_or_render(folder: Path | None, count: int, seed: int) -> LabelledFrames:
    """The frames from the folder's cache, or rendered and put there.

    The cache knows only the count and the seed: delete it when the simulation changes.
    """
    if folder is None:
        return render(count, seed)
    file = folder / f"frames-{count}-{seed}.npz"
    if not file.exists():
        folder.mkdir(parents=True, exist_ok=True)
        frames = render(count, seed)
        np.savez(file, images=frames.images, **frames.boxes._asdict())
        return frames
    with np.load(file) as stored:
        return LabelledFrames(stored["images"], Boxes(*(stored[name] for name in Boxes._fields)))


Flight = tuple[Farm, ThermalCamera, Pose, tuple[float, float]]


def _flights(seed: int) -> Iterator[Flight]:
    rng = np.random.default_rng(seed)
    while True:
        farm, camera = _farm(rng), _camera(rng)
        for _ in range(FRAMES_PER_FARM):
            pose, velocity = _pose(rng, farm.config)
            yield farm, camera, pose, velocity


def _farm(rng: Generator) -> Farm:
    dense = rng.random() < DENSE_SHARE
    modules = int(rng.integers(4, 25))
    return Farm.build(
        FarmConfig(
            rows=int(rng.integers(4, 7)),
            tables=max(2, 48 // modules),
            modules_per_table=modules,
            table_gap_m=rng.uniform(0.5, 2.0),
            module_width_m=rng.uniform(0.95, 1.1),
            module_length_m=rng.uniform(1.6, 2.0),
            tilt_deg=rng.uniform(10.0, 30.0),
            row_pitch_m=rng.uniform(5.0, 8.0),
            heading_deg=rng.uniform(0.0, 180.0),
            fault_rate=rng.uniform(0.15, 0.5) if dense else 0.025,
            fault_spacing_m=0.0 if dense else 6.0,
            ambient_c=rng.uniform(5.0, 42.0),
            seed=int(rng.integers(2**31)),
        )
    )


def _camera(rng: Generator) -> ThermalCamera:
    return ThermalCamera(
        focus_sigma_px=rng.uniform(0.5, 1.0),
        noise_levels=rng.uniform(0.8, 2.5),
        vignette=rng.uniform(0.0, 0.2),
        gain_drift=rng.uniform(0.0, 0.1),
        seed=int(rng.integers(2**31)),
    )


def _pose(rng: Generator, config: FarmConfig) -> tuple[Pose, tuple[float, float]]:
    """A true pose over the farm, and its velocity."""
    along = rng.uniform(-0.5, 0.5) * config.length_m
    across = rng.uniform(-0.5, 0.5) * config.width_m
    turn = np.radians(90.0 - config.heading_deg)
    east = along * np.cos(turn) - across * np.sin(turn)
    north = along * np.sin(turn) + across * np.cos(turn)
    if rng.random() < ALIGNED_SHARE:
        yaw = turn + rng.integers(4) * np.pi / 2 + rng.normal(0.0, 0.08)
    else:
        yaw = rng.uniform(-np.pi, np.pi)
    roll, pitch = np.clip(rng.normal(0.0, 0.04, 2), -0.12, 0.12)
    pose = Pose(
        stamp_ns=int(rng.integers(600 * 10**9)),
        position_m=(float(east), float(north), rng.uniform(15.0, 28.0)),
        orientation_xyzw=tuple(quaternion_from_rpy(roll, pitch, yaw)),
    )
    speed = rng.uniform(0.0, 7.0)
    return pose, (float(speed * np.cos(yaw)), float(speed * np.sin(yaw)))
