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

"""The classifier's lesson: what is in a region, cut out of a frame as the finder would have it."""

from __future__ import annotations

from itertools import count
from typing import NamedTuple

import numpy as np
import torch
from numpy.random import Generator
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from edge_infer.datasets.frames import HEALTHY, LabelledFrame
from edge_infer.evaluation.scores import FULLY_VISIBLE, ModuleScore
from edge_infer.outlines import sizes
from edge_infer.perception.regions import cut_out
from edge_infer.training.data import TrainingData, frame_of
from edge_infer.training.lessons.lesson import Ask, Batch, Look, Losses
from edge_infer.training.lessons.targets import ENOUGH_VISIBLE
from edge_infer.training.networks.classifier import REGION_HEIGHT, REGION_WIDTH
from edge_infer.training.ranks import Ranks

SMOOTHING = 0.05
"""Share of the target that is spread over all kinds: labels of the set err."""

MIXED = 0.5
"""Share of the regions that another one shines through (mixup, Zhang et al., 2018)."""

MIXING = 0.2
"""Of the beta distribution of how much: mostly hardly at all."""

JITTER = 0.03
"""Standard deviation of an outline's place and size, in its own sizes: as exact as a finder is."""

POOL = 32
"""Batches whose regions are cut at once and shuffled, so that no batch is of a few frames."""

SHARPNESSES = np.geomspace(0.5, 4.0, 61)
"""What is tried."""

_ASKED_AT_ONCE = 256


class Regions(NamedTuple):
    """Things cut out of frames.

    Attributes:
        images: (n, height, width) uint8.
        kind: (n,) int64, class id; the number of classes for none of them.
    """

    images: NDArray[np.uint8]
    kind: NDArray[np.int64]


class Kinds(NamedTuple):
    """What a batch should say.

    Attributes:
        share: (b, classes + 1) float32, of each kind in each region.
    """

    share: Tensor


class Classifying:
    """Learns from regions cut out with inexact outlines: a Lesson.

    Args:
        data: frames.
        width, height: of a region, pixels.
    """

    def __init__(
        self, data: TrainingData, width: int = REGION_WIDTH, height: int = REGION_HEIGHT
    ) -> None:
        self.labels = data.labels
        self._data = data
        self._size = (width, height)
        self._pool: tuple[tuple[int, ...], Regions] | None = None

    def batch(self, seed: int, step: int, size: int, ranks: Ranks) -> Batch:
        """See Lesson."""
        mine = len(range(size)[ranks.index :: ranks.count])
        number, place = divmod(step, POOL)
        pool = self._gather(seed, number, mine * POOL, ranks)
        rows = slice(place * mine, (place + 1) * mine)
        rng = np.random.default_rng([seed, step, ranks.index, mine])
        return mixed(Regions(pool.images[rows], pool.kind[rows]), len(self.labels), rng)

    def losses(self, answer: Tensor, labels: Kinds) -> Losses:
        """See Lesson."""
        kind = functional.cross_entropy(answer, labels.share, label_smoothing=SMOOTHING)
        return {"kind": kind}

    def imitation(self, answer: Tensor, teacher: Tensor, labels: Kinds) -> Tensor:  # noqa: ARG002
        """See Lesson."""
        said, wanted = answer.log_softmax(dim=1), teacher.log_softmax(dim=1)
        return functional.kl_div(said, wanted, reduction="batchmean", log_target=True)

    def look(self, ask: Ask, ranks: Ranks) -> Look:
        """See Lesson."""
        regions = self._validation(ranks)
        confusion = np.zeros((len(self.labels) + 1,) * 2, np.int64)
        np.add.at(confusion, (regions.kind, answers(_logits(ask, regions.images))), 1)
        score = ModuleScore(ranks.total(confusion))
        figures = {"binary_accuracy": score.binary_accuracy, "class_accuracy": score.accuracy}
        return Look(sum(figures.values()), figures)

    def sharpness(self, ask: Ask) -> float:
        """As below, of a network's answers to the validation data."""
        regions = self._validation(Ranks())
        return sharpness(_logits(ask, regions.images), regions.kind)

    def _validation(self, ranks: Ranks) -> Regions:
        """This process's share of what the validation frames fully show."""
        frames = self._data.validation
        parts = [
            cut(frames[index], len(self.labels), FULLY_VISIBLE, self._size)
            for index in range(ranks.index, len(frames.images), ranks.count)
        ]
        return Regions(*(np.concatenate(column) for column in zip(*parts, strict=True)))

    def _gather(self, seed: int, number: int, wanted: int, ranks: Ranks) -> Regions:
        """This process's pool of that number; the last one is kept."""
        key = (seed, number, wanted, ranks.index, ranks.count)
        if self._pool is None or self._pool[0] != key:
            self._pool = (key, self._cut_many(seed, number, wanted, ranks))
        return self._pool[1]

    def _cut_many(self, seed: int, number: int, wanted: int, ranks: Ranks) -> Regions:
        rng = np.random.default_rng([seed, number, ranks.index])
        parts, so_far = [], 0
        for frame in count(ranks.index, ranks.count):
            image = frame_of(self._data.source, seed, number, frame)
            parts.append(cut(image, len(self.labels), ENOUGH_VISIBLE, self._size, rng))
            so_far += len(parts[-1].kind)
            if so_far >= wanted:
                break
        order = rng.permutation(so_far)[:wanted]
        return Regions(*(np.concatenate(column)[order] for column in zip(*parts, strict=True)))


def cut(
    frame: LabelledFrame,
    classes: int,
    visible: float,
    size: tuple[int, int] = (REGION_WIDTH, REGION_HEIGHT),
    rng: Generator | None = None,
) -> Regions:
    """The things of a frame.

    Args:
        frame: with labels.
        classes: how many there are.
        visible: least share of a thing in the picture.
        size: width and height of a region.
        rng: moves the outlines a little; None leaves them exact.
    """
    boxes = frame.boxes.where(frame.boxes.visible >= visible)
    outline = boxes.outline if rng is None else inexact(boxes.outline, rng)
    images = cut_out(frame.image, outline, *size)
    return Regions(images, np.where(boxes.class_id == HEALTHY, classes, boxes.class_id))


def inexact(outlines: NDArray[np.float32], rng: Generator) -> NDArray[np.float32]:
    """(n, 4, 2) outlines moved, resized and bent by JITTER."""
    number = len(outlines)
    side = sizes(outlines)[:, None, None] * JITTER
    middle = outlines.mean(axis=1, keepdims=True)
    resized = middle + (outlines - middle) * (1 + JITTER * rng.normal(size=(number, 1, 1)))
    moved = resized + side * rng.normal(size=(number, 1, 2))
    bent = moved + 0.5 * side * rng.normal(size=(number, 4, 2))
    return np.asarray(bent, np.float32)


def mixed(regions: Regions, classes: int, rng: Generator) -> Batch:
    """A batch with MIXED of the regions showing through each other."""
    number = len(regions.kind)
    share = np.eye(classes + 1, dtype=np.float32)[regions.kind]
    other = rng.permutation(number)
    weight = np.where(rng.random(number) < MIXED, rng.beta(MIXING, MIXING, number), 1.0)
    weight = weight.astype(np.float32)[:, None, None]
    images = regions.images * weight + regions.images[other] * (1 - weight)
    share = share * weight[:, 0] + share[other] * (1 - weight[:, 0])
    grey = np.round(images).astype(np.uint8)[:, None]
    return Batch(torch.from_numpy(grey), Kinds(torch.from_numpy(share)))


def _logits(ask: Ask, images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """(n, classes + 1) of (n, height, width) regions."""
    parts = np.array_split(images, -(-len(images) // _ASKED_AT_ONCE) or 1)
    said = [ask(torch.from_numpy(part[:, None])).cpu().numpy() for part in parts]
    return np.concatenate(said)


def sharpness(logits: NDArray[np.float32], kind: NDArray[np.int64]) -> float:
    """What to multiply (n, classes + 1) logits with so that they say how likely each kind is.

    Temperature scaling (Guo et al., 2017). Smoothed and mixed labels teach a network to be
    less sure than it should be.
    """
    said, right = torch.from_numpy(logits), torch.from_numpy(kind)
    costs = [functional.cross_entropy(said * f, right).item() for f in SHARPNESSES]
    return float(SHARPNESSES[int(np.argmin(costs))])


def answers(logits: NDArray[np.float32]) -> NDArray[np.int64]:
    """(n,) kind that each region is taken for: a fault where all faults together outweigh none."""
    chance = torch.from_numpy(logits).softmax(dim=1).numpy()
    faulty = chance[:, -1] < 0.5
    return np.asarray(np.where(faulty, chance[:, :-1].argmax(axis=1), chance.shape[1] - 1))
