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

"""Several models on the same frames: how good, how large and how fast each weight file is.

Engines take turns call by call while they are timed, so a machine that slows down
slows all of them. The first weight file is what the others are compared with.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, NamedTuple

import numpy as np

from edge_infer.backends import registry
from edge_infer.domain import CameraFrame
from edge_infer.energy import EnergyMeter
from edge_infer.errors import BackendUnavailableError
from edge_infer.evaluation.data import LabelledData
from edge_infer.evaluation.evaluate import Evaluation, evaluate
from edge_infer.models.bundle import ModelBundle
from edge_infer.models.manifest import WeightFile
from edge_infer.perception.pipeline import Pipeline

THREADS = (1, 2)
TIMED_CALLS = 200
WARM_UP = 3
IMAGES = 16
"""Different images that the engines are timed on."""

Progress = Callable[[str, int, int], None]
"""(what is being done, how much of it is done, of so much)."""


class Latency(NamedTuple):
    """Time of a whole frame in the pipeline, milliseconds."""

    median_ms: float
    p99_ms: float


@dataclass(frozen=True, eq=False)
class Contender:
    """One weight file of one model.

    Attributes:
        evaluation: how good it is.
        latency: by the number of threads.
        energy_mj: of the machine for each frame with one thread; None when it does not say.
    """

    evaluation: Evaluation
    latency: dict[int, Latency]
    energy_mj: float | None

    @property
    def name(self) -> str:
        """Model, engine and precision."""
        weights = self.evaluation.weights
        return f"{self.evaluation.model} {weights.format} {weights.precision}"

    def difference(self, other: Contender) -> dict[str, float]:
        """To another one: accuracies in points, size and latency as a ratio."""
        mine, its = self.evaluation, other.evaluation
        precisions = mine.average_precision.ap50, its.average_precision.ap50
        medians = self.latency[1].median_ms, other.latency[1].median_ms
        return {
            "binary_accuracy": mine.modules.binary_accuracy - its.modules.binary_accuracy,
            "class_accuracy": mine.modules.accuracy - its.modules.accuracy,
            "ap50": precisions[0] - precisions[1],
            "bytes": mine.bytes / its.bytes,
            "latency": medians[0] / medians[1],
        }

    def to_json(self, first: Contender) -> dict[str, Any]:
        """All figures, but not the single mistakes."""
        document = self.evaluation.to_json()
        del document["mistakes"], document["frame_ms"]
        latency = {str(threads): took._asdict() for threads, took in self.latency.items()}
        difference = {key: round(value, 4) for key, value in self.difference(first).items()}
        return {
            **document,
            "latency_by_threads": latency,
            "energy_mj": self.energy_mj,
            "difference_to_first": difference,
        }


@dataclass(frozen=True, eq=False)
class Comparison:
    """What came out.

    Attributes:
        contenders: in the order of the models and of their manifests.
        left_out: a sentence for each weight file whose engine does not run here.
        energy_source: what says how much energy a frame takes; None for nothing.
    """

    contenders: tuple[Contender, ...]
    left_out: tuple[str, ...]
    energy_source: str | None = None

    def to_json(self) -> dict[str, Any]:
        """All figures."""
        first = self.contenders[0]
        return {
            "contenders": [contender.to_json(first) for contender in self.contenders],
            "left_out": list(self.left_out),
            "energy_source": self.energy_source,
        }


class _Entry(NamedTuple):
    bundle: ModelBundle
    weights: WeightFile


def compare(
    bundles: Sequence[ModelBundle],
    data: LabelledData,
    calls: int = TIMED_CALLS,
    progress: Progress | None = None,
    energy: EnergyMeter | None = None,
) -> Comparison:
    """Judge and time every weight file of the bundles whose engine runs here.

    Args:
        bundles: the models; their first weight file is compared with.
        data: what all of them look at.
        calls: so many frames of each engine are timed, for each number of threads.
        progress: told how far it is.
        energy: of this machine.

    Raises:
        BackendUnavailableError: no engine of any weight file runs here.
        DatasetError, BackendError, DecodeError: see :func:`evaluate`.
    """
    tell = progress or (lambda _what, _done, _of: None)
    entries, left_out = _entries(bundles)
    evaluations = [_judge(entry, data, tell) for entry in entries]
    frames = [
        CameraFrame(frame.image, "mono8", 0, path.name) for path, frame in islice(data, IMAGES)
    ]
    latency = {threads: _latency(entries, frames, threads, calls, tell) for threads in THREADS}
    spent = [_energy(entry, frames, calls, energy) for entry in entries]
    return Comparison(
        tuple(
            Contender(evaluation, {t: latency[t][i] for t in THREADS}, spent[i])
            for i, evaluation in enumerate(evaluations)
        ),
        tuple(left_out),
        energy.name if energy else None,
    )


def _entries(bundles: Sequence[ModelBundle]) -> tuple[list[_Entry], list[str]]:
    """What can be compared here, and why the rest cannot."""
    absent = registry.available()
    entries, left_out = [], []
    for bundle in bundles:
        for weights in bundle.manifest.weights:
            why = absent.get(weights.format, f"there is no engine called {weights.format!r}")
            if why is None:
                entries.append(_Entry(bundle, weights))
            else:
                left_out.append(f"{bundle.path / weights.file}: {why}")
    if not entries:
        raise BackendUnavailableError(
            f"no engine for any of these weights runs here ({left_out[0]})",
            "install one; see edge-infer doctor",
        )
    return entries, left_out


def _judge(entry: _Entry, data: LabelledData, tell: Progress) -> Evaluation:
    def seen(done: int, of: int) -> None:
        tell(f"judging {_name(entry)}", done, of)

    return evaluate(entry.bundle, entry.weights, data, seen)


def _latency(
    entries: Sequence[_Entry],
    frames: Sequence[CameraFrame],
    threads: int,
    calls: int,
    tell: Progress,
) -> list[Latency]:
    """Of each entry; they take turns."""
    pipelines = [_open(entry, threads) for entry in entries]
    taken = np.zeros((len(entries), calls + WARM_UP))
    try:
        for call in range(calls + WARM_UP):
            for i, pipeline in enumerate(pipelines):
                _, times = pipeline(frames[call % len(frames)])
                taken[i, call] = times.total_ms
            tell(f"timing {threads} thread{'s' if threads > 1 else ''}", call, calls + WARM_UP)
    finally:
        for pipeline in pipelines:
            pipeline.close()
    counted = taken[:, WARM_UP:]
    return [Latency(*map(float, np.quantile(row, (0.5, 0.99)))) for row in counted]


def _energy(
    entry: _Entry, frames: Sequence[CameraFrame], calls: int, meter: EnergyMeter | None
) -> float | None:
    if meter is None:
        return None
    pipeline = _open(entry, 1)
    try:
        with meter.measure() as spent:
            for _ in range(calls):
                pipeline(frames[0])
    finally:
        pipeline.close()
    return None if spent.joules is None else 1e3 * spent.joules / calls


def _open(entry: _Entry, threads: int) -> Pipeline:
    weights = entry.weights
    return Pipeline.open(
        entry.bundle, weights.format, time.perf_counter_ns,
        precision=weights.precision, threads=threads,
    )  # fmt: skip


def _name(entry: _Entry) -> str:
    manifest, weights = entry.bundle.manifest, entry.weights
    return f"{manifest.name} {manifest.version} {weights.format} {weights.precision}"
