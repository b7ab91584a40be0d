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

"""What the tests of the training room share: tiny networks, a tiny farm."""

import numpy as np

from edge_infer.datasets.compose import FrameSpec
from edge_infer.datasets.frames import LabelledFrame

TINY = {"finder": "16,24,32,1,1,24", "classifier": "8,16,32,0,1,1"}
STEPS = {"finder": 300, "classifier": 150}
BATCH = {"finder": 8, "classifier": 64}
SPEC = FrameSpec(width=160, height=128, module_px=(22.0, 30.0))
KINDS = (-1, 0, 6, 10)
"""Healthy, Cell, Diode, Offline-Module: anybody can tell them apart."""


class Recited:
    """Always the same frames, one after the other at random: a FrameSource."""

    def __init__(self, frames):
        self._frames = frames

    def __call__(self, rng) -> LabelledFrame:
        return self._frames[int(rng.integers(len(self._frames.images)))]


def quiet(done, of, words):
    """Nobody needs to know."""


def lesson(name, farm):
    """Of that part of the detector."""
    from edge_infer.training.networks.parts import PARTS
    from edge_infer.training.steps import LESSONS

    return LESSONS[PARTS[name]](farm)


def network(name, size=None):
    """A fresh one; torch's seed decides it."""
    from edge_infer.training.networks.parts import PARTS

    part = PARTS[name]
    return part.build(11, part.size.parse(size or TINY[name]))


def config(name, **changes):
    """Of a training that learns the farm by heart."""
    from edge_infer.training.trainer import TrainConfig

    steps = changes.get("steps", STEPS[name])
    usual = {"steps": steps, "batch": BATCH[name], "ema_half_life": 10,
             "evaluate_every": max(steps // 4, 1)}  # fmt: skip
    return TrainConfig(**{**usual, **changes})


def worth(name, farm, asked, rounding=None):
    """What the lesson says of a network."""
    import torch

    from edge_infer.training.ranks import Ranks

    def ask(images):
        with torch.no_grad():
            return rounding(asked, images) if rounding else asked(images)

    return lesson(name, farm).look(ask, Ranks())


def mean_of_ranks(ranks, start):
    """What each of the processes works out together with the others."""
    import torch

    tensors = [torch.full((2, 2), start + ranks.index), torch.full((3,), 10.0 * ranks.index)]
    ranks.average_(tensors)
    counts = ranks.total(np.array([1, ranks.index]))
    return tensors[0].tolist(), tensors[1].tolist(), counts.tolist(), ranks.agree(ranks.leads)


def one_dies(ranks):
    """All but the leading process end in the middle of their work."""
    import torch

    if not ranks.leads:
        raise SystemExit(3)
    ranks.average_([torch.zeros(1)])


class one_never_begins:
    """Work that cannot even be handed over: unpickling it fails."""

    def __call__(self, ranks):
        pass

    def __reduce__(self):
        return int, ("no number",)
