"""The course of a run as a picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

LOSSES = {"module_loss": "module", "kind_loss": "kind", "box_loss": "box"}
ACCURACIES = {"binary_accuracy": "faulty or not", "class_accuracy": "which fault"}


def draw_curves(looks: Sequence[Mapping[str, float]], file: Path) -> None:
    """Losses on the left, accuracies of the validation frames on the right, over the steps."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 4), layout="constrained")
    left, right = figure.subplots(1, 2)
    steps = [look["step"] for look in looks]
    for name, label in LOSSES.items():
        left.plot(steps, [look[name] for look in looks], label=label)
    for name, label in ACCURACIES.items():
        right.plot(steps, [look[name] for look in looks], label=label)
    left.set(title="losses", xlabel="step", yscale="log")
    right.set(title="accuracy of modules, validation", xlabel="step")
    for axes in (left, right):
        axes.grid(alpha=0.3)
        axes.legend()
    figure.savefig(file, dpi=100)
