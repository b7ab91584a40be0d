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
from typing import NamedTuple

import cv2
import numpy as np
import torch
from numpy.random import Generator

from edge_infer.backends import registry
from edge_infer.datasets.frames import FrameSource, LabelledFrame, scaled, stack
from edge_infer.errors import TrainingError
from edge_infer.training.data import WIDTH, TrainingData, open_data
from edge_infer.training.export.onnx_files import to_onnx
from edge_infer.training.lessons.classifying import Classifying
from edge_infer.training.lessons.finding import Finding
from edge_infer.training.lessons.lesson import Lesson
from edge_infer.training.manifests import REGIONS_AT_ONCE
from edge_infer.training.networks.layers import cost
from edge_infer.training.networks.parts import CLASSIFIER, FINDER, Network, Part
from edge_infer.training.progress import Say, teller
from edge_infer.training.steps import DEFAULTS
from edge_infer.training.trainer import Trainer

TABLE, PICTURE = "search.json", "search.png"
_REPEATS = 15


class Space(NamedTuple):
    """What there is to choose from.

    Attributes:
        widths, depths: the first and the last part of a size, joined by a comma.
        inputs: width and height of the image; the first is the part's own.
        batch: images that are looked at together.
    """

    widths: tuple[str, ...]
    depths: tuple[str, ...]
    inputs: tuple[tuple[int, int], ...]
    batch: int


SPACES = {
    FINDER: Space(
        ("8,16,32", "16,32,64", "24,48,96", "32,64,128"),
        ("1,1,32", "1,2,32", "1,4,32"),
        ((640, 512), (480, 384), (320, 256)),
        1,
    ),
    CLASSIFIER: Space(
        ("16,32,64", "24,48,96", "32,64,128"),
        ("0,0,1", "0,1,1", "1,1,1", "0,2,2"),
        ((24, 40), (18, 30), (12, 20)),
        REGIONS_AT_ONCE,
    ),
}


@dataclass(frozen=True)
class Candidate:
    """A network's size and the width and height of the image that it looks at."""

    size: str
    width: int
    height: int

    def __str__(self) -> str:
        return f"{self.size} at {self.width}x{self.height}"


@dataclass(frozen=True)
class Row:
    """What a candidate came to.

    Attributes:
        candidate: which.
        parameters, multiplications: how much it is; the latter for one image.
        latency_ms: median of one call on one core, ONNX Runtime, float.
        worth, figures: of validation data after the short training, as in Look.
        best: whether no other candidate is both faster and better.
    """

    candidate: Candidate
    parameters: int
    multiplications: int
    latency_ms: float
    worth: float
    figures: dict[str, float]
    best: bool = False

    @property
    def words(self) -> str:
        """One line of a table."""
        figures = " ".join(f"{name.replace('_', ' ')} {v:.3f}" for name, v in self.figures.items())
        return (
            f"{'*' if self.best else ' '} {self.candidate!s:28} "
            f"{self.parameters / 1e3:6.0f} k {self.multiplications / 1e6:6.1f} M "
            f"{self.latency_ms:6.2f} ms  {figures}"
        )


def search(part: Part, data: str, out: Path, candidates: int, steps: int, seed: int) -> list[Row]:
    """Try candidates, write the table and the picture.

    Returns:
        A row for each, the fastest first.
    """
    out.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)
    with teller() as told:
        source = open_data(data, seed, told.say)
        rows = []
        for candidate in choose(part, candidates, seed):
            told.say(f"trying {candidate}")
            rows.append(_try(part, candidate, source, steps, seed, told.say))
    rows = mark_best(rows)
    (out / TABLE).write_text(json.dumps([asdict(row) for row in rows], indent=2) + "\n")
    _draw(rows, out / PICTURE)
    return rows


def choose(part: Part, count: int, seed: int) -> list[Candidate]:
    """So many different candidates, by chance; raises TrainingError when there are not so many."""
    widths, depths, inputs, _ = SPACES[part]
    space = [Candidate(f"{w},{d}", *size) for w, d, size in product(widths, depths, inputs)]
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
        marked.append(replace(row, best=row.worth > best))
        best = max(best, row.worth)
    return marked


class Shrunk:
    """The frames of another source, smaller: a FrameSource."""

    def __init__(self, source: FrameSource, scale: float) -> None:
        self._source = source
        self._scale = scale

    def __call__(self, rng: Generator) -> LabelledFrame:
        """See FrameSource."""
        return shrunk(self._source(rng), self._scale)


def shrunk(frame: LabelledFrame, scale: float) -> LabelledFrame:
    """A frame as a candidate sees it: each of its pixels the mean of those that it covers."""
    return scaled(frame, scale, cv2.INTER_AREA)


def _lesson(part: Part, candidate: Candidate, data: TrainingData) -> Lesson:
    """With images of the candidate's size; what is in a frame shrinks with it."""
    if part is CLASSIFIER:
        return Classifying(data, candidate.width, candidate.height)
    scale, frames = candidate.width / WIDTH, data.validation
    small = [shrunk(frames[index], scale) for index in range(len(frames.images))]
    return Finding(replace(data, source=Shrunk(data.source, scale), validation=stack(small)))


def _try(
    part: Part, candidate: Candidate, data: TrainingData, steps: int, seed: int, say: Say
) -> Row:
    torch.manual_seed(seed)
    network = part.build(len(data.labels), part.size.parse(candidate.size))
    config = replace(DEFAULTS[part]["train"], steps=steps, seed=seed)
    trainer = Trainer(config, _lesson(part, candidate, data), network)
    for _ in range(steps):
        trainer.learn()
    worth, figures = trainer.look()
    row = Row(
        candidate,
        sum(p.numel() for p in network.parameters()),
        cost(trainer.average, candidate.height, candidate.width),
        _latency_ms(trainer.average, candidate, SPACES[part].batch),
        worth,
        figures,
    )
    say(row.words)
    return row


def _latency_ms(network: Network, candidate: Candidate, batch: int) -> float:
    images = np.zeros((batch, 1, candidate.height, candidate.width), np.uint8)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "candidate.onnx"
        file.write_bytes(to_onnx(network, images.shape))
        backend = registry.load("onnx", file)
        taken = []
        for _ in range(_REPEATS):
            start = time.perf_counter()
            backend.infer([images])
            taken.append(time.perf_counter() - start)
        backend.close()
    return float(np.median(taken)) * 1e3


def _draw(rows: Sequence[Row], file: Path) -> None:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 5), layout="constrained")
    axes = figure.subplots()
    for row in rows:
        axes.scatter(row.latency_ms, row.worth, color="tab:orange" if row.best else "tab:gray")
        axes.annotate(str(row.candidate), (row.latency_ms, row.worth), fontsize=7)
    front = [(row.latency_ms, row.worth) for row in rows if row.best]
    axes.step(*zip(*front, strict=True), where="post", color="tab:orange", alpha=0.5)
    axes.set(xlabel="ms a call, one core", ylabel="worth after the short training")
    axes.grid(alpha=0.3)
    figure.savefig(file, dpi=110)
