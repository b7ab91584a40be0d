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

"""Batches keep their labels apart, and changed frames keep theirs in place."""

import numpy as np
import pytest

from edge_infer.datasets.frames import Boxes, LabelledFrame, Windows, cut, stack, varied
from edge_infer.datasets.mixture import Mixture, draw
from edge_infer.outlines import of_boxes

HEIGHT, WIDTH = 96, 128


def square(left, top, class_id=0):
    """A frame whose label covers exactly its bright pixels."""
    image = np.full((HEIGHT, WIDTH), 60, np.uint8)
    image[top : top + 40, left : left + 24] = 180
    xyxy = np.array([[left, top, left + 24, top + 40]], np.float32)
    boxes = Boxes.upright(np.zeros(1, np.int64), xyxy, np.array([class_id]), np.ones(1, np.float32))
    return LabelledFrame(image, boxes)


def empty():
    boxes = Boxes.upright(
        np.zeros(0, np.int64), np.zeros((0, 4), np.float32), np.zeros(0, np.int64),
        np.zeros(0, np.float32),
    )  # fmt: skip
    return LabelledFrame(np.zeros((HEIGHT, WIDTH), np.uint8), boxes)


@pytest.mark.parametrize("seed", range(12))
def test_varied_labels_stay_on_their_modules(seed):
    before = square(10, 20)
    after = varied(before, np.random.default_rng(seed))
    left, top, right, bottom = after.boxes.xyxy[0].astype(int)
    bright = after.image > after.image.min()
    assert bright.sum() == bright[top:bottom, left:right].sum() == 24 * 40
    np.testing.assert_array_equal(after.boxes.outline, of_boxes(after.boxes.xyxy))
    assert before.boxes.xyxy[0].tolist() == [10, 20, 34, 60]
    assert before.boxes.outline[0, 0].tolist() == [10, 20]


def test_varying_mirrors_both_ways_sooner_or_later():
    corners = {
        tuple(varied(square(10, 20), np.random.default_rng(s)).boxes.xyxy[0, :2].tolist())
        for s in range(30)
    }
    assert corners == {(10, 20), (94, 20), (10, 36), (94, 36)}


def test_a_window_cuts_boxes_but_leaves_outlines_whole():
    boxes = cut(square(10, 20), 20, 30, 64, 48).boxes
    assert boxes.xyxy.tolist() == [[0, 0, 14, 30]]
    assert boxes.outline.tolist() == [[[-10, -10], [14, -10], [14, 30], [-10, 30]]]
    assert boxes.visible[0] == np.float32(14 * 30 / (24 * 40))
    assert len(cut(square(10, 20), 40, 0, 64, 48).boxes.outline) == 0


def test_labels_go_along_when_a_picture_is_scaled_and_moved():
    boxes = square(10, 20).boxes.mapped((2.0, 0.5), (1.0, -3.0))
    assert boxes.xyxy.tolist() == [[21, 7, 69, 27]]
    np.testing.assert_array_equal(boxes.outline, of_boxes(boxes.xyxy))


def test_a_stack_gives_back_its_frames():
    frames = [square(1, 2, 5), empty(), square(3, 4, 6)]
    stacked = stack(frames)
    assert stacked.boxes.frame.tolist() == [0, 2]
    for index, frame in enumerate(frames):
        assert np.array_equal(stacked[index].image, frame.image)
        for one, other in zip(stacked[index].boxes, frame.boxes, strict=True):
            assert np.array_equal(one, other)


def test_a_mixture_takes_from_each_source_by_its_weight():
    one, other = (lambda _, c=c: square(1, 1, c) for c in (0, 1))
    mixture = Mixture([(3.0, one), (1.0, other)])
    classes = draw(mixture, 400, seed=1).boxes.class_id
    assert 70 < (classes == 1).sum() < 130


def test_frames_drawn_with_one_seed_are_the_same():
    source = Windows(stack([square(1, 2), square(30, 40)]), 64, 64)
    one, other = draw(source, 6, 5), draw(source, 6, 5)
    assert np.array_equal(one.images, other.images)
    assert not np.array_equal(one.images, draw(source, 6, 6).images)
