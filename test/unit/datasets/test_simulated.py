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

"""Rendered frames: reproducible, and the labels lie on what they name."""

import numpy as np
import pytest

from edge_infer.datasets.simulated import render
from edge_infer.simulation.modules import FAULT_CLASSES


@pytest.fixture(scope="module")
def frames():
    return render(12, seed=3)


def test_the_same_seed_gives_the_same_bytes(frames):
    again = render(12, seed=3)
    assert np.array_equal(frames.images, again.images)
    assert all(np.array_equal(a, b) for a, b in zip(frames.boxes, again.boxes, strict=True))
    assert not np.array_equal(frames.images, render(12, seed=4).images)


def test_labels_fit_the_frames(frames):
    count, height, width = frames.images.shape
    assert (count, height, width) == (12, 512, 640)
    assert len(frames.boxes.frame) > 20
    assert (np.diff(frames.boxes.frame) >= 0).all()
    xyxy = frames.boxes.xyxy
    assert (xyxy >= 0).all()
    assert (xyxy <= [width, height, width, height]).all()


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
        middle = frames.images[index, y - 2 : y + 3, x - 2 : x + 3].mean()
        assert middle > np.median(frames.images[index]) + 10


def test_it_says_how_far_it_is():
    said = []
    render(3, seed=1, progress=said.append)
    assert said == ["rendered 0 of 3 simulated frames"]
