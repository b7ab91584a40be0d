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

"""The detector node with the shipped model: one answer per frame, and bad images refused."""

from __future__ import annotations

import array
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edge_infer.errors import ModelError
from edge_infer.models.bundle import ModelBundle, shipped
from edge_infer.nodes import topics
from edge_infer.nodes.detector.config import DetectorConfig
from edge_infer.nodes.detector.node import DetectorNode
from edge_infer.runtime.loopback import LoopbackNetwork
from edge_infer.simulation.world import World


class Bench:
    """A detector, and somebody who sends it images and listens."""

    def __init__(self, tmp_path: Path, **config: Any) -> None:
        self.network = LoopbackNetwork(seed=1)
        args = ["--ros-args", "-r", "__ns:=/drone_1"]
        self.runtime = self.network.runtime("drone_1", args)
        self.handle = self.runtime.create_node("detector")
        self.detector = DetectorNode(self.handle, DetectorConfig(state_dir=str(tmp_path), **config))
        self.other = self.runtime.create_node("other")
        self.answers: list[Any] = []
        self.labels: list[Any] = []
        self.counters: dict[str, int] = {}
        self.timed: set[str] = set()
        topics.DETECTIONS.subscription(self.other, self.answers.append)
        topics.STATUS.subscription(self.other, self._on_status)
        self.images = topics.IMAGE.publisher(self.other)
        self.network.run_for(0.1)

    def _on_status(self, msg: Any) -> None:
        self.counters = {counter.name: int(counter.value) for counter in msg.counters}
        self.timed = {histogram.name for histogram in msg.durations}

    def send(self, image: np.ndarray, encoding: str = "mono8", **wrong: Any) -> None:
        msg = self.other.messages["sensor_msgs/msg/Image"](
            height=image.shape[0],
            width=image.shape[1],
            encoding=encoding,
            step=image.shape[1] * (1 if image.ndim == 2 else image.shape[2]),
            data=array.array("B", image.tobytes()),
        )
        msg.header.frame_id = "my_camera"
        msg.header.stamp.sec, msg.header.stamp.nanosec = 12, 34
        for name, value in wrong.items():
            setattr(msg, name, value)
        self.images.publish(msg)
        self.network.run_for(1.1)


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def test_an_empty_result_is_published_with_the_images_header(bench: Bench) -> None:
    bench.send(np.zeros((512, 640), np.uint8))
    (answer,) = bench.answers
    assert len(answer.detections) == 0
    assert answer.header.frame_id == "my_camera"
    assert (answer.header.stamp.sec, answer.header.stamp.nanosec) == (12, 34)


def test_faults_have_names_and_boxes_in_source_pixels(bench: Bench) -> None:
    drone = World.build(seed=0, drones=1).drone(0)
    for index in range(0, 60, 4):
        bench.send(drone.frame(index, index / 4).frame.image)
    found = [item for answer in bench.answers for item in answer.detections]
    assert found
    for item in found:
        assert item.results[0].hypothesis.class_id.replace("-", "").isalpha()
        assert 0 <= item.bbox.center.position.x <= 640
        assert 0 <= item.bbox.center.position.y <= 512
        assert 8 < item.bbox.size_x < 200


def test_colour_images_are_taken_too(bench: Bench) -> None:
    for encoding in ("bgr8", "rgb8"):
        bench.send(np.zeros((300, 400, 3), np.uint8), encoding)
    assert len(bench.answers) == 2


@pytest.mark.parametrize(
    "wrong",
    [
        {"encoding": "yuv_of_the_moon"},
        {"width": 10_000},
        {"height": 0},
        {"step": 3},
        {"data": array.array("B", b"short")},
    ],
    ids=str,
)
def test_an_image_that_does_not_fit_is_refused_counted_and_nothing_else_suffers(
    bench: Bench, wrong: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    bench.send(np.zeros((512, 640), np.uint8), **wrong)
    assert bench.answers == []
    assert bench.counters["frames_failed"] == 1
    bench.send(np.zeros((512, 640), np.uint8))
    assert len(bench.answers) == 1
    assert bench.counters["frames_received"] == 2 == bench.counters["frames_processed"]


STAGES = {"preprocess", "infer", "decode", "frame_to_detections"}


def test_every_stage_is_timed(bench: Bench) -> None:
    bench.send(np.zeros((512, 640), np.uint8))
    assert bench.timed == STAGES | {"classify"}


def test_a_model_of_one_network_has_no_second_stage(tmp_path: Path) -> None:
    pytest.importorskip("onnx", reason="needs the extra train: onnx is not installed")
    from tiny_bundles import one_look

    place = np.array([[40, 50, 20, 30, 0.9, 0.1]], np.float32).T
    bench = Bench(tmp_path, model=str(one_look(tmp_path / "model", place, ("Cell", "Diode")).path))
    bench.send(np.zeros((128, 160), np.uint8))
    (answer,) = bench.answers
    assert [item.results[0].hypothesis.class_id for item in answer.detections] == ["Cell"]
    assert bench.timed == STAGES


def test_a_late_joiner_learns_the_labels(bench: Bench) -> None:
    late = bench.runtime.create_node("late")
    topics.LABELS.subscription(late, bench.labels.append)
    bench.network.run_for(0.5)
    (labels,) = bench.labels
    assert len(labels.class_names) == 11
    assert labels.model_name == "solar_thermal"
    assert len(labels.digest) == 64


def test_a_higher_threshold_finds_less(tmp_path: Path) -> None:
    drone = World.build(seed=0, drones=1).drone(0)
    images = [drone.frame(index, index / 2).frame.image for index in range(0, 30, 3)]
    counts = []
    for threshold in (0.05, 0.99):
        bench = Bench(tmp_path, score_threshold=threshold)
        for image in images:
            bench.send(image)
        counts.append(sum(len(answer.detections) for answer in bench.answers))
    assert counts[0] > counts[1]


def test_a_truncated_model_is_one_sentence(tmp_path: Path) -> None:
    copy = tmp_path / "model"
    shutil.copytree(shipped(), copy)
    weights = ModelBundle.load(copy).weights("onnx")
    weights.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(ModelError, match=r"is truncated \(1000 bytes"):
        Bench(tmp_path, model=str(copy))
