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

"""Labelled frames from the simulated farm: what `edge-infer swarm` shows a detector.

Farms, flights, cameras and weather are drawn at random, wider than any one
mission: most frames show far more faults than a real farm has, so that each
frame teaches much, and the rest show as few as a real one, so that healthy
modules are learnt too. Tables are short, because what looks most like a fault is
a warm stone between two of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from numpy.random import Generator

from edge_infer.datasets.frames import Boxes, LabelledFrame, LabelledFrames, stack
from edge_infer.domain import Pose
from edge_infer.geometry import quaternion_from_rpy
from edge_infer.simulation.camera import ThermalCamera
from edge_infer.simulation.farm import Farm
from edge_infer.simulation.labels import visible_modules
from edge_infer.simulation.layout import FarmConfig
from edge_infer.simulation.modules import ModuleLibrary

FRAMES_PER_FARM = 50
DENSE_SHARE = 0.5
"""Share of the farms with many faults, side by side."""

ALIGNED_SHARE = 0.6
"""Share of the frames flown along or across the rows; the others go anywhere."""


Progress = Callable[[str], None]


def render(
    count: int, seed: int, modules: ModuleLibrary | None = None, progress: Progress | None = None
) -> LabelledFrames:
    """Render frames of random farms; the same seed and modules give the same bytes.

    Args:
        count: how many frames.
        seed: decides everything else.
        modules: whose pictures stand on the farms; drawn ones when None.
        progress: told now and then how far it is.
    """
    frames = []
    for index, (farm, camera, pose, velocity) in zip(
        range(count), _flights(seed, modules), strict=False
    ):
        seen = visible_modules(farm, pose, camera.model)
        # The simulation counts from the centre of the first pixel, boxes here from its edge.
        xyxy = (seen.xyxy + 0.5).astype(np.float32)
        fraction = seen.fraction.astype(np.float32)
        outline = (seen.outline + 0.5).astype(np.float32)
        boxes = Boxes(np.zeros(len(xyxy), np.int64), xyxy, seen.class_index, fraction, outline)
        frames.append(LabelledFrame(camera.render(farm, pose, index, velocity).image, boxes))
        if progress and index % (4 * FRAMES_PER_FARM) == 0:
            progress(f"rendered {index} of {count} simulated frames")
    return stack(frames)


Flight = tuple[Farm, ThermalCamera, Pose, tuple[float, float]]


def _flights(seed: int, modules: ModuleLibrary | None) -> Iterator[Flight]:
    rng = np.random.default_rng(seed)
    while True:
        farm, camera = _farm(rng, modules), _camera(rng)
        for _ in range(FRAMES_PER_FARM):
            pose, velocity = _pose(rng, farm.config)
            yield farm, camera, pose, velocity


def _farm(rng: Generator, library: ModuleLibrary | None) -> Farm:
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
        ),
        library,
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
