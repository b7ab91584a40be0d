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

"""What is found comes out of the picture upright, whole and of one size."""

import numpy as np
import pytest

from edge_infer.backends.base import TensorSpec
from edge_infer.errors import DecodeError
from edge_infer.models.manifest import ClassifierSpec, WeightFile
from edge_infer.outlines import of_boxes
from edge_infer.perception.classify import RegionClassifier
from edge_infer.perception.regions import cut_out

WIDTH, HEIGHT = 24, 40
PICTURE = np.random.default_rng(0).integers(60, 200, (HEIGHT, WIDTH), np.uint8)


def boxes(*xyxy):
    return of_boxes(np.array(xyxy, np.float32))


def test_a_region_of_its_own_size_is_the_picture_itself():
    frame = np.zeros((100, 80), np.uint8)
    frame[30:70, 20:44] = PICTURE
    region = cut_out(frame, boxes((20, 30, 44, 70)), WIDTH, HEIGHT)
    np.testing.assert_array_equal(region, PICTURE[None])


def test_a_thing_that_lies_is_turned_to_stand():
    frame = np.zeros((80, 100), np.uint8)
    frame[20:44, 30:70] = np.rot90(PICTURE)
    region = cut_out(frame, boxes((30, 20, 70, 44)), WIDTH, HEIGHT)[0]
    assert (region == PICTURE).all() or (region == PICTURE[::-1, ::-1]).all()


@pytest.mark.parametrize("angle", [0.1, 0.5, 2.0, -1.2])
def test_a_turned_thing_comes_out_straight(angle):
    """A ramp along the thing and none across it stays one, whatever way it is turned."""
    along = np.array([np.sin(angle), np.cos(angle)])
    across = np.array([np.cos(angle), -np.sin(angle)])
    y, x = np.mgrid[:200, :200].astype(np.float64) + 0.5
    frame = np.clip(128 + 2 * ((x - 100) * along[0] + (y - 100) * along[1]), 0, 255)
    corners = [(-12, -20), (12, -20), (12, 20), (-12, 20)]
    outline = np.array([[100 + a * across + b * along for a, b in corners]], np.float32)
    region = cut_out(frame.astype(np.uint8), outline, WIDTH, HEIGHT)[0].astype(float)
    assert np.ptp(region, axis=1).max() <= 2
    slope = np.diff(region.mean(axis=1))
    assert np.abs(np.abs(slope) - 2).max() < 0.6


@pytest.mark.parametrize("times", [2, 3, 4])
def test_a_larger_thing_is_averaged_not_sampled(times):
    smooth = np.add.outer(2.0 * np.arange(HEIGHT), 3.0 * np.arange(WIDTH)) + 40
    large = np.kron(smooth, np.ones((times, times)))
    noisy = large + np.random.default_rng(1).normal(0, 20, large.shape)
    frame = np.zeros((300, 300), np.uint8)
    frame[20 : 20 + HEIGHT * times, 30 : 30 + WIDTH * times] = np.clip(noisy, 0, 255)
    box = boxes((30, 20, 30 + WIDTH * times, 20 + HEIGHT * times))
    region = cut_out(frame, box, WIDTH, HEIGHT)[0].astype(float)
    assert np.abs(region - smooth)[1:-1, 1:-1].mean() < 0.75 * 16  # of the noise's mean size


def test_what_is_outside_of_the_picture_is_black():
    frame = np.full((40, 40), 99, np.uint8)
    region = cut_out(frame, boxes((-12, 0, 12, 40)), WIDTH, HEIGHT)[0]
    assert (region[:, :11] == 0).all()
    assert (region[:, 13:] == 99).all()


@pytest.mark.parametrize("count", [0, 1, 1000])
def test_any_number_of_regions_comes_in_its_order(count):
    frame = np.repeat(np.arange(200, dtype=np.uint8)[:, None], 64, axis=1)
    top = np.arange(count) % 150
    xyxy = np.stack([top * 0 + 8, top, top * 0 + 32, top + 40], axis=1)
    regions = cut_out(frame, of_boxes(xyxy.astype(np.float32)), WIDTH, HEIGHT)
    assert regions.shape == (count, HEIGHT, WIDTH)
    assert (regions[:, 0, 0] == top).all()


@pytest.mark.parametrize(("height", "count"), [(512, 127), (500, 131), (40, 4915)])
def test_no_number_of_tall_regions_is_too_much_for_one_call(height, count):
    frame = np.repeat(np.arange(8, dtype=np.uint8)[None], height, axis=0)
    outlines = of_boxes(np.tile(np.float32([0, 0, 8, height]), (count, 1)))
    assert (cut_out(frame, outlines, 8, height) == frame).all()


class MeanGrey:
    """An engine for three labels: the brighter a region, the surer the second one."""

    outputs = ()

    def __init__(self, batch, labels=3):
        self.inputs = (TensorSpec("regions", (batch, 1, HEIGHT, WIDTH), "uint8"),)
        self._labels = labels

    def infer(self, tensors):
        grey = tensors[0].mean(axis=(1, 2, 3), dtype=np.float32)
        logits = np.zeros((len(grey), self._labels + 1), np.float32)
        logits[:, 1] = grey - 100
        return [logits]


def classifier(batch, engine_labels=3, faulty_share=None):
    weights = (WeightFile(format="onnx", file="c.onnx", sha256="0" * 64, bytes=1),)
    spec = ClassifierSpec(input="regions", width=WIDTH, height=HEIGHT, batch=batch, weights=weights)
    return RegionClassifier(spec, 3, MeanGrey(batch, engine_labels), faulty_share)


@pytest.mark.parametrize("count", [0, 1, 4, 9])
def test_every_region_gets_its_own_answer_whatever_the_batch(count):
    frame = np.zeros((60, 400), np.uint8)
    levels = 96 + np.arange(count)
    for index, level in enumerate(levels):
        frame[10:50, 30 * index : 30 * index + 24] = level
    outlines = of_boxes(
        np.array([(30 * i, 10, 30 * i + 24, 50) for i in range(count)], np.float32).reshape(-1, 4)
    )
    chances = classifier(4)(frame, outlines)
    expected = np.exp(levels - 100.0) / (np.exp(levels - 100.0) + 3)
    assert chances.shape == (count, 3)
    np.testing.assert_allclose(chances[:, 1], expected, rtol=1e-4)


def test_where_few_are_faulty_the_same_picture_is_less_likely_to_show_a_fault():
    """Bayes: how much likelier the picture is of a faulty thing than of a healthy one stays."""
    frame = np.full((40, 24), 101, np.uint8)
    even, rare = (classifier(1, faulty_share=s)(frame, boxes((0, 0, 24, 40)))[0].sum()
                  for s in (None, 0.02))  # fmt: skip
    assert rare / (1 - rare) == pytest.approx(even / (1 - even) * 0.02 / 0.98, rel=1e-4)


def test_an_answer_of_another_shape_is_refused():
    with pytest.raises(DecodeError, match=r"not the classifier's \[4, 4\]"):
        classifier(4, engine_labels=7)(PICTURE, boxes((0, 0, 24, 40)))
