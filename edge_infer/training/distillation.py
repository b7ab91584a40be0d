"""Learning from another network's answers (Hinton et al., 2015) on the same grid."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from edge_infer.training.losses import KIND_WEIGHT, Labels, boxes, generalised_iou, kinds_of
from edge_infer.training.network import Raw

WEIGHT = 1.0
"""Of all that the teacher says, against the labels."""


def distillation_loss(raw: Raw, teacher: Raw, labels: Labels) -> Tensor:
    """How far the answers on a batch are from the teacher's on the same."""
    there = labels.grid >= 0
    count = there.sum().clamp(min=1)
    module = functional.binary_cross_entropy_with_logits(
        raw.module, teacher.module.sigmoid(), reduction="sum"
    )
    said, wanted = (kinds_of(r, labels).log_softmax(-1) for r in (raw, teacher))
    kind = functional.kl_div(said, wanted, reduction="sum", log_target=True)
    overlap = generalised_iou(boxes(raw)[there], boxes(teacher)[there])
    where = (module + (1 - overlap).sum()) / count
    what = KIND_WEIGHT * kind / labels.asked.sum().clamp(min=1)
    return torch.as_tensor(WEIGHT * (where + what))
