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

"""Several frames in one call of the network: each gets its own answer."""

import numpy as np
import pytest

pytest.importorskip("onnx", reason="needs the extra train: onnx is not installed")

from onnx import TensorProto, helper, numpy_helper

from edge_infer.domain import CameraFrame
from edge_infer.errors import InferenceError
from edge_infer.models import bundle
from edge_infer.models.manifest import InputSpec, Manifest
from edge_infer.perception.pipeline import Pipeline

SIDE = 16
PLACE = np.array([8, 8, 6, 4], np.float32).reshape(1, 4, 1)


def brightness(frames):
    """A network that sees one thing in each frame, as likely as the frame is bright."""
    held = [
        numpy_helper.from_array(PLACE, "place"),
        numpy_helper.from_array(np.float32(255), "white"),
        numpy_helper.from_array(np.float32(0), "none"),
        numpy_helper.from_array(np.array([-1, 1, 1], np.int64), "list"),
    ]
    nodes = [
        helper.make_node("Cast", ["image"], ["pixels"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["pixels"], ["mean"], axes=[1, 2, 3]),
        helper.make_node("Div", ["mean", "white"], ["share"]),
        helper.make_node("Reshape", ["share", "list"], ["score"]),
        helper.make_node("Mul", ["score", "none"], ["zero"]),
        helper.make_node("Add", ["zero", "place"], ["box"]),
        helper.make_node("Concat", ["box", "score"], ["output"], axis=1),
    ]
    taken = helper.make_tensor_value_info("image", TensorProto.UINT8, (frames, 1, SIDE, SIDE))
    given = helper.make_tensor_value_info("output", TensorProto.FLOAT, (frames, 5, 1))
    graph = helper.make_graph(nodes, "brightness", [taken], [given], held)
    opset = helper.make_opsetid("", 17)
    return helper.make_model(graph, opset_imports=[opset], ir_version=8).SerializeToString()


def opened(folder, frames, batch):
    content = brightness(frames)
    manifest = Manifest(
        name="brightness", version="1", release=1, labels=("Thing",), head="yolov8",
        input=InputSpec(
            name="image", width=SIDE, height=SIDE, channels=1, dtype="uint8", batch=batch
        ),
        score_threshold=0.1, nms_iou=0.5,
        weights=(bundle.describe("onnx", "m.onnx", content),), training={}, licence="Apache-2.0",
    )  # fmt: skip
    return Pipeline.open(bundle.write(folder, manifest, {"m.onnx": content}), "onnx", lambda: 0)


def frame(brightness, size=(SIDE, SIDE)):
    return CameraFrame(np.full(size, brightness, np.uint8), "mono8", 0, "camera")


@pytest.mark.parametrize("count", [1, 2, 4])
def test_each_frame_of_a_batch_has_the_answer_that_it_has_alone(tmp_path, count):
    pipeline = opened(tmp_path, "n", 4)
    frames = [frame(50 * index + 51, (16, 16 + 8 * index)) for index in range(count)]
    together = pipeline.batch(frames)
    for shot, (found, _) in zip(frames, together, strict=True):
        alone, _ = pipeline(shot)
        np.testing.assert_array_equal(found.confidence, alone.confidence)
        np.testing.assert_array_equal(found.xyxy, alone.xyxy)
        assert found.xyxy[0, 2] <= shot.width
    scores = [float(found.confidence[0]) for found, _ in together]
    assert scores[0] == pytest.approx(0.2)
    assert len({round(score, 3) for score in scores}) == count
    pipeline.close()


def test_weights_for_one_frame_do_not_take_a_batch(tmp_path):
    with pytest.raises(InferenceError, match="take 1 frame at once, the manifest says 4"):
        opened(tmp_path, 1, 4)
