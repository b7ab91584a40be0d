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

"""The detector's annotated images: drawn when somebody looks, and true to their source."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from edge_infer.domain import Detections
from edge_infer.nodes import topics
from edge_infer.nodes.conversions.images import frame_to_msg
from edge_infer.nodes.detector.annotated import AnnotatedImages
from edge_infer.nodes.detector.config import DetectorConfig
from edge_infer.nodes.detector.node import DetectorNode
from edge_infer.runtime.loopback import LoopbackNetwork
from edge_infer.simulation.world import World


class Studio:
    """A detector, a camera that shows it a farm, and a place to look from."""

    def __init__(self, folder: Path, **config: Any) -> None:
        self.network = LoopbackNetwork(seed=2)
        runtime = self.network.runtime("drone_1", ["--ros-args", "-r", "__ns:=/drone_1"])
        DetectorNode(
            runtime.create_node("detector"), DetectorConfig(state_dir=str(folder), **config)
        )
        self.eye = runtime.create_node("eye")
        self.drone = World.build(seed=0, drones=1).drone(0)
        self.network.run_for(0.6)

    def look(self, topic: topics.Topic) -> list[Any]:
        heard: list[Any] = []
        topic.subscription(self.eye, heard.append)
        self.network.run_for(0.6)
        return heard

    def shoot(self, camera: str = "") -> list[Any]:
        """Send frames of which one shows a fault at least; returns their messages."""
        topic = topics.IMAGE.named(f"{camera}/image" if camera else "image")
        publisher = topic.publisher(self.eye)
        sent = []
        for index in range(0, 60, 4):
            frame = self.drone.frame(index, index / 4, stamp_ns=index).frame
            sent.append(frame_to_msg(self.eye.messages, frame))
            publisher.publish(sent[-1])
            self.network.run_for(0.1)
        return sent


@pytest.fixture
def studio(tmp_path: Path) -> Studio:
    return Studio(tmp_path)


def test_nothing_is_drawn_while_nobody_looks(studio: Studio) -> None:
    frame = studio.drone.frame(0, 0.0).frame
    nameless = Detections(
        np.array([[10, 20, 30, 40]], np.float32), np.ones(1, np.float32), np.zeros(1, np.int32)
    )
    pictures = AnnotatedImages(studio.eye)
    pictures.show(frame, nameless, labels=())
    studio.look(topics.ANNOTATED_IMAGE)
    with pytest.raises(IndexError):  # a class that has no name cannot be drawn
        pictures.show(frame, nameless, labels=())


def test_a_picture_has_its_sources_header_and_size_and_differs_only_around_a_box(
    studio: Studio,
) -> None:
    detections = studio.look(topics.DETECTIONS)
    pictures = studio.look(topics.ANNOTATED_IMAGE)
    sources = studio.shoot()
    assert len(pictures) == len(detections) == len(sources) == 15
    assert any(msg.detections for msg in detections)
    for source, found, picture in zip(sources, detections, pictures, strict=True):
        assert picture.header == source.header == found.header
        assert (picture.width, picture.height) == (source.width, source.height)
        assert (picture.encoding, picture.step) == ("bgr8", 3 * source.width)
        changed = (pixels(picture) != pixels(source)).any(axis=2)
        for item in found.detections:
            assert changed[edges(item.bbox)].mean() > 0.9
        assert changed.any() == bool(found.detections)


def test_each_camera_has_pictures_of_its_own(tmp_path: Path) -> None:
    studio = Studio(tmp_path, cameras="left, right")
    left, right = (
        studio.look(topics.ANNOTATED_IMAGE.named(f"detector/{side}/image_annotated"))
        for side in ("left", "right")
    )
    studio.shoot("right")
    assert (len(left), len(right)) == (0, 15)


def test_a_lazy_detector_works_for_who_looks_at_pictures_only(tmp_path: Path) -> None:
    studio = Studio(tmp_path, lazy=True)
    studio.shoot()
    pictures = studio.look(topics.ANNOTATED_IMAGE)
    assert pictures == []
    studio.shoot()
    assert len(pictures) == 15


def pixels(msg: Any) -> NDArray[np.uint8]:
    """(height, width, 1 or 3)"""
    image = np.frombuffer(msg.data, np.uint8).reshape(msg.height, msg.width, -1)
    assert image.shape[2] in (1, 3)
    return image


def edges(box: Any) -> tuple[Any, Any]:
    """Rows and columns of a box's upper and left edge, as far as they are in the image."""
    left = round(box.center.position.x - box.size_x / 2)
    top = round(box.center.position.y - box.size_y / 2)
    return np.s_[max(top, 0), max(left, 0) : left + int(box.size_x)]
