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

"""What one would run without this package: a plain callback around ONNX Runtime and numpy.

Written as it stands in most tutorials, but fairly: no needless copy, no loop over pixels
or boxes, and as many threads as the other side has. As a program it is an rclpy node:
``python -m edge_infer.bench.usual_detector FILE SIZE THREADS``.
"""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

BORDER = 114


class Prepared(NamedTuple):
    """An image as the network takes it.

    Attributes:
        tensor: [1, 3, size, size] float32 from 0 to 1, red first.
        scale: input pixels per source pixel.
        left, top: input pixels beside and above the image.
    """

    tensor: NDArray[np.float32]
    scale: float
    left: int
    top: int


class Boxes(NamedTuple):
    """What was found: (n, 4) left, top, width, height in source pixels; (n,) each."""

    xywh: NDArray[np.float32]
    score: NDArray[np.float32]
    class_id: NDArray[np.int64]


def prepare(image: NDArray[np.uint8], size: int) -> Prepared:
    """Resize, border, transpose, float32, / 255, of an image (h, w, 3), blue first."""
    bordered, scale, left, top = _letterboxed(image, size)
    planes = np.ascontiguousarray(bordered[:, :, ::-1].transpose(2, 0, 1))
    tensor = planes.astype(np.float32)
    tensor /= 255
    return Prepared(tensor[None], scale, left, top)


def prepare_as_copied(image: NDArray[np.uint8], size: int) -> Prepared:
    """The same in the order of the examples that go around: / 255.0 makes doubles first."""
    bordered, scale, left, top = _letterboxed(image, size)
    reals = cv2.cvtColor(bordered, cv2.COLOR_BGR2RGB) / 255.0
    tensor = np.expand_dims(np.transpose(reals, (2, 0, 1)), axis=0).astype(np.float32)
    return Prepared(np.ascontiguousarray(tensor), scale, left, top)


def _letterboxed(image: NDArray[np.uint8], size: int) -> tuple[NDArray[np.uint8], float, int, int]:
    height, width = image.shape[:2]
    scale = min(size / width, size / height)
    inner_w, inner_h = round(width * scale), round(height * scale)
    small = cv2.resize(image, (inner_w, inner_h), interpolation=cv2.INTER_LINEAR)
    left, top = (size - inner_w) // 2, (size - inner_h) // 2
    bordered = cv2.copyMakeBorder(
        small, top, size - inner_h - top, left, size - inner_w - left,
        cv2.BORDER_CONSTANT, value=(BORDER, BORDER, BORDER),
    )  # fmt: skip
    return np.asarray(bordered, np.uint8), scale, left, top


def read(
    output: NDArray[np.float32], prepared: Prepared, threshold: float, max_iou: float
) -> Boxes:
    """Filter and non-maximum suppression of one output [1, 4 + classes, n]."""
    places = np.squeeze(output, 0).T
    score = places[:, 4:].max(axis=1)
    hit = score > threshold
    places, score = places[hit], score[hit]
    class_id = places[:, 4:].argmax(axis=1)
    centre, extent = places[:, :2], places[:, 2:4]
    corner = (centre - extent / 2 - (prepared.left, prepared.top)) / prepared.scale
    xywh = np.concatenate([corner, extent / prepared.scale], axis=1).astype(np.float32)
    suppress: Any = cv2.dnn.NMSBoxes
    keep = np.asarray(suppress(xywh, score, threshold, max_iou), np.int64).ravel()
    return Boxes(xywh[keep], score[keep], class_id[keep])


class UsualDetector:
    """Image in, boxes out."""

    def __init__(self, weights: Path, size: int, threads: int) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        self._session = onnxruntime.InferenceSession(
            str(weights), options, providers=["CPUExecutionProvider"]
        )
        self._input = self._session.get_inputs()[0].name
        self._size = size

    def __call__(self, image: NDArray[np.uint8], threshold: float, max_iou: float) -> Boxes:
        """Boxes of an image (h, w, 3), blue first."""
        prepared = prepare(image, self._size)
        output = self._session.run(None, {self._input: prepared.tensor})[0]
        return read(output, prepared, threshold, max_iou)


def main(weights: str, size: str, threads: str) -> None:
    """Be a node until a signal comes."""
    import rclpy
    from rclpy.executors import ExternalShutdownException
    from rclpy.qos import qos_profile_sensor_data
    from rosidl_runtime_py.utilities import get_message

    detector = UsualDetector(Path(weights), int(size), int(threads))
    cv2.setNumThreads(int(threads))
    rclpy.init()
    node = rclpy.create_node("detector")
    array = get_message("vision_msgs/msg/Detection2DArray")
    publisher = node.create_publisher(array, "detector/detections", 10)

    def hear(message: Any) -> None:
        image = np.frombuffer(message.data, np.uint8).reshape(message.height, message.width, 3)
        publisher.publish(_answer(detector(image, 0.25, 0.45), message.header))

    image_type = get_message("sensor_msgs/msg/Image")
    node.create_subscription(image_type, "image", hear, qos_profile_sensor_data)
    with contextlib.suppress(KeyboardInterrupt, ExternalShutdownException):
        rclpy.spin(node)


def _answer(boxes: Boxes, header: Any) -> Any:
    """A vision_msgs/msg/Detection2DArray."""
    from rosidl_runtime_py.utilities import get_message

    array, detection, hypothesis = (
        get_message(f"vision_msgs/msg/{name}")
        for name in ("Detection2DArray", "Detection2D", "ObjectHypothesisWithPose")
    )
    message = array(header=header)
    for (left, top, width, height), score, class_id in zip(*boxes, strict=True):
        result = hypothesis()
        result.hypothesis.class_id = str(class_id)
        result.hypothesis.score = float(score)
        item = detection(header=header, results=[result])
        item.bbox.center.position.x = float(left + width / 2)
        item.bbox.center.position.y = float(top + height / 2)
        item.bbox.size_x, item.bbox.size_y = float(width), float(height)
        message.detections.append(item)
    return message


if __name__ == "__main__":
    main(*sys.argv[1:])
