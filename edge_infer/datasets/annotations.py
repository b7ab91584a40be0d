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

"""What the label files of a folder say, before any of its images is read.

The forms that such files have are the business of coco.py and yolo.py.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from edge_infer.datasets.frames import HEALTHY, Boxes
from edge_infer.errors import DatasetError
from edge_infer.outlines import clockwise, of_boxes
from edge_infer.simulation.modules import NO_ANOMALY


class Annotations(NamedTuple):
    """Labelled image files.

    Attributes:
        paths: of the images.
        labels: class names; index is the class id. "No-Anomaly" is HEALTHY, and no label.
        boxes: of each image, ``frame`` 0; not yet cut at its edges.
        relative: whether boxes are shares of the image's width and height, not pixels.
    """

    paths: tuple[Path, ...]
    labels: tuple[str, ...]
    boxes: tuple[Boxes, ...]
    relative: bool


class Row(NamedTuple):
    """One box as a label file has it.

    Attributes:
        xyxy: its sides.
        class_id: index into the labels, or HEALTHY.
        visible: share of it in the picture.
        outline: x and y of four corners in turn, where the file has them; else the box's.
    """

    xyxy: tuple[float, float, float, float]
    class_id: int
    visible: float = 1.0
    outline: tuple[float, ...] | None = None


def boxes_of(rows: Sequence[Row]) -> Boxes:
    """The boxes of one image."""
    xyxy = np.array([row.xyxy for row in rows], np.float32).reshape(-1, 4)
    outline = of_boxes(xyxy)
    for index, row in enumerate(rows):
        if row.outline is not None:
            outline[index] = np.array(row.outline, np.float32).reshape(4, 2)
    return Boxes(
        np.zeros(len(rows), np.int64),
        xyxy,
        np.array([row.class_id for row in rows], np.int64),
        np.array([row.visible for row in rows], np.float32),
        clockwise(outline),
    )


def name_classes(names: Sequence[str], origin: str) -> tuple[tuple[str, ...], list[int]]:
    """The labels, and the class id of each name; equal names are one class.

    Raises:
        DatasetError: there is no class but that of healthy modules.
    """
    labels = tuple(dict.fromkeys(name for name in names if name != NO_ANOMALY))
    if not labels:
        raise DatasetError(f"{origin} names no class", "name at least one class there")
    return labels, [HEALTHY if name == NO_ANOMALY else labels.index(name) for name in names]


def is_box(centre_or_corner: Sequence[float], sides: Sequence[float]) -> bool:
    """Whether all numbers are finite and both sides are above zero."""
    return all(map(math.isfinite, [*centre_or_corner, *sides])) and min(sides) > 0
