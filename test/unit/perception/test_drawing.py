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

"""What is drawn lies where it was found, and is seen on light and on dark pictures."""

from __future__ import annotations

import numpy as np
import pytest

from edge_infer.domain import CameraFrame, Detections
from edge_infer.perception.drawing import annotated, colour

LABELS = ("Cell", "Diode")


def one(box: tuple[float, ...], class_id: int = 1) -> Detections:
    return Detections(np.array([box], np.float32), np.array([0.9], np.float32),
                      np.array([class_id], np.int32))  # fmt: skip


def even(level: int, height: int = 120, width: int = 160) -> CameraFrame:
    return CameraFrame(np.full((height, width), level, np.uint8), "mono8", 0, "camera")


@pytest.mark.parametrize("level", [0, 128, 255])
def test_a_box_is_seen_on_every_ground(level):
    image = annotated(even(level), one((40, 50, 100, 90)), LABELS)
    assert image[89, 70].tolist() == list(colour("Diode"))
    for row in (88, 90):
        assert image[row, 70].tolist() == [20, 20, 20]
    assert image[70, 70].tolist() == [level] * 3
    assert (image[110:] == level).all()


def test_a_name_stands_above_its_box_or_inside_where_there_is_no_room():
    for top, where in ((50, slice(36, 48)), (0, slice(2, 12))):
        image = annotated(even(128), one((40, top, 100, top + 40)), LABELS)
        ground = (image[where, 42:80] == colour("Diode")).all(axis=2)
        assert 0.3 < ground.mean() < 1.0


def test_a_name_does_not_leave_the_picture():
    image = annotated(even(128), one((150, 50, 160, 90)), LABELS)
    ground = (image[36:46, 100:] == colour("Diode")).all(axis=2)
    assert ground.mean() > 0.3


def test_the_frame_itself_stays_as_it_is():
    for encoding in ("bgr8", "rgb8"):
        frame = CameraFrame(np.full((60, 80, 3), (10, 20, 30), np.uint8), encoding, 0, "camera")
        image = annotated(frame, one((10, 30, 40, 50)), LABELS)
        assert (frame.image == (10, 20, 30)).all()
        expected = [10, 20, 30] if encoding == "bgr8" else [30, 20, 10]
        assert image[58, 78].tolist() == expected


def test_lines_grow_with_the_picture():
    def line(frame: CameraFrame) -> int:
        height = frame.height
        image = annotated(frame, one((20, height // 2, frame.width - 20, height - 40)), LABELS)
        return int(
            (image[height // 2 + 60 :, frame.width // 2] == colour("Diode")).all(axis=1).sum()
        )

    assert line(even(0, 400, 600)) == 1
    assert 4 <= line(even(0, 2000, 3000)) <= 5


@pytest.mark.parametrize("size", [(1, 1), (3, 200), (200, 3)])
def test_tiny_pictures_and_odd_boxes_are_drawn(size):
    frame = even(9, *size)
    for box in ((0, 0, 1, 1), (0, 0, 0, 0), (np.nan, 0, 5, 5), (-50, -50, 500, 500)):
        assert annotated(frame, one(box), LABELS).shape == (*size, 3)
    assert (annotated(frame, Detections.empty(), LABELS) == 9).all()


def test_a_name_outside_ascii_is_drawn():
    assert annotated(even(0), one((40, 50, 100, 90), 0), ("Zelle—ü",)).any()
