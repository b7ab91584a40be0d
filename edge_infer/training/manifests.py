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

"""The manifest of a detector in training: no weights, no provenance yet."""

from __future__ import annotations

from edge_infer.models.manifest import OUTLINES, ClassifierSpec, InputSpec, Manifest, WeightFile
from edge_infer.training.networks.classifier import REGION_HEIGHT, REGION_WIDTH, Classifier
from edge_infer.training.networks.finder import Finder

SCORE_THRESHOLD = 0.5
"""A score is the chance of a fault: at a half, mistakes of both kinds are fewest."""

NMS_IOU = 0.45

REGIONS_AT_ONCE = 16
"""Enough for an engine to be quick, few enough for a frame with few modules."""

_NONE_YET = "0" * 64


def manifest_of(labels: tuple[str, ...], height: int, width: int) -> Manifest:
    """Of a detector with these labels, for frames of this size."""
    return Manifest(
        name="in_training",
        version="0",
        release=0,
        labels=labels,
        head=OUTLINES,
        input=InputSpec(name=Finder.INPUT, width=width, height=height, channels=1, dtype="uint8"),
        score_threshold=SCORE_THRESHOLD,
        nms_iou=NMS_IOU,
        nms="agnostic",
        weights=(WeightFile(format="none", file="finder", sha256=_NONE_YET, bytes=1),),
        classifier=ClassifierSpec(
            input=Classifier.INPUT,
            width=REGION_WIDTH,
            height=REGION_HEIGHT,
            batch=REGIONS_AT_ONCE,
            weights=(WeightFile(format="none", file="classifier", sha256=_NONE_YET, bytes=1),),
        ),
        training={},
        licence="Apache-2.0",
    )
