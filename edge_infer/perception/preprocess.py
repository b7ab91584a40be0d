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

"""A camera image becomes the network's input tensor, and boxes find the way back.

The buffer is allocated once and written in place: for a uint8 model a frame
costs one resize, and colour planes fall into their places in whatever order the
network wants them. Boxes are in continuous pixel coordinates: the
left edge of the first pixel is 0, the right edge of the last is the width.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_infer.domain import CameraFrame
from edge_infer.models.manifest import InputSpec

_TO_GREY = {"bgr8": cv2.COLOR_BGR2GRAY, "rgb8": cv2.COLOR_RGB2GRAY}
"""Encoding -> OpenCV's code."""

_SIGN = np.uint8(128)
"""Turns 0..255 into the bits of -128..127."""


class Letterbox(NamedTuple):
    """Where an image lies in the network's input.

    The scales of x and y differ by the rounding to whole pixels (or by more,
    when the image is stretched); keeping both makes the way back exact.

    Attributes:
        scale_x, scale_y: input pixels per source pixel.
        pad_x, pad_y: input pixels left of and above the image.
        width, height: of the source image.
    """

    scale_x: float
    scale_y: float
    pad_x: int
    pad_y: int
    width: int
    height: int

    @classmethod
    def fit(cls, width: int, height: int, spec: InputSpec) -> Letterbox:
        """Place a source image of this size in the input."""
        if spec.resize == "stretch":
            return cls(spec.width / width, spec.height / height, 0, 0, width, height)
        scale = min(spec.width / width, spec.height / height)
        inner_w = max(1, round(width * scale))
        inner_h = max(1, round(height * scale))
        pad_x, pad_y = (spec.width - inner_w) // 2, (spec.height - inner_h) // 2
        if spec.align == "corner":
            pad_x = pad_y = 0
        return cls(inner_w / width, inner_h / height, pad_x, pad_y, width, height)

    @property
    def inner(self) -> tuple[int, int]:
        """Width and height of the image within the input."""
        return round(self.width * self.scale_x), round(self.height * self.scale_y)

    def to_source(self, xyxy: NDArray[np.float32]) -> NDArray[np.float32]:
        """(n, 4) boxes in input pixels -> (n, 4) in source pixels, cut at the image's edges."""
        scale = np.array([self.scale_x, self.scale_y] * 2, np.float32)
        pad = np.array([self.pad_x, self.pad_y] * 2, np.float32)
        edge = np.array([self.width, self.height] * 2, np.float32)
        return np.asarray(np.clip((xyxy - pad) / scale, np.float32(0), edge), np.float32)

    def to_input(self, xyxy: NDArray[np.float32]) -> NDArray[np.float32]:
        """(n, 4) boxes in source pixels -> (n, 4) in input pixels."""
        scale = np.array([self.scale_x, self.scale_y] * 2, np.float32)
        pad = np.array([self.pad_x, self.pad_y] * 2, np.float32)
        return xyxy * scale + pad


class Preprocessor:
    """Writes frames into one reused input tensor; use it from one thread."""

    def __init__(self, spec: InputSpec) -> None:
        self._spec = spec
        shape = (spec.batch, *spec.shape[1:])
        self._pixels = np.empty(shape, np.uint8)
        self._floats = np.empty(shape, np.float32) if spec.dtype == "float32" else None
        self._mean, self._scale = (self._by_channel(v) for v in (spec.mean, spec.scale))
        self._letterboxes: list[Letterbox | None] = [None] * spec.batch

    def __call__(self, frame: CameraFrame) -> tuple[NDArray[Any], Letterbox]:
        """The input tensor, valid until the next call, and where the image lies in it."""
        tensor, (box,) = self.batch([frame])
        return tensor, box

    def batch(self, frames: Sequence[CameraFrame]) -> tuple[NDArray[Any], list[Letterbox]]:
        """The same for up to ``InputSpec.batch`` frames, one behind the other."""
        boxes = [self._place(slot, frame) for slot, frame in enumerate(frames)]
        for slot, (frame, box) in enumerate(zip(frames, boxes, strict=True)):
            self._write(self._pixels[slot], frame, box)
        return self._tensor(len(frames)), boxes

    def _by_channel(self, value: float | tuple[float, float, float]) -> NDArray[np.float32]:
        one_each = isinstance(value, tuple) and self._spec.layout == "nchw"
        values = np.asarray(value, np.float32)
        if one_each:
            values = values.reshape(3, 1, 1)
        return values

    def _place(self, slot: int, frame: CameraFrame) -> Letterbox:
        """The letterbox of this frame size; a new size paints the border again."""
        box = self._letterboxes[slot]
        if box is None or (box.width, box.height) != (frame.width, frame.height):
            box = self._letterboxes[slot] = Letterbox.fit(frame.width, frame.height, self._spec)
            self._pixels[slot] = self._spec.pad_value
        return box

    def _tensor(self, frames: int) -> NDArray[Any]:
        pixels = self._pixels[:frames]
        if self._spec.dtype == "int8":
            signed: NDArray[np.int8] = (pixels ^ _SIGN).view(np.int8)
            return signed
        if self._floats is None:
            return pixels
        floats = self._floats[:frames]
        np.subtract(pixels, self._mean, out=floats)
        np.multiply(floats, self._scale, out=floats)
        return floats

    def _write(self, pixels: NDArray[np.uint8], frame: CameraFrame, box: Letterbox) -> None:
        """A frame into its part of the tensor."""
        inner_w, inner_h = box.inner
        rows = slice(box.pad_y, box.pad_y + inner_h)
        columns = slice(box.pad_x, box.pad_x + inner_w)
        image = self._resized(frame, box)
        if self._spec.channels == 3 and image.ndim == 3 and not self._same_order(frame):
            image = image[:, :, ::-1]
        if self._spec.layout == "nhwc":
            pixels[rows, columns] = image.reshape(inner_h, inner_w, -1)
        elif image.ndim == 2:
            pixels[:, rows, columns] = image
        else:
            _split(image, [pixels[channel, rows, columns] for channel in range(3)])

    def _same_order(self, frame: CameraFrame) -> bool:
        return frame.encoding == f"{self._spec.colours}8"

    def _resized(self, frame: CameraFrame, box: Letterbox) -> NDArray[np.uint8]:
        """The image in the input's size, (height, width) or (height, width, 3)."""
        image = frame.image
        if box.inner != (box.width, box.height):
            image = _shrunk(image, box.inner)
        if self._spec.channels == 1 and frame.encoding in _TO_GREY:
            image = np.asarray(cv2.cvtColor(image, _TO_GREY[frame.encoding]), np.uint8)
        return image


def _shrunk(image: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    """An image in another size, without dots where it shrinks much: by halves, which are fast."""
    while image.shape[1] >= 4 * size[0] and image.shape[0] >= 4 * size[1]:
        half = (image.shape[1] // 2, image.shape[0] // 2)
        image = np.asarray(cv2.resize(image, half, interpolation=cv2.INTER_AREA), np.uint8)
    shrinks_much = image.shape[1] >= 2 * size[0] and image.shape[0] >= 2 * size[1]
    method = cv2.INTER_AREA if shrinks_much else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(image, size, interpolation=method), np.uint8)


def _split(image: NDArray[np.uint8], planes: list[NDArray[np.uint8]]) -> None:
    """Colours of (height, width, 3) into three planes; OpenCV takes the reverse order for free."""
    if image.strides[2] < 0:
        image, planes = image[:, :, ::-1], planes[::-1]
    cv2.split(image, planes)
