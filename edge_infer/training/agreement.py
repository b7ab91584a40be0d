"""Whether a file of weights says what the network says, on frames with known answers.

Compared are chances and boxes at the places where the network is surest of a module,
because decoding and suppression would turn a tiny difference into another box; and
what both make of the modules, because that is what counts in the end.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from edge_infer.datasets.frames import LabelledFrames
from edge_infer.evaluation.scores import ModuleScore, module_score
from edge_infer.models.manifest import Manifest
from edge_infer.perception.decode import decode, read_grid
from edge_infer.training.network import STRIDE, Network

PLACES = 100
"""Of each frame, those where a module is likeliest."""

Maps = Sequence[NDArray[Any]]
Answer = Callable[[NDArray[np.uint8]], Maps]
"""One image [1, 1, h, w] -> distances, module and kinds."""


class Agreement(NamedTuple):
    """How far a file is from the network.

    Attributes:
        score_mean, score_max: difference of the chances of a fault.
        box_mean_px, box_max_px: difference of a side of a box.
        modules: what the file takes the modules for.
    """

    score_mean: float
    score_max: float
    box_mean_px: float
    box_max_px: float
    modules: ModuleScore


class Reference:
    """The network's answers on the check frames.

    Args:
        network: in evaluation mode, on the processor.
        frames: with labels.
        manifest: how to decode.
    """

    def __init__(self, network: Network, frames: LabelledFrames, manifest: Manifest) -> None:
        self._frames = frames
        self._manifest = manifest
        self._maps = list(_answers(_torch(network), frames))
        self.modules = self._judge(self._maps)

    def compare(self, answer: Answer) -> Agreement:
        """Ask a file the same."""
        maps = list(_answers(answer, self._frames))
        pairs = [_differences(mine, own) for mine, own in zip(maps, self._maps, strict=True)]
        scores, sides = (np.concatenate(part) for part in zip(*pairs, strict=True))
        return Agreement(
            float(scores.mean()), float(scores.max()), float(sides.mean()), float(sides.max()),
            self._judge(maps),
        )  # fmt: skip

    def _judge(self, answers: Sequence[Maps]) -> ModuleScore:
        found = (decode(maps, self._manifest) for maps in answers)
        return module_score(found, self._frames.boxes, len(self._manifest.labels))


def _torch(network: Network) -> Answer:
    def answer(image: NDArray[np.uint8]) -> Maps:
        with torch.no_grad():
            return [part.numpy() for part in network(torch.from_numpy(image))]

    return answer


def _answers(answer: Answer, frames: LabelledFrames) -> Iterator[Maps]:
    return (answer(np.ascontiguousarray(image[None, None])) for image in frames.images)


def _differences(mine: Maps, own: Maps) -> tuple[NDArray[Any], NDArray[Any]]:
    """(n,) of chances and (4 n,) of sides in pixels, at the own maps' best places."""
    y, x = np.divmod(np.argsort(own[1].ravel())[-PLACES:], own[1].shape[3])
    (my_boxes, mine_say), (own_boxes, own_say) = (read_grid(maps, y, x) for maps in (mine, own))
    scores = mine_say.sum(axis=1) - own_say.sum(axis=1)
    return np.abs(scores), np.abs((my_boxes - own_boxes) * STRIDE).ravel()
