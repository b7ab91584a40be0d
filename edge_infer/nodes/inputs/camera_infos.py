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

"""How the camera sees: from a file, the camera_info of each frame, or the latest one."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import replace
from typing import Any

from edge_infer.domain import CameraModel
from edge_infer.errors import EdgeInferError, FrameError
from edge_infer.nodes import topics
from edge_infer.nodes.conversions.common import stamp_from_msg
from edge_infer.nodes.conversions.images import camera_from_msg
from edge_infer.nodes.inputs.config import ViewConfig
from edge_infer.nodes.inputs.image_input import ImageInput
from edge_infer.nodes.inputs.pose_sources import Refuse
from edge_infer.perception.calibration import load_calibration
from edge_infer.runtime import qos
from edge_infer.runtime.api import Node

_EVERY_ONE = replace(qos.IMAGES, depth=10)
"""As images are asked for, but none of them may be overtaken."""

KEPT = 200
"""Of frames that may still be asked for."""


class CameraInfos:
    """The camera of a drone.

    A camera_info that was published once, and latched, is heard as one that comes with
    every image.

    Args:
        node: the handle.
        config: its parameters.
        refuse: told of what cannot be used.

    Raises:
        FrameError: the calibration file cannot be used.

    Attributes:
        latest: as the last camera_info that could be used states it; None before the first.
        frame_id: of that camera_info.
    """

    def __init__(self, node: Node, config: ViewConfig, refuse: Refuse) -> None:
        self.latest: CameraModel | None = None
        self.frame_id = ""
        self._refuse = refuse
        self._kept: OrderedDict[int, CameraModel] = OrderedDict()
        self._needs_stamp = False
        if config.camera_info_url:
            self.latest = load_calibration(config.camera_info_url)
            return
        self._needs_stamp = config.camera_info_match == "stamp"
        ImageInput(node, replace(topics.CAMERA_INFO, qos=_EVERY_ONE), self._on_camera_info)

    def at(self, stamp_ns: int) -> CameraModel:
        """The camera when it took the frame of that stamp; raises FrameError."""
        found = self._kept.get(stamp_ns, None if self._needs_stamp else self.latest)
        if found is None:
            missing = "camera_info with the frame's stamp" if self._needs_stamp else "camera_info"
            raise FrameError(
                f"no {missing} that can be used",
                "check its topic, or give a calibration file as camera_info_url",
            )
        return found

    def _on_camera_info(self, msg: Any) -> None:
        try:
            camera = self.latest = camera_from_msg(msg)
        except EdgeInferError as error:
            self._refuse("camera_infos_refused", error)
            return
        self.frame_id = msg.header.frame_id
        self._kept[stamp_from_msg(msg.header.stamp)] = camera
        while len(self._kept) > KEPT:
            self._kept.popitem(last=False)
