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

"""Small things in large images: a frame is looked at in tiles, and what they saw is one answer.

A thing at a border is seen by two tiles, or in pieces. Where tiles lie and how pieces
become one is decided here; what a tile shows is the pipeline's business.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from edge_infer.domain import CameraFrame, Detections
from edge_infer.errors import PerceptionError
from edge_infer.perception.pipeline import Pipeline, StageTimes

SAME_IOU = 0.5
"""Two boxes of different tiles that overlap by more show one thing."""

FRAGMENT_SHARE = 0.6
"""A piece with more of its area in another tile's box is a piece of that thing; of two pieces,
the smaller one."""

SAME_BREADTH = 0.5
"""Two pieces on both sides of a border are one thing where their sides along the border
overlap by more."""

BORDER_PX, BORDER_SHARE = 2.0, 0.01
"""A box ends at a border that is no farther than so many pixels, or so much of the tile: a
detector does not draw a cut thing to the very last pixel."""


class Rect(NamedTuple):
    """Part of an image, whole pixels; right and bottom are the first that it leaves out."""

    left: int
    top: int
    right: int
    bottom: int


@dataclass(frozen=True)
class Tiling:
    """How an image is divided.

    Attributes:
        columns, rows: of tiles.
        overlap: share of a tile's side that its neighbour shows, too: as large as the
            things that should be seen whole, 0 or more and below 1.
    """

    columns: int
    rows: int
    overlap: float = 0.2

    def __post_init__(self) -> None:
        if min(self.columns, self.rows) < 1 or not 0 <= self.overlap < 1:
            raise PerceptionError(
                f"{self.columns}x{self.rows} tiles that overlap by {self.overlap:g} divide nothing",
                "give at least 1x1 tiles, and an overlap from 0 to below 1",
            )

    @classmethod
    def parse(cls, text: str) -> Tiling:
        """``3x2`` is three columns and two rows; raises PerceptionError."""
        columns, _, rows = text.partition("x")
        if not re.fullmatch(r"[1-9]\d?x[1-9]\d?", text):
            raise PerceptionError(
                f"{text!r} is not columns x rows", "write the number of tiles such as 3x2"
            )
        return cls(int(columns), int(rows))


def tiles(width: int, height: int, tiling: Tiling) -> list[Rect]:
    """Parts of one size that cover an image of width x height pixels, row by row.

    An image with fewer pixels than tiles has a tile for each pixel.
    """
    across, tile_width = _spans(width, tiling.columns, tiling.overlap)
    down, tile_height = _spans(height, tiling.rows, tiling.overlap)
    return [
        Rect(left, top, left + tile_width, top + tile_height) for top in down for left in across
    ]


def _spans(length: int, count: int, overlap: float) -> tuple[list[int], int]:
    """Starts of so many spans that cover a length, and the size of all."""
    count = min(count, length)
    size = int(np.ceil(length / (count - (count - 1) * overlap)))
    gaps = max(count - 1, 1)
    return [(2 * index * (length - size) + gaps) // (2 * gaps) for index in range(count)], size


class TiledPipeline:
    """A pipeline that looks at each tile of a frame, with the same calls as Pipeline.

    Args:
        pipeline: for one tile; closed by whoever opened it.
        tiling: how frames are divided.
    """

    def __init__(self, pipeline: Pipeline, tiling: Tiling) -> None:
        self._pipeline = pipeline
        self._tiling = tiling

    def __call__(self, frame: CameraFrame) -> tuple[Detections, StageTimes]:
        """Detections in pixels of the frame, best first, and the times of all tiles together.

        Raises:
            InferenceError, DecodeError: as Pipeline does.
        """
        parts, times = [], []
        for rect in tiles(frame.width, frame.height, self._tiling):
            view = frame.image[rect.top : rect.bottom, rect.left : rect.right]
            part = CameraFrame(view, frame.encoding, frame.stamp_ns, frame.frame_id)
            found, took = self._pipeline(part)
            parts.append((rect, found))
            times.append(took)
        agnostic = self._pipeline.manifest.nms == "agnostic"
        found = merge(parts, frame.width, frame.height, agnostic)
        return found, StageTimes(*map(sum, zip(*times, strict=True)))

    def batch(self, frames: Sequence[CameraFrame]) -> list[tuple[Detections, StageTimes]]:
        """The same for several frames, one after the other."""
        return [self(frame) for frame in frames]


# --- what several tiles saw ------------------------------------------------------------


class _Boxes(NamedTuple):
    """Boxes of all tiles.

    Attributes:
        xyxy: (n, 4) float32, pixels of the image.
        score: (n,) float32.
        class_id: (n,) int32.
        group: (n,) int32, only boxes of one group can be one thing.
        tile: (n,) int32, which tile saw it.
        cut: (n, 4) bool, whether it ends at its tile's left, top, right, bottom border
            and the image goes on there.
        near: (n,) float32, how far from that border is still at it, pixels.
    """

    xyxy: NDArray[np.float32]
    score: NDArray[np.float32]
    class_id: NDArray[np.int32]
    group: NDArray[np.int32]
    tile: NDArray[np.int32]
    cut: NDArray[np.bool_]
    near: NDArray[np.float32]

    def at(self, index: NDArray[np.intp]) -> _Boxes:
        """Some of them."""
        columns: list[Any] = [column[index] for column in self]
        return _Boxes(*columns)


def merge(
    parts: Sequence[tuple[Rect, Detections]], width: int, height: int, agnostic: bool
) -> Detections:
    """What several parts of an image show, as one answer.

    Pieces on both sides of a border become their union; a thing that one tile sees whole
    stays as that tile sees it, and its pieces elsewhere are left out.

    Args:
        parts: each tile, and what was found in it, in its own pixels.
        width: of the image, pixels.
        height: of the image.
        agnostic: whether boxes of different classes can be one thing.

    Returns:
        Detections in pixels of the image, best first.
    """
    boxes = _gather(parts, width, height, agnostic)
    whole = boxes.at(np.flatnonzero(~boxes.cut.any(axis=1)))
    whole = whole.at(_distinct(whole))
    joined = _join(boxes.at(np.flatnonzero(boxes.cut.any(axis=1))))
    joined = joined.at(_not_within(joined, whole))
    score = np.concatenate([whole.score, joined.score])
    order = np.argsort(-score, kind="stable")
    xyxy = np.concatenate([whole.xyxy, joined.xyxy])[order]
    class_id = np.concatenate([whole.class_id, joined.class_id])[order]
    return Detections(xyxy, score[order], class_id)


def _gather(
    parts: Sequence[tuple[Rect, Detections]], width: int, height: int, agnostic: bool
) -> _Boxes:
    columns = [_of_tile(number, *part, width, height) for number, part in enumerate(parts)]
    # Of no parts there would be no columns to put together.
    columns.append(_of_tile(len(parts), Rect(0, 0, 0, 0), Detections.empty(), width, height))
    boxes = _Boxes(*map(np.concatenate, zip(*columns, strict=True)))
    boxes = boxes._replace(group=np.zeros_like(boxes.class_id)) if agnostic else boxes
    return boxes.at(np.argsort(-boxes.score, kind="stable"))


def _of_tile(number: int, rect: Rect, found: Detections, width: int, height: int) -> _Boxes:
    count = len(found)
    near = np.float32(max(BORDER_PX, BORDER_SHARE * min(rect[2] - rect[0], rect[3] - rect[1])))
    border, end = np.array(rect, np.float32), np.array([0, 0, width, height], np.float32)
    edge = np.array([width, height] * 2, np.float32)
    xyxy = np.clip(found.xyxy + np.tile(border[:2], 2), 0, edge).astype(np.float32)
    cut = (np.abs(xyxy - border) <= near) & (border != end)
    return _Boxes(
        xyxy, found.confidence, found.class_id, found.class_id,
        np.full(count, number, np.int32), cut, np.full(count, near),
    )  # fmt: skip


def _distinct(boxes: _Boxes) -> NDArray[np.intp]:
    """Which of the whole boxes, best first, show something that no better one of another does."""
    left = np.ones(len(boxes.score), bool)
    for index in range(len(left)):
        if left[index]:
            later = slice(index + 1, None)
            shared, area, its = _areas(boxes.xyxy[index], boxes.xyxy[later])
            same = shared > SAME_IOU * (area + its - shared)
            same &= boxes.tile[later] != boxes.tile[index]
            left[later] &= ~(same & (boxes.group[later] == boxes.group[index]))
    return np.flatnonzero(left)


def _not_within(pieces: _Boxes, whole: _Boxes) -> NDArray[np.intp]:
    """Which of the pieces no whole box shows."""
    left = np.ones(len(pieces.score), bool)
    for index in range(len(left)):
        shared, area, _ = _areas(pieces.xyxy[index], whole.xyxy)
        within = (shared > FRAGMENT_SHARE * area) & (whole.tile != pieces.tile[index])
        left[index] = not (within & (whole.group == pieces.group[index])).any()
    return np.flatnonzero(left)


def _areas(
    box: NDArray[np.float32], others: NDArray[np.float32]
) -> tuple[NDArray[np.float32], np.float32, NDArray[np.float32]]:
    """What a box shares with each of (n, 4) others, its own area, and theirs."""
    sides = np.minimum(box[2:], others[:, 2:]) - np.maximum(box[:2], others[:, :2])
    shared = np.maximum(sides, 0).prod(axis=1)
    return shared, (box[2:] - box[:2]).prod(), (others[:, 2:] - others[:, :2]).prod(axis=1)


# --- pieces ----------------------------------------------------------------------------


def _join(pieces: _Boxes) -> _Boxes:
    """Pieces of one thing become one box, with the score and the class of the best of them."""
    leader = np.arange(len(pieces.score))
    for index in range(len(leader)):
        for other in np.flatnonzero(_one_thing(pieces, index)):
            # The best piece of a thing leads it: the earliest, as pieces come best first.
            first, second = sorted((int(leader[index]), int(leader[other])))
            leader[leader == second] = first
    leaders = np.unique(leader)
    union = np.array(list(_unions(pieces.xyxy, leader, leaders)), np.float32).reshape(-1, 4)
    return pieces.at(leaders)._replace(xyxy=union)


def _unions(
    xyxy: NDArray[np.float32], leader: NDArray[np.intp], leaders: NDArray[np.intp]
) -> Iterator[NDArray[np.float32]]:
    for one in leaders:
        members = xyxy[leader == one]
        yield np.concatenate([members[:, :2].min(axis=0), members[:, 2:].max(axis=0)])


def _one_thing(pieces: _Boxes, index: int) -> NDArray[np.bool_]:
    """(n,) whether each piece and this one, of another tile, are pieces of one thing."""
    piece = pieces.at(np.array([index]))
    shared, area, its = _areas(piece.xyxy[0], pieces.xyxy)
    same = shared > FRAGMENT_SHARE * np.minimum(area, its)
    same |= _meet(piece, pieces, 0) | _meet(piece, pieces, 1)
    return np.asarray(same & (pieces.group == piece.group) & (pieces.tile != piece.tile))


def _meet(piece: _Boxes, others: _Boxes, axis: int) -> NDArray[np.bool_]:
    """(n,) whether a piece that ends at a border goes on behind it, along x (0) or y (1)."""
    low, high, side_low, side_high = axis, 2 + axis, 1 - axis, 3 - axis
    mine, its = piece.xyxy, others.xyxy
    opposite = (piece.cut[:, high] & others.cut[:, low]) | (piece.cut[:, low] & others.cut[:, high])
    gap = np.maximum(mine[:, low], its[:, low]) - np.minimum(mine[:, high], its[:, high])
    inner = np.minimum(mine[:, side_high], its[:, side_high])
    inner = inner - np.maximum(mine[:, side_low], its[:, side_low])
    outer = np.maximum(mine[:, side_high], its[:, side_high])
    outer = outer - np.minimum(mine[:, side_low], its[:, side_low])
    return np.asarray(opposite & (gap <= 2 * piece.near) & (inner > SAME_BREADTH * outer))
