"""Train the detector: ``python -m edge_infer.training.train --out DIR``.

One thread, one seed, and a checkpoint that carries on exactly where it stopped:
which frames a step sees follows from the seed and the step's number alone. The
averaged weights (EMA) are what is exported.
"""

from __future__ import annotations

import argparse
import logging
import math
import time
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from edge_infer.errors import EdgeInferError, TrainingError
from edge_infer.simulation.modules import FAULT_CLASSES
from edge_infer.training.data import HEIGHT, WIDTH, LabelledFrames, augment, load_or_render
from edge_infer.training.losses import detection_loss
from edge_infer.training.network import STRIDE, Network
from edge_infer.training.targets import assign

CHECKPOINT = "checkpoint.pt"
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class TrainConfig:
    """What decides the result.

    Attributes:
        frames: rendered once and learnt from again and again.
        steps: batches to learn from; the learning rate falls to zero at the last.
        batch: frames a step.
        learning_rate: of AdamW, after WARM_UP steps.
        weight_decay: of AdamW.
        ema_half_life: steps after which a weight's share in the average is half.
        seed: of the frames, the initial weights, the order and the augmentation.
        start: command of the run whose weights this one begins with; empty for none.
    """

    frames: int = 7000
    steps: int = 4500
    batch: int = 16
    learning_rate: float = 2e-3
    weight_decay: float = 1e-2
    ema_half_life: int = 150
    seed: int = 0
    start: str = ""

    @property
    def command(self) -> str:
        """What to type for this run, without the folders."""
        return (
            f"python -m edge_infer.training.train --frames {self.frames} --steps {self.steps} "
            f"--batch {self.batch} --learning-rate {self.learning_rate} --seed {self.seed}"
        )


WARM_UP = 100
_SAVE_EVERY_S = 60.0


class Trainer:
    """A run: network, average, optimiser and the number of steps done."""

    def __init__(self, config: TrainConfig, classes: int) -> None:
        torch.manual_seed(config.seed)
        self.config = config
        self.step = 0
        self.network = Network(classes).to(memory_format=torch.channels_last)
        self.average = deepcopy(self.network).eval()
        self._optimiser = torch.optim.AdamW(
            self.network.parameters(), config.learning_rate, weight_decay=config.weight_decay
        )

    def learn(self, frames: LabelledFrames) -> tuple[float, float]:
        """One step; returns the score loss and the box loss."""
        images, boxes, _ = self._batch(frames)
        rows, columns = HEIGHT // STRIDE, WIDTH // STRIDE
        targets = assign(boxes, len(images), rows, columns, STRIDE)
        for group in self._optimiser.param_groups:
            group["lr"] = self._learning_rate()
        self.network.train()
        with torch.autocast("cpu", torch.bfloat16):
            raw = self.network(torch.from_numpy(images[:, None]))
        losses = detection_loss(
            raw, torch.from_numpy(targets.class_id), torch.from_numpy(targets.xyxy)
        )
        self._optimiser.zero_grad(set_to_none=True)
        sum(losses).backward()
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), 5.0)
        self._optimiser.step()
        self.step += 1
        self._follow()
        return losses[0].item(), losses[1].item()

    def save(self, folder: Path) -> None:
        """Write the checkpoint; a reader sees the old one or the new one, whole."""
        state = {
            "config": asdict(self.config),
            "classes": self.network.classes,
            "step": self.step,
            "network": self.network.state_dict(),
            "average": self.average.state_dict(),
            "optimiser": self._optimiser.state_dict(),
        }
        fresh = folder / (CHECKPOINT + ".new")
        torch.save(state, fresh)
        fresh.replace(folder / CHECKPOINT)

    @classmethod
    def load(cls, folder: Path) -> Trainer:
        """Carry on from a checkpoint; raises TrainingError when there is none to read."""
        file = folder / CHECKPOINT
        try:
            state: dict[str, Any] = torch.load(file, weights_only=True)
            trainer = cls(TrainConfig(**state["config"]), state["classes"])
            trainer.network.load_state_dict(state["network"])
            trainer.average.load_state_dict(state["average"])
            trainer._optimiser.load_state_dict(state["optimiser"])
        except FileNotFoundError:
            raise TrainingError(f"{file} is not there", "train first, with --out") from None
        except Exception as error:
            raise TrainingError(f"{file} is no checkpoint ({error})", "train again") from error
        trainer.step = int(state["step"])
        return trainer

    def begin_with(self, other: Trainer) -> None:
        """Take the averaged weights of another run as the initial ones."""
        self.network.load_state_dict(other.average.state_dict())
        self.average.load_state_dict(other.average.state_dict())

    def _batch(self, frames: LabelledFrames) -> LabelledFrames:
        """The frames of this step: each pass over the data is one permutation."""
        size, count = self.config.batch, len(frames.images)
        first = self.step * size
        index = [
            int(_permutation(self.config.seed, n // count, count)[n % count])
            for n in range(first, first + size)
        ]
        return augment(frames.take(index), np.random.default_rng((self.config.seed, self.step)))

    def _learning_rate(self) -> float:
        """A linear start, then half a cosine down to zero."""
        start = min(1.0, (self.step + 1) / WARM_UP)
        rest = 0.5 * (1 + math.cos(math.pi * self.step / self.config.steps))
        return self.config.learning_rate * start * rest

    def _follow(self) -> None:
        """Move the average towards the network, quicker at the start."""
        keep = min(0.5 ** (1 / self.config.ema_half_life), self.step / (self.step + 10))
        fresh = self.network.state_dict()
        with torch.no_grad():
            for name, value in self.average.state_dict().items():
                if value.dtype.is_floating_point:
                    value.lerp_(fresh[name], 1 - keep)
                else:
                    value.copy_(fresh[name])


def run(trainer: Trainer, frames: LabelledFrames, out: Path, minutes: float) -> None:
    """Learn until the last step or the time is up; leaves a checkpoint in ``out``."""
    began = saved = time.monotonic()
    for losses in _steps(trainer, frames):
        now = time.monotonic()
        if trainer.step % 50 == 0:
            _LOG.info(
                "step %d of %d, score loss %.3f, box loss %.3f, %.0f s",
                trainer.step, trainer.config.steps, *losses, now - began,
            )  # fmt: skip
        if now - saved > _SAVE_EVERY_S:
            trainer.save(out)
            saved = now
        if now - began > minutes * 60:
            _LOG.info("time is up; the same command with --resume carries on")
            break
    trainer.save(out)


def main(arguments: list[str] | None = None) -> None:
    """The command."""
    parser = _parser()
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    torch.set_num_threads(1)
    try:
        trainer = _trainer(options)
        config = trainer.config
        frames = load_or_render(options.cache or options.out, config.frames, config.seed)
        run(trainer, frames, options.out, options.minutes)
    except EdgeInferError as error:
        parser.exit(2, f"{error}\n")


def _trainer(options: argparse.Namespace) -> Trainer:
    if options.resume:
        return Trainer.load(options.out)
    options.out.mkdir(parents=True, exist_ok=True)
    start = Trainer.load(options.start) if options.start else None
    config = TrainConfig(
        frames=options.frames,
        steps=options.steps,
        batch=options.batch,
        learning_rate=options.learning_rate,
        seed=options.seed,
        start=start.config.command if start else "",
    )
    trainer = Trainer(config, len(FAULT_CLASSES))
    if start:
        trainer.begin_with(start)
    return trainer


def _steps(trainer: Trainer, frames: LabelledFrames) -> Iterator[tuple[float, float]]:
    while trainer.step < trainer.config.steps:
        yield trainer.learn(frames)


@lru_cache(maxsize=2)
def _permutation(seed: int, epoch: int, count: int) -> NDArray[np.int64]:
    return np.random.default_rng((seed, epoch, count)).permutation(count)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="edge_infer.training.train", description=__doc__)
    default = TrainConfig()
    parser.add_argument("--out", type=Path, required=True, help="folder of the checkpoint")
    parser.add_argument("--cache", type=Path, help="folder of the rendered frames (default: out)")
    parser.add_argument("--frames", type=int, default=default.frames, help="frames to render")
    parser.add_argument("--steps", type=int, default=default.steps, help="batches to learn from")
    parser.add_argument("--batch", type=int, default=default.batch, help="frames a step")
    parser.add_argument("--learning-rate", type=float, default=default.learning_rate)
    parser.add_argument("--start", type=Path, help="folder of a run whose weights to begin with")
    parser.add_argument("--minutes", type=float, default=math.inf, help="stop after so long")
    parser.add_argument("--seed", type=int, default=default.seed)
    parser.add_argument("--resume", action="store_true", help="carry on from the checkpoint")
    return parser


if __name__ == "__main__":
    main()
