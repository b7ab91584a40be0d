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

"""Structured pruning: channels that matter least are really removed.

Torch-Pruning finds which layers must lose a channel together and ranks the groups
over the whole network (Fang et al., DepGraph, 2023); what is left is a network of
another size. It needs fine-tuning afterwards.
"""

from __future__ import annotations

import torch

from edge_infer.errors import TrainingError
from edge_infer.training.networks.layers import cost
from edge_infer.training.networks.parts import Network

MULTIPLE = 8
"""Channel counts that vector units like."""

MOST_OF_A_LAYER = 0.75
_TRIES = 12


def prune(network: Network, share: float, height: int, width: int) -> Network:
    """A copy that costs at most a share of the multiplications, and is as near to it as can be.

    Args:
        network: trained.
        share: of the multiplications of an image that may stay, 0..1.
        height: of the image, pixels.
        width: of the image, pixels.

    Raises:
        TrainingError: the share is out of range, or so little cannot stay.
    """
    if not 0.0 < share < 1.0:
        raise TrainingError(f"a share of {share} cannot stay", "give a number between 0 and 1")
    goal = share * cost(network, height, width)
    image = torch.zeros(1, 1, height, width, dtype=torch.uint8)
    low, high, best = 0.0, 0.95, None
    for _ in range(_TRIES):
        ratio = (low + high) / 2
        candidate = _without(network, ratio, image)
        if cost(candidate, height, width) <= goal:
            best, high = candidate, ratio
        else:
            low = ratio
    if best is None:
        raise TrainingError(
            f"no pruning leaves only {share:.0%} of the multiplications",
            "keep more, or train a smaller network",
        )
    return best


def _without(network: Network, ratio: float, image: torch.Tensor) -> Network:
    """A copy without that share of its channels."""
    import torch_pruning

    twin = network.twin()
    pruner = torch_pruning.pruner.BasePruner(
        twin,
        image,
        importance=torch_pruning.importance.GroupMagnitudeImportance(p=2),
        global_pruning=True,
        pruning_ratio=ratio,
        max_pruning_ratio=MOST_OF_A_LAYER,
        round_to=MULTIPLE,
        ignored_layers=twin.heads,
    )
    pruner.step()
    # A twin again: what was pruned is a plain network of another size.
    return twin.twin()
