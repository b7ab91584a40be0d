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

"""Images and their cameras to messages and back."""

from __future__ import annotations

import array
import math
from typing import Any

import numpy as np

from edge_infer.domain import CHANNELS, DISTORTION_MODELS, CameraFrame, CameraModel
from edge_infer.errors import FrameError
from edge_infer.nodes.conversions.common import Messages, header_to_msg, stamp_from_msg
from edge_infer.perception.encodings import (
    EACH_FRAMES_OWN,
    Radiometric,
    frame_from_bytes,
    frame_from_compressed,
)


def frame_to_msg(messages: Messages, frame: CameraFrame) -> Any:
    """A sensor_msgs/msg/Image with its own copy of the pixels."""
    return messages["sensor_msgs/msg/Image"](
        header=header_to_msg(messages, frame.stamp_ns, frame.frame_id),
        height=frame.height,
        width=frame.width,
        encoding=frame.encoding,
        is_bigendian=0,
        step=frame.width * CHANNELS[frame.encoding],
        data=array.array("B", np.ascontiguousarray(frame.image).tobytes()),
    )


def frame_from_msg(msg: Any, radiometric: Radiometric = EACH_FRAMES_OWN) -> CameraFrame:
    """The frame of a sensor_msgs/msg/Image, a view of its pixels where they need no change."""
    return frame_from_bytes(
        msg.data, msg.encoding, msg.width, msg.height, msg.step, bool(msg.is_bigendian),
        stamp_from_msg(msg.header.stamp), msg.header.frame_id, radiometric,
    )  # fmt: skip


def frame_from_compressed_msg(msg: Any, radiometric: Radiometric = EACH_FRAMES_OWN) -> CameraFrame:
    """The frame of a sensor_msgs/msg/CompressedImage."""
    stamp_ns = stamp_from_msg(msg.header.stamp)
    return frame_from_compressed(msg.data, msg.format, stamp_ns, msg.header.frame_id, radiometric)


def camera_to_msg(messages: Messages, camera: CameraModel, stamp_ns: int, frame_id: str) -> Any:
    """A sensor_msgs/msg/CameraInfo."""
    k = [camera.fx, 0.0, camera.cx, 0.0, camera.fy, camera.cy, 0.0, 0.0, 1.0]
    p = [camera.fx, 0.0, camera.cx, 0.0, 0.0, camera.fy, camera.cy, 0.0, 0.0, 0.0, 1.0, 0.0]
    return messages["sensor_msgs/msg/CameraInfo"](
        header=header_to_msg(messages, stamp_ns, frame_id),
        height=camera.height,
        width=camera.width,
        distortion_model=camera.distortion_model,
        d=[float(value) for value in camera.distortion],
        k=np.array(k),
        r=np.eye(3).ravel(),
        p=np.array(p),
    )


def camera_from_msg(msg: Any) -> CameraModel:
    """The camera of a sensor_msgs/msg/CameraInfo, as its image is cut out and binned.

    Raises:
        FrameError: it is not calibrated, or its lens is not known.
    """
    k = [float(value) for value in msg.k]
    distortion = tuple(float(value) for value in msg.d)
    if not all(map(math.isfinite, (*k, *distortion))) or k[0] <= 0 or k[4] <= 0:
        raise FrameError("camera_info has no usable focal length", "calibrate the camera")
    model = msg.distortion_model or "plumb_bob"
    if len(distortion) > DISTORTION_MODELS.get(model, -1):
        raise FrameError(
            f"distortion model {model!r} with {len(distortion)} coefficients is not known",
            f"send one of {', '.join(DISTORTION_MODELS)}, or rectify the image",
        )
    roi, by_x, by_y = msg.roi, msg.binning_x or 1, msg.binning_y or 1
    return CameraModel(
        (roi.width or msg.width) // by_x,
        (roi.height or msg.height) // by_y,
        k[0] / by_x,
        k[4] / by_y,
        (k[2] - roi.x_offset) / by_x,
        (k[5] - roi.y_offset) / by_y,
        distortion,
        model,
    )
