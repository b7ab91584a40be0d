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
    corners=st.lists(st.floats(0, 1, width=32), min_size=4, max_size=4),
)
def test_boxes_find_the_way_back(width, height, resize, corners):
    box = Letterbox.fit(width, height, spec(resize=resize))
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
def test_colours_arrive_as_rgb(encoding, layout):
    image = np.broadcast_to(COLOURS[encoding], (64, 64, 3))
    wanted = spec(width=32, height=32, channels=3, layout=layout)
    tensor, _ = Preprocessor(wanted)(frame(image, encoding))
    planes = tensor[0] if layout == "nchw" else tensor[0].transpose(2, 0, 1)
    assert [int(plane.min()) for plane in planes] == [30, 20, 10]
    assert [int(plane.max()) for plane in planes] == [30, 20, 10]


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
