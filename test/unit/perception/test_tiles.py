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

"""Tiles cover the image, and what they saw in pieces is put together again."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_infer.domain import CameraFrame, Detections
from edge_infer.errors import PerceptionError
from edge_infer.models.bundle import ModelBundle, shipped
from edge_infer.perception.pipeline import Pipeline
from edge_infer.perception.tiles import BORDER_PX, Rect, TiledPipeline, Tiling, merge, tiles
from edge_infer.simulation.world import World

SIDES = st.integers(1, 200)
TILINGS = st.builds(
    Tiling, st.integers(1, 6), st.integers(1, 6), st.floats(0, 0.7) | st.sampled_from([0.0, 0.5])
)
APART = 2 * BORDER_PX + 1

Box = tuple[int, int, int, int]


def detections(boxes: list[Box], scores: list[float], classes: list[int]) -> Detections:
    xyxy = np.array(boxes, np.float32).reshape(-1, 4)
    return Detections(xyxy, np.array(scores, np.float32), np.array(classes, np.int32))


def seen_in(tile: Rect, things: Detections) -> Detections:
    """What a detector without faults says of a tile."""
    shown = []
    for xyxy, score, class_id in zip(*columns(things), strict=True):
        left, top = max(xyxy[0], tile.left), max(xyxy[1], tile.top)
        right, bottom = min(xyxy[2], tile.right), min(xyxy[3], tile.bottom)
        if left < right and top < bottom:
            box = (left - tile.left, top - tile.top, right - tile.left, bottom - tile.top)
            shown.append((box, score, class_id))
    return detections(*([row[i] for row in shown] for i in range(3)))


def columns(found: Detections) -> tuple[list, list, list]:
    return found.xyxy.tolist(), found.confidence.tolist(), found.class_id.tolist()


def apart(box: Box, other: Box) -> bool:
    gaps = (other[0] - box[2], box[0] - other[2], other[1] - box[3], box[1] - other[3])
    return max(gaps) >= APART


@st.composite
def separated(draw: st.DrawFn, width: int, height: int) -> Detections:
    """Things that do not touch, best first, each with a score of its own."""
    kept: list[Box] = []
    for _ in range(draw(st.integers(0, 8))):
        left, top = draw(st.integers(0, width - 1)), draw(st.integers(0, height - 1))
        right, bottom = draw(st.integers(left + 1, width)), draw(st.integers(top + 1, height))
        if all(apart((left, top, right, bottom), other) for other in kept):
            kept.append((left, top, right, bottom))
    classes = [draw(st.integers(0, 2)) for _ in kept]
    return detections(kept, [0.9 - 0.05 * i for i in range(len(kept))], classes)


# --- where tiles lie -----------------------------------------------------------------


@given(width=SIDES, height=SIDES, tiling=TILINGS)
def test_every_pixel_is_in_a_tile_and_no_tile_leaves_the_image(width, height, tiling):
    counted = np.zeros((height, width), int)
    for tile in tiles(width, height, tiling):
        assert 0 <= tile.left < tile.right <= width
        assert 0 <= tile.top < tile.bottom <= height
        for y in range(tile.top, tile.bottom):
            for x in range(tile.left, tile.right):
                counted[y, x] += 1
    assert counted.min() >= 1


@given(width=st.integers(50, 2000), height=st.integers(50, 2000), tiling=TILINGS)
def test_tiles_are_of_one_size_and_overlap_by_the_stated_share(width, height, tiling):
    found = tiles(width, height, tiling)
    assert len(found) == tiling.columns * tiling.rows
    assert len({(right - left, bottom - top) for left, top, right, bottom in found}) == 1
    size = found[0].right - found[0].left
    for tile, neighbour in itertools.pairwise(found[: tiling.columns]):
        shared = tile.right - neighbour.left
        assert abs(shared - tiling.overlap * size) <= 2


def test_one_tile_is_the_image():
    assert tiles(640, 512, Tiling(1, 1)) == [(0, 0, 640, 512)]


def test_tiles_come_row_by_row():
    assert tiles(300, 200, Tiling(2, 2, 0.0)) == [
        (0, 0, 150, 100), (150, 0, 300, 100), (0, 100, 150, 200), (150, 100, 300, 200),
    ]  # fmt: skip


@pytest.mark.parametrize("values", [(0, 1, 0.2), (2, -1, 0.2), (2, 2, 1.0), (2, 2, -0.1)])
def test_what_divides_nothing_is_refused(values):
    with pytest.raises(PerceptionError, match="divide nothing"):
        Tiling(*values)


# --- what they saw -------------------------------------------------------------------


@given(
    data=st.data(), width=st.integers(32, 200), height=st.integers(32, 200), tiling=TILINGS,
    agnostic=st.booleans(),
)  # fmt: skip
def test_things_that_tiles_cut_are_whole_again(data, width, height, tiling, agnostic):
    things = data.draw(separated(width, height))
    parts = [(tile, seen_in(tile, things)) for tile in tiles(width, height, tiling)]
    assert columns(merge(parts, width, height, agnostic)) == columns(things)


@given(data=st.data(), seed=st.integers(0, 999))
def test_what_one_tile_alone_sees_stays_as_it_is(data, seed):
    """However things within a tile overlap: what is one of them, its pipeline has decided."""
    parts, all_seen = [], []
    for number, tile in enumerate(tiles(200, 200, Tiling(2, 2, 0.0))):
        corner = st.tuples(st.integers(5, 50), st.integers(5, 50))
        boxes = [(x, y, x + 40, y + 30) for x, y in data.draw(st.lists(corner, max_size=4))]
        scores = sorted((1 / (2 + number + 7 * i) for i in range(len(boxes))), reverse=True)
        parts.append((tile, detections(boxes, scores, [i % 2 for i in range(len(boxes))])))
        shift = np.array([tile.left, tile.top] * 2)
        all_seen += [
            (score, (np.array(box) + shift).tolist()) for box, score in zip(boxes, scores,
                                                                           strict=True)
        ]  # fmt: skip
    found = merge(parts, 200, 200, agnostic=seed % 2 == 0)
    expected = sorted(all_seen, key=lambda row: -row[0])
    assert found.confidence.tolist() == pytest.approx([score for score, _ in expected])
    assert sorted(map(tuple, found.xyxy.tolist())) == sorted(tuple(box) for _, box in expected)


LEFT, RIGHT = Rect(0, 0, 120, 100), Rect(80, 0, 200, 100)
"""Two tiles that share 40 columns."""


def merged(left: Detections, right: Detections, agnostic: bool = False) -> Detections:
    return merge([(LEFT, left), (RIGHT, right)], 200, 100, agnostic)


def test_of_two_views_of_one_thing_the_better_stays():
    found = merged(
        detections([(90, 20, 110, 60)], [0.6], [1]), detections([(11, 21, 30, 60)], [0.8], [1])
    )
    assert columns(found) == ([[91, 21, 110, 60]], [pytest.approx(0.8)], [1])


def test_a_whole_thing_stays_beside_a_better_scored_piece():
    found = merged(
        detections([(100, 20, 119, 60)], [0.9], [1]), detections([(20, 20, 60, 60)], [0.5], [1])
    )
    assert columns(found) == ([[100, 20, 140, 60]], [pytest.approx(0.5)], [1])


def test_pieces_of_a_long_thing_become_one_with_the_better_name():
    found = merged(
        detections([(30, 20, 119, 60)], [0.6], [0]), detections([(1, 22, 100, 61)], [0.7], [1]),
        agnostic=True,
    )  # fmt: skip
    assert columns(found) == ([[30, 20, 180, 61]], [pytest.approx(0.7)], [1])


def test_pieces_of_different_classes_are_two_things_unless_classes_do_not_count():
    left, right = detections([(30, 20, 119, 60)], [0.6], [0]), detections([(1, 20, 9, 60)], [0.7],
                                                                          [1])  # fmt: skip
    assert len(merged(left, right)) == 2
    assert len(merged(left, right, agnostic=True)) == 1


def test_neighbours_of_a_border_that_are_not_of_one_breadth_stay_two():
    tiles_apart = [Rect(0, 0, 100, 100), Rect(100, 0, 200, 100)]
    found = merge(
        [(tiles_apart[0], detections([(60, 0, 100, 80)], [0.6], [0])),
         (tiles_apart[1], detections([(0, 40, 60, 60)], [0.7], [0]))],
        200, 100, False,
    )  # fmt: skip
    assert found.xyxy.tolist() == [[100, 40, 160, 60], [60, 0, 100, 80]]


def test_nothing_seen_is_nothing():
    assert len(merged(Detections.empty(), Detections.empty())) == 0
    assert len(merge([], 10, 10, False)) == 0


# --- the pipeline ----------------------------------------------------------------------


class Watching(Pipeline):
    """Keeps the frames that it was given."""

    def __call__(self, frame: CameraFrame):
        self.frames = [*getattr(self, "frames", []), frame]
        return super().__call__(frame)


def test_each_tile_is_looked_at_as_a_view_and_its_time_counts(tmp_path):
    pytest.importorskip("onnx", reason="needs the extra train: onnx is not installed")
    from tiny_bundles import one_look

    place = np.array([[40, 50, 20, 30, 0.9, 0.1]], np.float32).T
    ticks = itertools.count(0, 1_000_000)
    bundle = one_look(tmp_path / "model", place, ("Cell", "Diode"))
    pipeline = Watching.open(bundle, "onnx", lambda: next(ticks))
    frame = CameraFrame(np.arange(320 * 128, dtype=np.uint32).astype(np.uint8).reshape(128, 320),
                        "mono8", 7, "camera")  # fmt: skip
    found, times = TiledPipeline(pipeline, Tiling(2, 1, 0.0))(frame)
    assert found.xyxy.tolist() == [[30, 35, 50, 65], [190, 35, 210, 65]]
    assert times == tuple(2 * one for one in pipeline(frame)[1])
    for part, left in zip(pipeline.frames, (0, 160), strict=False):
        assert np.array_equal(part.image, frame.image[:, left : left + 160])
        assert np.shares_memory(part.image, frame.image)
        assert (part.stamp_ns, part.frame_id) == (7, "camera")
    pipeline.close()


def test_one_tile_finds_what_the_pipeline_finds():
    pipeline = Pipeline.open(ModelBundle.load(shipped()), "onnx", lambda: 0)
    drone = World.build(seed=0, drones=1).drone(0)
    counted = 0
    for index in range(0, 30, 5):
        frame = drone.frame(index, index * 1.0).frame
        plain, _ = pipeline(frame)
        found, _ = TiledPipeline(pipeline, Tiling(1, 1))(frame)
        assert columns(found) == columns(plain)
        counted += len(plain)
    assert counted > 0
    pipeline.close()
