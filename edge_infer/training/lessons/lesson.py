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

"""What the trainer knows of a lesson: it gives batches, weighs answers and judges them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

from torch import Tensor

from edge_infer.training.ranks import Ranks


class Batch(NamedTuple):
    """What a network is asked, and what it should say.

    Attributes:
        images: (b, 1, h, w) uint8.
        labels: a named tuple of tensors; the lesson knows it.
    """

    images: Tensor
    labels: Any


class Look(NamedTuple):
    """What a network was worth at one point of its training.

    Attributes:
        worth: the more the better; the best network is that with the most.
        figures: shares 0..1 by name, of validation data.
    """

    worth: float
    figures: dict[str, float]


Losses = dict[str, Tensor]
"""Name of a part -> its weighted loss; their sum is minimised."""

Ask = Callable[[Tensor], Any]
"""Images to a network's answer."""


class Lesson(Protocol):
    """What one network learns."""

    labels: tuple[str, ...]

    def batch(self, seed: int, step: int, size: int, ranks: Ranks) -> Batch:
        """This process's share of a step's batch; seed and step decide it."""

    def losses(self, answer: Any, labels: Any) -> Losses:
        """How far an answer is from the labels."""

    def imitation(self, answer: Any, teacher: Any, labels: Any) -> Tensor:
        """How far an answer is from the teacher's (Hinton et al., 2015)."""

    def look(self, ask: Ask, ranks: Ranks) -> Look:
        """Judge on validation data; processes share the work."""
