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

"""The steps from data to a small network, each a run in a folder of its own.

``train`` begins with nothing; ``prune``, ``distil`` and ``qat`` begin with what an
earlier step left, in any order. A step's record holds the record of the one before.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from edge_infer.errors import TrainingError
from edge_infer.memory import keep_all_freed_blocks
from edge_infer.training.checkpoint import Trained, load_trained
from edge_infer.training.data import TrainingData, open_data
from edge_infer.training.eight_bits import EightBits
from edge_infer.training.lessons.classifying import Classifying
from edge_infer.training.lessons.finding import Finding
from edge_infer.training.lessons.lesson import Lesson
from edge_infer.training.networks.layers import cost
from edge_infer.training.networks.parts import CLASSIFIER, FINDER, Network, Part
from edge_infer.training.progress import teller
from edge_infer.training.pruning import prune
from edge_infer.training.ranks import Ranks, train_together
from edge_infer.training.run import Run
from edge_infer.training.trainer import TrainConfig, Trainer

_FINDER = TrainConfig()
_CLASSIFIER = TrainConfig(steps=12000, batch=128, evaluate_every=500, weight_decay=0.05)

DEFAULTS = {
    FINDER: {
        "train": _FINDER,
        "prune": replace(_FINDER, steps=1000, learning_rate=1.5e-3),
        "distil": _FINDER,
        "qat": replace(_FINDER, steps=300, learning_rate=3e-4, evaluate_every=50),
    },
    CLASSIFIER: {
        "train": _CLASSIFIER,
        "prune": replace(_CLASSIFIER, steps=4000, learning_rate=1.5e-3),
        "distil": _CLASSIFIER,
        "qat": replace(_CLASSIFIER, steps=1000, learning_rate=3e-4, evaluate_every=100),
    },
}
"""Part -> kind of step -> what it needs when nothing else is said."""

LESSONS: dict[Part, type[Finding] | type[Classifying]] = {FINDER: Finding, CLASSIFIER: Classifying}


@dataclass(frozen=True)
class Step:
    """One run, as it was asked for.

    Attributes:
        kind: a key of DEFAULTS, second level.
        out: its folder.
        command: what to type for it again.
        config: of the trainer.
        part: of the detector that is trained.
        data: a modules.npz or a labelled folder; empty for drawn modules alone.
        start: folder of the run whose network it begins with; None for a fresh one.
        teacher: folder of the run whose network it learns from; None for none.
        size: of a fresh network, as its part parses it; needed when there is no start.
        keep: share of the multiplications that pruning leaves.
        minutes: after which it stops, to go on later.
        resume: go on with what is in the folder.
    """

    kind: str
    out: Path
    command: str
    config: TrainConfig
    part: Part
    data: str = ""
    start: Path | None = None
    teacher: Path | None = None
    size: Any = None
    keep: float = 1.0
    minutes: float = float("inf")
    resume: bool = False


def carry_out(step: Step, processes: int = 1) -> Trained:
    """Run a step in so many processes.

    Returns:
        The best network that it found.

    Raises:
        EdgeInferError: the data, a network to begin with or the folder cannot be used.
    """
    train_together(_work, processes, step)
    return load_trained(step.out)


def _work(ranks: Ranks, step: Step) -> None:
    keep_all_freed_blocks()
    with teller(ranks.leads) as told:
        data = open_data(step.data, step.config.seed, told.say)
        network, start = _network(step, data)
        teacher = load_trained(step.teacher, part=step.part.name) if step.teacher else None
        rounding = EightBits() if step.kind == "qat" else None
        lesson: Lesson = LESSONS[step.part](data)
        trainer = Trainer(
            step.config, lesson, network, teacher.network if teacher else None, rounding, ranks
        )
        run = Run(trainer, step.out, {
            "command": step.command,
            "kind": step.kind,
            "part": step.part.name,
            "start": start,
            "data": data.provenance,
            "multiplications": cost(network.twin(), step.part.height, step.part.width),
        })  # fmt: skip
        if step.resume:
            run.resume()
        run.go(told.step, step.minutes)


def _network(step: Step, data: TrainingData) -> tuple[Network, dict[str, Any] | None]:
    """What the step begins with, and the record of that."""
    if step.start is None:
        torch.manual_seed(step.config.seed)
        return step.part.build(len(data.labels), step.size), None
    start = load_trained(step.start, part=step.part.name)
    if start.labels != data.labels:
        raise TrainingError(
            f"the run in {step.start} has other classes than the data", "use the data of that run"
        )
    network = start.network.twin()
    if step.kind == "prune":
        network = prune(network, step.keep, step.part.height, step.part.width)
    return network, start.record
