"""Learning from another network's answers (Hinton et al., 2015) on the same grid."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from edge_infer.training.losses import boxes, generalised_iou
from edge_infer.training.network import Raw

WEIGHT = 1.0
"""Of all that the teacher says, against the labels."""


def distillation_loss(raw: Raw, teacher: Raw, class_id: Tensor, xyxy: Tensor) -> Tensor:
    """How far the answers are from the teacher's, per place with a module.

    Args:
        raw: of a batch.
        teacher: the same batch's.
        class_id: (batch, rows, columns) as in Targets.
        xyxy: (batch, rows, columns, 4) as in Targets.
    """
    faulty, module = class_id >= 0, xyxy[..., 2] > 0
    count = module.sum().clamp(min=1)
    fault = functional.binary_cross_entropy_with_logits(
        raw.fault, teacher.fault.sigmoid(), reduction="sum"
    )
    kinds, wanted = (r.kinds.permute(0, 2, 3, 1)[faulty].log_softmax(-1) for r in (raw, teacher))
    kind = functional.kl_div(kinds, wanted, reduction="sum", log_target=True)
    overlap = generalised_iou(boxes(raw)[module], boxes(teacher)[module])
    total: Tensor = WEIGHT * (fault + kind + (1 - overlap).sum()) / count
    return torch.nan_to_num(total)
