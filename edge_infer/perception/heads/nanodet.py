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

"""One output [1, n, labels + 4 x bins] with one box at each place: NanoDet.

A chance for each label, then how far left, top, right and bottom are from the place, in
strides, each as a distribution over whole numbers (Li et al., Generalized Focal Loss,
2020). A place is the upper left corner of its cell for NanoDet-Plus, and the middle of it
for what came before, which looks from three grids: a head of its own name.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_infer.models.manifest import Manifest
from edge_infer.perception.heads.base import (
    Candidates,
    Fit,
    Given,
    Head,
    Outputs,
    Usual,
    best_of_rows,
    bind,
    candidates,
    refusal,
)
from edge_infer.perception.heads.grids import P5, P6, Strides, dense, grid, strides_of

_STRIDES = (P6, P5)
_FIRST_STRIDES = (P5,)

_USUAL_BINS = 8
_MOST_BINS = 33
"""One bin would be no distribution, and is what another head looks like."""


def decode(outputs: Outputs, manifest: Manifest) -> Candidates:
    """Boxes in input pixels."""
    return _decode("nanodet", _STRIDES, 0.0, outputs, manifest)


def decode_first(outputs: Outputs, manifest: Manifest) -> Candidates:
    """Boxes in input pixels."""
    return _decode("nanodet_first", _FIRST_STRIDES, 0.5, outputs, manifest)


def _decode(
    head: str, known: tuple[Strides, ...], middle: float, outputs: Outputs, manifest: Manifest
) -> Candidates:
    """Boxes in input pixels, around what lies so many cells from each upper left corner."""
    width, height, labels = manifest.input.width, manifest.input.height, len(manifest.labels)
    letters = bind([output.shape for output in outputs], [(1, "n", "c")])
    bins = _bins(letters["c"], labels) if letters else 0
    strides = strides_of(letters["n"], width, height, known) if letters else None
    if not bins or strides is None:
        raise refusal(
            head, outputs, f"[1, n, {labels} + 4 x bins], n the places on {width}x{height}"
        )
    rows = outputs[0][0]
    best = best_of_rows(rows[:, :labels], manifest.score_threshold)
    cell, stride = (column[best.place] for column in grid(width, height, strides))
    reach = _expected(rows[best.place, labels:].reshape(len(best.place), 4, bins))
    origin = cell + np.float32(middle)
    xyxy = np.concatenate([origin - reach[:, :2], origin + reach[:, 2:]], axis=1) * stride
    return candidates(xyxy, best.score, best.class_id)


def _expected(logits: NDArray[Any]) -> NDArray[np.float32]:
    """(n, 4) means of (n, 4, bins) distributions."""
    logits = logits.astype(np.float32, copy=False)
    powers = np.exp(logits - logits.max(axis=2, keepdims=True))
    numbers = np.arange(logits.shape[2], dtype=np.float32)
    return np.asarray(powers @ numbers / powers.sum(axis=2))


def _bins(channels: int, labels: int) -> int:
    """How many bins are left beside the labels; 0 where that cannot be."""
    bins, rest = divmod(channels - labels, 4)
    return bins if not rest and 2 <= bins <= _MOST_BINS else 0


def fits(given: Given) -> Fit | None:
    """By the number of places on the input; without labels, by the usual number of bins."""
    return _fit(given, _STRIDES)


def fits_first(given: Given) -> Fit | None:
    """The same, on three grids."""
    return _fit(given, _FIRST_STRIDES)


def _fit(given: Given, known: tuple[Strides, ...]) -> Fit | None:
    for name, channels in dense(given, known):
        labels = channels - 4 * _USUAL_BINS if given.labels is None else given.labels
        if labels > 0 and _bins(channels, labels):
            return Fit((name,), labels, dense=True)
    return None


_USUAL = Usual(
    colours="bgr", resize="stretch", mean=(103.53, 116.28, 123.675),
    scale=(1 / 57.375, 1 / 57.12, 1 / 58.395),
)  # fmt: skip

HEAD = Head(
    "nanodet", "[1, n, labels + 4 x bins], n the places on the input", ("scores and reach",),
    decode, fits, usual=_USUAL,
)  # fmt: skip

FIRST = Head(
    "nanodet_first", "as nanodet, of the generation before NanoDet-Plus, on three grids",
    HEAD.roles, decode_first, fits_first,
    usual=_USUAL._replace(resize="letterbox", align="corner"),
)  # fmt: skip
