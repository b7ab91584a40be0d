"""The loss: where are modules, where do they end, and what is each of them.

What a module is follows from the mean of the maps over its whole box, as in a
classifier of cut-out modules: the places of a module need not agree, and none of
them has to see all of it.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from edge_infer.training.network import STRIDE, Raw, centres

SMOOTHING = 0.05
"""Share of the class target that is spread over all classes: labels of the set err."""

KIND_WEIGHT = 2.0
"""Of what a module is, against where it is: the former is what is hard."""


class Labels(NamedTuple):
    """What a batch should say, on the network's device.

    Attributes:
        grid: (batch, rows, columns) int64, as in Targets.
        frame: (m,) int64, of each box.
        xyxy: (m, 4) float32, input pixels.
        class_id: (m,) int64; the number of classes for a healthy module.
        asked: (m,) bool, as in Targets.
    """

    grid: Tensor
    frame: Tensor
    xyxy: Tensor
    class_id: Tensor
    asked: Tensor


class Losses(NamedTuple):
    """Their sum is what is minimised."""

    module: Tensor
    kind: Tensor
    box: Tensor

    @property
    def total(self) -> Tensor:
        """What the optimiser works on."""
        return self.module + KIND_WEIGHT * self.kind + self.box


def detection_loss(raw: Raw, labels: Labels) -> Losses:
    """How far a batch is from its labels."""
    there, asked = labels.grid >= 0, labels.grid >= -1
    count = there.sum().clamp(min=1)
    module = functional.binary_cross_entropy_with_logits(
        raw.module.squeeze(1)[asked], there[asked].float(), reduction="sum"
    )
    overlap = generalised_iou(boxes(raw)[there], labels.xyxy[labels.grid[there]])
    kind = functional.cross_entropy(
        kinds_of(raw, labels), labels.class_id[labels.asked],
        reduction="sum", label_smoothing=SMOOTHING,
    )  # fmt: skip
    return Losses(
        module / count, kind / labels.asked.sum().clamp(min=1), (1 - overlap).sum() / count
    )


def kinds_of(raw: Raw, labels: Labels) -> Tensor:
    """(asked boxes, classes + 1) logits of what each module is."""
    return box_means(raw.kinds, labels.frame[labels.asked], labels.xyxy[labels.asked] / STRIDE)


def box_means(maps: Tensor, frame: Tensor, xyxy: Tensor) -> Tensor:
    """(m, channels) means of (batch, channels, rows, columns) maps over boxes.

    Args:
        maps: one value a place.
        frame: (m,) index into the batch, rising.
        xyxy: (m, 4) in places; a place counts by the share of it that a box covers.
    """
    rows, columns = maps.shape[2:]
    across = _covered(xyxy[:, 0], xyxy[:, 2], columns)
    down = _covered(xyxy[:, 1], xyxy[:, 3], rows)
    parts = [
        torch.einsum("mh,chw,mw->mc", down[frame == i], maps[i], across[frame == i])
        for i in range(len(maps))
    ]
    return torch.cat(parts)


def _covered(low: Tensor, high: Tensor, count: int) -> Tensor:
    """(m, count) shares of each interval that lie on each place."""
    start = torch.arange(count, device=low.device)
    low, high = low[:, None], high[:, None]
    covered = (torch.minimum(high, start + 1) - torch.maximum(low, start)).clamp(min=0)
    return covered / covered.sum(dim=1, keepdim=True).clamp(min=1e-6)


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
