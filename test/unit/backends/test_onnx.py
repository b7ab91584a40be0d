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
