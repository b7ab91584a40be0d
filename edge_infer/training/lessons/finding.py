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

"""The finder's lesson: where things are, and where their four corners lie."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from edge_infer.datasets.frames import LabelledFrames, stack
from edge_infer.domain import Detections
from edge_infer.evaluation.scores import match, score
from edge_infer.outlines import bounds, from_top_left, sizes
from edge_infer.perception.heads.outlines import Found as Decoded
from edge_infer.perception.heads.outlines import decode_outlines
from edge_infer.training.data import TrainingData, frame_of
from edge_infer.training.lessons.lesson import Ask, Batch, Look, Losses
from edge_infer.training.lessons.targets import assign
from edge_infer.training.manifests import manifest_of
from edge_infer.training.networks.finder import STRIDE, Found, centres
from edge_infer.training.ranks import Ranks

CORNER_WEIGHT = 5.0
"""Of a corner that is off by the thing's own size, against one wrong answer whether it is there."""

STEADY = 0.02
"""Corners that are off by less than this share of the thing's size count by the square."""


class Places(NamedTuple):
    """What the places of a batch should say.

    Attributes:
        box: (batch, rows, columns) int64, as of ``assign``.
        outline: (m, 4, 2) float32, input pixels, clockwise from the top left corner.
    """

    box: Tensor
    outline: Tensor


class Finding:
    """Learns from frames as they are: a Lesson."""

    def __init__(self, data: TrainingData) -> None:
        self.labels = data.labels
        self._data = data

    def batch(self, seed: int, step: int, size: int, ranks: Ranks) -> Batch:
        """See Lesson."""
        numbers = range(step * size, (step + 1) * size)[ranks.index :: ranks.count]
        return batch_of(stack([frame_of(self._data.source, seed, n) for n in numbers]))

    def losses(self, answer: Found, labels: Places) -> Losses:
        """See Lesson."""
        there, asked = labels.box >= 0, labels.box >= -1
        count = there.sum().clamp(min=1)
        found = functional.binary_cross_entropy_with_logits(
            answer.there.squeeze(1)[asked], there[asked].float(), reduction="sum"
        )
        wanted = labels.outline[labels.box[there]]
        return {
            "there": found / count,
            "corners": CORNER_WEIGHT * _apart(outlines(answer)[there], wanted).sum() / count,
        }

    def imitation(self, answer: Found, teacher: Found, labels: Places) -> Tensor:
        """See Lesson."""
        there = labels.box >= 0
        found = functional.binary_cross_entropy_with_logits(
            answer.there, teacher.there.sigmoid(), reduction="sum"
        )
        corners = _apart(outlines(answer)[there], outlines(teacher)[there]).sum()
        return (found + CORNER_WEIGHT * corners) / there.sum().clamp(min=1)

    def look(self, ask: Ask, ranks: Ranks) -> Look:
        """See Lesson."""
        frames = self._data.validation
        mine = stack([frames[i] for i in range(ranks.index, len(frames.images), ranks.count)])
        counts = ranks.total(_counts(mine, list(_found(ask, mine))))
        labels, found, false, matched, off = counts.tolist()
        figures = {
            "recall": found / max(labels, 1),
            "precision": matched / max(matched + false, 1),
            "corners_off": off / max(matched, 1),
        }
        worth = figures["recall"] * figures["precision"] * (1 - figures["corners_off"])
        return Look(worth, figures)


def batch_of(frames: LabelledFrames) -> Batch:
    """Frames as a finder learns from them."""
    rows, columns = (n // STRIDE for n in frames.images.shape[1:])
    targets = assign(frames.boxes, len(frames.images), rows, columns, STRIDE)
    outline = torch.from_numpy(from_top_left(frames.boxes.outline))
    images = torch.from_numpy(np.ascontiguousarray(frames.images[:, None]))
    return Batch(images, Places(torch.from_numpy(targets), outline))


def outlines(answer: Found) -> Tensor:
    """(batch, rows, columns, 4, 2) corners in input pixels."""
    offset = answer.corners.permute(0, 2, 3, 1).unflatten(-1, (4, 2))
    middle = centres(*answer.corners.shape[2:]).to(offset.device)
    return middle[:, :, None] + offset * STRIDE


def _apart(one: Tensor, other: Tensor) -> Tensor:
    """(n,) mean distances of (n, 4, 2) corners to others, as shares of the others' size."""
    extent = other.amax(dim=1) - other.amin(dim=1)
    size = extent.prod(dim=1).sqrt().clamp(min=1.0)
    off = functional.smooth_l1_loss(
        one / size[:, None, None], other / size[:, None, None], reduction="none", beta=STEADY
    )
    return off.mean(dim=(1, 2))


def _found(ask: Ask, frames: LabelledFrames) -> Iterator[Decoded]:
    manifest = manifest_of(("thing",), *frames.images.shape[1:])
    for image in frames.images:
        answer = ask(torch.from_numpy(image[None, None]))
        yield decode_outlines([part.cpu().numpy() for part in answer], manifest)


def _counts(frames: LabelledFrames, found: list[Decoded]) -> np.ndarray:
    """Things, things found, false finds, matched finds, sum of how far their corners are off."""
    every = frames.boxes._replace(class_id=np.zeros_like(frames.boxes.class_id))
    edge = np.array(frames.images.shape[:0:-1] * 2, np.float32)
    answers = [
        Detections(np.clip(bounds(f.outline), 0, edge), f.score, np.zeros(len(f.score), np.int32))
        for f in found
    ]
    total = score(answers, every)
    matched, off = 0, 0.0
    for index, (answer, decoded) in enumerate(zip(answers, found, strict=True)):
        truth = every.where(every.frame == index)
        taken = match(answer, truth.xyxy)
        mine, true = decoded.outline[taken >= 0], from_top_left(truth.outline[taken[taken >= 0]])
        off += float((np.abs(mine - true).mean(axis=(1, 2)) / sizes(true)).sum())
        matched += len(mine)
    return np.array([total.labels, total.found, total.false, matched, off])
