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

"""The pixels of any usual camera, raw or compressed, become a CameraFrame.

Names of encodings are those of sensor_msgs/image_encodings. What is already mono8,
rgb8 or bgr8 stays where it is: the frame is a view. All else costs one conversion.
Messages and files are not known here, and nothing is resized.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_infer.domain import CameraFrame
from edge_infer.errors import FrameError

MAX_PIXELS = 100_000_000
"""Of a compressed image: a few bytes can claim to be so large that no memory holds them."""

_CHECK_DRIVER = "check width, height, step and encoding at the camera driver"
_SEND_WHOLE = "send the whole file as the camera driver compressed it"


@dataclass(frozen=True)
class Radiometric:
    """Which counts of a 16-bit image become black and white; those between are spread evenly.

    Attributes:
        low: counts that become 0, as does all below.
        high: counts that become 255, as does all above. When both are 0, the least
            and the greatest counts of each frame are taken.
    """

    low: int = 0
    high: int = 0

    def __post_init__(self) -> None:
        if (self.low, self.high) != (0, 0) and not 0 <= self.low < self.high <= 65535:
            raise FrameError(
                f"counts from {self.low} to {self.high} are no range of a 16-bit image",
                "give 0 <= low < high <= 65535, or 0 and 0 for each frame's own",
            )


EACH_FRAMES_OWN = Radiometric()


class _Packing(NamedTuple):
    """How an encoding lies in memory.

    Attributes:
        bytes: of a pixel in a row.
        gives: encoding of the frame.
        code: OpenCV's conversion to it; None where there is nothing to convert.
        channels: that OpenCV's conversion takes.
        least: width and height.
        even: whether width, and whether height, must be even.
        halves: rows of bytes for two rows of the image; above 2 where colours follow below.
    """

    bytes: int
    gives: str
    code: int | None = None
    channels: int = 1
    least: int = 1
    even: tuple[bool, bool] = (False, False)
    halves: int = 2


def _bayer(code: int) -> _Packing:
    return _Packing(1, "bgr8", code, least=3)


def _yuv422(code: int) -> _Packing:
    return _Packing(2, "bgr8", code, 2, even=(True, False))


def _yuv420(code: int) -> _Packing:
    return _Packing(1, "bgr8", code, even=(True, True), halves=3)


_GREY = _Packing(1, "mono8")
_DEEP = _Packing(2, "mono8")
_BGR = _Packing(3, "bgr8", channels=3)
_BGRA = _Packing(4, "bgr8", cv2.COLOR_BGRA2BGR, 4)
_UYVY = _yuv422(cv2.COLOR_YUV2BGR_UYVY)
_YUYV = _yuv422(cv2.COLOR_YUV2BGR_YUYV)

# OpenCV names a Bayer pattern after the second row's second and third pixel, ROS after the
# first row's first two: rggb there is BG here.
_PACKINGS = {
    "mono8": _GREY, "8UC1": _GREY,
    "mono16": _DEEP, "16UC1": _DEEP,
    "rgb8": _Packing(3, "rgb8", channels=3),
    "bgr8": _BGR, "8UC3": _BGR,
    "rgba8": _Packing(4, "rgb8", cv2.COLOR_RGBA2RGB, 4),
    "bgra8": _BGRA, "8UC4": _BGRA,
    "bayer_rggb8": _bayer(cv2.COLOR_BayerBG2BGR),
    "bayer_bggr8": _bayer(cv2.COLOR_BayerRG2BGR),
    "bayer_gbrg8": _bayer(cv2.COLOR_BayerGR2BGR),
    "bayer_grbg8": _bayer(cv2.COLOR_BayerGB2BGR),
    "yuv422": _UYVY, "uyvy": _UYVY,
    "yuv422_yuy2": _YUYV, "yuyv": _YUYV,
    "nv12": _yuv420(cv2.COLOR_YUV2BGR_NV12),
    "nv21": _yuv420(cv2.COLOR_YUV2BGR_NV21),
}  # fmt: skip

ENCODINGS = tuple(_PACKINGS)
"""Names that :func:`frame_from_bytes` knows."""


def frame_from_bytes(
    data: NDArray[np.uint8] | Any,
    encoding: str,
    width: int,
    height: int,
    step: int,
    big_endian: bool,
    stamp_ns: int,
    frame_id: str,
    radiometric: Radiometric = EACH_FRAMES_OWN,
) -> CameraFrame:
    """Read an uncompressed image.

    Args:
        data: (n,) uint8, or whatever has such a buffer; height rows of step bytes.
        encoding: one of ENCODINGS.
        width: pixels.
        height: rows.
        step: bytes from one row to the next; what a row does not need is not looked at.
        big_endian: whether 16-bit counts have their high byte first.
        stamp_ns: capture time.
        frame_id: the camera's optical frame.
        radiometric: of 16-bit counts.

    Raises:
        FrameError: the encoding is not known, or the bytes are no such image.
    """
    packing = _PACKINGS.get(encoding)
    if packing is None:
        raise FrameError(
            f"image encoding {encoding!r} is not known", f"send one of {', '.join(ENCODINGS)}"
        )
    _check_size(encoding, packing, width, height)
    rows = _rows(data, encoding, packing, width, height, step)
    if packing is _DEEP:
        image = _spread(rows.view(">u2" if big_endian else "<u2"), radiometric)
    else:
        pixels = rows if packing.channels == 1 else rows.reshape(height, width, packing.channels)
        image = pixels if packing.code is None else _bytes(cv2.cvtColor(pixels, packing.code))
    return CameraFrame(image, packing.gives, stamp_ns, frame_id)


def frame_from_compressed(
    data: NDArray[np.uint8] | Any,
    format: str,  # noqa: A002 -- the field's name in sensor_msgs/CompressedImage
    stamp_ns: int,
    frame_id: str,
    radiometric: Radiometric = EACH_FRAMES_OWN,
) -> CameraFrame:
    """Read a JPEG, or a PNG of 8 or 16 bits; what the bytes say counts, not the format.

    Args:
        data: (n,) uint8, or whatever has such a buffer.
        format: as in sensor_msgs/CompressedImage, such as "mono16; png compressed".
        stamp_ns: capture time.
        frame_id: the camera's optical frame.
        radiometric: of a grey image of 16 bits.

    Raises:
        FrameError: another format, no whole image, or one larger than MAX_PIXELS.
    """
    words = format.lower()
    if "depth" in words or (words.strip() and not any(f in words for f in ("jpeg", "jpg", "png"))):
        raise FrameError(f"compressed image format {format!r} is not known", "send jpeg or png")
    content = np.frombuffer(data, np.uint8)
    _check_head(content.tobytes())
    image = _decoded(content)
    if image.ndim == 3 and image.shape[2] == 4:
        image = cv2.cvtColor(image, cv2.COLOR_BGRA2BGR)
    if image.dtype == np.uint16:
        image = _spread(image, radiometric if image.ndim == 2 else Radiometric(0, 65535))
    return CameraFrame(_bytes(image), "mono8" if image.ndim == 2 else "bgr8", stamp_ns, frame_id)


# --- raw ---------------------------------------------------------------------------


def _check_size(encoding: str, packing: _Packing, width: int, height: int) -> None:
    odd = (packing.even[0] and width % 2) or (packing.even[1] and height % 2)
    if odd or min(width, height) < packing.least:
        needs = "an even size" if odd else f"{packing.least} pixels or more on each side"
        if odd and not packing.even[1]:
            needs = "an even width"
        raise FrameError(
            f"{width}x{height} is no size of a {encoding} image, which has {needs}", _CHECK_DRIVER
        )


def _rows(
    data: NDArray[np.uint8] | Any,
    encoding: str,
    packing: _Packing,
    width: int,
    height: int,
    step: int,
) -> NDArray[np.uint8]:
    """(rows, bytes of a row) uint8, a view that leaves out what pads a row."""
    content = np.frombuffer(data, np.uint8)
    row, count = width * packing.bytes, height * packing.halves // 2
    if step < row or content.size < step * count:
        raise FrameError(
            f"{content.size} bytes are no {width}x{height} {encoding} image "
            f"with rows of {step} bytes",
            _CHECK_DRIVER,
        )
    return content[: step * count].reshape(count, step)[:, :row]


def _spread(counts: NDArray[Any], radiometric: Radiometric) -> NDArray[np.uint8]:
    """16-bit counts of either byte order to 0..255."""
    low, high = radiometric.low, radiometric.high
    if (low, high) == (0, 0):
        low, high = int(counts.min()), int(counts.max())
    above = np.maximum(counts, np.uint16(low)) - np.uint16(low)
    return _bytes(cv2.convertScaleAbs(above, alpha=255 / max(high - low, 1)))


def _bytes(image: cv2.typing.MatLike) -> NDArray[np.uint8]:
    return np.asarray(image, np.uint8)


# --- compressed ----------------------------------------------------------------------

_JPEG, _PNG = b"\xff\xd8", b"\x89PNG\r\n\x1a\n"
_SCAN = 0xDA
_SIZES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
"""Markers of a JPEG: before its pixels, and of the segments that tell its size."""


def _check_head(content: bytes) -> None:
    """Refuse what is no whole image, or too large a one, before memory is spent on it."""
    if content.startswith(_JPEG):
        size = _jpeg_size(content)
    elif content.startswith(_PNG):
        size = _png_size(content)
    else:
        raise FrameError(f"{len(content)} bytes are no jpeg or png image", _SEND_WHOLE)
    if size is None or 0 in size:
        raise FrameError(f"a compressed image of {len(content)} bytes is not whole", _SEND_WHOLE)
    if size[0] * size[1] > MAX_PIXELS:
        raise FrameError(
            f"a compressed image of {size[0]}x{size[1]} pixels is too large",
            f"send at most {MAX_PIXELS // 1_000_000} million pixels",
        )


def _jpeg_size(content: bytes) -> tuple[int, int] | None:
    """Width and height; None where the pixels or their end are missing.

    The end is looked for behind the head: a preview in there has an end of its own.
    """
    size, at = None, len(_JPEG)
    while at + 9 <= len(content) and content[at] == 0xFF:
        marker = content[at + 1]
        if marker in _SIZES:
            height, width = _number(content[at + 5 : at + 7]), _number(content[at + 7 : at + 9])
            size = width, height
        elif marker == _SCAN:
            return size if content.rfind(b"\xff\xd9", at) > 0 else None
        fill = marker == 0xFF
        at += 1 if fill else 2 + _number(content[at + 2 : at + 4])
    return None


def _png_size(content: bytes) -> tuple[int, int] | None:
    """Width and height; None where the last chunk is missing."""
    if content[12:16] != b"IHDR" or content.rfind(b"IEND") < 0:
        return None
    return _number(content[16:20]), _number(content[20:24])


def _number(content: bytes) -> int:
    return int.from_bytes(content, "big")


def _decoded(content: NDArray[np.uint8]) -> cv2.typing.MatLike:
    try:
        image = cv2.imdecode(content, cv2.IMREAD_UNCHANGED)
    except cv2.error:
        image = None
    if image is None:
        raise FrameError(f"a compressed image of {content.size} bytes is broken", _SEND_WHOLE)
    return image
