"""Rendered frames: reproducible, and the labels lie on what they name."""

import numpy as np
import pytest

from edge_infer.simulation.modules import FAULT_CLASSES
from edge_infer.training.data import HEIGHT, WIDTH, LabelledFrames, augment, load_or_render, render
from edge_infer.training.targets import Boxes


@pytest.fixture(scope="module")
def frames():
    return render(12, seed=3)


def test_the_same_seed_gives_the_same_bytes(frames):
    again = render(12, seed=3)
    assert np.array_equal(frames.images, again.images)
    assert all(np.array_equal(a, b) for a, b in zip(frames.boxes, again.boxes, strict=True))
    assert not np.array_equal(frames.images, render(12, seed=4).images)


def test_labels_fit_the_frames(frames):
    assert frames.labels == FAULT_CLASSES
    assert frames.images.shape == (12, HEIGHT, WIDTH)
    assert len(frames.boxes.frame) > 20
    assert (np.diff(frames.boxes.frame) >= 0).all()
    xyxy = frames.boxes.xyxy
    assert (xyxy >= 0).all()
    assert (xyxy <= [WIDTH, HEIGHT, WIDTH, HEIGHT]).all()


def test_offline_modules_are_brighter_than_their_frame(frames):
    offline = frames.boxes.where(
        (frames.boxes.class_id == FAULT_CLASSES.index("Offline-Module"))
        & (frames.boxes.visible > 0.99)
    )
    assert len(offline.frame) > 0
    for index, (left, top, right, bottom) in zip(
        offline.frame, np.rint(offline.xyxy).astype(int), strict=True
    ):
        x, y = (left + right) // 2, (top + bottom) // 2
        middle = frames.images[index, y - 1 : y + 2, x - 1 : x + 2].mean()
        assert middle > np.median(frames.images[index]) + 10


def squares(count=8):
    """Frames whose labels cover exactly their bright pixels."""
    rng = np.random.default_rng(0)
    images = np.full((count, HEIGHT, WIDTH), 60, np.uint8)
    corner = rng.integers(0, 200, (count, 2))
    xyxy = np.hstack([corner, corner + np.array([24, 40])])
    for image, (left, top, right, bottom) in zip(images, xyxy, strict=True):
        image[top:bottom, left:right] = 180
    boxes = Boxes(
        np.arange(count), xyxy.astype(np.float32), np.zeros(count, int), np.ones(count, np.float32)
    )
    return LabelledFrames(images, boxes)


def test_augmented_labels_stay_on_their_modules():
    before = squares()
    after = augment(before, np.random.default_rng(1))
    assert not np.array_equal(after.boxes.xyxy, before.boxes.xyxy)
    for image, (left, top, right, bottom) in zip(
        after.images, after.boxes.xyxy.astype(int), strict=True
    ):
        bright = image > image.min()
        assert bright.sum() == bright[top:bottom, left:right].sum() == 24 * 40


def test_taking_frames_renumbers_their_labels(frames):
    taken = frames.take([7, 2])
    assert np.array_equal(taken.images, frames.images[[7, 2]])
    for new, old in enumerate([7, 2]):
        mine = taken.boxes.xyxy[taken.boxes.frame == new]
        assert np.array_equal(mine, frames.boxes.xyxy[frames.boxes.frame == old])


def test_the_cache_gives_back_what_was_rendered(tmp_path):
    first = load_or_render(tmp_path, 3, 5)
    second = load_or_render(tmp_path, 3, 5)
    assert np.array_equal(first.images, second.images)
    assert all(np.array_equal(a, b) for a, b in zip(first.boxes, second.boxes, strict=True))
