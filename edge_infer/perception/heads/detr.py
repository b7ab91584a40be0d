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

"""Detection transformers, whose boxes are already sorted out, in the ways they are exported.

detr: labels, boxes in input pixels and scores, as RT-DETR and D-FINE give them with their
last step. detr_queries: raw logits and boxes, without it. rtdetr: one output of Ultralytics
with boxes and chances side by side; rtdetr_list: its newer one with score and class. Each
query is one thing with its best class; a class without a label is left out.
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
    candidates,
    check,
    from_centres,
    in_pixels,
    logit,
    strongest,
)
from edge_infer.perception.heads.lists import LONGEST, fit_list, named, read_list
from edge_infer.perception.heads.roles import Role, arrange

_USUAL = Usual(resize="stretch")

_LEAST_LOGIT = np.float32(-80.0)
"""Below this a chance is 0 in float32."""


# --- detr ----------------------------------------------------------------------------

_LISTED = (
    Role("labels", (1, "k"), ("label", "class"), whole=True),
    Role("boxes", (1, "k", 4), ("box",)),
    Role("scores", (1, "k"), ("score", "conf")),
)


def decode_listed(outputs: Outputs, manifest: Manifest) -> Candidates:
    """Boxes in pixels of the size that the model was told, which is the input's."""
    check("detr", outputs, *(role.shape for role in _LISTED))
    labels, boxes, scores = (output[0] for output in outputs)
    place = strongest(scores, manifest.score_threshold)
    place = place[named(labels[place], manifest)]
    return candidates(
        boxes[place], scores[place].astype(np.float32), labels[place].astype(np.int32)
    )


def fits_listed(given: Given) -> Fit | None:
    """By three outputs of these shapes."""
    found = arrange(given.outputs, _LISTED)
    if found is None or found.letters.get("k", 0) > LONGEST:
        return None
    return Fit(found.names, None)


# --- detr_queries --------------------------------------------------------------------

_QUERIES = (
    Role("logits", (1, "k", "c"), ("logit", "class", "score")),
    Role("boxes", (1, "k", 4), ("box",)),
)


def decode_queries(outputs: Outputs, manifest: Manifest) -> Candidates:
    """Logits of each label, and centre, width and height in 0..1 of the input."""
    check("detr_queries", outputs, (1, "k", len(manifest.labels)), (1, "k", 4))
    # The largest logit is the largest chance: what falls short needs no sigmoid.
    best = best_of_rows(outputs[0][0], logit(manifest.score_threshold))
    score = 1 / (1 + np.exp(-np.maximum(best.score, _LEAST_LOGIT)))
    return candidates(_boxes(outputs[1][0, best.place], manifest), score, best.class_id)


def fits_queries(given: Given) -> Fit | None:
    """By two outputs of these shapes."""
    classes = "c" if given.labels is None else given.labels
    roles = (_QUERIES[0]._replace(shape=(1, "k", classes)), _QUERIES[1])
    found = arrange(given.outputs, roles)
    if found is None or found.letters.get("k", 0) > LONGEST:
        return None
    return Fit(found.names, given.labels or found.letters.get("c"))


# --- rtdetr --------------------------------------------------------------------------


def decode_joined(outputs: Outputs, manifest: Manifest) -> Candidates:
    """Centre, width and height in 0..1 of the input, then a chance for each label."""
    check("rtdetr", outputs, (1, "k", 4 + len(manifest.labels)))
    best = best_of_rows(outputs[0][0, :, 4:], manifest.score_threshold)
    return candidates(_boxes(outputs[0][0, best.place, :4], manifest), best.score, best.class_id)


def fits_joined(given: Given) -> Fit | None:
    """By the labels beside the boxes in a list that is short."""
    for spec in given.outputs:
        if len(spec.shape) != 3 or spec.shape[0] not in (1, None):
            continue
        labels = (spec.shape[2] or 0) - 4
        short = max(spec.shape[1] or 0, labels) <= LONGEST
        if short and labels > 0 and given.labels in (None, labels):
            return Fit((spec.name,), labels)
    return None


# --- rtdetr_list ---------------------------------------------------------------------


def decode_list(outputs: Outputs, manifest: Manifest) -> Candidates:
    """Centre, width and height in 0..1 of the input, then score and class."""
    rows = read_list("rtdetr_list", outputs, manifest)
    return candidates(_boxes(rows[:, :4], manifest), rows[:, 4], rows[:, 5].astype(np.int32))


def _boxes(normalised: NDArray[Any], manifest: Manifest) -> NDArray[np.float32]:
    """Centres and sizes in 0..1 -> corners in input pixels."""
    return in_pixels(from_centres(normalised.astype(np.float32, copy=False)), manifest)


DETR = Head(
    "detr", "labels [1, k], boxes [1, k, 4] and scores [1, k]",
    tuple(role.name for role in _LISTED), decode_listed, fits_listed, nms=False, usual=_USUAL,
)  # fmt: skip

DETR_QUERIES = Head(
    "detr_queries", "logits [1, k, labels] and boxes [1, k, 4]",
    tuple(role.name for role in _QUERIES), decode_queries, fits_queries, nms=False, usual=_USUAL,
)  # fmt: skip

RTDETR = Head(
    "rtdetr", "[1, k, 4 + labels], k at most a thousand", ("boxes and scores",),
    decode_joined, fits_joined, nms=False, usual=_USUAL,
)  # fmt: skip

RTDETR_LIST = Head(
    "rtdetr_list", "[1, k, 6], centre, width and height in 0..1, score and class", ("list",),
    decode_list, fit_list, nms=False, usual=_USUAL,
)  # fmt: skip
