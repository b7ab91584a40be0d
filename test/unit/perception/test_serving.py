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

"""Which engines are chosen for a bundle, and in what order."""

import faulty_engine
import pytest
from faulty_engine import First, Second

from edge_infer.backends import registry
from edge_infer.backends.registry import Engine
from edge_infer.errors import BackendUnavailableError
from edge_infer.models.bundle import ModelBundle, shipped
from edge_infer.perception.serving import choose, fastest_first


@pytest.fixture
def bundle():
    return ModelBundle.load(shipped())


@pytest.fixture
def weights(tmp_path, monkeypatch):
    for name, place in faulty_engine.BACKENDS.items():
        monkeypatch.setitem(registry.BACKENDS, name, place)
    file = tmp_path / "probe.onnx"
    file.write_bytes(faulty_engine.NETWORK)
    return file


def names(engines):
    return [engine.name for engine in engines]


def test_engines_come_in_the_order_that_was_asked_for(bundle, monkeypatch):
    monkeypatch.setattr(registry, "absence", lambda _: None)
    assert names(choose(bundle, "tflite, onnx").engines) == ["tflite", "onnx"]
    assert names(choose(bundle, "onnx:cuda,tflite").engines) == ["onnx:cuda", "tflite"]


def test_an_engine_runs_all_networks_of_a_bundle(bundle):
    (engine,) = choose(bundle, "onnx", threads=2).engines
    assert engine.weights == (bundle.weights("onnx"), bundle.classifier_weights("onnx"))
    assert engine.options.threads == 2


def test_a_device_that_is_not_there_is_left_out_with_its_reason(bundle):
    choice = choose(bundle, "onnx:cuda, onnx")
    assert names(choice.engines) == ["onnx"]
    assert "CUDAExecutionProvider" in choice.left_out["onnx:cuda"]


@pytest.mark.parametrize("asked", ["", " , ", "onnx:cuda"])
def test_nothing_that_runs_is_an_error(bundle, asked):
    with pytest.raises(BackendUnavailableError, match="no engine for model solar_thermal"):
        choose(bundle, asked)


def test_auto_takes_what_the_bundle_has_weights_for_and_runs_here(bundle):
    running = {name for name, why in registry.available().items() if why is None}
    assert set(names(choose(bundle, "auto").engines)) == running


@pytest.mark.parametrize("slow", [First, Second])
def test_the_faster_engine_comes_first(weights, slow):
    weights.with_suffix(slow.fault).write_text("slow")
    engines = [Engine("first", (weights,)), Engine("second", (weights,))]
    faster = "second" if slow is First else "first"
    assert names(fastest_first(engines))[0] == faster


def test_an_engine_that_does_not_load_comes_last(weights):
    weights.with_suffix(First.fault).write_text("no start")
    engines = [Engine("first", (weights,)), Engine("second", (weights,))]
    assert names(fastest_first(engines)) == ["second", "first"]


def test_tensorrt_does_not_race(weights):
    engines = [Engine("second", (weights,)), Engine("tensorrt", (weights,))]
    assert names(fastest_first(engines)) == ["tensorrt", "second"]
