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

"""One output [1, k, 6], a list that is already sorted out: YOLOv10, YOLO26, exports with NMS.

Left, top, right and bottom in input pixels, score, class. A class without a label is
padding, and is left out. Exports to TensorFlow Lite give the boxes in 0..1 of the input:
that is a head of its own name, for the shapes do not tell.
"""

from __future__ import annotations

import numpy as np

from edge_infer.models.manifest import Manifest
from edge_infer.perception.heads.base import (
    Candidates,
    Fit,
    Given,
    Head,
    Outputs,
    candidates,
    in_pixels,
)
from edge_infer.perception.heads.lists import fit_list, read_list


def decode(outputs: Outputs, manifest: Manifest) -> Candidates:
    """Boxes in input pixels."""
    rows = read_list("yolov10", outputs, manifest)
    return candidates(rows[:, :4], rows[:, 4], rows[:, 5].astype(np.int32))


def decode_normalised(outputs: Outputs, manifest: Manifest) -> Candidates:
    """Boxes in 0..1 of the input."""
    rows = read_list("yolov10_normalised", outputs, manifest)
    boxes = in_pixels(rows[:, :4], manifest)
    return candidates(boxes, rows[:, 4], rows[:, 5].astype(np.int32))


def fits(given: Given) -> Fit | None:
    """By its six columns."""
    return fit_list(given)


HEAD = Head(
    "yolov10", "[1, k, 6], left, top, right, bottom, score and class", ("list",),
    decode, fits, nms=False, normalised="yolov10_normalised",
)  # fmt: skip

NORMALISED = Head(
    "yolov10_normalised", "as yolov10, boxes in 0..1", HEAD.roles, decode_normalised, fits,
    nms=False,
)  # fmt: skip
