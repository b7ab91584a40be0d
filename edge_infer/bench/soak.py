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

"""Very many frames through one pipeline, and very many models: does the memory stay flat?

A small network, so that much passes through everything around it in little time, and the
shipped model opened and closed again and again, as an update does. The resident size is
read every thousand frames; its slope is that of the best straight line.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import psutil

from edge_infer.bench.detector_networks import picture, write_networks
from edge_infer.bench.harness import Goal, Progress, Report, Row, rounded
from edge_infer.domain import CameraFrame
from edge_infer.models.bundle import ModelBundle, shipped
from edge_infer.perception.pipeline import Pipeline

FRAMES = 100_000
SAMPLE_EVERY = 1_000
SWAPS = 50
SETTLED_SWAPS = 5
"""After so many, buffers and caches have their size."""

SIZE = 96
CAMERA = (640, 360)
PICTURES = 8
_PER = 10_000
_SLOPE_MB = 1.0
_SWAP_GROWTH_MB = 1.0


def run(progress: Progress) -> Report:
    """Some minutes of frames, then the swaps."""
    return measure(FRAMES, SAMPLE_EVERY, SWAPS, progress)


def measure(frames: int, every: int, swaps: int, progress: Progress) -> Report:
    """The whole benchmark.

    Args:
        frames: how many pass through one pipeline.
        every: so many the resident size is read.
        swaps: how often the shipped model is opened and closed, more than SETTLED_SWAPS.
        progress: told how far it is.
    """
    start_s = time.monotonic()
    sizes = soaked(frames, every, progress)
    taken_s = time.monotonic() - start_s
    swapped = swapped_mb(swaps, progress)
    slope = slope_mb(sizes)
    growth = swapped[-1] - swapped[min(SETTLED_SWAPS, len(swapped)) - 1]
    rows: list[Row] = [
        {
            "what": f"{frames:,} frames",
            "seconds": rounded(taken_s),
            "first MB": rounded(sizes[0][1], 4),
            "last MB": rounded(sizes[-1][1], 4),
            "largest MB": rounded(max(mb for _, mb in sizes), 4),
            "MB per 10,000 frames": rounded(slope),
        },
        {
            "what": f"{swaps} models opened and closed",
            "first MB": rounded(swapped[0], 4),
            f"after {SETTLED_SWAPS} MB": rounded(swapped[min(SETTLED_SWAPS, len(swapped)) - 1], 4),
            "last MB": rounded(swapped[-1], 4),
            "growth MB": rounded(growth),
        },
    ]
    return Report("frames", rows, goals(slope, growth))


def goals(slope: float, growth: float) -> list[Goal]:
    """What was promised."""
    return [
        Goal("growth over 10,000 frames", _SLOPE_MB, rounded(slope), "MB"),
        Goal(
            f"growth over all models after the first {SETTLED_SWAPS}",
            _SWAP_GROWTH_MB, rounded(growth), "MB",
        ),
    ]  # fmt: skip


def soaked(frames: int, every: int, progress: Progress) -> list[tuple[int, float]]:
    """(frames until then, resident MB), after the first sample's worth as a warm-up."""
    pictures = [picture(seed, *CAMERA) for seed in range(1, PICTURES + 1)]
    samples = []
    with TemporaryDirectory(prefix="edge_infer_") as folder:
        networks = write_networks(Path(folder), SIZE, precisions=("int8",))
        pipeline = Pipeline.open(networks.bundle, "onnx", time.perf_counter_ns)
        for number in range(1, frames + 1):
            pipeline(pictures[number % PICTURES])
            if number % every == 0:
                samples.append((number, _resident_mb()))
                progress(f"{number:,} of {frames:,} frames, {samples[-1][1]:.1f} MB")
        pipeline.close()
    return samples


def swapped_mb(swaps: int, progress: Progress) -> list[float]:
    """Resident MB after each time that the shipped model was opened, asked and closed."""
    frame = CameraFrame(picture().image[:, :, 1].copy(), "mono8", 0, "camera")
    sizes = []
    for number in range(1, swaps + 1):
        pipeline = Pipeline.open(ModelBundle.load(shipped()), "onnx", time.perf_counter_ns)
        pipeline(frame)
        pipeline.close()
        del pipeline
        sizes.append(_resident_mb())
        progress(f"model {number} of {swaps}, {sizes[-1]:.1f} MB")
    return sizes


def slope_mb(samples: Sequence[tuple[int, float]]) -> float:
    """Of the best straight line, MB per 10,000 frames; 0 through a single sample."""
    if len(samples) < 2:
        return 0.0
    frames, sizes = np.array(samples, np.float64).T
    return float(np.polyfit(frames / _PER, sizes, 1)[0])


def _resident_mb() -> float:
    return float(psutil.Process().memory_info().rss) / 1e6
