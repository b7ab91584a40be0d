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

"""Detections to vision_msgs and back."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge_infer.domain import Detections
from edge_infer.nodes.conversions.common import Messages


def detections_to_msg(
    messages: Messages, header: Any, detections: Detections, labels: Sequence[str]
) -> Any:
    """A vision_msgs/msg/Detection2DArray with the image's own header."""
    detection, hypothesis = (
        messages["vision_msgs/msg/Detection2D"],
        messages["vision_msgs/msg/ObjectHypothesisWithPose"],
    )
    array_msg = messages["vision_msgs/msg/Detection2DArray"](header=header)
    centres = (detections.xyxy[:, :2] + detections.xyxy[:, 2:]) / 2
    sizes = detections.xyxy[:, 2:] - detections.xyxy[:, :2]
    for i in range(len(detections)):
        result = hypothesis()
        result.hypothesis.class_id = labels[detections.class_id[i]]
        result.hypothesis.score = float(detections.confidence[i])
        item = detection(header=header, results=[result])
        item.bbox.center.position.x = float(centres[i, 0])
        item.bbox.center.position.y = float(centres[i, 1])
        item.bbox.size_x = float(sizes[i, 0])
        item.bbox.size_y = float(sizes[i, 1])
        array_msg.detections.append(item)
    return array_msg


def boxes_from_msg(msg: Any) -> tuple[list[str], NDArray[np.float32], NDArray[np.float32]]:
    """What a vision_msgs/msg/Detection2DArray says, from whatever detector it came.

    Returns:
        Class names (n), scores (n,) float32, boxes (n, 4) xyxy float32 in source pixels.
        A detection without a result, or with a number that is not finite, is left out.
    """
    names: list[str] = []
    scores: list[float] = []
    boxes: list[tuple[float, float, float, float]] = []
    for item in msg.detections:
        if not item.results:
            continue
        best = max(item.results, key=lambda result: result.hypothesis.score).hypothesis
        centre = item.bbox.center.position
        half_x, half_y = item.bbox.size_x / 2, item.bbox.size_y / 2
        if all(map(math.isfinite, (best.score, centre.x, centre.y, half_x, half_y))):
            names.append(best.class_id)
            scores.append(min(max(best.score, 0.0), 1.0))
            boxes.append(
                (centre.x - half_x, centre.y - half_y, centre.x + half_x, centre.y + half_y)
            )
    return names, np.array(scores, np.float32), np.array(boxes, np.float32).reshape(-1, 4)
