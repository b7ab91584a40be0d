"""The bundle that ships: whole, small, and good on frames that it never saw."""

import time

import pytest

from edge_infer.backends import registry
from edge_infer.datasets.simulated import render
from edge_infer.domain import CameraFrame
from edge_infer.evaluation.scores import score
from edge_infer.models.bundle import ModelBundle, shipped
from edge_infer.perception.pipeline import Pipeline
from edge_infer.simulation.modules import FAULT_CLASSES

UNSEEN_SEED = 77_000_001
"""Neither the seed of the training nor that of the figures in the manifest."""


@pytest.fixture(scope="module")
def model():
    return ModelBundle.load(shipped())


def test_it_is_small_and_knows_every_fault(model):
    assert sum(file.stat().st_size for file in model.path.iterdir()) < 2_000_000
    assert model.manifest.labels == FAULT_CLASSES
    assert model.manifest.licence == "Apache-2.0"


def test_it_says_where_it_comes_from(model):
    training = model.manifest.training
    assert {"command", "seed", "torch", "recall", "precision", "class_accuracy"} <= set(training)


def test_it_finds_the_faults_of_farms_that_it_never_saw(model):
    frames = render(100, UNSEEN_SEED)
    backend = registry.load("onnx", model.weights("onnx"))
    pipeline = Pipeline(model.manifest, backend, time.perf_counter_ns)
    found = [pipeline(CameraFrame(image, "mono8", 0, "camera"))[0] for image in frames.images]
    result = score(found, frames.boxes)
    backend.close()
    assert result.labels > 300
    assert result.recall > 0.93, result
    assert result.precision > 0.95, result
    assert result.class_accuracy > 0.95, result
