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

"""Engines by name; importing the registry imports none of them."""

import subprocess
import sys

import pytest

from edge_infer.backends import registry
from edge_infer.backends.onnx import OnnxBackend
from edge_infer.errors import BackendUnavailableError


def test_names_lead_to_classes():
    assert registry.backend_class("onnx") is OnnxBackend


def test_an_unknown_engine_is_refused_with_the_names_that_exist():
    with pytest.raises(BackendUnavailableError, match="'abacus'") as caught:
        registry.backend_class("abacus")
    assert "onnx" in caught.value.remedy


def test_what_is_here_is_available():
    assert registry.available()["onnx"] is None


def test_an_absent_engine_says_why(monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    reason = registry.available()["onnx"]
    assert "ONNX Runtime cannot be imported" in reason
    assert "pip install onnxruntime" in reason


def test_no_engine_is_imported_before_it_is_used():
    code = (
        "import sys, edge_infer.backends.registry, edge_infer.backends.onnx, "
        "edge_infer.perception.pipeline; print('onnxruntime' in sys.modules)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "False"
