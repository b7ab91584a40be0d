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

"""The classifier: a small residual network that says what one thing is.

It looks at a region: the thing alone, upright and brought to one size. Three
stages, each half as large as the one before, then the mean over what is left.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from edge_infer.training.networks.layers import (
    Residuals,
    channels,
    conv,
    normalised,
    whole_numbers,
)

REGION_WIDTH, REGION_HEIGHT = 24, 40
"""Pixels; that of the modules' own pictures, so nothing is lost and nothing made up."""


class ClassifierSize(NamedTuple):
    """Channels of all layers; pruning makes them uneven.

    Attributes:
        outer: of each stage.
        hidden: within each residual block, stage by stage.
    """

    outer: tuple[int, ...]
    hidden: tuple[tuple[int, ...], ...]

    @classmethod
    def parse(cls, text: str) -> ClassifierSize:
        """From the channels of the three stages and the residual blocks in each.

        Raises:
            ValueError: these are not six whole numbers, the first three positive.
        """
        values = whole_numbers(text, 6, least=0)
        outer, blocks = values[:3], values[3:]
        if min(outer) < 1:
            raise ValueError(text)
        hidden = tuple((width,) * count for width, count in zip(outer, blocks, strict=True))
        return cls(tuple(outer), hidden)

    @classmethod
    def from_json(cls, values: Any) -> ClassifierSize:
        """From the nested lists that JSON makes of it."""
        outer, hidden = values
        return cls(tuple(outer), tuple(map(tuple, hidden)))


class Classifier(nn.Module):  # type: ignore[misc]  # torch is skipped by mypy
    """Grey uint8 regions [b, 1, h, w] -> logits [b, classes + 1]; the last: none of them."""

    INPUT = "image"
    OUTPUTS = ("kinds",)

    def __init__(self, classes: int, size: ClassifierSize) -> None:
        super().__init__()
        self.stem = conv(1, size.outer[0], 4, 2, 1)
        self.narrow = nn.ModuleList(
            conv(fine, coarse, 3, 2)
            for fine, coarse in zip(size.outer[:-1], size.outer[1:], strict=True)
        )
        self.stages = nn.ModuleList(map(Residuals, size.outer, size.hidden))
        self.mean = nn.AdaptiveAvgPool2d(1)
        self.kinds = nn.Conv2d(size.outer[-1], classes + 1, 1)

    @property
    def classes(self) -> int:
        """How many kinds it tells apart, besides none of them."""
        return int(self.kinds.out_channels) - 1

    @property
    def size(self) -> ClassifierSize:
        """As its layers are now."""
        outer = tuple(channels(layer) for layer in (self.stem, *self.narrow))
        return ClassifierSize(outer, tuple(stage.hidden for stage in self.stages))

    @property
    def heads(self) -> list[nn.Module]:
        """Layers whose outputs have a meaning, so that none can be pruned."""
        return [self.kinds]

    def twin(self) -> Classifier:
        """A copy that shares nothing, in evaluation mode; also of one that was pruned."""
        twin = Classifier(self.classes, self.size)
        twin.load_state_dict(self.state_dict())
        twin.eval()
        return twin

    def sharpened(self, factor: float) -> Classifier:
        """A copy whose logits are so many times larger."""
        twin = self.twin()
        with torch.no_grad():
            for parameter in twin.kinds.parameters():
                parameter *= factor
        return twin

    def forward(self, regions: Tensor) -> Tensor:
        x = self.stages[0](self.stem(normalised(regions)))
        for narrow, stage in zip(self.narrow, self.stages[1:], strict=True):
            x = stage(narrow(x))
        return self.kinds(self.mean(x)).flatten(1)
