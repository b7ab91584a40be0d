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

"""Labelled frames: what every data set comes down to, and what may be done to any frame.

Boxes and outlines are in continuous pixel coordinates: the left edge of the first
pixel is 0, the right edge of the last one is the width.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from edge_infer.outlines import of_boxes

HEALTHY = -1
"""Class id of a module without a fault: a box that a detector must not report."""

_MIRRORED_CORNERS = ([1, 0, 3, 2], [3, 2, 1, 0])
"""Which corner comes to stand where each was, in a mirror along x, and along y."""


class Boxes(NamedTuple):
    """The labels of one or more frames, one row a box.

    Attributes:
        frame: (m,) int64, index of the frame in its batch or data set, rising.
        xyxy: (m, 4) float32, pixels, cut at the picture's edges.
        class_id: (m,) int64, index into the labels, or HEALTHY.
        visible: (m,) float32, share of the box in the picture.
        outline: (m, 4, 2) float32, pixels, corners clockwise as in outlines.py; whole, also
            where the picture cuts it off.
    """

    frame: NDArray[np.int64]
    xyxy: NDArray[np.float32]
    class_id: NDArray[np.int64]
    visible: NDArray[np.float32]
    outline: NDArray[np.float32]

    @classmethod
    def upright(
        cls,
        frame: NDArray[np.int64],
        xyxy: NDArray[np.float32],
        class_id: NDArray[np.int64],
        visible: NDArray[np.float32],
    ) -> Boxes:
        """Labels of which nothing but the boxes is known: their corners are the outlines."""
        return cls(frame, xyxy, class_id, visible, of_boxes(xyxy))

    def where(self, rows: NDArray[np.bool_] | NDArray[np.int64]) -> Boxes:
        """The rows that a mask or indices name."""
        return Boxes(
            self.frame[rows],
            self.xyxy[rows],
            self.class_id[rows],
            self.visible[rows],
            self.outline[rows],
        )

    def mapped(self, scale: tuple[float, float], offset: tuple[float, float]) -> Boxes:
        """As they are in a picture that was scaled and moved by (x, y), not cut at its edges."""
        factor, shift = np.array(scale, np.float32), np.array(offset, np.float32)
        return self._replace(
            xyxy=self.xyxy * np.tile(factor, 2) + np.tile(shift, 2),
            outline=self.outline * factor + shift,
        )


class LabelledFrame(NamedTuple):
    """One frame: (height, width) uint8, and its boxes with ``frame`` 0."""

    image: NDArray[np.uint8]
    boxes: Boxes


class FrameSource(Protocol):
    """Something that has any number of labelled frames of one size."""

    def __call__(self, rng: Generator) -> LabelledFrame:
        """A frame that ``rng`` alone decides."""


class Windows:
    """Random windows of other frames, mirrored and lit differently: a FrameSource.

    Many small windows teach more than few large frames: no two of them share their
    light, their scale and their direction.
    """

    def __init__(self, frames: LabelledFrames, width: int, height: int) -> None:
        self._frames = frames
        self._width, self._height = width, height

    def __call__(self, rng: Generator) -> LabelledFrame:
        """See FrameSource."""
        frame = self._frames[int(rng.integers(len(self._frames.images)))]
        height, width = frame.image.shape
        left = int(rng.integers(width - self._width + 1))
        top = int(rng.integers(height - self._height + 1))
        return varied(cut(frame, left, top, self._width, self._height), rng)


@dataclass(frozen=True, eq=False)
class LabelledFrames:
    """Frames of one size with their labels.

    Attributes:
        images: (n, height, width) uint8.
        boxes: in pixels of the images, sorted by frame.
    """

    images: NDArray[np.uint8]
    boxes: Boxes

    def __getitem__(self, index: int) -> LabelledFrame:
        """One of them."""
        low, high = np.searchsorted(self.boxes.frame, (index, index + 1))
        boxes = self.boxes.where(np.arange(low, high))
        return LabelledFrame(self.images[index], boxes._replace(frame=np.zeros_like(boxes.frame)))


def stack(frames: Sequence[LabelledFrame]) -> LabelledFrames:
    """Frames of one size as one batch."""
    columns = zip(*(frame.boxes for frame in frames), strict=True)
    boxes = Boxes(*(np.concatenate(column) for column in columns))
    counts = [len(frame.boxes.frame) for frame in frames]
    number = np.repeat(np.arange(len(frames), dtype=np.int64), counts)
    return LabelledFrames(np.stack([f.image for f in frames]), boxes._replace(frame=number))


def cut(frame: LabelledFrame, left: int, top: int, width: int, height: int) -> LabelledFrame:
    """A window of a frame, with what is left of its boxes."""
    boxes = frame.boxes.mapped((1.0, 1.0), (-left, -top))
    inside = np.clip(boxes.xyxy, 0, np.array([width, height] * 2, np.float32))
    share = area(inside) / np.maximum(area(boxes.xyxy), np.float32(1e-9))
    boxes = boxes._replace(xyxy=inside, visible=boxes.visible * share).where(share > 0)
    return LabelledFrame(frame.image[top : top + height, left : left + width], boxes)


def scaled(frame: LabelledFrame, scale: float, method: int) -> LabelledFrame:
    """A frame with all that is in it, at so many times its size.

    Args:
        frame: of any size.
        scale: above 0; sides are rounded to whole pixels.
        method: OpenCV's code of the interpolation.
    """
    height, width = frame.image.shape
    size = max(1, round(width * scale)), max(1, round(height * scale))
    image = np.asarray(cv2.resize(frame.image, size, interpolation=method), np.uint8)
    factor = size[0] / width, size[1] / height
    return LabelledFrame(image, frame.boxes.mapped(factor, (0.0, 0.0)))


def area(xyxy: NDArray[np.float32]) -> NDArray[np.float32]:
    """(n,) of (n, 4) boxes."""
    return np.asarray((xyxy[:, 2:] - xyxy[:, :2]).prod(axis=1))


def varied(frame: LabelledFrame, rng: Generator) -> LabelledFrame:
    """Mirror a frame at random about both axes, and change its brightness and contrast."""
    height, width = frame.image.shape
    gain, offset = rng.uniform(0.85, 1.15), rng.uniform(-15.0, 15.0)
    grey = np.arange(256, dtype=np.float32)
    image = np.clip((grey - 128) * gain + 128 + offset, 0, 255).astype(np.uint8)[frame.image]
    boxes = frame.boxes
    if rng.random() < 0.5:
        image, boxes = image[:, ::-1], _mirrored(boxes, 0, width)
    if rng.random() < 0.5:
        image, boxes = image[::-1], _mirrored(boxes, 1, height)
    return LabelledFrame(np.ascontiguousarray(image), boxes)


def _mirrored(boxes: Boxes, axis: int, extent: int) -> Boxes:
    """Boxes of a picture that was mirrored along an axis: 0 is x, 1 is y."""
    # A mirror turns clockwise into counterclockwise, until the corners change places.
    xyxy, outline = boxes.xyxy.copy(), boxes.outline[:, _MIRRORED_CORNERS[axis]]
    xyxy[:, axis::2] = extent - xyxy[:, axis::2][:, ::-1]
    outline[..., axis] = extent - outline[..., axis]
    return boxes._replace(xyxy=xyxy, outline=outline)
