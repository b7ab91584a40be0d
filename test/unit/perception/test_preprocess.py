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

"""Letterbox there and back, and the pixels that reach the network."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_infer.domain import CameraFrame
from edge_infer.models.manifest import InputSpec
from edge_infer.perception.preprocess import Letterbox, Preprocessor


def spec(**changes):
    values = {"name": "image", "width": 320, "height": 256, "channels": 1, "dtype": "uint8"}
    return InputSpec(**{**values, **changes})


def frame(image, encoding="mono8"):
    return CameraFrame(np.asarray(image, np.uint8), encoding, 0, "camera")


sides = st.integers(16, 2000)


@given(
    width=sides,
    height=sides,
    resize=st.sampled_from(["letterbox", "stretch"]),
    align=st.sampled_from(["centre", "corner"]),
    corners=st.lists(st.floats(0, 1, width=32), min_size=4, max_size=4),
)
def test_boxes_find_the_way_back(width, height, resize, align, corners):
    box = Letterbox.fit(width, height, spec(resize=resize, align=align))
    size = np.array([width, height] * 2, np.float32)
    xyxy = np.array([corners], np.float32) * size
    assert np.abs(box.to_source(box.to_input(xyxy)) - xyxy).max() <= 0.5


@given(width=sides, height=sides)
def test_a_letterbox_is_whole_centred_and_keeps_the_shape(width, height):
    box = Letterbox.fit(width, height, spec())
    inner_w, inner_h = box.inner
    assert inner_w == 320 or inner_h == 256
    assert 0 <= 320 - inner_w - 2 * box.pad_x <= 1
    assert 0 <= 256 - inner_h - 2 * box.pad_y <= 1
    # Rounding to whole pixels moves each edge by half a pixel at most.
    assert abs(inner_w - width * box.scale_y) <= 0.5 + 0.5 * width / height
    assert abs(inner_h - height * box.scale_x) <= 0.5 + 0.5 * height / width


def test_boxes_are_cut_at_the_edges():
    box = Letterbox.fit(640, 512, spec())
    found = box.to_source(np.array([[-5, -5, 400, 300]], np.float32))
    assert found.tolist() == [[0, 0, 640, 512]]


def test_half_size_is_the_mean_of_four_pixels():
    image = np.zeros((512, 640), np.uint8)
    image[10, 20] = 200
    tensor, box = Preprocessor(spec())(frame(image))
    assert tensor.shape == (1, 1, 256, 320)
    assert tensor.dtype == np.uint8
    assert tensor[0, 0, 5, 10] == 50
    assert int(tensor.sum()) == 50
    assert box == Letterbox(0.5, 0.5, 0, 0, 640, 512)


def test_the_border_is_painted_again_for_a_new_size():
    preprocess = Preprocessor(spec(pad_value=7))
    preprocess(frame(np.full((512, 640), 200)))
    tensor, box = preprocess(frame(np.full((100, 320), 200)))
    assert (box.pad_x, box.pad_y) == (0, 78)
    assert (tensor[0, 0, :78] == 7).all()
    assert (tensor[0, 0, 78:178] == 200).all()
    assert (tensor[0, 0, 178:] == 7).all()


def test_the_buffer_is_reused():
    preprocess = Preprocessor(spec())
    first, _ = preprocess(frame(np.zeros((512, 640))))
    second, _ = preprocess(frame(np.ones((512, 640))))
    assert np.shares_memory(first, second)


COLOURS = {"bgr8": (10, 20, 30), "rgb8": (30, 20, 10)}
"""One colour, R 30, G 20, B 10, in both orders."""


@pytest.mark.parametrize("encoding", COLOURS)
@pytest.mark.parametrize("layout", ["nchw", "nhwc"])
@pytest.mark.parametrize("colours", ["rgb", "bgr"])
@pytest.mark.parametrize("size", [(64, 64), (32, 32), (64, 20), (300, 17)])
def test_colours_arrive_in_the_networks_order(encoding, layout, colours, size):
    image = np.broadcast_to(COLOURS[encoding], (*size, 3))
    wanted = spec(width=32, height=32, channels=3, layout=layout, colours=colours, pad_value=20)
    tensor, box = Preprocessor(wanted)(frame(image, encoding))
    planes = tensor[0] if layout == "nchw" else tensor[0].transpose(2, 0, 1)
    inside = planes[:, box.pad_y, box.pad_x]
    assert inside.tolist() == ([30, 20, 10] if colours == "rgb" else [10, 20, 30])
    width, height = box.inner
    window = planes[:, box.pad_y : box.pad_y + height, box.pad_x : box.pad_x + width]
    assert (window == inside[:, None, None]).all()


def test_a_corner_letterbox_starts_at_the_top_left():
    preprocess = Preprocessor(spec(width=32, height=32, align="corner", pad_value=7))
    tensor, box = preprocess(frame(np.full((16, 32), 200)))
    assert (box.pad_x, box.pad_y) == (0, 0)
    assert (tensor[0, 0, :16] == 200).all()
    assert (tensor[0, 0, 16:] == 7).all()


def test_eight_bit_signed_inputs_take_pixels_less_128():
    pixels = np.arange(256).reshape(16, 16)
    tensor, _ = Preprocessor(spec(width=16, height=16, dtype="int8"))(frame(pixels))
    assert tensor.dtype == np.int8
    assert (tensor[0, 0] == pixels - 128).all()


@pytest.mark.parametrize("layout", ["nchw", "nhwc"])
def test_each_channel_has_its_mean_and_scale(layout):
    wanted = spec(
        width=8, height=8, channels=3, dtype="float32", layout=layout, colours="bgr",
        mean=(10.0, 20.0, 30.0), scale=(1.0, 0.5, 0.25),
    )  # fmt: skip
    image = np.broadcast_to(np.uint8([11, 24, 38]), (8, 8, 3))
    tensor, _ = Preprocessor(wanted)(frame(image, "bgr8"))
    planes = tensor[0] if layout == "nchw" else tensor[0].transpose(2, 0, 1)
    np.testing.assert_allclose(planes[:, 3, 3], [1.0, 2.0, 2.0])


def test_frames_of_a_batch_lie_behind_each_other_in_any_size():
    preprocess = Preprocessor(spec(width=32, height=32, batch=3, pad_value=7))
    frames = [frame(np.full(size, value)) for size, value in (((32, 32), 1), ((16, 32), 2))]
    for order in (frames, frames[::-1], frames):
        tensor, boxes = preprocess.batch(order)
        assert tensor.shape == (2, 1, 32, 32)
        for own, shot, box in zip(tensor, order, boxes, strict=True):
            alone, expected = Preprocessor(spec(width=32, height=32, pad_value=7))(shot)
            assert box == expected
            assert (own == alone[0]).all()


def test_much_smaller_is_the_mean_of_many_pixels():
    rng = np.random.default_rng(0)
    image = rng.integers(0, 255, (256, 320))
    tensor, _ = Preprocessor(spec(width=40, height=32))(frame(image))
    means = image.reshape(32, 8, 40, 8).mean(axis=(1, 3))
    # Each halving rounds once.
    assert np.abs(tensor[0, 0] - means).max() <= 2


@pytest.mark.parametrize("encoding", COLOURS)
def test_colours_become_grey_by_their_luminance(encoding):
    image = np.broadcast_to(COLOURS[encoding], (64, 64, 3))
    tensor, _ = Preprocessor(spec(width=32, height=32))(frame(image, encoding))
    assert np.unique(tensor) == round(0.299 * 30 + 0.587 * 20 + 0.114 * 10)


def test_grey_fills_three_channels():
    tensor, _ = Preprocessor(spec(width=32, height=32, channels=3))(frame(np.full((32, 32), 9)))
    assert tensor.shape == (1, 3, 32, 32)
    assert np.unique(tensor) == 9


def test_floats_are_normalised():
    wanted = spec(width=32, height=32, dtype="float32", mean=100.0, scale=0.01)
    tensor, _ = Preprocessor(wanted)(frame(np.full((32, 32), 150)))
    assert tensor.dtype == np.float32
    np.testing.assert_allclose(tensor, 0.5, rtol=1e-6)
