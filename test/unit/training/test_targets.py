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

"""Which place answers for which box."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from edge_infer.datasets.frames import Boxes
from edge_infer.training.lessons.targets import IGNORED, NOTHING, RING, assign

ROWS, COLUMNS, STRIDE = 8, 10, 8


def boxes(*rows, frame=0, visible=1.0):
    """Boxes of 12 x 20 pixels about (x, y), with a class each."""
    centre = np.array([(x, y) for x, y, _ in rows], np.float32)
    half = np.array([6, 10], np.float32)
    return Boxes.upright(
        np.full(len(rows), frame),
        np.hstack([centre - half, centre + half]),
        np.array([name for *_, name in rows]),
        np.full(len(rows), visible, np.float32),
    )


@given(x=st.floats(0, COLUMNS * STRIDE - 0.01), y=st.floats(0, ROWS * STRIDE - 0.01))
def test_each_box_has_one_to_four_places_and_they_are_near(x, y):
    targets = assign(boxes((x, y, 3)), 1, ROWS, COLUMNS, STRIDE)
    asked = np.argwhere(targets[0] == 0)
    assert 1 <= len(asked) <= 4
    assert np.abs((asked[:, ::-1] + 0.5) * STRIDE - (x, y)).max() <= 0.8 * STRIDE + 1e-3
    around = np.argwhere(targets[0] == IGNORED)
    assert np.abs((around[:, ::-1] + 0.5) * STRIDE - (x, y)).max(initial=0) <= RING * STRIDE + 1e-3
    assert (targets == NOTHING).sum() == ROWS * COLUMNS - len(asked) - len(around)


def test_the_nearest_box_gets_the_place():
    near, far = (20.0, 20.0, 1), (26.0, 20.0, 2)
    for order, first in (((near, far), 0), ((far, near), 1)):
        targets = assign(boxes(*order), 1, ROWS, COLUMNS, STRIDE)
        assert targets[0, 2, 2] == first
        assert targets[0, 2, 3] == 1 - first


def test_boxes_go_to_their_own_frame():
    targets = assign(boxes((20, 20, 5), frame=1), 3, ROWS, COLUMNS, STRIDE)
    assert [(grid == 0).any() for grid in targets] == [False, True, False]


def test_modules_hardly_in_the_picture_are_left_out():
    targets = assign(boxes((20, 20, 5), visible=0.3), 1, ROWS, COLUMNS, STRIDE)
    assert targets[0, 2, 2] == IGNORED
    assert not (targets == 0).any()


def test_no_boxes_ask_for_nothing():
    targets = assign(boxes((0, 0, 0)).where(np.zeros(1, bool)), 1, ROWS, COLUMNS, STRIDE)
    assert (targets == NOTHING).all()


def test_healthy_modules_are_asked_for_as_well():
    targets = assign(boxes((20, 20, -1)), 1, ROWS, COLUMNS, STRIDE)
    assert targets[0, 2, 2] == 0
