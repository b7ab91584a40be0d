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

"""The pipeline with the shipped model and a clock of its own."""

import itertools

import numpy as np
import pytest

from edge_infer.backends import registry
from edge_infer.domain import CameraFrame
from edge_infer.errors import DecodeError, InferenceError
from edge_infer.models.bundle import ModelBundle, shipped
from edge_infer.perception.georeference import georeference
from edge_infer.perception.pipeline import Pipeline
from edge_infer.simulation.world import World


@pytest.fixture(scope="module")
def model():
    return ModelBundle.load(shipped())


@pytest.fixture(scope="module")
def backends(model):
    backends = [registry.load("onnx", file) for file in
                (model.weights("onnx"), model.classifier_weights("onnx"))]  # fmt: skip
    yield backends
    for backend in backends:
        backend.close()


def opened(manifest, backends, clock=lambda: 0):
    return Pipeline(manifest, backends, clock)


@pytest.fixture
def pipeline(model, backends):
    ticks = itertools.accumulate(itertools.cycle([x * 1_000_000 for x in (1, 5, 2, 9, 4, 3)]))
    return opened(model.manifest, backends, lambda: next(ticks))


def grey(height=512, width=640):
    return CameraFrame(np.full((height, width), 90, np.uint8), "mono8", 0, "camera")


def test_the_stages_are_timed_by_the_given_clock(pipeline):
    _, times = pipeline(grey())
    assert times == (5.0, 2.0, 4.0, 3.0)
    assert times.total_ms == 14.0


@pytest.mark.parametrize("size", [(512, 640), (64, 64), (720, 1280), (3, 2000)])
def test_an_empty_scene_has_no_faults(pipeline, size):
    found, _ = pipeline(grey(*size))
    assert len(found) == 0


def test_a_flight_finds_its_faults_where_they_are(pipeline, model):
    world = World.build(seed=5, drones=1)
    drone = world.drone(0)
    faults = np.array([fault.position_m for fault in world.farm.faults])
    errors, right = [], []
    for sequence in range(40):
        capture = drone.frame(sequence, sequence * 1.0)
        found, _ = pipeline(capture.frame)
        assert (np.diff(found.confidence) <= 0).all()
        placed = georeference(found.xyxy, capture.true_pose, capture.camera)
        for at, kept in zip(placed.position_m, placed.kept, strict=True):
            distance = np.hypot(*(faults - at)[:, :2].T)
            fault = world.farm.faults[int(distance.argmin())]
            errors.append(distance.min())
            right.append(fault.class_name == model.manifest.labels[found.class_id[kept]])
    assert len(errors) > 30
    assert np.median(errors) < 0.1
    assert np.mean(np.array(errors) < 1.0) > 0.95
    assert np.mean(right) > 0.9


@pytest.mark.parametrize("change", [{"dtype": "float32"}, {"width": 320}])
def test_weights_that_do_not_fit_the_manifest_are_refused(model, backends, change):
    spec = model.manifest.input.model_copy(update=change)
    other = model.manifest.model_copy(update={"input": spec})
    with pytest.raises(InferenceError, match="the manifest says 'image'"):
        opened(other, backends)


def test_a_classifier_that_does_not_fit_the_manifest_is_refused(model, backends):
    spec = model.manifest.classifier.model_copy(update={"batch": 7})
    other = model.manifest.model_copy(update={"classifier": spec})
    with pytest.raises(InferenceError, match=r"'image' uint8 \[7, 1, 40, 24\]"):
        opened(other, backends)


def test_a_classifier_that_is_not_there_is_missed(model, backends):
    with pytest.raises(InferenceError, match="40, 24"):
        Pipeline(model.manifest, backends[:1], lambda: 0)


def test_an_unknown_head_is_refused_before_the_first_frame(model, backends):
    other = model.manifest.model_copy(update={"head": "hydra", "classifier": None})
    with pytest.raises(DecodeError, match="'hydra'"):
        Pipeline(other, backends[:1], lambda: 0)


def test_labels_that_do_not_fit_the_weights_are_refused(model, backends):
    other = model.manifest.model_copy(update={"labels": ("one", "two")})
    capture = World.build(seed=5, drones=1).drone(0).frame(0, 0.0)
    with pytest.raises(DecodeError, match=r"the classifier's \[16, 3\]"):
        opened(other, backends)(capture.frame)


def test_a_closed_pipeline_says_so(model):
    pipeline = Pipeline.open(model, "onnx", lambda: 0, score_threshold=0.9)
    assert pipeline.manifest.score_threshold == 0.9
    pipeline.close()
    with pytest.raises(InferenceError, match="was closed"):
        pipeline(grey())
