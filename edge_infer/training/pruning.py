"""Structured pruning: channels that matter least are really removed.

Torch-Pruning finds which layers must lose a channel together and ranks the groups
over the whole network (Fang et al., DepGraph, 2023); what is left is a Network of
another Size. It needs fine-tuning afterwards.
"""

from __future__ import annotations

import torch

from edge_infer.errors import TrainingError
from edge_infer.training.checkpoint import network_like
from edge_infer.training.network import Network, cost

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
    low, high, best = 0.0, 0.95, None
    for _ in range(_TRIES):
        ratio = (low + high) / 2
        candidate = _without(network, ratio)
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


def _without(network: Network, ratio: float) -> Network:
    """A copy without that share of its channels."""
    import torch_pruning

    twin = network_like(network)
    # Pruning by gradients' graph: the image is small only to be quick.
    image = torch.zeros(1, 1, 64, 64, dtype=torch.uint8)
    pruner = torch_pruning.pruner.BasePruner(
        twin,
        image,
        importance=torch_pruning.importance.GroupMagnitudeImportance(p=2),
        global_pruning=True,
        pruning_ratio=ratio,
        max_pruning_ratio=MOST_OF_A_LAYER,
        round_to=MULTIPLE,
        ignored_layers=[twin.distances, twin.module, twin.kinds],
    )
    pruner.step()
    # Rebuilt from its size: what was pruned is a plain Network like any other.
    smaller = Network(twin.classes, twin.size)
    smaller.load_state_dict(twin.state_dict())
    smaller.eval()
    return smaller
