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

"""What a frame costs beside the network: the whole pipeline against the bare engine.

The bare engine is ONNX Runtime with the pipeline's own settings, called with the tensor
that the pipeline would hand it. Both take turns call by call, so that other work on the
machine meets both. The stages before and after the network are held against the usual
numpy way, on one core: before it as the examples have it that go around, and as somebody
writes it who counts copies. The shipped model in every engine stands in engine_table.py.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import cv2
import numpy as np
import onnxruntime
from numpy.typing import NDArray

from edge_infer.bench import engine_table
from edge_infer.bench.detector_networks import FASTEST_FIRST, Networks, picture, write_networks
from edge_infer.bench.harness import Goal, Progress, Report, Row, durations_ms, median, quantile
from edge_infer.bench.harness import rounded as short
from edge_infer.bench.usual_detector import Prepared, prepare, prepare_as_copied, read
from edge_infer.models.manifest import Manifest, Precision
from edge_infer.perception.decode import decode
from edge_infer.perception.pipeline import Pipeline
from edge_infer.perception.preprocess import Preprocessor

SIZES = (320, 640)
THREADS = (1, 2)
REPEATS = 150
STAGE_REPEATS = 200
HITS = (60, 1500)

_OF_THE_ENGINE = 1.15
_OF_ITS_MEDIAN = 1.3
_TIMES_FASTER = 8.0
_DECODE_MS = {60: 0.5, 1500: 3.0}
_FRAME_MS = {320: 10.0, 640: 30.0}
_ERRORS_ONLY = 3
_OURS, _USUAL, _CAREFUL = "ours", "usual numpy", "careful numpy"


@dataclass
class Case:
    """One network in one precision on so many threads, and what was measured of it.

    Attributes:
        size: sides of the input, pixels.
        precision: of the weights.
        threads: of the engine.
        frame_ms: whole frames.
        bare_ms: calls of the engine, each after a whole frame.
        stages_ms: before, in and after the engine, of each frame.
    """

    size: int
    precision: Precision
    threads: int
    frame_ms: list[float] = field(default_factory=list)
    bare_ms: list[float] = field(default_factory=list)
    stages_ms: list[tuple[float, float, float]] = field(default_factory=list)

    @property
    def ratio(self) -> float:
        """Medians, frame by bare engine."""
        return median(self.frame_ms) / median(self.bare_ms)

    @property
    def tail(self) -> float:
        """How far p99 lies above the median."""
        return quantile(self.frame_ms, 0.99) / median(self.frame_ms)

    def row(self) -> Row:
        """As a line of the report."""
        before, engine, after = (median(stage) for stage in zip(*self.stages_ms, strict=True))
        return {
            "size": self.size,
            "precision": self.precision,
            "threads": self.threads,
            "frame median ms": short(median(self.frame_ms)),
            "frame p99 ms": short(quantile(self.frame_ms, 0.99)),
            "engine median ms": short(median(self.bare_ms)),
            "engine p99 ms": short(quantile(self.bare_ms, 0.99)),
            "times the engine": short(self.ratio),
            "before ms": short(before),
            "engine within ms": short(engine),
            "after ms": short(after),
        }


def run(progress: Progress) -> Report:
    """Measure everything; some minutes."""
    with TemporaryDirectory(prefix="edge_infer_") as folder:
        networks = {}
        for size in SIZES:
            progress(f"making a network of {size} pixels")
            networks[size] = write_networks(Path(folder) / str(size), size)
        made = [_made(size, network) for size, network in networks.items()]
        cases = [
            measured(networks[size], Case(size, precision, threads), REPEATS, progress)
            for size in SIZES
            for precision in FASTEST_FIRST
            for threads in THREADS
        ]
        manifest = networks[640].bundle.manifest
    before = preprocessing(manifest, STAGE_REPEATS, progress)
    after = decoding(manifest, STAGE_REPEATS, progress)
    table = engine_table.rows(progress)
    rows = [*made, *(case.row() for case in cases), *before, *after, *table]
    return Report("inference", rows, goals(cases, before, after))


def goals(cases: Sequence[Case], before: Sequence[Row], after: Sequence[Row]) -> list[Goal]:
    """What was promised of the figures."""
    large = [case.ratio for case in cases if case.size == max(SIZES)]
    times = {row["way"]: float(row["median ms"] or 0.0) for row in before}
    decoded = {row["hits"]: row["median ms"] for row in after if row["way"] == _OURS}
    quick = {
        case.size: median(case.frame_ms)
        for case in cases
        if (case.precision, case.threads) == ("int8", max(THREADS))
    }
    return [
        Goal(
            "whole frame at 640 against the bare engine, the worst",
            _OF_THE_ENGINE, short(max(large)), "times",
        ),
        Goal(
            "p99 of whole frames against their median, the worst",
            _OF_ITS_MEDIAN, short(max(case.tail for case in cases)), "times",
        ),
        Goal(
            "1280x720 to 640 against the usual numpy way",
            _TIMES_FASTER, short(times[_USUAL] / times[_OURS]), "times faster", at_most=False,
        ),
        *(
            Goal(f"decode and NMS of 8,400 places, {hits:,} hits", _DECODE_MS[hits],
                 float(decoded[hits] or 0.0), "ms")
            for hits in HITS
        ),
        *(
            Goal(f"whole frame at {size}, INT8, {max(THREADS)} threads", _FRAME_MS[size],
                 short(quick[size]), "ms")
            for size in SIZES
        ),
    ]  # fmt: skip


# --- whole frames ------------------------------------------------------------------


def measured(networks: Networks, case: Case, repeats: int, progress: Progress) -> Case:
    """The same case, filled."""
    progress(f"{case.size} pixels, {case.precision}, threads: {case.threads}")
    bundle, frame = networks.bundle, picture()
    pipeline = Pipeline.open(
        bundle, "onnx", time.perf_counter_ns, precision=case.precision, threads=case.threads
    )
    tensor = Preprocessor(bundle.manifest.input)(frame)[0]
    bare = bare_engine(bundle.weights("onnx", case.precision), case.threads, tensor)

    def whole() -> None:
        times = pipeline(frame)[1]
        case.stages_ms.append((times.preprocess_ms, times.infer_ms, times.decode_ms))

    with opencv_threads(case.threads):
        for _ in range(3):
            whole()
            bare()
        case.stages_ms.clear()
        for _ in range(repeats):
            case.frame_ms += durations_ms(whole, repeats=1, warm_up=0)
            case.bare_ms += durations_ms(bare, repeats=1, warm_up=0)
    pipeline.close()
    return case


def bare_engine(weights: Path, threads: int, tensor: NDArray[Any]) -> Callable[[], object]:
    """Calls ONNX Runtime with a tensor, and does nothing else."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    options.log_severity_level = _ERRORS_ONLY
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    session = onnxruntime.InferenceSession(
        str(weights), options, providers=["CPUExecutionProvider"]
    )
    feed = {session.get_inputs()[0].name: tensor}
    return lambda: session.run(None, feed)


@contextmanager
def opencv_threads(count: int) -> Iterator[None]:
    """OpenCV on so many threads, and afterwards on as many as before."""
    before = cv2.getNumThreads()
    cv2.setNumThreads(count)
    try:
        yield
    finally:
        cv2.setNumThreads(before)


def _made(size: int, networks: Networks) -> Row:
    return {
        "network": f"{size}x{size}",
        "M parameters": short(networks.parameters / 1e6),
        "GMAC": short(networks.macs / 1e9),
    }


# --- before and after the network -----------------------------------------------------


def preprocessing(manifest: Manifest, repeats: int, progress: Progress) -> list[Row]:
    """From 1280x720 to the input of a manifest, on one core, both ways."""
    frame, ours = picture(), Preprocessor(manifest.input)
    size = manifest.input.width
    ways: dict[str, Callable[[], object]] = {
        _OURS: lambda: ours(frame),
        _USUAL: lambda: prepare_as_copied(frame.image, size),
        _CAREFUL: lambda: prepare(frame.image, size),
    }
    progress("before the network")
    return [{"stage": f"1280x720 to {size}", **row} for row in _turns(ways, repeats)]


def decoding(manifest: Manifest, repeats: int, progress: Progress) -> list[Row]:
    """From an output with so many hits to boxes, on one core, both ways."""
    rows: list[Row] = []
    for hits in HITS:
        progress(f"after the network, {hits} hits")
        rows += _decoding(manifest, hits, repeats)
    return rows


def _decoding(manifest: Manifest, hits: int, repeats: int) -> list[Row]:
    output = drawn_output(hits, manifest)
    nowhere = Prepared(np.empty(0, np.float32), 1.0, 0, 0)
    threshold, max_iou = manifest.score_threshold, manifest.nms_iou
    ways: dict[str, Callable[[], object]] = {
        _OURS: lambda: decode([output], manifest),
        _USUAL: lambda: read(output, nowhere, threshold, max_iou),
    }
    kept = {_OURS: len(decode([output], manifest)),
            _USUAL: len(read(output, nowhere, threshold, max_iou).score)}  # fmt: skip
    return [{"hits": hits, "kept": kept[str(row["way"])], **row} for row in _turns(ways, repeats)]


def drawn_output(hits: int, manifest: Manifest, places: int = 8400) -> NDArray[np.float32]:
    """An output [1, 4 + classes, places] of the yolov8 head, drawn; so many scores are high."""
    rng = np.random.default_rng(hits)
    size, classes = manifest.input.width, len(manifest.labels)
    centre = rng.uniform(0, size, (2, places))
    extent = rng.uniform(0.02, 0.2, (2, places)) * size
    scores = rng.uniform(0, 0.4 * manifest.score_threshold, (classes, places))
    lucky = rng.choice(places, hits, replace=False)
    high = rng.uniform(manifest.score_threshold + 0.01, 0.99, hits)
    scores[rng.integers(0, classes, hits), lucky] = high
    return np.concatenate([centre, extent, scores])[None].astype(np.float32)


def _turns(ways: dict[str, Callable[[], object]], repeats: int) -> list[Row]:
    """How long each way takes; they take turns."""
    taken: dict[str, list[float]] = {way: [] for way in ways}
    with opencv_threads(1):
        for action in ways.values():
            action()
        for _ in range(repeats):
            for way, action in ways.items():
                taken[way] += durations_ms(action, repeats=1, warm_up=0)
    return [
        {"way": way, "median ms": short(median(ms)), "p99 ms": short(quantile(ms, 0.99))}
        for way, ms in taken.items()
    ]
