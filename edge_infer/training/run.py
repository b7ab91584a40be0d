"""A run from its first step to its last: batches, looks at validation frames, files, progress."""

from __future__ import annotations

import json
import platform
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch

from edge_infer.datasets.frames import LabelledFrames
from edge_infer.errors import TrainingError
from edge_infer.training import checkpoint
from edge_infer.training.checkpoint import BEST, LAST, RECORD, Trained
from edge_infer.training.curves import draw_curves
from edge_infer.training.data import TrainingData, batch
from edge_infer.training.judge import judge
from edge_infer.training.losses import Losses
from edge_infer.training.trainer import Trainer

CURVES = "curves.png"
_SAVE_EVERY_S = 60.0

Progress = Callable[[int, int, str], None]
"""(steps done, of so many, what to say)."""


class Run:
    """One training in a folder.

    Args:
        trainer: fresh, or with its state restored by :meth:`resume`.
        data: what it learns from.
        out: the folder.
        record: command, start and whatever else shall be known of the result.
    """

    def __init__(
        self, trainer: Trainer, data: TrainingData, out: Path, record: dict[str, Any]
    ) -> None:
        self.trainer = trainer
        self._data = data
        self._out = out
        self._record = {
            **record,
            "config": asdict(trainer.config),
            "data": data.provenance,
            "versions": versions(),
        }
        self._looks: list[dict[str, float]] = []
        self._losses: list[Losses] = []
        self._seconds = 0.0
        try:
            out.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise TrainingError(
                f"{out} cannot be made ({error.strerror})", "name another folder with --out"
            ) from error

    def resume(self) -> None:
        """Go on where the folder's last run stopped; raises TrainingError."""
        state = checkpoint.load(self._out, LAST)
        try:
            before = json.loads(state["record"])
            if before["config"] != self._record["config"] or before["data"] != self._record["data"]:
                raise TrainingError(
                    f"{self._out} holds a run with other settings or data",
                    "repeat its command, or name another folder with --out",
                )
            self.trainer.restore(state)
            self._looks, self._seconds = json.loads(state["looks"]), float(state["seconds"])
        except (KeyError, RuntimeError, ValueError) as error:
            raise TrainingError(
                f"{self._out / LAST} is of another network or version", "name another folder"
            ) from error

    def go(self, progress: Progress, minutes: float = float("inf")) -> None:
        """Learn until the last step, until nothing gets better, or until it is told to stop.

        The best network so far is in the folder.

        Args:
            progress: told after each step.
            minutes: after which it stops; SIGINT and SIGTERM stop it as well.
        """
        trainer, began, before_s = self.trainer, time.monotonic(), self._seconds
        saved = began
        with stop_signals() as told_to_stop:
            stop = self._finished()
            while not stop:
                self._losses.append(trainer.learn(self._batch()))
                now = time.monotonic()
                self._seconds = before_s + now - began
                looked = trainer.step % trainer.config.evaluate_every == 0 or self._finished()
                if looked:
                    self._look()
                progress(trainer.step, trainer.config.steps, self._words() if looked else "")
                out_of_time = now - began > minutes * 60 or told_to_stop()
                stop = trainer.ranks.agree(self._finished() or self._stuck() or out_of_time)
                if stop or now - saved > _SAVE_EVERY_S:
                    self._save()
                    saved = now
        if not self._looks:
            self._look()

    def _batch(self) -> LabelledFrames:
        config, ranks = self.trainer.config, self.trainer.ranks
        share = slice(ranks.index, None, ranks.count)
        return batch(self._data.source, config.batch, config.seed, self.trainer.step, share)

    def _finished(self) -> bool:
        return self.trainer.step >= self.trainer.config.steps

    def _look(self) -> None:
        """Judge the average; keep it when it is the best so far."""
        trainer, data = self.trainer, self._data
        score = judge(trainer.average, data.validation, data.labels, trainer.answer, trainer.ranks)
        losses = np.mean([[float(p) for p in loss] for loss in self._losses] or [[0.0] * 3], 0)
        self._losses = []
        look = {
            "step": self.trainer.step,
            "module_loss": round(float(losses[0]), 4),
            "kind_loss": round(float(losses[1]), 4),
            "box_loss": round(float(losses[2]), 4),
            "binary_accuracy": round(score.binary_accuracy, 4),
            "class_accuracy": round(score.accuracy, 4),
        }
        best = max((_worth(other) for other in self._looks), default=-1.0)
        self._looks.append(look)
        if _worth(look) > best and self.trainer.ranks.leads:
            trained = Trained(self.trainer.average, self._data.labels, self.record)
            checkpoint.save_trained(self._out, BEST, trained)
            self._write(RECORD, json.dumps(self.record, indent=2) + "\n")

    @property
    def record(self) -> dict[str, Any]:
        """All that is to be known of the best network so far."""
        best = max(self._looks, key=_worth)
        figures = {"validation": best, "seconds": round(self._seconds)}
        parameters = sum(p.numel() for p in self.trainer.average.parameters())
        return {**self._record, "steps": self.trainer.step, "parameters": parameters, **figures}

    def _save(self) -> None:
        if not self.trainer.ranks.leads:
            return
        checkpoint.save(self._out, LAST, {
            **self.trainer.state,
            "record": json.dumps(self._record),
            "looks": json.dumps(self._looks),
            "seconds": self._seconds,
        })  # fmt: skip
        if len(self._looks) > 1:
            draw_curves(self._looks, self._out / CURVES)

    def _stuck(self) -> bool:
        if not self._looks:
            return False
        since_best = len(self._looks) - 1 - int(np.argmax([_worth(look) for look in self._looks]))
        return since_best >= self.trainer.config.patience

    def _words(self) -> str:
        look = self._looks[-1]
        return (
            f"step {look['step']}  losses {look['module_loss']:.3f} {look['kind_loss']:.3f} "
            f"{look['box_loss']:.3f}  faulty or not {look['binary_accuracy']:.1%}, "
            f"which fault {look['class_accuracy']:.1%}  {self._seconds:.0f} s"
        )

    def _write(self, name: str, text: str) -> None:
        try:
            (self._out / name).write_text(text, encoding="utf-8")
        except OSError as error:
            raise TrainingError(
                f"{self._out / name} cannot be written ({error.strerror})",
                "make room there, then go on with --resume",
            ) from error


@contextmanager
def stop_signals() -> Iterator[Callable[[], bool]]:
    """Whether SIGINT or SIGTERM came; neither interrupts a step."""
    came: list[int] = []
    kinds = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(kind, lambda number, _: came.append(number)) for kind in kinds]
    try:
        yield lambda: bool(came)
    finally:
        for kind, handler in zip(kinds, before, strict=True):
            signal.signal(kind, handler)


def versions() -> dict[str, str]:
    """Of what decides the last bits of a result."""
    return {
        "torch": str(torch.__version__),
        "numpy": np.__version__,
        "python": platform.python_version(),
        "machine": platform.machine(),
    }


def _worth(look: dict[str, float]) -> float:
    return look["binary_accuracy"] + look["class_accuracy"]
