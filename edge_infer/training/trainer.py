"""The state machine of a run: frames in, a better network out; no disk, no clock.

The averaged weights (EMA) are what is judged and exported.
"""

from __future__ import annotations

import math
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from edge_infer.datasets.frames import HEALTHY, LabelledFrames
from edge_infer.training.distillation import distillation_loss
from edge_infer.training.eight_bits import EightBits
from edge_infer.training.losses import Labels, Losses, detection_loss
from edge_infer.training.network import STRIDE, Network, Raw
from edge_infer.training.ranks import Ranks
from edge_infer.training.targets import assign

WARM_UP = 100
CLIPPED_NORM = 5.0


@dataclass(frozen=True)
class TrainConfig:
    """What decides the result, besides the data.

    Attributes:
        steps: batches to learn from; the learning rate falls to zero at the last.
        batch: frames a step.
        learning_rate: of AdamW, after WARM_UP steps.
        weight_decay: of AdamW.
        ema_half_life: steps after which a weight's share in the average is half.
        seed: of the frames, the initial weights, the order and the augmentation.
        evaluate_every: steps from one look at the validation frames to the next.
        patience: looks without a better figure after which the run ends early.
    """

    steps: int = 6000
    batch: int = 32
    learning_rate: float = 3e-3
    weight_decay: float = 2e-2
    ema_half_life: int = 200
    seed: int = 0
    evaluate_every: int = 250
    patience: int = 12


def device() -> torch.device:
    """A graphics processor where there is one."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


class Trainer:
    """Network, average, optimiser and the number of steps done.

    Args:
        config: what decides the result.
        network: to begin with; it is changed.
        teacher: whose answers are learnt besides the labels; None for none.
        eight_bits: rounds the network's answers; None leaves them as they are.
        ranks: the processes that train this network together.
    """

    def __init__(
        self,
        config: TrainConfig,
        network: Network,
        teacher: Network | None = None,
        eight_bits: EightBits | None = None,
        ranks: Ranks | None = None,
    ) -> None:
        self.config = config
        self._eight_bits = eight_bits
        self.ranks = ranks or Ranks()
        self.step = 0
        self._device = device()
        self.network = network.to(self._device, memory_format=torch.channels_last)
        self.average = deepcopy(self.network).eval()
        self._teacher = teacher.to(self._device).eval() if teacher else None
        self._optimiser = torch.optim.AdamW(
            self.network.parameters(), config.learning_rate, weight_decay=config.weight_decay
        )

    def answer(self, network: Network, images: Tensor) -> Raw:
        """What a network says, rounded if that is how this run learns."""
        if self._eight_bits is not None:
            return self._eight_bits(network, images)
        raw: Raw = network(images)
        return raw

    def learn(self, frames: LabelledFrames) -> Losses:
        """One step.

        Args:
            frames: this process's share of the batch.

        Returns:
            The losses before the step, without what the teacher adds.
        """
        images = torch.from_numpy(np.ascontiguousarray(frames.images[:, None])).to(self._device)
        labels = self._labels(frames)
        for group in self._optimiser.param_groups:
            group["lr"] = self._learning_rate()
        raw = self.answer(self.network.train(), images)
        losses = detection_loss(raw, labels)
        total = losses.total
        if self._teacher is not None:
            with torch.no_grad():
                wanted = self._teacher(images)
            total = total + distillation_loss(raw, wanted, labels)
        self._optimiser.zero_grad(set_to_none=True)
        total.backward()
        self.ranks.average_([p.grad for p in self.network.parameters() if p.grad is not None])
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), CLIPPED_NORM)
        self._optimiser.step()
        self.step += 1
        self.ranks.average_([b for b in self.network.buffers() if b.is_floating_point()])
        self.ranks.average_(list(self._ranges.values()))
        self._follow()
        return Losses(*(loss.detach() for loss in losses))

    def _labels(self, frames: LabelledFrames) -> Labels:
        rows, columns = (n // STRIDE for n in frames.images.shape[1:])
        boxes = frames.boxes
        targets = assign(boxes, len(frames.images), rows, columns, STRIDE)
        class_id = np.where(boxes.class_id == HEALTHY, self.network.classes, boxes.class_id)
        parts = (targets.box, boxes.frame, boxes.xyxy, class_id, targets.asked)
        return Labels(*(torch.from_numpy(part).to(self._device) for part in parts))

    @property
    def state(self) -> dict[str, Any]:
        """All that is needed to go on exactly here."""
        return {
            "step": self.step,
            "network": self.network.state_dict(),
            "average": self.average.state_dict(),
            "optimiser": self._optimiser.state_dict(),
            "ranges": self._ranges,
        }

    @property
    def _ranges(self) -> dict[str, Tensor]:
        return self._eight_bits.ranges if self._eight_bits else {}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from a state; raises KeyError or RuntimeError when it is another network's."""
        self.network.load_state_dict(state["network"])
        self.average.load_state_dict(state["average"])
        self._optimiser.load_state_dict(state["optimiser"])
        self._ranges.update(state["ranges"])
        self.step = int(state["step"])

    def _learning_rate(self) -> float:
        """A linear start, then half a cosine down to zero."""
        start = min(1.0, (self.step + 1) / WARM_UP)
        rest = 0.5 * (1 + math.cos(math.pi * self.step / max(self.config.steps, 1)))
        return self.config.learning_rate * start * rest

    def _follow(self) -> None:
        """Move the average towards the network, quicker at the start."""
        keep = min(0.5 ** (1 / self.config.ema_half_life), self.step / (self.step + 10))
        fresh: dict[str, Tensor] = self.network.state_dict()
        with torch.no_grad():
            for name, value in self.average.state_dict().items():
                if value.dtype.is_floating_point:
                    value.lerp_(fresh[name], 1 - keep)
                else:
                    value.copy_(fresh[name])
