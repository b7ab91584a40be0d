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

"""The state machine of a run: batches in, a better network out; no disk, no clock.

The averaged weights (EMA) are what is judged and exported.
"""

from __future__ import annotations

import math
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from edge_infer.training.eight_bits import EightBits
from edge_infer.training.lessons.lesson import Lesson, Look
from edge_infer.training.networks.parts import Network
from edge_infer.training.ranks import Ranks

WARM_UP = 100
CLIPPED_NORM = 5.0

TEACHING = 1.0
"""Weight of what the teacher says, against the labels."""


@dataclass(frozen=True)
class TrainConfig:
    """What decides the result, besides the data.

    Attributes:
        steps: batches to learn from; the learning rate falls to zero at the last.
        batch: images a step.
        learning_rate: of AdamW, after WARM_UP steps.
        weight_decay: of AdamW.
        ema_half_life: steps after which a weight's share in the average is half.
        seed: of the images, the initial weights, the order and the augmentation.
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
        lesson: what is learnt.
        network: to begin with; it is changed.
        teacher: whose answers are learnt besides the labels; None for none.
        eight_bits: rounds the network's answers; None leaves them as they are.
        ranks: the processes that train this network together.
    """

    def __init__(
        self,
        config: TrainConfig,
        lesson: Lesson,
        network: Network,
        teacher: Network | None = None,
        eight_bits: EightBits | None = None,
        ranks: Ranks | None = None,
    ) -> None:
        self.config = config
        self.lesson = lesson
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

    def learn(self) -> dict[str, Tensor]:
        """One step.

        Returns:
            The parts of the loss before the step, without what the teacher adds.
        """
        config = self.config
        images, labels = self.lesson.batch(config.seed, self.step, config.batch, self.ranks)
        images = images.to(self._device)
        labels = type(labels)(*(part.to(self._device) for part in labels))
        answer = self._answer(self.network.train(), images)
        losses = self.lesson.losses(answer, labels)
        total = torch.stack(list(losses.values())).sum()
        if self._teacher is not None:
            with torch.no_grad():
                wanted = self._teacher(images)
            total = total + TEACHING * self.lesson.imitation(answer, wanted, labels)
        self._move(total)
        return {name: loss.detach() for name, loss in losses.items()}

    def look(self) -> Look:
        """What the average is worth now."""
        with torch.no_grad():
            return self.lesson.look(
                lambda images: self._answer(self.average, images.to(self._device)), self.ranks
            )

    def _answer(self, network: Network, images: Tensor) -> Any:
        """What a network says, rounded if that is how this run learns."""
        if self._eight_bits is not None:
            return self._eight_bits(network, images)
        return network(images)

    def _move(self, loss: Tensor) -> None:
        """One step down, the same in all processes."""
        for group in self._optimiser.param_groups:
            group["lr"] = self._learning_rate()
        self._optimiser.zero_grad(set_to_none=True)
        loss.backward()
        self.ranks.average_([p.grad for p in self.network.parameters() if p.grad is not None])
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), CLIPPED_NORM)
        self._optimiser.step()
        self.step += 1
        self.ranks.average_([b for b in self.network.buffers() if b.is_floating_point()])
        self.ranks.average_(list(self._ranges.values()))
        self._follow()

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
