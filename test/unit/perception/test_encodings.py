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

"""Every encoding against a slow reading of its definition; what does not fit is refused."""

from __future__ import annotations

import array
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_infer.domain import CameraFrame
from edge_infer.errors import FrameError
from edge_infer.nodes.conversions.images import frame_from_compressed_msg, frame_from_msg
from edge_infer.perception.encodings import (
    EACH_FRAMES_OWN,
    ENCODINGS,
    MAX_PIXELS,
    Radiometric,
    frame_from_bytes,
    frame_from_compressed,
)

SIDES = st.integers(1, 20)
EVEN = SIDES.map(lambda half: 2 * half)
PADDING = st.integers(0, 7)
SEEDS = st.integers(0, 2**32 - 1)

VIEWS = {"mono8": ("mono8", 1), "8UC1": ("mono8", 1), "rgb8": ("rgb8", 3), "bgr8": ("bgr8", 3),
         "8UC3": ("bgr8", 3)}  # fmt: skip
"""Encodings that need no change -> encoding and channels of the frame."""

BAYER = {"bayer_rggb8": "RGGB", "bayer_bggr8": "BGGR", "bayer_gbrg8": "GBRG", "bayer_grbg8": "GRBG"}
"""Colours of the first row's first two pixels, and of the second row's."""


def picture(seed: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, shape, np.uint8)


def padded(rows: np.ndarray, padding: int) -> np.ndarray:
    """(n,) bytes of rows, each followed by so many bytes of noise."""
    noise = picture(1, len(rows), padding)
    return np.concatenate([rows.reshape(len(rows), -1), noise], axis=1).ravel()


def read(
    data: Any,
    encoding: str,
    width: int,
    height: int,
    step: int,
    big_endian: bool = False,
    radiometric: Radiometric = EACH_FRAMES_OWN,
) -> CameraFrame:
    return frame_from_bytes(
        data, encoding, width, height, step, big_endian, 42, "camera", radiometric
    )


def bgr_of_yuv(y: int, u: int, v: int) -> list[float]:
    """ITU-R BT.601, limited range; what is darker than black is black."""
    light, blue, red = 1.164 * max(int(y) - 16, 0), int(u) - 128, int(v) - 128
    bgr = (light + 2.018 * blue, light - 0.391 * blue - 0.813 * red, light + 1.596 * red)
    return [min(max(value, 0.0), 255.0) for value in bgr]


# --- raw ---------------------------------------------------------------------------


@pytest.mark.parametrize("encoding", VIEWS)
@given(width=SIDES, height=SIDES, padding=PADDING, seed=SEEDS)
def test_pixels_that_need_no_change_are_a_view(encoding, width, height, padding, seed):
    gives, channels = VIEWS[encoding]
    image = picture(seed, height, width, channels)
    data = padded(image, padding)
    frame = read(data, encoding, width, height, width * channels + padding)
    assert frame.encoding == gives
    assert np.array_equal(frame.image.reshape(image.shape), image)
    assert np.shares_memory(frame.image, data)
    assert (frame.stamp_ns, frame.frame_id) == (42, "camera")


@pytest.mark.parametrize(
    ("encoding", "gives"), [("rgba8", "rgb8"), ("bgra8", "bgr8"), ("8UC4", "bgr8")]
)
@given(width=SIDES, height=SIDES, padding=PADDING, seed=SEEDS)
def test_a_fourth_channel_is_left_out(encoding, gives, width, height, padding, seed):
    image = picture(seed, height, width, 4)
    frame = read(padded(image, padding), encoding, width, height, 4 * width + padding)
    assert frame.encoding == gives
    assert np.array_equal(frame.image, image[..., :3])


@pytest.mark.parametrize("encoding", BAYER)
@given(width=st.integers(3, 20), height=st.integers(3, 20), padding=PADDING, seed=SEEDS)
def test_a_bayer_pattern_keeps_what_each_pixel_saw(encoding, width, height, padding, seed):
    mosaic = picture(seed, height, width)
    frame = read(padded(mosaic, padding), encoding, width, height, width + padding)
    assert frame.encoding == "bgr8"
    for y in range(1, height - 1):
        for x in range(1, width - 1):
            seen = "BGR".index(BAYER[encoding][2 * (y % 2) + x % 2])
            assert frame.image[y, x, seen] == mosaic[y, x]


@pytest.mark.parametrize("encoding", BAYER)
def test_a_bayer_pattern_of_one_colour_is_that_colour(encoding):
    colour = {"R": 200, "G": 100, "B": 30}
    mosaic = np.array(
        [[colour[BAYER[encoding][2 * (y % 2) + x % 2]] for x in range(8)] for y in range(6)],
        np.uint8,
    )
    frame = read(mosaic, encoding, 8, 6, 8)
    assert np.array_equal(frame.image, np.full((6, 8, 3), (30, 100, 200)))


@pytest.mark.parametrize("encoding", ["yuv422", "uyvy", "yuv422_yuy2", "yuyv"])
@given(width=EVEN, height=SIDES, padding=PADDING, seed=SEEDS)
def test_yuv422_shares_a_colour_between_two_pixels(encoding, width, height, padding, seed):
    light = picture(seed, height, width)
    colour = picture(seed + 1, height, width // 2, 2)
    first = 1 if encoding in ("yuv422", "uyvy") else 0
    packed = np.empty((height, width, 2), np.uint8)
    packed[..., first] = light
    packed[..., 1 - first] = colour.reshape(height, width)
    frame = read(padded(packed, padding), encoding, width, height, 2 * width + padding)
    expected = [
        [bgr_of_yuv(light[y, x], *colour[y, x // 2]) for x in range(width)] for y in range(height)
    ]
    assert frame.encoding == "bgr8"
    assert np.abs(frame.image - np.array(expected)).max() <= 1.5


@pytest.mark.parametrize("encoding", ["nv12", "nv21"])
@given(width=EVEN, height=EVEN, padding=PADDING, seed=SEEDS)
def test_yuv420_shares_a_colour_between_four_pixels(encoding, width, height, padding, seed):
    light = picture(seed, height, width)
    colour = picture(seed + 1, height // 2, width // 2, 2)
    below = colour if encoding == "nv12" else colour[..., ::-1]
    packed = np.concatenate([light, below.reshape(height // 2, width)])
    frame = read(padded(packed, padding), encoding, width, height, width + padding)
    expected = [
        [bgr_of_yuv(light[y, x], *colour[y // 2, x // 2]) for x in range(width)]
        for y in range(height)
    ]
    assert frame.encoding == "bgr8"
    assert np.abs(frame.image - np.array(expected)).max() <= 1.5


# --- counts ------------------------------------------------------------------------


def levels(counts: np.ndarray, low: int, high: int) -> np.ndarray:
    return np.clip((counts.astype(float) - low) * 255 / max(high - low, 1), 0, 255)


@pytest.mark.parametrize("encoding", ["mono16", "16UC1"])
@given(
    width=SIDES, height=SIDES, padding=PADDING, seed=SEEDS, big_endian=st.booleans(),
    ends=st.sampled_from([(0, 0), (0, 65535), (29_000, 33_000), (7, 8)]),
)  # fmt: skip
def test_counts_are_spread_evenly(encoding, width, height, padding, seed, big_endian, ends):
    counts = np.random.default_rng(seed).integers(27_000, 35_000, (height, width), np.uint16)
    data = padded(counts.astype(">u2" if big_endian else "<u2").view(np.uint8), padding)
    step = 2 * width + padding
    frame = read(data, encoding, width, height, step, big_endian, Radiometric(*ends))
    low, high = ends if any(ends) else (int(counts.min()), int(counts.max()))
    assert frame.encoding == "mono8"
    assert np.abs(frame.image - levels(counts, low, high)).max() <= 0.501


def test_an_even_picture_of_counts_is_black():
    frame = read(np.full((4, 4), 30_000, "<u2").tobytes(), "mono16", 4, 4, 8)
    assert not frame.image.any()


@pytest.mark.parametrize("ends", [(5, 5), (9, 3), (-1, 4), (0, 65_536)])
def test_counts_that_are_no_range_are_refused(ends):
    with pytest.raises(FrameError, match="no range of a 16-bit image"):
        Radiometric(*ends)


# --- what does not fit -------------------------------------------------------------


@pytest.mark.parametrize(
    ("encoding", "size", "step", "expected"),
    [
        ("yuv_of_the_moon", (8, 8), 8, "is not known: send one of mono8, .*nv21"),
        ("mono8", (9, 8), 9, "64 bytes are no 9x8 mono8 image with rows of 9 bytes"),
        ("mono8", (8, 9), 8, "64 bytes are no 8x9 mono8"),
        ("mono8", (8, 8), 7, "rows of 7 bytes"),
        ("mono8", (8, 8), 0, "rows of 0 bytes"),
        ("mono8", (0, 8), 8, "0x8 is no size of a mono8 image"),
        ("mono8", (8, 2**40), 8, "64 bytes are no"),
        ("nv12", (8, 8), 8, "64 bytes are no 8x8 nv12"),
        ("yuv422", (3, 2), 6, "3x2 is no size of a yuv422 image, which has an even width"),
        ("nv12", (4, 3), 4, "has an even size"),
        ("bayer_rggb8", (2, 4), 4, "has 3 pixels or more on each side"),
    ],
)
def test_bytes_that_do_not_fit_are_refused(encoding, size, step, expected):
    with pytest.raises(FrameError, match=expected):
        read(bytes(64), encoding, *size, step)


@given(
    data=st.binary(max_size=300), encoding=st.sampled_from(ENCODINGS) | st.text(max_size=8),
    width=st.integers(-1, 20), height=st.integers(-1, 20), step=st.integers(-1, 60),
    big_endian=st.booleans(),
)  # fmt: skip
def test_garbage_is_a_frame_or_a_frame_error(data, encoding, width, height, step, big_endian):
    try:
        frame = read(data, encoding, width, height, step, big_endian)
    except FrameError:
        return
    assert (frame.width, frame.height) == (width, height)


# --- compressed --------------------------------------------------------------------


def compressed(image: np.ndarray, suffix: str) -> bytes:
    return bytes(cv2.imencode(suffix, image)[1])


def unpacked(data: Any, stated: str = "", **more: Any) -> CameraFrame:
    return frame_from_compressed(data, stated, 42, "camera", **more)


@pytest.mark.parametrize("stated", ["png", "bgr8; png compressed bgr8", "PNG", "", "jpeg"])
def test_png_is_read_whatever_the_format_says(stated):
    image = picture(0, 12, 20, 3)
    frame = unpacked(compressed(image, ".png"), stated)
    assert frame.encoding == "bgr8"
    assert np.array_equal(frame.image, image)
    assert (frame.stamp_ns, frame.frame_id) == (42, "camera")


@pytest.mark.parametrize("stated", ["jpeg", "jpg", "rgb8; jpeg compressed bgr8"])
def test_jpeg_is_read(stated):
    image = np.full((16, 24, 3), (30, 100, 200), np.uint8)
    frame = unpacked(array.array("B", compressed(image, ".jpg")), stated)
    assert frame.encoding == "bgr8"
    assert np.abs(frame.image.astype(int) - image).max() <= 3


@pytest.mark.parametrize("suffix", [".png", ".jpg"])
def test_grey_stays_grey(suffix):
    frame = unpacked(compressed(np.full((9, 7), 90, np.uint8), suffix))
    assert frame.encoding == "mono8"
    assert np.array_equal(frame.image, np.full((9, 7), 90))


def test_a_png_with_transparency_loses_it():
    image = picture(3, 5, 6, 4)
    assert np.array_equal(unpacked(compressed(image, ".png")).image, image[..., :3])


@pytest.mark.parametrize("ends", [(0, 0), (29_000, 33_000)])
def test_a_png_of_counts_is_spread(ends):
    counts = np.linspace(28_000, 34_000, 48).astype(np.uint16).reshape(6, 8)
    data = compressed(counts, ".png")
    frame = unpacked(data, "mono16; png compressed", radiometric=Radiometric(*ends))
    low, high = ends if any(ends) else (28_000, 34_000)
    assert frame.encoding == "mono8"
    assert np.abs(frame.image - levels(counts, low, high)).max() <= 0.501


def test_deep_colours_keep_their_meaning():
    image = picture(4, 5, 6, 3)
    data = compressed(image.astype(np.uint16) * 257, ".png")
    assert np.array_equal(unpacked(data, radiometric=Radiometric(1, 2)).image, image)


@pytest.mark.parametrize("stated", ["h264", "16UC1; compressedDepth png", "tiff"])
def test_another_format_is_refused(stated):
    with pytest.raises(FrameError, match=r"is not known: send jpeg or png"):
        unpacked(compressed(picture(0, 8, 8), ".png"), stated)


@pytest.mark.parametrize("suffix", [".png", ".jpg"])
@pytest.mark.parametrize("share", [0.05, 0.3, 0.6, 0.9, 0.995])
def test_a_truncated_image_is_refused(suffix, share):
    data = compressed(picture(0, 200, 200, 3), suffix)
    with pytest.raises(FrameError, match="is not whole"):
        unpacked(data[: int(len(data) * share)])


def test_the_end_of_a_preview_is_not_the_end_of_the_image():
    data = compressed(picture(0, 64, 64, 3), ".jpg")
    preview = b"\xff\xe1" + (2 + 100).to_bytes(2, "big") + bytes(98) + b"\xff\xd9"
    whole = data[:2] + preview + data[2:]
    assert unpacked(whole + bytes(5)).width == 64
    with pytest.raises(FrameError, match="is not whole"):
        unpacked(whole[:-200])


def test_a_broken_image_is_refused():
    data = bytearray(compressed(picture(0, 64, 64), ".png"))
    data[len(data) // 2] ^= 255
    with pytest.raises(FrameError, match="is broken"):
        unpacked(bytes(data))


@pytest.mark.parametrize("data", [b"", b"a letter", b"\xff", b"GIF89a"])
def test_what_is_no_image_is_refused(data):
    with pytest.raises(FrameError, match=f"{len(data)} bytes are no jpeg or png image"):
        unpacked(data, "jpeg")


def bomb(suffix: str, width: int, height: int) -> bytes:
    """A small image that claims another size."""
    data = compressed(np.zeros((16, 16), np.uint8), suffix)
    if suffix == ".png":
        return data[:16] + width.to_bytes(4, "big") + height.to_bytes(4, "big") + data[24:]
    at = data.index(b"\xff\xc0") + 5
    return data[:at] + height.to_bytes(2, "big") + width.to_bytes(2, "big") + data[at + 4 :]


@pytest.mark.parametrize("suffix", [".png", ".jpg"])
def test_an_image_that_claims_to_be_huge_is_not_decoded(suffix):
    width, height = 60_000, MAX_PIXELS // 60_000 + 1
    with pytest.raises(FrameError, match=f"{width}x{height} pixels is too large"):
        unpacked(bomb(suffix, width, height))


@given(data=st.data(), suffix=st.sampled_from([".png", ".jpg"]), seed=SEEDS)
def test_a_mangled_image_is_a_frame_or_a_frame_error(data, suffix, seed):
    content = bytearray(compressed(picture(seed, 16, 24), suffix))
    places = st.lists(st.integers(0, len(content) - 1), min_size=1, max_size=4)
    for at in data.draw(places):
        content[at] = data.draw(st.integers(0, 255))
    try:
        frame = unpacked(bytes(content[: data.draw(st.integers(0, len(content)))]))
    except FrameError:
        return
    assert frame.image.size > 0


# --- messages ----------------------------------------------------------------------

HEADER = SimpleNamespace(stamp=SimpleNamespace(sec=1, nanosec=2), frame_id="camera")


def test_a_raw_message_is_a_frame():
    counts = np.array([[100, 200], [300, 400]], ">u2")
    msg = SimpleNamespace(
        header=HEADER, data=array.array("B", counts.tobytes()), encoding="mono16",
        width=2, height=2, step=4, is_bigendian=1,
    )  # fmt: skip
    assert frame_from_msg(msg, Radiometric(145, 400)).image.tolist() == [[0, 55], [155, 255]]
    frame = frame_from_msg(msg)
    assert frame.image.tolist() == [[0, 85], [170, 255]]
    assert (frame.stamp_ns, frame.frame_id) == (1_000_000_002, "camera")


def test_a_compressed_message_is_a_frame():
    image = picture(5, 8, 10)
    data = array.array("B", compressed(image, ".png"))
    frame = frame_from_compressed_msg(SimpleNamespace(header=HEADER, data=data, format="png"))
    assert np.array_equal(frame.image, image)
    assert (frame.stamp_ns, frame.frame_id) == (1_000_000_002, "camera")
