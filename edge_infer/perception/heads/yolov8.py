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

"""One output [1, 4 + labels, n]: YOLOv8, YOLOv9, YOLO11 and YOLO26 without its end-to-end half.

Also [1, n, 4 + labels], the same turned round. Centre, width and height in input pixels,
then a chance for each label. Exports to TensorFlow Lite give them in 0..1 of the input:
that is a head of its own name, for the shapes do not tell.
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
    best_of_columns,
    best_of_rows,
    bind,
    candidates,
    from_centres,
    in_pixels,
    refusal,
)
from edge_infer.perception.heads.grids import P2, P5, P6, TINY, dense


def decode(outputs: Outputs, manifest: Manifest) -> Candidates:
    """Boxes in input pixels."""
    cxcywh, best = _read("yolov8", outputs, manifest)
    return candidates(from_centres(cxcywh), best.score, best.class_id)


def decode_normalised(outputs: Outputs, manifest: Manifest) -> Candidates:
    """Boxes in 0..1 of the input."""
    cxcywh, best = _read("yolov8_normalised", outputs, manifest)
    return candidates(in_pixels(from_centres(cxcywh), manifest), best.score, best.class_id)


def _read(head: str, outputs: Outputs, manifest: Manifest) -> tuple[NDArray[np.float32], Best]:
    """Centres and sizes above the threshold, and what they are."""
    channels = 4 + len(manifest.labels)
    shapes = [output.shape for output in outputs]
    if bind(shapes, [(1, channels, "n")]) is not None:
        best = best_of_columns(outputs[0][0, 4:], manifest.score_threshold)
        boxes = outputs[0][0, :4, best.place] if len(best.place) else np.empty((0, 4), np.float32)
    elif bind(shapes, [(1, "n", channels)]) is not None:
        best = best_of_rows(outputs[0][0, :, 4:], manifest.score_threshold)
        boxes = outputs[0][0, best.place, :4]
    else:
        raise refusal(head, outputs, f"[1, {channels}, n]")
    return boxes.astype(np.float32, copy=False), best


def fits(given: Given) -> Fit | None:
    """By the number of places on the input."""
    for turned in (True, False):
        for name, channels in dense(given, (P5, P6, P2, TINY), turned=turned):
            if channels > 4 and given.labels in (None, channels - 4):
                return Fit((name,), channels - 4, dense=True)
    return None


HEAD = Head(
    "yolov8", "[1, 4 + labels, n] or [1, n, 4 + labels], n the places on the input",
    ("boxes and scores",), decode, fits, normalised="yolov8_normalised",
)  # fmt: skip

NORMALISED = Head(
    "yolov8_normalised", "as yolov8, boxes in 0..1", HEAD.roles, decode_normalised, fits
)
