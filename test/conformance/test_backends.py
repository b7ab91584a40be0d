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

"""One suite for every inference engine: the contract of backends/base.py.

The probe model is y = 1 / x on [1, 4] floats, so a zero gives infinity. An engine
joins by adding the same model in its own format to PROBES.
"""

import base64
import subprocess
import sys

import numpy as np
import pytest

from edge_infer.backends import registry
from edge_infer.backends.base import Options, TensorSpec
from edge_infer.errors import InferenceError, ModelLoadError

PROBES = {
    # onnx.helper: one Reciprocal node, float [1, 4] -> [1, 4], opset 17, IR 8.
    "onnx": "CAgSADpFChIKAXgSAXkiClJlY2lwcm9jYWwSBXByb2JlWhMKAXgSDgoMCAESCAoCCAEKAggEYhMKAXkSDgoM"
    "CAESCAoCCAEKAggEQgQKABAR",
    # ai_edge_litert.schema_py_generated: one DIV of a constant 1, float [1, 4] -> [1, 4].
    "tflite": "GAAAAFRGTDMAAA4AFAAQAAwACAAAAAQADgAAABAAAAA0AAAAOAEAAAMAAAACAAAAIAAAAAwAAAAAAAYACAA"
    "EAAYAAAAEAAAABAAAAAAAgD+o////AQAAABAAAAAMABQAEAAMAAgABAAMAAAAEAAAAFQAAABYAAAAXAAAAAEAAAAUAAA"
    "AAAAOABQAAAAQAAwACwAEAA4AAAAUAAAAAAAAHRAAAAAUAAAABAAEAAQAAAABAAAAAgAAAAIAAAABAAAAAAAAAAEAAAA"
    "CAAAAAQAAAAAAAAADAAAAZAAAADQAAAAEAAAAtP///wgAAAAMAAAAAQAAAHkAAAACAAAAAQAAAAQAAAAMABAADAAAAAg"
    "ABAAMAAAADAAAAAEAAAAMAAAAAQAAADEAAAABAAAAAQAAAAwADAAIAAAAAAAEAAwAAAAIAAAADAAAAAEAAAB4AAAAAgA"
    "AAAEAAAAEAAAAAQAAABAAAAAMAAwACwAAAAAABAAMAAAAKgAAAAAAACo=",
}
PROBES["tensorrt"] = PROBES["onnx"]

ONES = np.ones((1, 4), np.float32)


@pytest.fixture(params=registry.BACKENDS)
def engine(request):
    absence = registry.available()[request.param]
    if absence:
        pytest.skip(absence)
    return request.param


@pytest.fixture
def weights(engine, tmp_path):
    file = tmp_path / f"probe.{engine}"
    file.write_bytes(base64.b64decode(PROBES[engine]))
    return file


@pytest.fixture
def backend(engine, weights):
    backend = registry.load(engine, weights)
    yield backend
    backend.close()


def test_it_tells_what_it_takes_and_gives(backend):
    assert backend.inputs == (TensorSpec("x", (1, 4), "float32"),)
    assert backend.outputs == (TensorSpec("y", (1, 4), "float32"),)


def test_it_infers(backend):
    (result,) = backend.infer([np.array([[1, 2, 4, 8]], np.float32)])
    assert result.dtype == np.float32
    np.testing.assert_allclose(result, [[1, 0.5, 0.25, 0.125]], rtol=1e-3)


def test_two_threads_give_the_same(engine, weights):
    backend = registry.load(engine, weights, Options(threads=2))
    np.testing.assert_allclose(backend.infer([ONES * 4])[0], ONES / 4, rtol=1e-3)
    backend.close()


@pytest.mark.parametrize(
    "tensors",
    [
        [],
        [ONES, ONES],
        [ONES[0]],
        [ONES[:, :3]],
        [ONES.astype(np.float64)],
        [ONES.astype(np.uint8)],
    ],
    ids=["none", "two", "rank", "shape", "float64", "uint8"],
)
def test_wrong_inputs_are_refused_and_do_no_harm(backend, tensors):
    with pytest.raises(InferenceError):
        backend.infer(tensors)
    np.testing.assert_allclose(backend.infer([ONES])[0], ONES, rtol=1e-3)


def test_a_result_that_is_not_finite_is_refused_and_does_no_harm(backend):
    with pytest.raises(InferenceError, match="'y' holds NaN or infinity"):
        backend.infer([np.zeros((1, 4), np.float32)])
    np.testing.assert_allclose(backend.infer([ONES])[0], ONES, rtol=1e-3)


def test_a_closed_model_says_so(engine, weights):
    backend = registry.load(engine, weights)
    backend.close()
    backend.close()
    with pytest.raises(InferenceError, match="closed"):
        backend.infer([ONES])


def test_a_missing_file_is_refused(engine, tmp_path):
    with pytest.raises(ModelLoadError, match="is not there"):
        registry.load(engine, tmp_path / "absent")


@pytest.mark.parametrize(
    "spoil",
    [
        lambda whole: whole[: len(whole) // 2],
        lambda whole: b"",
        lambda whole: b"not a model at all, but a letter to a friend",
    ],
    ids=["truncated", "empty", "foreign"],
)
def test_a_spoiled_file_is_refused_in_one_sentence(engine, weights, spoil):
    weights.write_bytes(spoil(weights.read_bytes()))
    with pytest.raises(ModelLoadError) as caught:
        registry.load(engine, weights)
    assert str(weights) in str(caught.value)
    assert "\n" not in str(caught.value)


TRY_EACH = """
import os, sys
from pathlib import Path
import numpy as np
from edge_infer.backends import registry
from edge_infer.errors import BackendError
engine, weights = sys.argv[1], Path(sys.argv[2])
whole, rng = weights.read_bytes(), np.random.default_rng(1)
for _ in range(60):
    content = bytearray(whole)
    for at in rng.integers(0, len(whole), 3):
        content[at] = rng.integers(256)
    weights.write_bytes(content)
    child = os.fork()
    if child == 0:
        try:
            registry.load(engine, weights).infer([np.ones((1, 4), np.float32)])
        except BackendError:
            pass
        except BaseException:
            os._exit(1)
        os._exit(0)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if code != 0:
        print(code, bytes(content).hex())
print("done")
"""


def test_a_file_with_any_bytes_changed_loads_or_is_refused(engine, weights):
    """Each in a process of its own: an engine that dies of a file must be seen, too."""
    done = subprocess.run(
        [sys.executable, "-c", TRY_EACH, engine, str(weights)],
        capture_output=True, text=True, timeout=300, check=True,
    )  # fmt: skip
    assert done.stdout == "done\n"
