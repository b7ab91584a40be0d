"""What the tests of the training room share: a tiny network, a tiny farm."""

import numpy as np

from edge_infer.datasets.compose import FrameSpec
from edge_infer.datasets.frames import LabelledFrame

TINY = "16,24,32,1,1,24,24"
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
