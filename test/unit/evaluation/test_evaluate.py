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

"""The shipped model judged on simulated frames through the pipeline."""

import time

import numpy as np
import pytest
from bundle_variants import only_first, variant

from edge_infer.datasets.frames import LabelledFrames
from edge_infer.domain import CameraFrame
from edge_infer.errors import DatasetError, InferenceError, ModelError
from edge_infer.evaluation.evaluate import choose, evaluate
from edge_infer.evaluation.scores import module_score, score
from edge_infer.models.bundle import ModelBundle
from edge_infer.perception.pipeline import Pipeline

from .conftest import Frames


@pytest.fixture(scope="module")
def evaluation(model, farm):
    return evaluate(model, model.manifest.weights[0], farm)


def test_a_good_model_has_good_figures(evaluation):
    assert evaluation.frames == 12
    assert evaluation.model == "solar_thermal 0.3.0"
    assert evaluation.average_precision.ap50 > 0.8
    assert 0.5 < evaluation.average_precision.ap50_95 < evaluation.average_precision.ap50
    assert evaluation.modules.binary_accuracy > 0.9
    assert evaluation.frame_ms > 0


def test_figures_at_the_threshold_are_those_of_the_pipeline_as_it_flies(model, farm, evaluation):
    pipeline = Pipeline.open(model, "onnx", time.perf_counter_ns)
    found = [pipeline(CameraFrame(i, "mono8", 0, ""))[0] for i in farm.frames.images]
    pipeline.close()
    assert evaluation.boxes == score(found, farm.frames.boxes)
    expected = module_score(found, farm.frames.boxes, len(farm.labels))
    assert np.array_equal(evaluation.modules.confusion, expected.confusion)


def test_classes_that_are_not_shown_have_no_figures(model, farm):
    boxes = farm.frames.boxes
    most = int(np.bincount(boxes.class_id[boxes.class_id >= 0]).argmax())
    frames = LabelledFrames(farm.frames.images, boxes.where(boxes.class_id == most))
    result = evaluate(model, model.manifest.weights[0], Frames(frames))
    shown, *others = sorted(result.classes, key=lambda row: -row.modules)
    assert shown.name == farm.labels[most]
    assert shown.recall > 0.7
    assert shown.ap50 > 0.5
    for other in others:
        assert other[1:] == (0, None, None, None, None)
    told = {row["name"]: row["ap50"] for row in result.to_json()["classes"]}
    assert [name for name, value in told.items() if value is not None] == [shown.name]


def test_labels_are_matched_by_name(model, farm, evaluation):
    boxes = farm.frames.boxes
    last = len(farm.labels) - 1
    faulty = boxes.class_id >= 0
    turned = boxes._replace(class_id=np.where(faulty, last - boxes.class_id, boxes.class_id))
    turned = LabelledFrames(farm.frames.images, turned)
    result = evaluate(model, model.manifest.weights[0], Frames(turned, farm.labels[::-1]))
    assert np.array_equal(result.modules.confusion, evaluation.modules.confusion)


def test_a_class_that_the_model_does_not_know_is_an_error(model, farm):
    other = Frames(farm.frames, ("Bird", *farm.labels[1:]))
    with pytest.raises(DatasetError, match="knows no class 'Bird'"):
        evaluate(model, model.manifest.weights[0], other)


def test_progress_is_told(model, farm):
    told = []
    evaluate(model, model.manifest.weights[0], farm, lambda *done: told.append(done))
    assert told == [(i + 1, 12) for i in range(12)]


def test_json_holds_the_figures(model, evaluation):
    told = evaluation.to_json()
    assert told["digest"] == model.digest
    assert (told["engine"], told["precision"]) == ("onnx", "float32")
    assert told["ap50"] == round(evaluation.average_precision.ap50, 4)
    assert [row["name"] for row in told["classes"]] == list(model.manifest.labels)
    assert np.sum(told["confusion"]) == told["modules"]


def test_a_manifest_that_does_not_fit_its_weights_is_an_error(model, farm):
    spec = model.manifest.input.model_copy(update={"width": 320})
    wrong = ModelBundle(model.path, model.manifest.model_copy(update={"input": spec}), model.digest)
    with pytest.raises(InferenceError):
        evaluate(wrong, model.manifest.weights[0], farm)


# --- which weights -------------------------------------------------------------------


@pytest.fixture
def several(model, tmp_path):
    """The shipped model with weights of three kinds, one of them for no engine."""
    kinds = [("abacus", "int8"), ("onnx", "float32"), ("onnx", "int8")]
    return variant(model, tmp_path, kinds)


@pytest.mark.parametrize(
    ("engine", "precision", "expected"),
    [
        (None, None, ("onnx", "float32")),
        (None, "int8", ("onnx", "int8")),
        ("onnx", None, ("onnx", "float32")),
        ("onnx", "int8", ("onnx", "int8")),
        ("abacus", None, ("abacus", "int8")),
    ],
)
def test_the_first_weights_that_run_here_are_judged_unless_told_otherwise(
    several, engine, precision, expected
):
    weights = choose(several, engine, precision)
    assert (weights.format, weights.precision) == expected


def test_weights_that_are_not_there(several):
    with pytest.raises(ModelError, match="holds no onnx float16 weights"):
        choose(several, "onnx", "float16")
    with pytest.raises(ModelError, match=r"holds no .* float16 weights"):
        choose(several, None, "float16")
    with pytest.raises(ModelError, match=r"no engine .* runs here"):
        choose(only_first(several))
