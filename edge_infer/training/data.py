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

"""What a run learns from: the recipe of its frames.

Every frame follows from the run's seed and some numbers alone, so a run that was
stopped goes on with the frames that it would have seen.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from edge_infer.datasets import simulated
from edge_infer.datasets.compose import JUDGED, TAUGHT, Composer
from edge_infer.datasets.folders import FolderSource, fit, open_folder
from edge_infer.datasets.frames import FrameSource, LabelledFrame, LabelledFrames, Windows, stack
from edge_infer.datasets.mixture import Mixture, draw
from edge_infer.datasets.pictures import Split, drawn_pictures
from edge_infer.simulation.modules import FAULT_CLASSES

WIDTH, HEIGHT = 640, 512
"""Of the frames that are learnt from; the network takes any multiple of its stride."""

SIMULATED_FRAMES = 600
"""Of each kind, rendered once and varied from then on."""

VALIDATION_FRAMES = 40
VALIDATION_SEED = 1_000_003

Progress = Callable[[str], None]


@dataclass(frozen=True, eq=False)
class TrainingData:
    """What a run learns from and is judged on meanwhile.

    Attributes:
        labels: class names; index is the class id.
        source: of the frames to learn from.
        validation: frames that are never learnt from; they choose the best step.
        provenance: for the record, as JSON.
    """

    labels: tuple[str, ...]
    source: FrameSource
    validation: LabelledFrames
    provenance: dict[str, Any]


def open_data(path: str, seed: int, progress: Progress) -> TrainingData:
    """The data of a run: a ``modules.npz``, a labelled folder, or drawn modules for an empty path.

    Raises:
        SimulationError, DatasetError: it cannot be used.
    """
    if path and Path(path).is_dir():
        return folder_data(path, progress)
    return farm_data(path, seed, progress)


def farm_data(modules: str, seed: int, progress: Progress) -> TrainingData:
    """Frames of solar farms with real modules mixed with drawn ones.

    Args:
        modules: a ``modules.npz``; empty for drawn modules alone.
        seed: of what is drawn and rendered.
        progress: told what takes its time.
    """
    drawn = drawn_pictures(seed)
    parts: list[tuple[float, FrameSource]] = [
        (0.12, Composer(drawn, TAUGHT)),
        (0.16, _windows(simulated.render(SIMULATED_FRAMES, seed, progress=progress))),
    ]
    judged, provenance = (
        drawn_pictures(VALIDATION_SEED, per_class=20),
        {"modules": "drawn", "seed": seed},
    )
    if modules:
        split = Split.load(modules)
        real = split.take("train")
        rendered = simulated.render(SIMULATED_FRAMES, seed + 1, real.library, progress)
        parts += [(0.52, Composer(real, TAUGHT)), (0.20, _windows(rendered))]
        judged, provenance = split.take("validation"), split.to_json()
    validation = draw(Composer(judged, JUDGED), VALIDATION_FRAMES, VALIDATION_SEED)
    return TrainingData(FAULT_CLASSES, Mixture(parts), validation, provenance)


def folder_data(path: str, progress: Progress) -> TrainingData:
    """A user's own labelled images, in COCO or YOLO form."""
    folder = open_folder(path)
    progress(f"reading {len(folder)} images of {path}")
    judged = folder.take("validation")
    chosen = range(0, len(judged), -(-len(judged) // VALIDATION_FRAMES))
    validation = stack([fit(judged[index], WIDTH, HEIGHT) for index in chosen])
    source = FolderSource(folder.take("train"), TAUGHT.width, TAUGHT.height)
    return TrainingData(folder.labels, source, validation, folder.to_json())


def _windows(frames: LabelledFrames) -> Windows:
    return Windows(frames, TAUGHT.width, TAUGHT.height)


def frame_of(source: FrameSource, *numbers: int) -> LabelledFrame:
    """The frame that some numbers alone decide: a seed, a step, its place in the batch."""
    return source(np.random.default_rng(numbers))
