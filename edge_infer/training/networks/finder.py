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

"""The finder: a small fully convolutional network that says where things are.

Anchor-free with one place every STRIDE pixels, which is finer than the modules
are wide, so each module has a place of its own. A coarser stage, where most of
the layers are because they are cheap there, looks at the whole module and its
neighbours and is added back. What the head says is decoded outside the graph
(perception/heads/outlines.py), at the few places that matter.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from edge_infer.training.networks.layers import (
    Add,
    Concat,
    Residuals,
    channels,
    conv,
    normalised,
    whole_numbers,
)

STRIDE = 8
COARSE_STRIDE = 16
"""Height and width of an image are multiples of this."""


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
    def even(cls, outer: int, blocks: int) -> Stage:
        """Half of the channels on each way."""
        half = outer // 2
        return cls(outer, half, half, (half,) * blocks, outer)


class FinderSize(NamedTuple):
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
    def parse(cls, text: str) -> FinderSize:
        """From channels at 1/4, 1/8, 1/16, blocks at 1/8 and 1/16, channels of the neck.

        Raises:
            ValueError: these are not six positive whole numbers.
        """
        fine, middle, coarse, middle_blocks, coarse_blocks, neck = whole_numbers(text, 6)
        return cls(
            fine, Stage.even(middle, middle_blocks), Stage.even(coarse, coarse_blocks), neck, neck
        )

    @classmethod
    def from_json(cls, values: Any) -> FinderSize:
        """From the nested lists that JSON makes of it."""
        fine, middle, coarse, joined, neck = values
        stages = [Stage(enter, inner, past, tuple(hidden), leave)
                  for enter, inner, past, hidden, leave in (middle, coarse)]  # fmt: skip
        return cls(fine, stages[0], stages[1], joined, neck)


class Found(NamedTuple):
    """What the head says, before decoding.

    Attributes:
        corners: (batch, 8, rows, columns) x and y of a thing's four corners from the place's
            centre, strides; clockwise from the top left one.
        there: (batch, 1, rows, columns) logit of the chance that a thing's centre is here.
    """

    corners: Tensor
    there: Tensor


class CrossStage(nn.Module):  # type: ignore[misc]  # torch is skipped by mypy
    """Halves the image; then some channels go through residual convolutions, the others past.

    After CSPNet (Wang et al., 2020).
    """

    def __init__(self, inputs: int, stage: Stage) -> None:
        super().__init__()
        self.halve = conv(inputs, stage.enter, 3, 2)
        self.enter = conv(stage.enter, stage.inner, 1)
        self.past = conv(stage.enter, stage.past, 1)
        self.residuals = Residuals(stage.inner, stage.hidden)
        self.both = Concat()
        self.leave = conv(stage.inner + stage.past, stage.leave, 1)

    @property
    def stage(self) -> Stage:
        """As the layers are now."""
        return Stage(
            channels(self.halve), channels(self.enter), channels(self.past),
            self.residuals.hidden, channels(self.leave),
        )  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        x = self.halve(x)
        return self.leave(self.both(self.residuals(self.enter(x)), self.past(x)))


class Finder(nn.Module):  # type: ignore[misc]  # torch is skipped by mypy
    """Grey uint8 image [b, 1, h, w] -> Found; height and width multiples of COARSE_STRIDE."""

    INPUT = "image"
    OUTPUTS = Found._fields

    def __init__(self, size: FinderSize) -> None:
        super().__init__()
        # One step to a quarter: at the sizes that matter it sees a solar cell as a whole.
        self.stem = conv(1, size.fine, 6, 4, 1)
        self.middle = CrossStage(size.fine, size.middle)
        self.coarse = CrossStage(size.middle.leave, size.coarse)
        self.up = nn.Sequential(
            conv(size.coarse.leave, size.joined, 1), nn.Upsample(scale_factor=2.0)
        )
        self.join = conv(size.middle.leave, size.joined, 1)
        self.sum = Add()
        self.neck = conv(size.joined, size.neck)
        self.corners = nn.Conv2d(size.neck, 8, 1)
        self.there = nn.Conv2d(size.neck, 1, 1)
        # Most places are no thing's centre: start there, so the first steps are not spent on that.
        nn.init.constant_(self.there.bias, -2.0)

    @property
    def size(self) -> FinderSize:
        """As its layers are now."""
        return FinderSize(
            channels(self.stem), self.middle.stage, self.coarse.stage,
            channels(self.join), channels(self.neck),
        )  # fmt: skip

    @property
    def heads(self) -> list[nn.Module]:
        """Layers whose outputs have a meaning, so that none can be pruned."""
        return [self.corners, self.there]

    def twin(self) -> Finder:
        """A copy that shares nothing, in evaluation mode; also of one that was pruned."""
        twin = Finder(self.size)
        twin.load_state_dict(self.state_dict())
        twin.eval()
        return twin

    def forward(self, image: Tensor) -> Found:
        x = self.middle(self.stem(normalised(image)))
        x = self.neck(self.sum(self.join(x), self.up(self.coarse(x))))
        return Found(self.corners(x), self.there(x))


def centres(rows: int, columns: int) -> Tensor:
    """(rows, columns, 2) x and y of the places' centres, input pixels."""
    y, x = torch.meshgrid(torch.arange(rows), torch.arange(columns), indexing="ij")
    return (torch.stack([x, y], dim=-1) + 0.5) * STRIDE
