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

"""What the detector saw, drawn for people, and only while one looks.

The picture comes after the detections have gone out, in the same worker: it holds up
the next frame by what drawing takes, and no result.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from edge_infer.domain import CameraFrame, Detections
from edge_infer.nodes import topics
from edge_infer.nodes.conversions.images import frame_to_msg
from edge_infer.perception.drawing import annotated
from edge_infer.runtime.api import Node


class AnnotatedImages:
    """The pictures of one camera.

    Args:
        node: the handle.
        camera: its name; "" where there is only one.
    """

    def __init__(self, node: Node, camera: str = "") -> None:
        topic = topics.ANNOTATED_IMAGE
        self._node = node
        self._publisher = topic.named(
            f"detector/{camera}/image_annotated" if camera else topic.name
        ).publisher(node)

    @property
    def is_wanted(self) -> bool:
        """Whether somebody looks."""
        return self._publisher.get_subscription_count() > 0

    def show(self, frame: CameraFrame, found: Detections, labels: Sequence[str]) -> None:
        """Draw and publish with the source's header, if somebody looks.

        Args:
            frame: the source.
            found: boxes in pixels of the source.
            labels: the names of the classes.
        """
        if not self.is_wanted:
            return
        picture = replace(frame, image=annotated(frame, found, labels), encoding="bgr8")
        self._publisher.publish(frame_to_msg(self._node.messages, picture))
