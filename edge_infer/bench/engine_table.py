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

"""The shipped model in every engine of this machine: time, memory, energy, agreement.

Each engine and precision runs in a fresh process, which is this module as a program: what
an engine takes of memory can only be seen where no other was before. The frames are drawn
by the simulated camera and handed over in a file, so that the simulation counts nowhere.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple, get_args

import numpy as np
import psutil
from numpy.typing import NDArray

from edge_infer.backends import registry
from edge_infer.bench.harness import Progress, Row, median, quantile
from edge_infer.bench.harness import rounded as short
from edge_infer.domain import CameraFrame, Detections
from edge_infer.energy import EnergyMeter
from edge_infer.errors import EdgeInferError, ModelError
from edge_infer.models.bundle import ModelBundle, shipped
from edge_infer.models.manifest import Precision
from edge_infer.perception.pipeline import Pipeline
from edge_infer.simulation.world import World

FRAMES = 30
ROUNDS = 4
"""How often each frame is looked at."""

THREADS = 1
REFERENCE = ("onnx", "float32")
_BETWEEN_FRAMES_S = 2.0
_SAME_BOX_IOU = 0.5
_PATIENCE_S = 600.0

Kind = tuple[str, str]
"""Engine and precision."""


class Difference(NamedTuple):
    """How far one engine's detections are from another's, the greatest of all frames.

    Attributes:
        score: between two boxes that are one.
        px: between their sides.
        alone: boxes of either that the other does not have.
    """

    score: float
    px: float
    alone: int


def rows(progress: Progress) -> list[Row]:
    """One line for each engine and precision, then those that are missing, with the reason."""
    bundle = ModelBundle.load(shipped())
    reasons = registry.available()
    kinds = [(engine, precision) for engine, reason in reasons.items() if reason is None
             for precision in held(bundle, engine)]  # fmt: skip
    with TemporaryDirectory(prefix="edge_infer_") as folder:
        frames = Path(folder) / "frames.npy"
        progress("drawing frames")
        np.save(frames, drawn_frames(FRAMES))
        answers: dict[Kind, Mapping[str, Any]] = {}
        for engine, precision in kinds:
            progress(f"the shipped model in {engine}, {precision}")
            answers[engine, precision] = _ask(engine, precision, frames)
    absent: list[Row] = [
        *({"engine": f"{engine} {precision}", "why not": str(answer["error"])}
          for (engine, precision), answer in answers.items() if "error" in answer),
        *({"engine": engine, "why not": reason}
          for engine, reason in reasons.items() if reason is not None),
    ]  # fmt: skip
    measured = {kind: answer for kind, answer in answers.items() if "error" not in answer}
    return [*_rows(measured), *absent]


def held(bundle: ModelBundle, engine: str) -> list[str]:
    """Precisions of which a bundle has weights for an engine."""
    found = []
    for precision in get_args(Precision):
        try:
            bundle.weights(engine, precision)
        except ModelError:
            continue
        found.append(precision)
    return found


def drawn_frames(count: int) -> NDArray[np.uint8]:
    """(count, height, width) of one drone's flight."""
    drone = World.build(seed=1, drones=1).drone(0)
    return np.stack(
        [drone.frame(number, number * _BETWEEN_FRAMES_S).frame.image for number in range(count)]
    )


# --- agreement ---------------------------------------------------------------------


def difference(one: Detections, other: Detections) -> Difference:
    """Of one frame; boxes are one when they overlap by half and have the same class."""
    score = px = 0.0
    free = list(range(len(other)))
    alone = 0
    for row in range(len(one)):
        overlaps = [_iou(one.xyxy[row], other.xyxy[column]) for column in free]
        rivals = [
            (overlap, column)
            for overlap, column in zip(overlaps, free, strict=True)
            if overlap >= _SAME_BOX_IOU and other.class_id[column] == one.class_id[row]
        ]
        if not rivals:
            alone += 1
            continue
        column = max(rivals)[1]
        free.remove(column)
        score = max(score, abs(float(one.confidence[row] - other.confidence[column])))
        px = max(px, float(np.abs(one.xyxy[row] - other.xyxy[column]).max()))
    return Difference(score, px, alone + len(free))


def greatest(ones: Sequence[Detections], others: Sequence[Detections]) -> Difference:
    """Of all frames; what is alone is added up."""
    each = [difference(one, other) for one, other in zip(ones, others, strict=True)]
    return Difference(
        max((d.score for d in each), default=0.0),
        max((d.px for d in each), default=0.0),
        sum(d.alone for d in each),
    )


def _iou(one: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    inner = np.minimum(one[2:], other[2:]) - np.maximum(one[:2], other[:2])
    overlap = float(np.clip(inner, 0, None).prod())
    union = float((one[2:] - one[:2]).prod() + (other[2:] - other[:2]).prod()) - overlap
    return overlap / union if union > 0 else 0.0


# --- the report ------------------------------------------------------------------


def _rows(answers: Mapping[Kind, Mapping[str, Any]]) -> list[Row]:
    reference = answers.get(REFERENCE)
    return [_row(kind, answer, reference) for kind, answer in answers.items()]


def _row(kind: Kind, answer: Mapping[str, Any], reference: Mapping[str, Any] | None) -> Row:
    found = [_detections(frame) for frame in answer["detections"]]
    apart = None
    if reference is not None:
        apart = greatest([_detections(frame) for frame in reference["detections"]], found)
    joules = answer["joules_per_frame"]
    return {
        "engine": kind[0],
        "precision": kind[1],
        "threads": THREADS,
        "median ms": short(median(answer["times_ms"])),
        "p99 ms": short(quantile(answer["times_ms"], 0.99)),
        "resident MB": short(answer["resident_mb"], 4),
        "of it the model MB": short(answer["model_mb"]),
        "detections": sum(len(frame) for frame in found),
        "score apart": None if apart is None else short(apart.score),
        "box apart px": None if apart is None else short(apart.px),
        "in one only": None if apart is None else apart.alone,
        "joules a frame": None if joules is None else short(joules),
    }


def _detections(frame: Mapping[str, Any]) -> Detections:
    return Detections(
        np.array(frame["xyxy"], np.float32).reshape(-1, 4),
        np.array(frame["confidence"], np.float32),
        np.array(frame["class_id"], np.int32),
    )


def _ask(engine: str, precision: str, frames: Path) -> dict[str, Any]:
    """What a fresh process measured, or its ``error``."""
    command = [sys.executable, "-m", "edge_infer.bench.engine_table"]
    done = subprocess.run(
        [*command, engine, precision, str(frames)],
        capture_output=True, text=True, timeout=_PATIENCE_S, check=False,
    )  # fmt: skip
    lines = done.stdout.splitlines()
    if done.returncode or not lines:
        last = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        return {"error": f"its process ended with code {done.returncode} ({last})"}
    answer: dict[str, Any] = json.loads(lines[-1])
    return answer


# --- the fresh process ---------------------------------------------------------------


def measure(engine: str, precision: str, images: NDArray[np.uint8], rounds: int) -> dict[str, Any]:
    """Look at all frames, some times over; raises EdgeInferError.

    Args:
        engine: by its name in the registry.
        precision: of the weights.
        images: (n, height, width) uint8.
        rounds: how often.
    """
    bundle = ModelBundle.load(shipped())
    frames = [CameraFrame(image, "mono8", 0, "camera") for image in images]
    before_mb = _resident_mb()
    pipeline = Pipeline.open(
        bundle, engine, time.perf_counter_ns, precision=precision, threads=THREADS
    )
    found = [pipeline(frame)[0] for frame in frames]
    times_ms: list[float] = []

    def look() -> None:
        times_ms.extend(pipeline(frame)[1].total_ms for _ in range(rounds) for frame in frames)

    joules = _joules(look)
    resident_mb = _resident_mb()
    pipeline.close()
    return {
        "times_ms": times_ms,
        "resident_mb": resident_mb,
        "model_mb": resident_mb - before_mb,
        "joules_per_frame": None if joules is None else joules / max(len(times_ms), 1),
        "detections": [
            {"xyxy": d.xyxy.tolist(), "confidence": d.confidence.tolist(),
             "class_id": d.class_id.tolist()}
            for d in found
        ],
    }  # fmt: skip


def _joules(action: Callable[[], object]) -> float | None:
    """What the machine spent meanwhile; None where it does not say."""
    meter = EnergyMeter.open()
    if meter is None:
        action()
        return None
    with meter.measure() as spent:
        action()
    return spent.joules


def _resident_mb() -> float:
    return float(psutil.Process().memory_info().rss) / 1e6


def main(engine: str, precision: str, frames: str) -> None:
    """Measure and answer with one JSON line."""
    import cv2

    cv2.setNumThreads(THREADS)
    try:
        answer = measure(engine, precision, np.load(frames), ROUNDS)
    except EdgeInferError as error:
        answer = {"error": str(error)}
    sys.stdout.write(json.dumps(answer) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
