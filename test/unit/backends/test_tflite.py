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

"""What TensorFlow Lite does beyond the contract that all engines share."""

import base64
import subprocess
import sys

import numpy as np
import pytest

from edge_infer.backends import registry, tflite
from edge_infer.backends.base import TensorSpec
from edge_infer.errors import BackendUnavailableError, ModelLoadError

# All made with ai_edge_litert.schema_py_generated, tensors of shape [1, 4].
# QUANTIZE from uint8 (scale 0.5, zero 0) to int8 (scale 0.5, zero -128); tensors a and b, which
# the signature calls image and score.
QUANTISED = (
    "HAAAAFRGTDMUABgAFAAQAAwAAAAIAAAAAAAEABQAAAAUAAAAlAAAAJwAAADUAQAAAwAAAAEAAAAQAAAAAAAKABAADAAIAA"
    "QACgAAAAwAAAAcAAAAQAAAAA8AAABzZXJ2aW5nX2RlZmF1bHQAAQAAAAwAAAAIAAwACAAEAAgAAAABAAAABAAAAAUAAABz"
    "Y29yZQAAAAEAAAAMAAAAAAAGAAgABAAGAAAABAAAAAUAAABpbWFnZQAAAAEAAAAEAAAAqP///wEAAAAQAAAADAAUABAADA"
    "AIAAQADAAAABAAAABQAAAAVAAAAFgAAAABAAAAFAAAAAAADgAUAAAAEAAMAAsABAAOAAAAFAAAAAAAAFkQAAAAFAAAAAQA"
    "BAAEAAAAAQAAAAEAAAABAAAAAAAAAAEAAAABAAAAAQAAAAAAAAACAAAAZAAAAAQAAACy////EAAAADAAAAAAAAAJMAAAAK"
    "T///8IAAAAFAAAAAEAAACA/////////wAAAAABAAAAAAAAPwEAAABiAAAAAgAAAAEAAAAEAAAAAAAOABQAEAAPAAAACAAE"
    "AA4AAAAcAAAAPAAAAAAAAAM8AAAADAAMAAAAAAAIAAQADAAAAAgAAAAUAAAAAQAAAAAAAAAAAAAAAAAAAAEAAAAAAAA/AQ"
    "AAAGEAAAACAAAAAQAAAAQAAAABAAAAEAAAAAwADAALAAAAAAAEAAwAAAByAAAAAAAAcg=="
)
# ABS and NEG of x, given in this order; the signature calls them zeta and alpha.
TWO = (
    "HAAAAFRGTDMUABgAFAAQAAwAAAAIAAAAAAAEABQAAAAUAAAArAAAALQAAADsAQAAAwAAAAEAAAAQAAAAAAAKABAADAAIAA"
    "QACgAAAAwAAAAcAAAAXAAAAA8AAABzZXJ2aW5nX2RlZmF1bHQAAgAAACgAAAAEAAAA6P///wEAAAAEAAAABQAAAGFscGhh"
    "AAAACAAMAAgABAAIAAAAAgAAAAQAAAAEAAAAemV0YQAAAAABAAAADAAAAAAABgAIAAQABgAAAAQAAAABAAAAeAAAAAEAAA"
    "AEAAAAaP///wEAAAAQAAAADAAUABAADAAIAAQADAAAABAAAACQAAAAmAAAAJwAAAACAAAAVAAAABQAAAAAAA4AGAAUABAA"
    "DAALAAQADgAAABQAAAAAAABOEAAAABQAAAABAAAAyP///wEAAAACAAAAAQAAAAAAAAAAAA4AFAAAABAADAALAAQADgAAAB"
    "QAAAAAAAAqEAAAABQAAAAEAAQABAAAAAEAAAABAAAAAQAAAAAAAAACAAAAAgAAAAEAAAABAAAAAAAAAAMAAABYAAAAKAAA"
    "AAQAAADA////CAAAAAwAAAACAAAAdDIAAAIAAAABAAAABAAAAOD///8IAAAADAAAAAIAAAB0MQAAAgAAAAEAAAAEAAAADA"
    "AMAAgAAAAAAAQADAAAAAgAAAAMAAAAAQAAAHgAAAACAAAAAQAAAAQAAAACAAAAIAAAAAQAAAD0////ZQAAAAAAAGUMAAwA"
    "CwAAAAAABAAMAAAAOwAAAAAAADs="
)
# LESS of x and x, without a signature.
BOOLEAN = (
    "GAAAAFRGTDMAAA4AFAAQAAwACAAAAAQADgAAABAAAAAYAAAA/AAAAAMAAAABAAAABAAAAKj///8BAAAAEAAAAAwAFAAQAA"
    "wACAAEAAwAAAAQAAAAVAAAAFgAAABcAAAAAQAAABQAAAAAAA4AFAAAABAADAALAAQADgAAABQAAAAAAAApEAAAABQAAAAE"
    "AAQABAAAAAEAAAABAAAAAgAAAAAAAAAAAAAAAQAAAAEAAAABAAAAAAAAAAIAAABEAAAAEAAAAAwAEAAMAAsAAAAEAAwAAA"
    "AMAAAAAAAABgwAAAABAAAAeQAAAAIAAAABAAAABAAAAAwADAAIAAAAAAAEAAwAAAAIAAAADAAAAAEAAAB4AAAAAgAAAAEA"
    "AAAEAAAAAQAAABAAAAAMAAwACwAAAAAABAAMAAAAOgAAAAAAADo="
)


@pytest.fixture
def load(tmp_path):
    absence = registry.available()["tflite"]
    if absence:
        pytest.skip(absence)

    def load(text):
        file = tmp_path / "probe.tflite"
        file.write_bytes(base64.b64decode(text))
        return registry.load("tflite", file)

    return load


@pytest.fixture
def none_installed(monkeypatch):
    for name in tflite.INTERPRETERS:
        monkeypatch.setitem(sys.modules, name, None)


def test_pixels_go_in_as_they_are_and_floats_come_out_of_eight_bits(load):
    backend = load(QUANTISED)
    assert backend.inputs == (TensorSpec("image", (1, 4), "uint8"),)
    assert backend.outputs == (TensorSpec("score", (1, 4), "float32"),)
    (score,) = backend.infer([np.array([[0, 1, 100, 255]], np.uint8)])
    assert score.dtype == np.float32
    assert score.tolist() == [[0.0, 0.5, 50.0, 127.5]]


def test_outputs_come_in_the_order_of_the_model_with_the_names_of_its_signature(load):
    backend = load(TWO)
    assert [spec.name for spec in backend.outputs] == ["zeta", "alpha"]
    zeta, alpha = backend.infer([np.array([[1, -2, 3, -4]], np.float32)])
    assert zeta.tolist() == [[1, 2, 3, 4]]
    assert alpha.tolist() == [[-1, 2, -3, 4]]


def test_a_result_is_not_overwritten_by_the_next(load):
    backend = load(TWO)
    first = backend.infer([np.ones((1, 4), np.float32)])[0]
    backend.infer([np.full((1, 4), 7, np.float32)])
    assert first.tolist() == [[1, 1, 1, 1]]


def test_a_model_of_truth_values_is_no_detector(load):
    with pytest.raises(ModelLoadError, match="'y' has type bool"):
        load(BOOLEAN)


@pytest.mark.parametrize("cut", [0, 3, 7, 8, 20, 100, 250, 319])
def test_a_file_that_was_cut_off_anywhere_is_refused_and_the_process_lives(load, cut):
    whole = base64.b64decode(BOOLEAN)
    with pytest.raises(ModelLoadError) as caught:
        load(base64.b64encode(whole[:cut]))
    assert "\n" not in str(caught.value)


def test_a_folder_is_no_model(load, tmp_path):
    with pytest.raises(ModelLoadError, match="cannot be read"):
        registry.load("tflite", tmp_path)


def test_without_any_interpreter_it_says_what_to_install(none_installed, tmp_path):
    reason = registry.available()["tflite"]
    assert "no TensorFlow Lite interpreter can be imported" in reason
    assert "pip install 'edge_infer[tflite]'" in reason
    with pytest.raises(BackendUnavailableError):
        registry.load("tflite", tmp_path / "any.tflite")


@pytest.fixture
def stand_in(monkeypatch, tmp_path):
    """Makes another module take the place of LiteRT, here and in child processes."""
    pytest.importorskip(tflite.INTERPRETERS[0], reason="needs LiteRT, under another name")

    def stand_in(source):
        (tmp_path / "substitute.py").write_text(source)
        monkeypatch.syspath_prepend(tmp_path)
        monkeypatch.setenv("PYTHONPATH", str(tmp_path))
        monkeypatch.setattr(tflite, "INTERPRETERS", ("not.there", "substitute"))
        monkeypatch.delitem(sys.modules, "substitute", raising=False)

    return stand_in


def test_another_interpreter_stands_in_for_the_preferred_one(stand_in, load):
    stand_in("from ai_edge_litert.interpreter import Interpreter")
    (zeta, _) = load(TWO).infer([np.full((1, 4), -3, np.float32)])
    assert zeta.tolist() == [[3, 3, 3, 3]]


def test_a_file_that_an_older_interpreter_dies_of_is_refused_and_the_process_lives(stand_in, load):
    stand_in("import os\nInterpreter = lambda model_content: os.abort()")
    with pytest.raises(
        ModelLoadError, match=r"TensorFlow Lite dies of .*probe.tflite \(signal 6\)"
    ):
        load(TWO)


def test_no_interpreter_is_imported_before_it_is_used():
    code = (
        "import sys, edge_infer.backends.registry, edge_infer.backends.tflite; "
        f"print(any(name.partition('.')[0] in sys.modules for name in {tflite.INTERPRETERS}))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "False"
