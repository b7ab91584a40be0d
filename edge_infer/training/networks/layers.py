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

"""What both networks are built of: nothing that eight bits do badly."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

PIXEL_STEP, PIXEL_ZERO = 1 / 64, 128
"""What a grey level is to a network: ``(level - PIXEL_ZERO) * PIXEL_STEP``."""


def conv(
    inputs: int, outputs: int, kernel: int = 3, stride: int = 1, padding: int | None = None
) -> nn.Sequential:
    """Convolution, batch normalisation, ReLU."""
    padding = kernel // 2 if padding is None else padding
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, stride, padding, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )


def channels(layer: nn.Sequential) -> int:
    """What comes out of a :func:`conv`."""
    return int(layer[0].out_channels)


def normalised(image: Tensor) -> Tensor:
    """Grey levels as a network takes them, about -2 to 2."""
    return image.float() * PIXEL_STEP - PIXEL_ZERO * PIXEL_STEP


class Add(nn.Module):  # type: ignore[misc]  # torch is skipped by mypy
    """A sum that has a name, so that its range can be watched."""

    def forward(self, one: Tensor, other: Tensor) -> Tensor:
        return one + other


class Concat(nn.Module):  # type: ignore[misc]  # torch is skipped by mypy
    """Channels side by side, with a name for the same reason."""

    def forward(self, one: Tensor, other: Tensor) -> Tensor:
        return torch.cat([one, other], dim=1)


class Residuals(nn.Module):  # type: ignore[misc]  # torch is skipped by mypy
    """Pairs of convolutions, each added to what came in (He et al., 2016).

    Args:
        outer: channels in and out.
        hidden: channels within each pair.
    """

    def __init__(self, outer: int, hidden: Sequence[int]) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(
            nn.Sequential(conv(outer, inner), conv(inner, outer)) for inner in hidden
        )
        self.sums = nn.ModuleList(Add() for _ in hidden)

    @property
    def hidden(self) -> tuple[int, ...]:
        """As the layers are now."""
        return tuple(channels(block[0]) for block in self.blocks)

    def forward(self, x: Tensor) -> Tensor:
        for add, block in zip(self.sums, self.blocks, strict=True):
            x = add(x, block(x))
        return x


def cost(network: nn.Module, height: int, width: int) -> int:
    """Multiplications and additions of the convolutions for one image."""
    total = 0

    def count(layer: nn.Conv2d, _: object, output: Tensor) -> None:
        nonlocal total
        total += output.numel() * layer.weight[0].numel()

    hooks = [
        layer.register_forward_hook(count)
        for layer in network.modules()
        if isinstance(layer, nn.Conv2d)
    ]
    try:
        with torch.no_grad():
            network(torch.zeros(1, 1, height, width, dtype=torch.uint8))
    finally:
        for hook in hooks:
            hook.remove()
    return total


def whole_numbers(text: str, count: int, least: int = 1) -> list[int]:
    """So many whole numbers, with commas between; raises ValueError."""
    values = [int(word) for word in text.split(",")]
    if len(values) != count or min(values) < least:
        raise ValueError(text)
    return values
