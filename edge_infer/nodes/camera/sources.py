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

"""Where a camera node's frames come from: a simulated world, a folder, a video, a device.

A source answers ``read(index)``; the camera node decides when. Frames that the
node has no time for are skipped by their index, as a real camera would lose
them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from edge_infer.domain import CameraModel, Pose
from edge_infer.errors import FrameError
from edge_infer.perception.images import images_in, read_image


@dataclass(frozen=True, eq=False)
class Shot:
    """What a source saw.

    Attributes:
        image: (height, width) mono8 or (height, width, 3) bgr8.
        pose: as the drone believes; None where the source knows none.
        true_pose: as it really was; only a simulation knows.
        camera: None where the source knows none.
    """

    image: NDArray[np.uint8]
    pose: Pose | None = None
    true_pose: Pose | None = None
    camera: CameraModel | None = None


class FrameSource(Protocol):
    """A camera, a recording or a simulation."""

    def read(self, index: int) -> Shot | None:
        """The frame with this number, or None at the end; numbers only rise."""

    def close(self) -> None:
        """Let the device or file go."""


class FolderSource:
    """The images of a folder, by name."""

    def __init__(self, folder: str) -> None:
        self._files = images_in(folder)

    def read(self, index: int) -> Shot | None:
        return Shot(read_image(self._files[index]).image) if index < len(self._files) else None

    def close(self) -> None:
        pass


class CaptureSource:
    """A video file or a V4L2 device, through OpenCV.

    Args:
        target: a file name, or the number of /dev/videoN.
        skippable: frames of a file are passed over to keep its pace; a device
            loses what was not taken by itself.
    """

    def __init__(self, target: str | int, skippable: bool) -> None:
        import cv2

        self._capture: Any = cv2.VideoCapture(target)
        self._skippable = skippable
        self._next = 0
        if not self._capture.isOpened():
            what = f"/dev/video{target}" if isinstance(target, int) else str(target)
            raise FrameError(f"{what} cannot be opened", "check that it exists and is readable")

    def read(self, index: int) -> Shot | None:
        while self._skippable and self._next < index and self._capture.grab():
            self._next += 1
        done, image = self._capture.read()
        self._next += 1
        return Shot(image) if done else None

    def close(self) -> None:
        self._capture.release()


class SimulatedSource:
    """One drone of a simulated world; the frame with number k is that of time k / rate."""

    def __init__(self, seed: int, drones: int, drone: int, rate_hz: float, modules: str) -> None:
        from edge_infer.simulation.world import World

        world = World.build(seed=seed, drones=drones, modules=modules or None)
        self._drone = world.drone(drone)
        self._rate_hz = rate_hz

    def read(self, index: int) -> Shot | None:
        view = self._drone.frame(index, index / self._rate_hz)
        return Shot(view.frame.image, view.pose, view.true_pose, view.camera)

    def close(self) -> None:
        pass


def open_source(config: Any) -> FrameSource:
    """The source that a CameraConfig asks for; raises FrameError or SimulationError."""
    openers: dict[str, Callable[[], FrameSource]] = {
        "simulated": lambda: SimulatedSource(
            config.seed, config.drones, config.drone, config.rate_hz, config.modules
        ),
        "folder": lambda: FolderSource(config.path),
        "video": lambda: CaptureSource(config.path, skippable=True),
        "v4l2": lambda: CaptureSource(config.device, skippable=False),
    }
    return openers[config.source]()
