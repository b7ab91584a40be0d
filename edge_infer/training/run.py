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

"""A run from its first step to its last: steps, looks at validation data, files, progress."""

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
from torch import Tensor

from edge_infer.errors import TrainingError
from edge_infer.files import write_whole
from edge_infer.training import checkpoint
from edge_infer.training.checkpoint import LAST, RECORD, Trained
from edge_infer.training.curves import LOSS, NEITHER, draw_curves
from edge_infer.training.trainer import Trainer

CURVES = "curves.png"
_SAVE_EVERY_S = 60.0

Progress = Callable[[int, int, str], None]
"""(steps done, of so many, what to say)."""


class Run:
    """One training in a folder.

    Args:
        trainer: fresh, or with its state restored by :meth:`resume`.
        out: the folder.
        record: command, data, start and whatever else shall be known of the result.
    """

    def __init__(self, trainer: Trainer, out: Path, record: dict[str, Any]) -> None:
        self.trainer = trainer
        self._out = out
        self._record = {**record, "config": asdict(trainer.config), "versions": versions()}
        self._looks: list[dict[str, float]] = []
        self._losses: list[dict[str, Tensor]] = []
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
                self._losses.append(trainer.learn())
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

    def _finished(self) -> bool:
        return self.trainer.step >= self.trainer.config.steps

    def _look(self) -> None:
        """Judge the average; keep it when it is the best so far."""
        trainer = self.trainer
        worth, figures = trainer.look()
        look = {"step": trainer.step, "worth": worth, **self._mean_losses(), **figures}
        best = max((other["worth"] for other in self._looks), default=-1.0)
        self._looks.append({name: round(value, 4) for name, value in look.items()})
        if worth > best and trainer.ranks.leads:
            trained = Trained(trainer.average, trainer.lesson.labels, self.record)
            checkpoint.save_trained(self._out, trained)
            self._write(RECORD, json.dumps(self.record, indent=2) + "\n")

    def _mean_losses(self) -> dict[str, float]:
        """Since the last look."""
        parts, self._losses = self._losses, []
        names = parts[0] if parts else ()
        return {f"{name}{LOSS}": float(np.mean([float(p[name]) for p in parts])) for name in names}

    @property
    def record(self) -> dict[str, Any]:
        """All that is to be known of the best network so far."""
        best = max(self._looks, key=lambda look: look["worth"])
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
        best = int(np.argmax([look["worth"] for look in self._looks]))
        return len(self._looks) - 1 - best >= self.trainer.config.patience

    def _words(self) -> str:
        parts = [f"{name.replace('_', ' ')} {value:.3f}" for name, value in self._looks[-1].items()
                 if name not in NEITHER]  # fmt: skip
        return f"step {self.trainer.step}  {'  '.join(parts)}  {self._seconds:.0f} s"

    def _write(self, name: str, text: str) -> None:
        try:
            write_whole(self._out / name, text.encode())
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
