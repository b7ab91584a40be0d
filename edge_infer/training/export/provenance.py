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

"""What a bundle was made of and is worth: the figures that its manifest carries."""

from __future__ import annotations

import platform
from importlib import metadata
from importlib.util import find_spec
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from edge_infer.evaluation.scores import ModuleScore
from edge_infer.training.checkpoint import Trained, history
from edge_infer.training.export.agreement import Agreement, Reference

Figures = dict[str, str | int | float]

_NAMED_VERSIONS = ("torch", "onnx", "onnxruntime", "litert-torch", "ai-edge-quantizer", "numpy")
"""Distributions that decide the bytes of the files."""


class Pair(NamedTuple):
    """The two networks of a detector and what came before them."""

    finder: Trained
    classifier: Trained


class Calibration(NamedTuple):
    """What sets the scales of eight bits.

    Attributes:
        frames: (n, height, width) uint8, of the size that the bundle is for.
        regions: (m, height, width) uint8, things cut out of such frames.
    """

    frames: NDArray[np.uint8]
    regions: NDArray[np.uint8]


def provenance(pair: Pair, calibration: Calibration, reference: Reference) -> Figures:
    """What the networks were made of and are worth, as far as the records of their runs say."""
    figures: Figures = {}
    for part, trained in pair._asdict().items():
        record = trained.record
        for number, step in enumerate(history(record), 1):
            figures[f"{part}_step_{number}"] = step["command"]
        for key in ("parameters", "multiplications", "sharpened"):
            if key in record:
                figures[f"{part}_{key}"] = record[key]
        figures[f"{part}_seed"] = record.get("config", {}).get("seed", 0)
        figures[f"{part}_data_sha256"] = record.get("data", {}).get("sha256", "drawn")
    return {
        **figures,
        "regions_per_frame": round(reference.regions_per_frame, 1),
        **_of_a_frame(pair, reference.regions_per_frame),
        "calibration_frames": len(calibration.frames),
        "calibration_regions": len(calibration.regions),
        "check_modules": int(reference.modules.confusion.sum()),
        **_accuracies("", reference.modules),
    }


def _of_a_frame(pair: Pair, regions: float) -> Figures:
    """Multiplications of both networks for a frame, where their records say those of each."""
    key = "multiplications"
    if any(key not in trained.record for trained in pair):
        return {}
    finder, classifier = (trained.record[key] for trained in pair)
    return {f"frame_{key}": round(finder + regions * classifier)}


def tool_versions() -> Figures:
    """Of what decides the bytes of the files."""
    found: Figures = {"python": platform.python_version()}
    for name in _NAMED_VERSIONS:
        if find_spec(name.replace("-", "_")):
            found[name.replace("-", "_")] = metadata.version(name)
    return found


def agreement_figures(kind: str, found: Agreement) -> Figures:
    """How far a pair of files of that kind is off."""
    key = f"{kind}_"
    return {
        **_accuracies(key, found.modules),
        f"{key}score_difference": round(found.score_mean, 5),
        f"{key}score_difference_max": round(found.score_max, 5),
        f"{key}corner_difference_px": round(found.corner_mean_px, 4),
        f"{key}corner_difference_max_px": round(found.corner_max_px, 3),
        f"{key}kind_difference": round(found.kind_mean, 5),
        f"{key}kind_difference_max": round(found.kind_max, 5),
    }


def _accuracies(key: str, modules: ModuleScore) -> Figures:
    return {
        f"{key}binary_accuracy": round(modules.binary_accuracy, 4),
        f"{key}class_accuracy": round(modules.accuracy, 4),
    }
