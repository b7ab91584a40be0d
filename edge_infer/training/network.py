"""The detector: a small convolutional network that decodes its boxes itself.

Anchor-free with one place every STRIDE pixels, which is finer than the modules
are wide, so each module has a place of its own. A second, coarser stage looks
at the neighbours (a fault is what differs from them) and is added back. ReLU
only: every engine folds it into the convolution before it.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

STRIDE = 8


class Size(NamedTuple):
    """Channels of the four stages, halving the image at each."""

    stem: int = 16
    fine: int = 32
    middle: int = 64
    coarse: int = 64


SIZE = Size()
"""0.18 million parameters; an image costs about 3 ms on one quiet core."""


class Raw(NamedTuple):
    """What the head says, before decoding.

    Attributes:
        distances: (batch, 4, rows, columns) to left, top, right, bottom in strides.
        logits: (batch, classes, rows, columns).
    """

    distances: Tensor
    logits: Tensor


def conv(inputs: int, outputs: int, kernel: int = 3, stride: int = 1) -> nn.Sequential:
    """Convolution, batch normalisation, ReLU."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )


class CrossStage(nn.Module):  # type: ignore[misc]  # torch is skipped by mypy
    """Half of the channels go through residual convolutions, half go past (CSPNet, 2020)."""

    def __init__(self, channels: int, blocks: int) -> None:
        super().__init__()
        half = channels // 2
        self.enter = conv(channels, half, 1)
        self.past = conv(channels, half, 1)
        self.blocks = nn.ModuleList(
            nn.Sequential(conv(half, half), conv(half, half)) for _ in range(blocks)
        )
        self.leave = conv(channels, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        inner = self.enter(x)
        for block in self.blocks:
            inner = inner + block(inner)
        return self.leave(torch.cat([inner, self.past(x)], dim=1))


class Network(nn.Module):  # type: ignore[misc]  # torch is skipped by mypy
    """Grey uint8 image [b, 1, h, w] -> Raw; height and width multiples of 16."""

    def __init__(self, classes: int, size: Size = SIZE) -> None:
        super().__init__()
        self.classes = classes
        self.size = size
        self.stem = conv(1, size.stem, 3, 2)
        self.fine = nn.Sequential(conv(size.stem, size.fine, 3, 2), CrossStage(size.fine, 1))
        self.middle = nn.Sequential(conv(size.fine, size.middle, 3, 2), CrossStage(size.middle, 2))
        self.coarse = nn.Sequential(
            conv(size.middle, size.coarse, 3, 2), CrossStage(size.coarse, 1),
            conv(size.coarse, size.middle, 1), nn.Upsample(scale_factor=2.0),
        )  # fmt: skip
        self.neck = conv(size.middle, size.middle)
        self.box = nn.Conv2d(size.middle, 4, 1)
        self.score = nn.Conv2d(size.middle, classes, 1)
        # Faults are rare: start from a score of 1 %, so the first steps are not spent on that.
        nn.init.constant_(self.score.bias, -4.6)

    def forward(self, image: Tensor) -> Raw:
        x = image.float() * (1.0 / 64.0) - 2.0
        x = self.middle(self.fine(self.stem(x)))
        x = self.neck(x + self.coarse(x))
        return Raw(nn.functional.softplus(self.box(x)), self.score(x))


class Exported(nn.Module):  # type: ignore[misc]  # torch is skipped by mypy
    """The network with the yolov8 head: one output [b, 4 + classes, n].

    cx, cy, w, h in input pixels, then the class scores after the sigmoid.
    """

    def __init__(self, network: Network, height: int, width: int) -> None:
        super().__init__()
        self.network = network
        self.register_buffer("centres", centres(height // STRIDE, width // STRIDE))

    def forward(self, image: Tensor) -> Tensor:
        raw = self.network(image)
        near, far = raw.distances.flatten(2).split(2, dim=1)
        centre = self.centres + (far - near) * (STRIDE / 2)
        return torch.cat([centre, (near + far) * STRIDE, raw.logits.flatten(2).sigmoid()], dim=1)


def centres(rows: int, columns: int) -> Tensor:
    """(2, rows * columns) x and y of the places' centres, input pixels."""
    y, x = torch.meshgrid(torch.arange(rows), torch.arange(columns), indexing="ij")
    return (torch.stack([x, y]).flatten(1) + 0.5) * STRIDE
