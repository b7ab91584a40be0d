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

"""What ONNX Runtime does beyond the contract that all engines share."""

import base64

import numpy as np
import pytest

from edge_infer.backends.base import TensorSpec
from edge_infer.backends.onnx import OnnxBackend
from edge_infer.errors import ModelLoadError

# onnx.helper: Reciprocal on float [n, m]; Identity on string [1]; opset 17, IR 8.
OPEN = (
    "CAg6SQoSCgF4EgF5IgpSZWNpcHJvY2FsEgVwcm9iZVoVCgF4EhAKDggBEgoKAxIBbgoDEgFtYhUKAXkSEAoOCAES"
    "CgoDEgFuCgMSAW1CBAoAEBE="
)
STRINGS = (
    "CAg6OwoQCgF4EgF5IghJZGVudGl0eRIFcHJvYmVaDwoBeBIKCggICBIECgIIAWIPCgF5EgoKCAgIEgQKAggBQgQKABAR"
)


def written(tmp_path, text):
    file = tmp_path / "probe.onnx"
    file.write_bytes(base64.b64decode(text))
    return file


def test_open_dimensions_take_any_size(tmp_path):
    backend = OnnxBackend.load(written(tmp_path, OPEN))
    assert backend.inputs == (TensorSpec("x", (None, None), "float32"),)
    for shape in ((1, 2), (3, 5)):
        assert (
            backend.infer([np.full(shape, 2, np.float32)])[0].tolist()
            == np.full(shape, 0.5).tolist()
        )
    backend.close()


def test_a_model_of_strings_is_no_detector(tmp_path):
    with pytest.raises(ModelLoadError, match=r"tensor\(string\)"):
        OnnxBackend.load(written(tmp_path, STRINGS))


# --- files that mean harm --------------------------------------------------------------


def saved(folder, nodes, held=(), shape=(1, 4)):
    """A network from x to y, both float [1, 4] as it says."""
    onnx = pytest.importorskip("onnx")
    x, y = (onnx.helper.make_tensor_value_info(n, 1, s) for n, s in (("x", (1, 4)), ("y", shape)))
    graph = onnx.helper.make_graph(nodes(onnx.helper), "harm", [x], [y], held)
    opset = onnx.helper.make_opsetid("", 17)
    model = onnx.helper.make_model(graph, opset_imports=[opset], ir_version=8)
    file = folder / "harm.onnx"
    file.write_bytes(model.SerializeToString())
    return file


def test_a_model_that_reads_files_elsewhere_is_refused(tmp_path):
    onnx = pytest.importorskip("onnx")
    (tmp_path / "secret").write_bytes(bytes(16))
    folder = tmp_path / "model"
    folder.mkdir()
    weights = onnx.TensorProto(name="w", data_type=1, dims=[1, 4], data_location=1)
    weights.external_data.add(key="location", value="../secret")
    file = saved(folder, lambda make: [make.make_node("Add", ["x", "w"], ["y"])], [weights])
    with pytest.raises(ModelLoadError, match="cannot load"):
        OnnxBackend.load(file)
    file.write_bytes(file.read_bytes().replace(b"\x08location", b"\x88\x80\x00location"))
    with pytest.raises(ModelLoadError, match="in other files"):
        OnnxBackend.load(file)


def test_a_model_that_asks_for_more_memory_than_there_is_is_refused(tmp_path):
    onnx = pytest.importorskip("onnx")
    sizes = onnx.helper.make_tensor("sizes", 7, [4], [1 << 15, 1 << 15, 1 << 15, 4])
    file = saved(tmp_path, lambda make: [
        make.make_node("ConstantOfShape", ["sizes"], ["huge"]),
        make.make_node("ReduceSum", ["huge"], ["sum"], keepdims=0),
        make.make_node("Add", ["x", "sum"], ["y"]),
    ], [sizes])  # fmt: skip
    with pytest.raises(ModelLoadError, match="cannot load") as caught:
        OnnxBackend.load(file)
    assert "\n" not in str(caught.value)


def test_a_model_of_unknown_operators_is_refused(tmp_path):
    file = saved(tmp_path, lambda make: [make.make_node("Evil", ["x"], ["y"], domain="evil")])
    with pytest.raises(ModelLoadError, match="cannot load"):
        OnnxBackend.load(file)
