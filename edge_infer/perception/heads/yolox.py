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

"""One output [1, n, 5 + labels] with one box at each place: YOLOX as it is exported.

Raw offsets of the centre from the place, in strides; logarithms of width and height in
strides; the chance that something is there, then a chance for each label if so. With
decoding in the export, centre, width and height are in input pixels: that is a head of its
own name, for the shapes do not tell.
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
    Usual,
    best_of_rows,
    candidates,
    check,
    from_centres,
    refusal,
)
from edge_infer.perception.heads.grids import P5, P6, dense, grid, strides_of

_STRIDES = (P5, P6)

_LARGEST = np.float32(20.0)
"""Logarithm of the largest size in strides: a wild one must stay finite."""


def decode(outputs: Outputs, manifest: Manifest) -> Candidates:
    """Boxes in input pixels."""
    width, height, labels = manifest.input.width, manifest.input.height, len(manifest.labels)
    count = check("yolox", outputs, (1, "n", 5 + labels))["n"]
    strides = strides_of(count, width, height, _STRIDES)
    if strides is None:
        raise refusal("yolox", outputs, f"[1, n, {5 + labels}], n the places on {width}x{height}")
    rows = outputs[0][0]
    best = best_of_rows(rows[:, 5:], manifest.score_threshold, factor=rows[:, 4])
    few = rows[best.place, :4].astype(np.float32, copy=False)
    cell, stride = (column[best.place] for column in grid(width, height, strides))
    sizes = np.exp(np.minimum(few[:, 2:], _LARGEST))
    cxcywh = np.concatenate([few[:, :2] + cell, sizes], axis=1) * stride
    return candidates(from_centres(cxcywh), best.score, best.class_id)


def decode_decoded(outputs: Outputs, manifest: Manifest) -> Candidates:
    """Boxes in input pixels, as they were."""
    check("yolox_decoded", outputs, (1, "n", 5 + len(manifest.labels)))
    rows = outputs[0][0]
    best = best_of_rows(rows[:, 5:], manifest.score_threshold, factor=rows[:, 4])
    cxcywh = rows[best.place, :4].astype(np.float32, copy=False)
    return candidates(from_centres(cxcywh), best.score, best.class_id)


def fits(given: Given) -> Fit | None:
    """By the number of places on the input."""
    for name, channels in dense(given, _STRIDES):
        if channels > 5 and given.labels in (None, channels - 5):
            return Fit((name,), channels - 5, dense=True)
    return None


_USUAL = Usual(colours="bgr", align="corner", scale=1.0)

HEAD = Head(
    "yolox", "[1, n, 5 + labels], n the places on the input", ("boxes and scores",),
    decode, fits, usual=_USUAL, decoded=("yolox_decoded", "yolov6"),
)  # fmt: skip

DECODED = Head(
    "yolox_decoded", "as yolox, decoded to centre, width and height in input pixels", HEAD.roles,
    decode_decoded, fits, usual=_USUAL,
)  # fmt: skip
