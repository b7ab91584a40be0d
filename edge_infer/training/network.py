"""The detector: a small fully convolutional network made for eight bits.

Anchor-free with one place every STRIDE pixels, which is finer than the modules
are wide, so each module has a place of its own. A coarser stage, where most of
the layers are because they are cheap there, looks at the whole module and its
neighbours and is added back. Convolutions, ReLU, sums and one nearest-neighbour
enlargement: nothing that eight bits do badly. What the head says is decoded
outside the graph (``grid`` in perception/decode.py), at the few places that matter.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

STRIDE = 8
COARSE_STRIDE = 16
"""Height and width of an image are multiples of this."""

OUTPUTS = ("distances", "module", "kinds")


class Stage(NamedTuple):
    """Channels of one stage.

    Attributes:
        enter: of the convolution that halves the image.
        inner, past: of the two ways through the stage.
        hidden: within each residual block of the inner way.
        leave: of what comes out.
    """

    enter: int
    inner: int
    past: int
    hidden: tuple[int, ...]
    leave: int

    @classmethod
    def even(cls, channels: int, blocks: int) -> Stage:
        """Half of the channels on each way."""
        half = channels // 2
        return cls(channels, half, half, (half,) * blocks, channels)


class Size(NamedTuple):
    """Channels of all layers; pruning makes them uneven.

    Attributes:
        fine: where the image is 1/4.
        middle, coarse: the stages at 1/8 and 1/16.
        joined: where the two meet again.
        neck: what the head reads.
    """

    fine: int
    middle: Stage
    coarse: Stage
    joined: int
    neck: int

    @classmethod
    def even(
        cls,
        fine: int = 32,
        middle: int = 64,
        coarse: int = 128,
        middle_blocks: int = 1,
        coarse_blocks: int = 3,
    ) -> Size:
        """A size before any pruning."""
        return cls(
            fine, Stage.even(middle, middle_blocks), Stage.even(coarse, coarse_blocks),
            middle, middle,
        )  # fmt: skip

    @classmethod
    def parse(cls, text: str) -> Size:
        """From channels at 1/4, 1/8, 1/16, blocks at 1/8, 1/16, channels where they meet, neck.

        Raises:
            ValueError: these are not seven positive whole numbers.
        """
        values = [int(word) for word in text.split(",")]
        if len(values) != 7 or min(values) < 1:
            raise ValueError(text)
        *shape, joined, neck = values
        return cls.even(*shape)._replace(joined=joined, neck=neck)

    @classmethod
    def from_json(cls, values: Any) -> Size:
        """From the nested lists that JSON makes of it."""
        fine, middle, coarse, joined, neck = values
        stages = [Stage(enter, inner, past, tuple(hidden), leave)
                  for enter, inner, past, hidden, leave in (middle, coarse)]  # fmt: skip
        return cls(fine, stages[0], stages[1], joined, neck)


class Raw(NamedTuple):
    """What the head says, before decoding.

    Attributes:
        distances: (batch, 4, rows, columns) to left, top, right, bottom in strides.
        module: (batch, 1, rows, columns), logit of the chance that a module's centre is here.
        kinds: (batch, classes + 1, rows, columns), what speaks for each kind of fault and,
            last, for none; their mean over a module's box are the logits of what it is.
    """

    distances: Tensor
    module: Tensor
    kinds: Tensor


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


class Add(nn.Module):  # type: ignore[misc]  # torch is skipped by mypy
    """A sum that has a name, so that its range can be watched."""

    def forward(self, one: Tensor, other: Tensor) -> Tensor:
        return one + other


class Concat(nn.Module):  # type: ignore[misc]  # torch is skipped by mypy
    """Channels side by side, with a name for the same reason."""

    def forward(self, one: Tensor, other: Tensor) -> Tensor:
        return torch.cat([one, other], dim=1)


class CrossStage(nn.Module):  # type: ignore[misc]  # torch is skipped by mypy
    """Halves the image; then some channels go through residual convolutions, the others past.

    After CSPNet (Wang et al., 2020).
    """

    def __init__(self, inputs: int, stage: Stage) -> None:
        super().__init__()
        self.halve = conv(inputs, stage.enter, 3, 2)
        self.enter = conv(stage.enter, stage.inner, 1)
        self.past = conv(stage.enter, stage.past, 1)
        self.blocks = nn.ModuleList(
            nn.Sequential(conv(stage.inner, hidden), conv(hidden, stage.inner))
            for hidden in stage.hidden
        )
        self.sums = nn.ModuleList(Add() for _ in stage.hidden)
        self.both = Concat()
        self.leave = conv(stage.inner + stage.past, stage.leave, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.halve(x)
        inner = self.enter(x)
        for add, block in zip(self.sums, self.blocks, strict=True):
            inner = add(inner, block(inner))
        return self.leave(self.both(inner, self.past(x)))


class Network(nn.Module):  # type: ignore[misc]  # torch is skipped by mypy
    """Grey uint8 image [b, 1, h, w] -> Raw; height and width multiples of COARSE_STRIDE."""

    def __init__(self, classes: int, size: Size) -> None:
        super().__init__()
        # One step to a quarter: at the sizes that matter it sees a solar cell as a whole.
        self.fine = conv(1, size.fine, 6, 4, 1)
        self.middle = CrossStage(size.fine, size.middle)
        self.coarse = CrossStage(size.middle.leave, size.coarse)
        self.up = nn.Sequential(
            conv(size.coarse.leave, size.joined, 1), nn.Upsample(scale_factor=2.0)
        )
        self.join = conv(size.middle.leave, size.joined, 1)
        self.sum = Add()
        self.neck = conv(size.joined, size.neck)
        self.distances = nn.Conv2d(size.neck, 4, 1)
        self.module = nn.Conv2d(size.neck, 1, 1)
        self.kinds = nn.Conv2d(size.neck, classes + 1, 1)
        # Most places are no module's centre, and a module reaches some strides to each side: start
        # there, so the first steps are not spent on that.
        nn.init.constant_(self.module.bias, -2.0)
        nn.init.constant_(self.distances.bias, 2.5)

    @property
    def classes(self) -> int:
        """How many kinds of faults it tells apart."""
        return int(self.kinds.out_channels) - 1

    @property
    def size(self) -> Size:
        """As its layers are now."""
        return Size(
            _channels(self.fine), _stage(self.middle), _stage(self.coarse),
            _channels(self.join), _channels(self.neck),
        )  # fmt: skip

    def forward(self, image: Tensor) -> Raw:
        x = image.float() * (1.0 / 64.0) - 2.0
        x = self.middle(self.fine(x))
        x = self.neck(self.sum(self.join(x), self.up(self.coarse(x))))
        return Raw(nn.functional.relu(self.distances(x)), self.module(x), self.kinds(x))


def _channels(layer: nn.Sequential) -> int:
    return int(layer[0].out_channels)


def _stage(stage: CrossStage) -> Stage:
    return Stage(
        _channels(stage.halve), _channels(stage.enter), _channels(stage.past),
        tuple(_channels(block[0]) for block in stage.blocks), _channels(stage.leave),
    )  # fmt: skip


def centres(rows: int, columns: int) -> Tensor:
    """(2, rows * columns) x and y of the places' centres, input pixels."""
    y, x = torch.meshgrid(torch.arange(rows), torch.arange(columns), indexing="ij")
    return (torch.stack([x, y]).flatten(1) + 0.5) * STRIDE


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
