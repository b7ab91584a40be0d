"""Which network is worth its time on this machine: a small search over width, depth and input.

Every candidate is trained for the same few steps and timed as the engine runs it on
one core. A short training ranks sizes, it does not tell what they come to in the end;
the picture shows the candidates that no other beats in both.
"""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from itertools import product
from pathlib import Path

import cv2
import numpy as np
import torch

from edge_infer.backends import registry
from edge_infer.datasets.frames import LabelledFrames
from edge_infer.errors import TrainingError
from edge_infer.training.data import WIDTH, TrainingData, batch, open_data
from edge_infer.training.judge import judge
from edge_infer.training.network import Network, Size, cost
from edge_infer.training.onnx_files import to_onnx
from edge_infer.training.progress import Say, teller
from edge_infer.training.trainer import TrainConfig, Trainer

WIDTHS = ("16,32,64", "24,48,96", "32,64,128", "32,64,192")
DEPTHS = ("1,1", "1,2", "1,3", "2,4")
INPUTS = ((640, 512), (480, 384), (320, 256))
"""Of a whole frame; the first is its own size."""

TABLE, PICTURE = "search.json", "search.png"
_REPEATS = 15


@dataclass(frozen=True)
class Candidate:
    """A network and the size of the image that it looks at."""

    size: str
    width: int
    height: int


@dataclass(frozen=True)
class Row:
    """What a candidate came to.

    Attributes:
        candidate: which.
        parameters, multiplications: how much it is.
        latency_ms: median of one inference on one core, ONNX Runtime, float.
        binary_accuracy, class_accuracy: of validation modules after the short training.
        best: whether no other candidate is both faster and better.
    """

    candidate: Candidate
    parameters: int
    multiplications: int
    latency_ms: float
    binary_accuracy: float
    class_accuracy: float
    best: bool = False

    @property
    def words(self) -> str:
        """One line of a table."""
        c = self.candidate
        return (
            f"{'*' if self.best else ' '} {c.size:18} {c.width}x{c.height} "
            f"{self.parameters / 1e3:6.0f} k {self.multiplications / 1e6:6.0f} M "
            f"{self.latency_ms:6.1f} ms  {self.binary_accuracy:.1%} {self.class_accuracy:.1%}"
        )


def search(data: str, out: Path, candidates: int, steps: int, seed: int) -> list[Row]:
    """Try candidates, write the table and the picture.

    Returns:
        A row for each, the fastest first.
    """
    out.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)
    with teller() as told:
        source = open_data(data, seed, told.say)
        rows = []
        for candidate in choose(candidates, seed):
            told.say(f"trying {candidate.size} at {candidate.width}x{candidate.height}")
            rows.append(_try(candidate, source, steps, seed, told.say))
    rows = mark_best(rows)
    (out / TABLE).write_text(json.dumps([asdict(row) for row in rows], indent=2) + "\n")
    _draw(rows, out / PICTURE)
    return rows


def choose(count: int, seed: int) -> list[Candidate]:
    """So many different candidates, by chance; raises TrainingError when there are not so many."""
    space = [
        Candidate(f"{widths},{depths},{','.join([widths.split(',')[1]] * 2)}", *size)
        for widths, depths, size in product(WIDTHS, DEPTHS, INPUTS)
    ]
    if count > len(space):
        raise TrainingError(
            f"there are no {count} candidates", f"give at most {len(space)} with --candidates"
        )
    chosen = np.random.default_rng(seed).permutation(len(space))[:count]
    return [space[i] for i in chosen]


def mark_best(rows: Sequence[Row]) -> list[Row]:
    """By latency, with those marked that are better than all that are faster."""
    marked, best = [], -1.0
    for row in sorted(rows, key=lambda row: row.latency_ms):
        worth = row.binary_accuracy + row.class_accuracy
        marked.append(replace(row, best=worth > best))
        best = max(best, worth)
    return marked


def _try(candidate: Candidate, data: TrainingData, steps: int, seed: int, say: Say) -> Row:
    torch.manual_seed(seed)
    network = Network(len(data.labels), Size.parse(candidate.size))
    trainer = Trainer(TrainConfig(steps=steps, seed=seed), network)
    for step in range(steps):
        frames = batch(data.source, trainer.config.batch, seed, step)
        trainer.learn(_resized(frames, candidate))
    score = judge(trainer.average, _resized(data.validation, candidate), data.labels)
    row = Row(
        candidate,
        sum(p.numel() for p in network.parameters()),
        cost(trainer.average, candidate.height, candidate.width),
        _latency_ms(trainer.average, candidate),
        score.binary_accuracy,
        score.accuracy,
    )
    say(row.words)
    return row


def _latency_ms(network: Network, candidate: Candidate) -> float:
    image = np.zeros((1, 1, candidate.height, candidate.width), np.uint8)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "candidate.onnx"
        file.write_bytes(to_onnx(network, candidate.height, candidate.width))
        backend = registry.load("onnx", file)
        taken = []
        for _ in range(_REPEATS):
            start = time.perf_counter()
            backend.infer([image])
            taken.append(time.perf_counter() - start)
        backend.close()
    return float(np.median(taken)) * 1e3


def _resized(frames: LabelledFrames, candidate: Candidate) -> LabelledFrames:
    """Frames as the candidate sees them: small ones shrink by as much as whole ones."""
    scale = candidate.width / WIDTH
    if scale == 1.0:
        return frames
    height, width = frames.images.shape[1:]
    size = (round(width * scale), round(height * scale))
    images = np.stack([cv2.resize(i, size, interpolation=cv2.INTER_AREA) for i in frames.images])
    boxes = frames.boxes._replace(xyxy=frames.boxes.xyxy * np.float32(scale))
    return LabelledFrames(images, boxes)


def _draw(rows: Sequence[Row], file: Path) -> None:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 5), layout="constrained")
    axes = figure.subplots()
    for row in rows:
        worth = (row.binary_accuracy + row.class_accuracy) / 2
        colour = "tab:orange" if row.best else "tab:gray"
        axes.scatter(row.latency_ms, worth, color=colour)
        axes.annotate(
            f"{row.candidate.size} {row.candidate.width}", (row.latency_ms, worth), fontsize=7
        )
    front = [(r.latency_ms, (r.binary_accuracy + r.class_accuracy) / 2) for r in rows if r.best]
    axes.step(*zip(*front, strict=True), where="post", color="tab:orange", alpha=0.5)
    axes.set(xlabel="ms a frame, one core", ylabel="accuracy after the short training")
    axes.grid(alpha=0.3)
    figure.savefig(file, dpi=110)
