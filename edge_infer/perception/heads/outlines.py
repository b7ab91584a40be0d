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

"""The head that outlines things without naming them: corner maps and a centre map.

Its boxes have four corners and its things no class; what they are a second network says.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_infer.models.manifest import Manifest
from edge_infer.outlines import bounds
from edge_infer.perception.heads.base import logit, refusal
from edge_infer.perception.nms import nms

_AROUND = np.ones((3, 3), np.uint8)

_NEAR = np.stack(np.meshgrid(*[np.arange(-1, 2)] * 2), axis=-1).reshape(-1, 2)
_ITSELF = 4
"""Rows and columns from a place to its neighbours, and which of them is the place itself."""

_LEAST_LOGIT = np.float32(-80.0)
"""Below this the chance would be 0 in float32, and a mean by chances has no meaning."""


class Found(NamedTuple):
    """Things without a name yet, best first after NMS.

    Attributes:
        outline: (n, 4, 2) float32, corners in input pixels as in outlines.py.
        score: (n,) float32, chance that each is there.
    """

    outline: NDArray[np.float32]
    score: NDArray[np.float32]


def decode_outlines(outputs: Sequence[NDArray[Any]], manifest: Manifest) -> Found:
    """Decode maps [1, 8, h, w] and [1, 1, h, w] of our own finder, then NMS.

    Offsets of a thing's four corners from a place's centre in strides, clockwise from
    the top left one, and the logit of the thing's centre being there: see
    training/networks/finder.py. Only places that no neighbour outbids are looked at
    (Zhou et al., Objects as Points, 2019).
    """
    shapes = [output.shape for output in outputs]
    if [shape[:2] for shape in shapes] != [(1, 8), (1, 1)] or (
        len({shape[2:] for shape in shapes}) != 1 or len(shapes[0]) != 4
    ):
        raise refusal("outlines", outputs, "[1, 8, h, w] and [1, 1, h, w]")
    logits = outputs[1][0, 0]
    # A score is at most the chance that something is there: what falls short is not looked at.
    peaks = (logits >= logit(manifest.score_threshold)) & (logits >= cv2.dilate(logits, _AROUND))
    outline, score = read_outlines(outputs, manifest, *np.nonzero(peaks))
    group = np.zeros(len(score), np.int32)
    keep = nms(bounds(outline), score, group, manifest.nms_iou)
    return Found(outline[keep], score[keep])


def read_outlines(
    outputs: Sequence[NDArray[Any]], manifest: Manifest, y: NDArray[np.intp], x: NDArray[np.intp]
) -> Found:
    """What the outlines head says at (n,) rows and columns of places.

    The corners are the mean of what the place and its neighbours say, each by the chance that
    it sees the thing: that is a sixteenth more exact than the place alone.
    """
    corners, logits = outputs[0][0], outputs[1][0, 0]
    rows, columns = logits.shape
    near_y = np.clip(y + _NEAR[:, :1], 0, rows - 1)
    near_x = np.clip(x + _NEAR[:, 1:], 0, columns - 1)
    chance = 1 / (1 + np.exp(-np.maximum(logits[near_y, near_x], _LEAST_LOGIT)))
    centre = np.stack([near_x, near_y], axis=-1).astype(np.float32) + np.float32(0.5)
    said = centre[:, :, None] + corners[:, near_y, near_x].transpose(1, 2, 0).reshape(9, -1, 4, 2)
    outline = np.einsum("knci,kn->nci", said, chance / chance.sum(axis=0))
    stride = np.array([manifest.input.width, manifest.input.height]) / [columns, rows]
    return Found((outline * stride).astype(np.float32), chance[_ITSELF])
