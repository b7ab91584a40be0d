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

"""The nouns that rooms hand to each other; no behaviour beyond checking a shape.

Units stand in the names: ``_m`` metres, ``_mm`` whole millimetres, ``_ns``
nanoseconds, ``_rad`` radians. The fleet frame is ``map``: east-north-up metres
at a configured WGS-84 origin (REP-103, REP-105). A stamp is the capture time of
a frame on the ROS clock.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from edge_infer.errors import FrameError

CHANNELS = {"mono8": 1, "bgr8": 3, "rgb8": 3}
"""Image encodings (names of sensor_msgs/image_encodings) and their channels."""


@dataclass(frozen=True, eq=False)
class CameraFrame:
    """One image as the camera delivered it.

    Attributes:
        image: (height, width) for mono8, else (height, width, 3); uint8.
        encoding: a key of CHANNELS.
        stamp_ns: capture time.
        frame_id: the camera's optical frame (x right, y down, z forward).
    """

    image: NDArray[np.uint8]
    encoding: str
    stamp_ns: int
    frame_id: str

    def __post_init__(self) -> None:
        channels = CHANNELS.get(self.encoding)
        if channels is None:
            raise FrameError(
                f"image encoding {self.encoding!r} is not known",
                f"send one of {', '.join(CHANNELS)}",
            )
        expected = 2 if channels == 1 else 3
        shape = self.image.shape
        if (
            self.image.dtype != np.uint8
            or self.image.ndim != expected
            or (expected == 3 and shape[2] != channels)
            or 0 in shape
        ):
            raise FrameError(
                f"an image of shape {shape} and type {self.image.dtype} is not {self.encoding}",
                "check width, height, step and encoding at the camera driver",
            )

    @property
    def width(self) -> int:
        """Pixels per row."""
        return int(self.image.shape[1])

    @property
    def height(self) -> int:
        """Rows."""
        return int(self.image.shape[0])


@dataclass(frozen=True, eq=False)
class Detections:
    """What a detector found in one frame, best first, columnar.

    Attributes:
        xyxy: (n, 4) float32, left, top, right, bottom in pixels of the source image.
        confidence: (n,) float32 in 0..1.
        class_id: (n,) int32, index into the model's labels.
    """

    xyxy: NDArray[np.float32]
    confidence: NDArray[np.float32]
    class_id: NDArray[np.int32]

    def __post_init__(self) -> None:
        n = len(self.confidence)
        if self.xyxy.shape != (n, 4) or self.class_id.shape != (n,):
            raise ValueError(
                f"columns of different length: {self.xyxy.shape}, ({n},), {self.class_id.shape}"
            )

    def __len__(self) -> int:
        return len(self.confidence)

    @classmethod
    def empty(cls) -> Detections:
        """Nothing was found."""
        return cls(np.empty((0, 4), np.float32), np.empty(0, np.float32), np.empty(0, np.int32))


DISTORTION_MODELS = {"plumb_bob": 5, "rational_polynomial": 8, "equidistant": 4}
"""Lens models (names of sensor_msgs/distortion_models) and the most coefficients of each."""


@dataclass(frozen=True)
class CameraModel:
    """A camera with its lens, as sensor_msgs/CameraInfo states it.

    Attributes:
        width, height: pixels.
        fx, fy, cx, cy: focal lengths and principal point, pixels.
        distortion: coefficients in the order of the model; empty for none.
        distortion_model: a key of DISTORTION_MODELS.
    """

    width: int
    height: int
    fx: float
    fy: float
    cx: float
    cy: float
    distortion: tuple[float, ...] = ()
    distortion_model: str = "plumb_bob"


@dataclass(frozen=True)
class Pose:
    """Where base_link (x forward, y left, z up) is in the fleet frame.

    Attributes:
        stamp_ns: when it was there.
        position_m: east, north, up.
        orientation_xyzw: unit quaternion that turns base_link vectors into map vectors.
        position_variance_m2: east, north, up.
        attitude_variance_rad2: about the body's x, y, z.
    """

    stamp_ns: int
    position_m: tuple[float, float, float]
    orientation_xyzw: tuple[float, float, float, float]
    position_variance_m2: tuple[float, float, float] = (0.0, 0.0, 0.0)
    attitude_variance_rad2: tuple[float, float, float] = (0.0, 0.0, 0.0)


class SightingId(NamedTuple):
    """The identity of a sighting; also its rank among equal scores (lower wins).

    ``boot`` counts the starts of the source and is on disk before the first
    message, so an identity is never used twice.
    """

    source: str
    boot: int
    sequence: int

    def __str__(self) -> str:
        return f"{self.source}/{self.boot}/{self.sequence}"


@dataclass(frozen=True)
class Sighting:
    """One drone's geo-referenced view of something.

    Attributes:
        id: who saw it; unique for ever.
        stamp_ns: capture time of the frame.
        frame: number of the frame within (source, boot). Two sightings of one
            frame are two things.
        class_name: the detector's label.
        score: 0..1, exactly representable as float32.
        x_mm, y_mm, z_mm: east, north, up in whole millimetres, rounded once, here.
        covariance_m2: horizontal position covariance xx, xy, yy (float32 values).
        model_version: of the model that saw it.
    """

    id: SightingId
    stamp_ns: int
    frame: int
    class_name: str
    score: float
    x_mm: int
    y_mm: int
    z_mm: int
    covariance_m2: tuple[float, float, float]
    model_version: str

    @property
    def priority(self) -> tuple[float, SightingId]:
        """Sort key, ascending: the best sighting comes first."""
        return (-self.score, self.id)


VOTE_ONE = 1 << 24
"""A vote of score 1; scores are float32, so this loses nothing above 2^-24."""


@dataclass(frozen=True)
class Target:
    """One real thing, after duplicates are removed, as all its sightings say together.

    Attributes:
        id: of the earliest sighting that it stands for; stays while the target lives.
        class_name: the one with the most votes; the first by name among equals.
        score: of the best sighting.
        x_mm, y_mm, z_mm: the mean of the sightings, weighted by how sure they are.
        covariance_m2: of that place, horizontal: xx, xy, yy (float32 values).
        first_seen_ns, last_seen_ns: capture times of its first and latest sighting.
        sources: the drones that saw it, sorted.
        votes: every class and the sum of its scores in VOTE_ONE, most first.
        members: the identities of the sightings that it stands for, sorted.
    """

    id: SightingId
    class_name: str
    score: float
    x_mm: int
    y_mm: int
    z_mm: int
    covariance_m2: tuple[float, float, float]
    first_seen_ns: int
    last_seen_ns: int
    sources: tuple[str, ...]
    votes: tuple[tuple[str, int], ...]
    members: tuple[SightingId, ...]

    @property
    def sightings(self) -> int:
        """How many sightings it stands for."""
        return len(self.members)
