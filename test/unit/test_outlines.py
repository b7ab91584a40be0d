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

"""Outlines of things in pictures."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_infer import outlines
from edge_infer.datasets.compose import JUDGED, TAUGHT, Composer
from edge_infer.datasets.folders import FolderSource, open_folder, write_coco
from edge_infer.datasets.frames import Windows, varied
from edge_infer.datasets.mixture import draw
from edge_infer.datasets.pictures import drawn_pictures
from edge_infer.datasets.simulated import render
from edge_infer.simulation.modules import FAULT_CLASSES

WIDE = np.array([[10.0, 20.0, 50.0, 44.0]], np.float32)


def turned(outline, angle):
    """About its middle."""
    middle = outline.mean(axis=1, keepdims=True)
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    return (outline - middle) @ turn + middle


def signed_area(outline):
    """Above zero for corners that go round clockwise in a picture."""
    x, y = outline[..., 0], outline[..., 1]
    return 0.5 * (x * np.roll(y, -1, axis=1) - np.roll(x, -1, axis=1) * y).sum(axis=1)


def test_a_boxs_corners_go_round_clockwise_from_the_top_left():
    assert outlines.of_boxes(WIDE).tolist() == [[[10, 20], [50, 20], [50, 44], [10, 44]]]
    assert signed_area(outlines.of_boxes(WIDE))[0] == 40 * 24


@given(angle=st.floats(-7.0, 7.0))
def test_a_turned_outline_begins_at_its_top_left_and_keeps_its_way_round(angle):
    outline = turned(outlines.of_boxes(WIDE), angle)
    begun = outlines.from_top_left(outline)
    assert begun[0].sum(axis=1).argmin() == 0
    assert signed_area(begun)[0] == pytest.approx(960, rel=1e-6)
    assert sorted(map(tuple, begun[0])) == sorted(map(tuple, outline[0]))


@given(angle=st.floats(-7.0, 7.0))
def test_the_first_side_is_the_short_one(angle):
    outline = outlines.short_side_up(turned(outlines.of_boxes(WIDE), angle))[0]
    sides = np.linalg.norm(np.roll(outline, -1, axis=0) - outline, axis=1)
    np.testing.assert_allclose(sides, [24, 40, 24, 40], rtol=1e-6)


def test_bounds_undo_corners():
    np.testing.assert_array_equal(outlines.bounds(outlines.of_boxes(WIDE)), WIDE)


@pytest.mark.parametrize("change", [outlines.from_top_left, outlines.short_side_up])
def test_no_outlines_stay_none_and_many_are_changed_each_by_itself(change):
    assert change(np.zeros((0, 4, 2), np.float32)).shape == (0, 4, 2)
    corners = outlines.of_boxes(np.concatenate([WIDE, WIDE[:, [1, 0, 3, 2]]]))
    both = np.concatenate([corners, np.roll(corners, 1, axis=1)])
    one_by_one = np.concatenate([change(outline[None]) for outline in both])
    np.testing.assert_array_equal(change(both), one_by_one)
    assert change(both).dtype == np.float32


@pytest.fixture(scope="module")
def sources(tmp_path_factory):
    pictures, rendered = drawn_pictures(1, per_class=2), render(4, 3)
    folder = tmp_path_factory.mktemp("folder")
    write_coco(folder, rendered, FAULT_CLASSES)
    return {
        "composed": draw(Composer(pictures, JUDGED), 4, 1),
        "turned": draw(Composer(pictures, replace(TAUGHT, tilted=1.0)), 12, 2),
        "rendered": rendered,
        "windows": draw(Windows(rendered, 320, 256), 12, 4),
        "folder": draw(FolderSource(open_folder(folder), 160, 128), 12, 5),
    }


APART = {"rendered": 0.501, "windows": 0.501, "folder": 1.0}
"""Pixels; the simulation cuts its boxes at the middle of the outermost pixels."""


@pytest.mark.parametrize("name", ["composed", "turned", "rendered", "windows", "folder"])
def test_every_source_of_frames_has_outlines_that_fit_its_boxes(sources, name):
    frames = sources[name]
    assert len(frames.boxes.frame) > 20
    for index in range(len(frames.images)):
        for frame in (frames[index], varied(frames[index], np.random.default_rng(index))):
            boxes = frame.boxes
            if name == "folder":  # an image's own edge may lie within a window
                boxes = boxes.where(boxes.visible > 0.99)
            edge = np.array(frame.image.shape[::-1] * 2)
            cut = np.clip(outlines.bounds(boxes.outline), 0, edge)
            np.testing.assert_allclose(cut, boxes.xyxy, rtol=0, atol=APART.get(name, 1e-3))
            assert boxes.outline.dtype == np.float32
            assert (signed_area(boxes.outline) > 0).all()
