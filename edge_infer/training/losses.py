"""The loss: is there a fault, which one, and where does its module end.

A fault's score is the chance that its module is faulty, learnt by plain cross
entropy so that it can be read as one; the class is a choice among faults. Healthy
modules teach the box as well as faulty ones do.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from edge_infer.training.network import STRIDE, Raw, centres
from edge_infer.training.targets import IGNORED

SMOOTHING = 0.05
"""Share of the class target that is spread over all classes: labels of the set err."""


class Losses(NamedTuple):
    """Each per place with a module; their sum is what is minimised."""

    fault: Tensor
    kind: Tensor
    box: Tensor

    @property
    def total(self) -> Tensor:
        """What the optimiser works on."""
        return self.fault + self.kind + self.box


def detection_loss(raw: Raw, class_id: Tensor, xyxy: Tensor) -> Losses:
    """How far a batch is from its labels.

    Args:
        raw: of a batch.
        class_id: (batch, rows, columns) as in Targets.
        xyxy: (batch, rows, columns, 4) as in Targets.
    """
    faulty, module = class_id >= 0, xyxy[..., 2] > 0
    count = module.sum().clamp(min=1)
    asked = class_id != IGNORED
    fault = functional.binary_cross_entropy_with_logits(
        raw.fault.squeeze(1)[asked], faulty[asked].float(), reduction="sum"
    )
    kinds = raw.kinds.permute(0, 2, 3, 1)[faulty]
    kind = functional.cross_entropy(
        kinds, class_id[faulty], reduction="sum", label_smoothing=SMOOTHING
    )
    overlap = generalised_iou(boxes(raw)[module], xyxy[module])
    return Losses(fault / count, kind / count, (1 - overlap).sum() / count)


def boxes(raw: Raw) -> Tensor:
    """(batch, rows, columns, 4) boxes xyxy in input pixels."""
    rows, columns = raw.distances.shape[2:]
    middle = centres(rows, columns).view(2, rows, columns).permute(1, 2, 0)
    near, far = (raw.distances * STRIDE).permute(0, 2, 3, 1).split(2, dim=-1)
    middle = middle.to(near.device)
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
