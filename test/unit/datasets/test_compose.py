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

"""Composed frames: the labels lie on their modules, whatever the warp."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from edge_infer.datasets.compose import JUDGED, TAUGHT, Composer, FrameSpec
from edge_infer.datasets.frames import HEALTHY
from edge_infer.datasets.mixture import draw
from edge_infer.datasets.pictures import Pictures, drawn_pictures


@pytest.fixture(scope="module")
def pictures():
    return drawn_pictures(1, per_class=10)


def marked():
    """Healthy modules all dark, faulty ones all bright: a box can be checked by eye."""
    images = np.repeat(np.array([[[40]], [[250]]], np.uint8), 40, 1).repeat(24, 2)
    return Pictures(images, np.array([HEALTHY, 3]))


def test_one_seed_gives_one_frame(pictures):
    compose = Composer(pictures, TAUGHT)
    one, other = (compose(np.random.default_rng(5)) for _ in range(2))
    assert np.array_equal(one.image, other.image)
    assert all(np.array_equal(a, b) for a, b in zip(one.boxes, other.boxes, strict=True))
    assert not np.array_equal(one.image, compose(np.random.default_rng(6)).image)


@pytest.mark.parametrize("seed", range(8))
def test_boxes_lie_on_what_they_name(seed):
    frame = Composer(marked(), JUDGED)(np.random.default_rng(seed))
    whole = frame.boxes.where(frame.boxes.visible > 0.99)
    assert len(whole.frame) > 10
    for (left, top, right, bottom), class_id in zip(
        np.rint(whole.xyxy).astype(int), whole.class_id, strict=True
    ):
        x, y = (left + right) // 2, (top + bottom) // 2
        middle = frame.image[y - 2 : y + 3, x - 2 : x + 3].mean()
        assert (middle > 140) == (class_id == 3), (middle, class_id)


def test_an_upright_module_fills_its_box():
    spec = FrameSpec(module_px=(40.0, 40.0), faulty=(1.0, 1.0))
    frame = Composer(marked(), spec)(np.random.default_rng(2))
    whole = frame.boxes.where(frame.boxes.visible > 0.99)
    for left, top, right, bottom in np.rint(whole.xyxy).astype(int):
        inside = frame.image[top + 4 : bottom - 4, left + 4 : right - 4]
        assert (inside > 140).mean() > 0.8


@pytest.mark.parametrize("seed", range(3))
def test_a_turned_module_fills_its_outline(seed):
    spec = FrameSpec(module_px=(40.0, 40.0), faulty=(1.0, 1.0), tilted=1.0)
    frame = Composer(marked(), spec)(np.random.default_rng(seed))
    whole = frame.boxes.where(frame.boxes.visible > 0.99)
    assert len(whole.frame) > 10
    for outline in whole.outline:
        middle = outline.mean(axis=0)
        inside = np.zeros(frame.image.shape, np.uint8)
        # OpenCV counts from the middle of the first pixel.
        corners = np.rint(middle + 0.85 * (outline - middle) - 0.5).astype(np.int32)
        cv2.fillConvexPoly(inside, corners, 1)
        assert (frame.image[inside > 0] > 140).mean() > 0.95


def test_modules_are_as_wide_as_asked(pictures):
    frames = draw(Composer(pictures, replace(JUDGED, tilted=0.0)), 30, 1)
    whole = frames.boxes.where(frames.boxes.visible > 0.99)
    short = (whole.xyxy[:, 2:] - whole.xyxy[:, :2]).min(axis=1)
    assert 20 < short.min() < 30
    assert 60 < short.max() < 90


def test_half_of_the_judged_modules_are_healthy_and_classes_are_as_in_the_set(pictures):
    frames = draw(Composer(pictures, JUDGED), 30, 2)
    assert 0.45 < (frames.boxes.class_id == HEALTHY).mean() < 0.55
    counts = np.bincount(frames.boxes.class_id[frames.boxes.class_id >= 0], minlength=11)
    assert counts.min() > 0.5 * counts.mean()


def test_evenness_brings_rare_faults_forward():
    rare = Pictures(np.zeros((41, 40, 24), np.uint8), np.array([HEALTHY] + [0] * 39 + [1]))
    shares = []
    for evenness in (0.0, 1.0):
        spec = FrameSpec(module_px=(24.0, 24.0), evenness=evenness)
        class_id = draw(Composer(rare, spec), 4, 1).boxes.class_id
        shares.append((class_id == 1).sum() / (class_id >= 0).sum())
    assert shares[0] < 0.06
    assert 0.4 < shares[1] < 0.6


def test_a_frame_that_shows_no_module_has_no_boxes():
    spec = FrameSpec(width=64, height=64, module_px=(40.0, 40.0))
    frames = draw(Composer(marked(), spec), 20, 1)
    shown = np.unique(frames.boxes.frame)
    assert 0 < len(shown) < 20


def test_partly_visible_modules_say_so(pictures):
    frames = draw(Composer(pictures, JUDGED), 6, 3)
    assert ((frames.boxes.visible > 0) & (frames.boxes.visible < 0.9)).any()
    assert (frames.boxes.visible <= 1.001).all()
    assert (frames.boxes.xyxy >= 0).all()
    assert (frames.boxes.xyxy <= [640, 512, 640, 512]).all()
