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

"""Training under the rounding of eight bits (quantisation-aware training).

Weights and the values between layers are rounded as an INT8 engine rounds them,
and gradients pass as if they were not (Jacob et al., 2018). What comes out is one
set of float weights that stands rounding in any engine: every format's own
quantiser then finds its scales. Batch normalisation keeps its statistics.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call

from edge_infer.training.networks.layers import Add, Concat
from edge_infer.training.networks.parts import Network

WEIGHT_STEPS = 63
"""Of the largest weight: seven bits, so that two products fit an x86 processor's 16-bit sums."""

VALUE_STEPS = 255

_FOLLOWING = 0.02
"""Share of a new batch's range in the range that is kept."""


class EightBits:
    """Has a network answer as its INT8 self would; keeps the range of every value.

    Attributes:
        ranges: layer name to (2,) least and greatest value.
    """

    def __init__(self) -> None:
        self.ranges: dict[str, Tensor] = {}

    def __call__(self, network: Network, images: Tensor) -> Any:
        """The rounded answer; ranges follow the values while the network trains."""
        for layer in network.modules():
            if isinstance(layer, nn.BatchNorm2d):
                layer.eval()
        with self._watched(network):
            return functional_call(network, rounded_weights(network), (images,))

    @contextmanager
    def _watched(self, network: Network) -> Iterator[None]:
        hooks = [
            layer.register_forward_hook(self._rounding(name))
            for name, layer in network.named_modules()
            if isinstance(layer, (nn.ReLU, Add, Concat, nn.AdaptiveAvgPool2d))
        ]
        try:
            yield
        finally:
            for hook in hooks:
                hook.remove()

    def _rounding(self, name: str) -> Any:
        def hook(layer: nn.Module, _: object, value: Tensor) -> Tensor:
            if layer.training or name not in self.ranges:
                self._follow(name, value.detach())
            return rounded(value, self.ranges[name])

        return hook

    def _follow(self, name: str, value: Tensor) -> None:
        seen = torch.stack([value.amin().clamp(max=0.0), value.amax().clamp(min=1e-6)])
        kept = self.ranges.get(name)
        self.ranges[name] = seen if kept is None else kept.lerp(seen, _FOLLOWING)


def rounded(value: Tensor, range_: Tensor) -> Tensor:
    """Rounded to VALUE_STEPS steps of a range that holds 0, and cut to it."""
    scale = (range_[1] - range_[0]) / VALUE_STEPS
    zero = (-range_[0] / scale).round().to(torch.int32)
    return torch.fake_quantize_per_tensor_affine(value, scale, zero, 0, VALUE_STEPS)


def rounded_weights(network: nn.Module) -> dict[str, Tensor]:
    """Parameter name to the rounded weights of each convolution, one scale a channel.

    Rounding before batch normalisation is folded in is the same as after, since
    folding multiplies each channel by a number.
    """
    weights = {}
    for name, layer in network.named_modules():
        if isinstance(layer, nn.Conv2d):
            weight = layer.weight
            scale = weight.detach().abs().amax(dim=(1, 2, 3)).clamp(min=1e-8) / WEIGHT_STEPS
            zero = torch.zeros_like(scale, dtype=torch.int32)
            weights[f"{name}.weight"] = torch.fake_quantize_per_channel_affine(
                weight, scale, zero, 0, -WEIGHT_STEPS - 1, WEIGHT_STEPS
            )
    return weights
