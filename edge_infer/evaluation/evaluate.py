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

"""Judge one weight file of a bundle on labelled frames, through the pipeline that flies.

Each frame is looked at once, at a threshold near 0, which average precision needs.
What scores above the model's own threshold is what the pipeline would have said with
it: a box is only ever suppressed by a better one. All other figures count that.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from edge_infer.backends import registry
from edge_infer.datasets.frames import Boxes
from edge_infer.domain import CameraFrame, Detections
from edge_infer.errors import ModelError
from edge_infer.evaluation.average_precision import AveragePrecision, average_precision
from edge_infer.evaluation.data import LabelledData, joined, renamed
from edge_infer.evaluation.mistakes import Mistake, Worst, above
from edge_infer.evaluation.scores import ModuleScore, Score, module_score, score
from edge_infer.models.bundle import ModelBundle
from edge_infer.models.manifest import WeightFile
from edge_infer.perception.pipeline import Pipeline

LOW_THRESHOLD = 0.01

Progress = Callable[[int, int], None]
"""(frames done, of so many)."""


class ClassFigures(NamedTuple):
    """One class; ratios are None where the data shows none of it.

    Attributes:
        modules: how many are fully in a picture.
        recall: share of them that was taken for faulty.
        named: share of them that was taken for exactly this.
        ap50, ap50_95: average precision.
    """

    name: str
    modules: int
    recall: float | None
    named: float | None
    ap50: float | None
    ap50_95: float | None


@dataclass(frozen=True, eq=False)
class Evaluation:
    """What one weight file of a model is worth on some data.

    Attributes:
        model: name and version.
        digest: of the bundle.
        weights: which file of it; of two networks, the first one's.
        bytes: size of the files of all networks.
        labels: class names.
        frames: how many were looked at.
        modules: by modules, at the model's threshold.
        boxes: by boxes, at the model's threshold.
        average_precision: from all scores.
        mistakes: the worst ones.
        frame_ms: median time of a frame in the pipeline, one thread.
    """

    model: str
    digest: str
    weights: WeightFile
    bytes: int
    labels: tuple[str, ...]
    frames: int
    modules: ModuleScore
    boxes: Score
    average_precision: AveragePrecision
    mistakes: tuple[Mistake, ...]
    frame_ms: float

    @property
    def classes(self) -> list[ClassFigures]:
        """The figures class by class."""
        counts = self.modules.confusion[:-1].sum(axis=1).tolist()
        columns = (self.modules.recall, self.modules.named, *self._average_precisions())
        rows = zip(self.labels, counts, *(column.tolist() for column in columns), strict=True)
        return [
            ClassFigures(name, count, *(value if count else None for value in values))
            for name, count, *values in rows
        ]

    def _average_precisions(self) -> tuple[Any, Any]:
        table = self.average_precision.table
        return table[:, 0], table.mean(axis=1)

    def to_json(self) -> dict[str, Any]:
        """All figures, and where the worst mistakes are."""
        return {
            "model": self.model,
            "digest": self.digest,
            "engine": self.weights.format,
            "precision": self.weights.precision,
            "bytes": self.bytes,
            "frames": self.frames,
            "modules": int(self.modules.confusion.sum()),
            "binary_accuracy": round(self.modules.binary_accuracy, 4),
            "class_accuracy": round(self.modules.accuracy, 4),
            "ap50": round(self.average_precision.ap50, 4),
            "ap50_95": round(self.average_precision.ap50_95, 4),
            "box_recall": round(self.boxes.recall, 4),
            "box_precision": round(self.boxes.precision, 4),
            "frame_ms": round(self.frame_ms, 3),
            "classes": [_rounded(row._asdict()) for row in self.classes],
            "confusion": self.modules.confusion.tolist(),
            "mistakes": [mistake.to_json() for mistake in self.mistakes],
        }


def choose(
    bundle: ModelBundle, engine: str | None = None, precision: str | None = None
) -> WeightFile:
    """The weight file to judge.

    Args:
        bundle: that holds it.
        engine: by name; when None, that of the first weights whose engine runs here.
        precision: of the weights; the first of that engine when None.

    Raises:
        ModelError: the bundle holds none of that kind, or none that runs here.
    """
    weights = bundle.manifest.weights
    absent = registry.available()
    if engine is None:
        wanted = [w for w in weights if precision in (None, w.precision)]
        running = [w for w in wanted if absent.get(w.format, "unknown") is None]
        if wanted and not running:
            raise ModelError(
                f"no engine for the weights of {bundle.path} runs here",
                f"see edge-infer doctor, and install one of {', '.join(w.format for w in wanted)}",
            )
        engine = running[0].format if running else weights[0].format
    file = bundle.weights(engine, precision).name
    return next(w for w in weights if (w.format, w.file) == (engine, file))


def evaluate(
    bundle: ModelBundle, weights: WeightFile, data: LabelledData, progress: Progress | None = None
) -> Evaluation:
    """Judge a weight file of a bundle.

    Raises:
        DatasetError: the data cannot be read, or has classes that the model does not know.
        BackendError, DecodeError: the model does not run.
    """
    manifest = bundle.manifest
    worst = Worst(manifest.labels, manifest.score_threshold)
    looks = list(_looks(bundle, weights, data, worst, progress or (lambda _done, _of: None)))
    found = [look.found for look in looks]
    sure = [above(detections, manifest.score_threshold) for detections in found]
    labels = joined([look.boxes for look in looks])
    return Evaluation(
        model=f"{manifest.name} {manifest.version}",
        digest=bundle.digest,
        weights=weights,
        bytes=bundle.bytes_of(weights),
        labels=manifest.labels,
        frames=len(looks),
        modules=module_score(sure, labels, len(manifest.labels)),
        boxes=score(sure, labels),
        average_precision=average_precision(found, labels, len(manifest.labels)),
        mistakes=worst.mistakes,
        frame_ms=float(np.median([look.frame_ms for look in looks])),
    )


class _Look(NamedTuple):
    """What was found in one frame at the low threshold, and what is there."""

    found: Detections
    boxes: Boxes
    frame_ms: float


def _looks(
    bundle: ModelBundle,
    weights: WeightFile,
    data: LabelledData,
    worst: Worst,
    progress: Progress,
) -> Iterator[_Look]:
    manifest = bundle.manifest
    pipeline = Pipeline.open(
        bundle, weights.format, time.perf_counter_ns, precision=weights.precision,
        score_threshold=min(LOW_THRESHOLD, manifest.score_threshold),
    )  # fmt: skip
    try:
        for done, (path, frame) in enumerate(data, start=1):
            boxes = renamed(frame.boxes, data.labels, manifest.labels)
            found, times = pipeline(CameraFrame(frame.image, "mono8", 0, path.name))
            worst.look(path.name, frame._replace(boxes=boxes), found)
            progress(done, len(data))
            yield _Look(found, boxes, times.total_ms)
    finally:
        pipeline.close()


def _rounded(row: dict[str, Any]) -> dict[str, Any]:
    return {key: round(v, 4) if isinstance(v, float) else v for key, v in row.items()}
