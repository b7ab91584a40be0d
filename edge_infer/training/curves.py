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

"""The course of a run as a picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

LOSS = "_loss"
"""What the name of a loss ends with in a look; what is no loss is a figure."""

NEITHER = ("step", "worth")
"""What in a look is no loss and no figure."""


def draw_curves(looks: Sequence[Mapping[str, float]], file: Path) -> None:
    """Losses on the left, figures of the validation data on the right, over the steps.

    Args:
        looks: what a run saw of itself; the first may lack the losses.
        file: to write.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 4), layout="constrained")
    left, right = figure.subplots(1, 2)
    steps = [look["step"] for look in looks]
    for name in [name for name in looks[-1] if name not in NEITHER]:
        axes = left if name.endswith(LOSS) else right
        label = name.removesuffix(LOSS).replace("_", " ")
        axes.plot(steps, [look.get(name) for look in looks], label=label)
    left.set(title="losses", xlabel="step", yscale="log")
    right.set(title="validation", xlabel="step")
    for axes in (left, right):
        axes.grid(alpha=0.3)
        axes.legend()
    figure.savefig(file, dpi=100)
