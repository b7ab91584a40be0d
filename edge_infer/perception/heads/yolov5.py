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

"""One output [1, n, 5 + labels] with three boxes at each place: YOLOv5 and YOLOv7.

Centre, width and height in input pixels, the chance that something is there, then a
chance for each label if so. Exports to TensorFlow Lite give the boxes in 0..1 of the
input: that is a head of its own name, for the shapes do not tell.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edge_infer.models.manifest import Manifest
from edge_infer.perception.heads.base import (
    Best,
    Candidates,
    Fit,
    Given,
    Head,
    Outputs,
    best_of_rows,
    candidates,
    check,
    from_centres,
    in_pixels,
)
from edge_infer.perception.heads.grids import P2, P5, P6, TINY, dense


def decode(outputs: Outputs, manifest: Manifest) -> Candidates:
    """Boxes in input pixels."""
    cxcywh, best = _read("yolov5", outputs, manifest)
    return candidates(from_centres(cxcywh), best.score, best.class_id)


def decode_normalised(outputs: Outputs, manifest: Manifest) -> Candidates:
    """Boxes in 0..1 of the input."""
    cxcywh, best = _read("yolov5_normalised", outputs, manifest)
    return candidates(in_pixels(from_centres(cxcywh), manifest), best.score, best.class_id)


def _read(head: str, outputs: Outputs, manifest: Manifest) -> tuple[NDArray[np.float32], Best]:
    """Centres and sizes above the threshold, and what they are."""
    check(head, outputs, (1, "n", 5 + len(manifest.labels)))
    rows = outputs[0][0]
    if len(manifest.labels) == 1:
        # Both families train the chance of a label only where there are several.
        best = best_of_rows(rows[:, 4:5], manifest.score_threshold)
    else:
        best = best_of_rows(rows[:, 5:], manifest.score_threshold, factor=rows[:, 4])
    return rows[best.place, :4].astype(np.float32, copy=False), best


def fits(given: Given) -> Fit | None:
    """By three times the number of places on the input."""
    for name, channels in dense(given, (P5, P6, P2, TINY), each=3):
        if channels > 5 and given.labels in (None, channels - 5):
            return Fit((name,), channels - 5, dense=True)
    return None


HEAD = Head(
    "yolov5", "[1, n, 5 + labels], n three times the places on the input",
    ("boxes and scores",), decode, fits, normalised="yolov5_normalised",
)  # fmt: skip

NORMALISED = Head(
    "yolov5_normalised", "as yolov5, boxes in 0..1", HEAD.roles, decode_normalised, fits
)
