"""A camera image becomes the network's input tensor, and boxes find the way back.

The buffer is allocated once and written in place: for a uint8 model a frame
costs one resize and nothing else. Boxes are in continuous pixel coordinates: the
left edge of the first pixel is 0, the right edge of the last is the width.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_infer.domain import CameraFrame
from edge_infer.models.manifest import InputSpec

_CONVERSIONS = {
    ("bgr8", 1): cv2.COLOR_BGR2GRAY,
    ("rgb8", 1): cv2.COLOR_RGB2GRAY,
    ("mono8", 3): cv2.COLOR_GRAY2RGB,
    ("bgr8", 3): cv2.COLOR_BGR2RGB,
}
"""(encoding, channels of the network) -> OpenCV's code; other pairs stay as they are."""


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
        return cls(
            inner_w / width,
            inner_h / height,
            (spec.width - inner_w) // 2,
            (spec.height - inner_h) // 2,
            width,
            height,
        )

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
        self._pixels = np.empty(spec.shape, np.uint8)
        is_float = spec.dtype == "float32"
        self._floats = np.empty(spec.shape, np.float32) if is_float else None
        self._letterbox: Letterbox | None = None

    def __call__(self, frame: CameraFrame) -> tuple[NDArray[Any], Letterbox]:
        """The input tensor, valid until the next call, and where the image lies in it."""
        box = self._place(frame.width, frame.height)
        self._write(frame, box)
        if self._floats is None:
            return self._pixels, box
        np.subtract(self._pixels, np.float32(self._spec.mean), out=self._floats)
        np.multiply(self._floats, np.float32(self._spec.scale), out=self._floats)
        return self._floats, box

    def _place(self, width: int, height: int) -> Letterbox:
        """The letterbox of this frame size; a new size paints the border again."""
        box = self._letterbox
        if box is None or (box.width, box.height) != (width, height):
            box = self._letterbox = Letterbox.fit(width, height, self._spec)
            self._pixels[:] = self._spec.pad_value
        return box

    def _write(self, frame: CameraFrame, box: Letterbox) -> None:
        inner_w, inner_h = box.inner
        rows = slice(box.pad_y, box.pad_y + inner_h)
        columns = slice(box.pad_x, box.pad_x + inner_w)
        small = self._resized(frame, box)
        if self._spec.layout == "nhwc":
            self._pixels[0, rows, columns] = small.reshape(inner_h, inner_w, -1)
        elif small.ndim == 2:
            self._pixels[0, 0, rows, columns] = small
        else:
            self._pixels[0, :, rows, columns] = small.transpose(2, 0, 1)

    def _resized(self, frame: CameraFrame, box: Letterbox) -> NDArray[np.uint8]:
        """The image in the input's size and colours, (height, width[, 3])."""
        image = frame.image
        if box.inner != (box.width, box.height):
            shrinks_much = min(box.scale_x, box.scale_y) <= 0.5
            method = cv2.INTER_AREA if shrinks_much else cv2.INTER_LINEAR
            image = cv2.resize(image, box.inner, interpolation=method)
        code = _CONVERSIONS.get((frame.encoding, self._spec.channels))
        return np.asarray(image if code is None else cv2.cvtColor(image, code), np.uint8)
