"""The loss: focal scores over all places, overlap of boxes where there is a module."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from edge_infer.training.network import STRIDE, Raw, centres
from edge_infer.training.targets import IGNORED

BOX_WEIGHT = 2.0
FOCUS = 2.0
"""Power of the error that weighs each score: easy background counts for little."""


def detection_loss(raw: Raw, class_id: Tensor, xyxy: Tensor) -> tuple[Tensor, Tensor]:
    """Score loss and box loss, each per module place.

    Args:
        raw: of a batch.
        class_id: (batch, rows, columns) as in Targets.
        xyxy: (batch, rows, columns, 4) as in Targets.
    """
    logits = raw.logits.float().permute(0, 2, 3, 1)
    wanted = functional.one_hot(class_id.clamp(min=0), logits.shape[-1]).float()
    wanted = wanted * (class_id >= 0).unsqueeze(-1)
    scores = focal(logits, wanted)[class_id != IGNORED].sum()
    there = class_id >= 0
    count = there.sum().clamp(min=1)
    found = boxes(raw)[there]
    overlap = generalised_iou(found, xyxy[there])
    return scores / count, BOX_WEIGHT * (1 - overlap).sum() / count


def focal(logits: Tensor, wanted: Tensor) -> Tensor:
    """Cross entropy weighed by the error (quality focal loss, Li et al., 2020)."""
    error = (wanted - logits.sigmoid()).abs()
    entropy = functional.binary_cross_entropy_with_logits(logits, wanted, reduction="none")
    return entropy * error.pow(FOCUS)


def boxes(raw: Raw) -> Tensor:
    """(batch, rows, columns, 4) boxes xyxy in input pixels."""
    rows, columns = raw.distances.shape[2:]
    middle = centres(rows, columns).view(2, rows, columns).permute(1, 2, 0)
    near, far = (raw.distances.float() * STRIDE).permute(0, 2, 3, 1).split(2, dim=-1)
    return torch.cat([middle - near, middle + far], dim=-1)


def generalised_iou(one: Tensor, other: Tensor) -> Tensor:
    """(n,) GIoU of (n, 4) and (n, 4) boxes (Rezatofighi et al., 2019)."""
    overlap = _area(torch.max(one[:, :2], other[:, :2]), torch.min(one[:, 2:], other[:, 2:]))
    hull = _area(torch.min(one[:, :2], other[:, :2]), torch.max(one[:, 2:], other[:, 2:]))
    union = _area(one[:, :2], one[:, 2:]) + _area(other[:, :2], other[:, 2:]) - overlap
    tiny = torch.finfo(one.dtype).eps
    return overlap / (union + tiny) - (hull - union) / (hull + tiny)


def _area(left_top: Tensor, right_bottom: Tensor) -> Tensor:
    return (right_bottom - left_top).clamp(min=0).prod(dim=1)
