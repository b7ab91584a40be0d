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

"""From two runs to a bundle that flies: files for every engine, figures, the model card."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from edge_infer.datasets.mixture import draw
from edge_infer.errors import TrainingError
from edge_infer.models.bundle import ModelBundle
from edge_infer.training.checkpoint import Trained, load_trained
from edge_infer.training.data import TrainingData, open_data
from edge_infer.training.export.bundles import export, tiled
from edge_infer.training.export.card import write_card
from edge_infer.training.export.provenance import Calibration, Pair
from edge_infer.training.lessons.classifying import Classifying, cut
from edge_infer.training.lessons.targets import ENOUGH_VISIBLE
from edge_infer.training.manifests import SCORE_THRESHOLD
from edge_infer.training.progress import teller

CALIBRATION_FRAMES = 64
CALIBRATION_SEED = 3_000_017


def ship(
    finder: Path, classifier: Path, data: str, out: Path, *, name: str, version: str, release: int
) -> ModelBundle:
    """Export the best networks of two runs with what they were made of.

    Args:
        finder: the folder of the run that trained it.
        classifier: the folder of the run that trained it.
        data: what they were trained on; a part of it calibrates and checks the files.
        out: folder of the bundle.
        name: as in the manifest.
        version: as in the manifest.
        release: as in the manifest.
    """
    pair = Pair(load_trained(finder, part="finder"), load_trained(classifier, part="classifier"))
    with teller() as told:
        source = open_data(data, pair.classifier.record["config"]["seed"], told.say)
        if source.labels != pair.classifier.labels:
            raise TrainingError(
                f"{classifier} was trained with other classes than --data has",
                "give the run's own data",
            )
        pair = pair._replace(classifier=calibrated(pair.classifier, source))
        told.say("writing the files of every engine")
        bundle = export(
            pair, calibration_of(source), source.validation, out,
            name=name, version=version, release=release, score_threshold=SCORE_THRESHOLD,
        )  # fmt: skip
        write_card(bundle, pair)
    return bundle


def calibrated(classifier: Trained, data: TrainingData) -> Trained:
    """The same with chances that are right on validation data."""
    with torch.no_grad():
        factor = Classifying(data).sharpness(classifier.network)
    record = {**classifier.record, "sharpened": round(factor, 4)}
    return replace(classifier, network=classifier.network.sharpened(factor), record=record)


def calibration_of(data: TrainingData) -> Calibration:
    """Frames that are learnt from, and what is in them, cut out as a finder would."""
    frames = draw(data.source, CALIBRATION_FRAMES, CALIBRATION_SEED)
    rng = np.random.default_rng(CALIBRATION_SEED)
    regions = [
        cut(frames[index], len(data.labels), ENOUGH_VISIBLE, rng=rng).images
        for index in range(len(frames.images))
    ]
    height, width = data.validation.images.shape[1:]
    return Calibration(tiled(frames.images, height, width), np.concatenate(regions))
