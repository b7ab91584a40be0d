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

"""The bundle that ships: whole, small, and good on frames that it never saw."""

import time
from pathlib import Path

import pytest

from edge_infer.datasets.compose import JUDGED, Composer
from edge_infer.datasets.mixture import draw
from edge_infer.datasets.pictures import Split
from edge_infer.datasets.simulated import render
from edge_infer.domain import CameraFrame
from edge_infer.evaluation.scores import module_score, score
from edge_infer.models.bundle import ModelBundle, shipped
from edge_infer.perception.pipeline import Pipeline
from edge_infer.simulation.modules import FAULT_CLASSES

MODULES = Path(__file__).parents[4] / "shared/data/infrared_solar_modules/modules.npz"
UNSEEN_SEED = 77_000_001
"""Neither the seed of the training nor that of the figures in the manifest."""


@pytest.fixture(scope="module")
def model():
    return ModelBundle.load(shipped())


def detections(model, frames):
    pipeline = Pipeline.open(model, "onnx", time.perf_counter_ns)
    found = [pipeline(CameraFrame(image, "mono8", 0, "camera"))[0] for image in frames.images]
    pipeline.close()
    return found


def test_what_flies_is_small_and_knows_every_fault(model):
    assert model.weights("onnx") == model.weights("onnx", "int8")
    assert model.bytes_of(model.manifest.weights[0]) < 1_500_000
    assert all(model.bytes_of(weight) < 5_000_000 for weight in model.manifest.weights)
    assert model.manifest.labels == FAULT_CLASSES
    assert model.manifest.licence == "Apache-2.0"


def test_it_has_weights_for_every_engine(model):
    kinds = {(weight.format, weight.precision) for weight in model.manifest.weights}
    assert {("onnx", "float32"), ("tflite", "int8"), ("tensorrt", "int8")} < kinds


def test_it_says_where_it_comes_from(model):
    training = model.manifest.training
    assert {"torch", "onnx_int8_class_accuracy"} <= set(training)
    card = (model.path / "MODEL_CARD.md").read_text()
    for part in ("finder", "classifier"):
        assert str(training[f"{part}_step_1"]) in card
        assert training[f"{part}_seed"] == 0
        assert str(training[f"{part}_data_sha256"]) in card


def test_it_finds_the_faults_of_farms_that_it_never_saw(model):
    frames = render(60, UNSEEN_SEED)
    result = score(detections(model, frames), frames.boxes)
    assert result.labels > 300
    assert result.recall > 0.93, result
    assert result.precision > 0.95, result
    assert result.class_accuracy > 0.92, result


@pytest.mark.dataset
@pytest.mark.skipif(not MODULES.is_file(), reason="there are no real module images")
def test_it_tells_real_modules_apart_that_it_never_saw(model):
    composer = Composer(Split.load(MODULES).take("test"), JUDGED)
    frames = draw(composer, 30, UNSEEN_SEED)
    result = module_score(detections(model, frames), frames.boxes, len(FAULT_CLASSES))
    assert result.confusion.sum() > 1000
    assert result.binary_accuracy > 0.92, result
    assert result.accuracy > 0.78, result
