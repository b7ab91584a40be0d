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

"""What the detector takes: several cameras, compressed and 16-bit images, tiles, old frames."""

from __future__ import annotations

import array
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

pytest.importorskip("onnx", reason="needs the extra train: onnx is not installed")

from tiny_bundles import one_look

from edge_infer.domain import CameraFrame
from edge_infer.nodes import topics
from edge_infer.nodes.detector.config import DetectorConfig
from edge_infer.nodes.detector.node import DetectorNode
from edge_infer.runtime.loopback import LoopbackNetwork

PLACE = np.array([[40, 50, 20, 30, 0.9, 0.1]], np.float32).T
"""One thing that the network always sees, in pixels of its 160 x 128 input."""

GREY = np.zeros((128, 160), np.uint8)


class Bench:
    """A detector whose model always sees the same, with topics that a test asks for."""

    def __init__(self, tmp_path: Path, **config: Any) -> None:
        model = one_look(tmp_path / "model", PLACE, ("Cell", "Diode"))
        config = {"backend": "onnx", "model": str(model.path), "state_dir": str(tmp_path), **config}
        self.network = LoopbackNetwork(seed=1)
        self.runtime = self.network.runtime("drone", ["--ros-args", "-r", "__ns:=/drone"])
        handle = self.runtime.create_node("detector")
        self.detector = DetectorNode(handle, DetectorConfig(**config))
        self.other = self.runtime.create_node("other")
        self.counters: dict[str, int] = {}
        topics.STATUS.subscription(self.other, self._on_status)

    def _on_status(self, msg: Any) -> None:
        self.counters = {counter.name: int(counter.value) for counter in msg.counters}

    def listen(self, name: str = topics.DETECTIONS.name) -> list[Any]:
        heard: list[Any] = []
        topics.DETECTIONS.named(name).subscription(self.other, heard.append)
        return heard

    def send(self, msg: Any, topic: topics.Topic = topics.IMAGE) -> None:
        publisher = topic.publisher(self.other)
        self.network.run_for(0.1)
        publisher.publish(msg)
        self.network.run_for(1.1)

    def message(self, type_: str, frame_id: str, **values: Any) -> Any:
        msg = self.other.messages[f"sensor_msgs/msg/{type_}"](**values)
        msg.header.frame_id = frame_id
        now_ns = self.other.get_clock().now().nanoseconds
        msg.header.stamp.sec, msg.header.stamp.nanosec = divmod(now_ns, 1_000_000_000)
        return msg

    def image(self, image: np.ndarray, encoding: str = "mono8", frame_id: str = "cam") -> Any:
        height, width = image.shape[:2]
        data = array.array("B", image.tobytes())
        return self.message(
            "Image", frame_id, height=height, width=width, encoding=encoding,
            step=len(data) // height, data=data,
        )  # fmt: skip


def test_each_camera_has_its_answers_under_its_name_and_with_its_header(tmp_path: Path) -> None:
    bench = Bench(tmp_path, cameras="left, right")
    left, right = (bench.listen(f"detector/{name}/detections") for name in ("left", "right"))
    for name, times in (("left", 3), ("right", 1)):
        for _ in range(times):
            bench.send(bench.image(GREY, frame_id=name), topics.IMAGE.named(f"{name}/image"))
    assert [msg.header.frame_id for msg in left] == ["left"] * 3
    assert [msg.header.frame_id for msg in right] == ["right"]
    assert all(len(msg.detections) == 1 for msg in left + right)


@pytest.mark.parametrize("suffix", [".png", ".jpg"])
def test_compressed_images_are_taken_from_their_topic(tmp_path: Path, suffix: str) -> None:
    bench = Bench(tmp_path, transport="compressed")
    heard = bench.listen()
    content = array.array("B", cv2.imencode(suffix, GREY)[1].tobytes())
    kind = {".png": "png", ".jpg": "jpeg"}[suffix]
    msg = bench.message("CompressedImage", "cam", format=kind, data=content)
    bench.send(msg, topics.COMPRESSED_IMAGE)
    assert [msg.header.frame_id for msg in heard] == ["cam"]
    msg.data = content[: len(content) // 2]
    bench.send(msg, topics.COMPRESSED_IMAGE)
    assert bench.counters["frames_processed"] == 2


def test_counts_of_a_radiometric_camera_are_taken(tmp_path: Path) -> None:
    bench = Bench(tmp_path, counts_low=27_315, counts_high=37_315)
    heard = bench.listen()
    bench.send(bench.image(np.full((128, 160), 30_000, np.uint16), "mono16"))
    assert len(heard) == 1


def test_an_old_frame_is_not_looked_at(tmp_path: Path) -> None:
    bench = Bench(tmp_path, max_age_ms=100.0)
    heard = bench.listen()
    msg = bench.image(GREY)
    bench.network.run_for(0.5)
    bench.send(msg)
    assert heard == []
    assert bench.counters["frames_stale"] == 1
    bench.detector.submit(CameraFrame(GREY, "mono8", bench.other.get_clock().now().nanoseconds, ""))
    bench.network.run_for(0.1)
    assert len(heard) == 1


def test_tiles_are_looked_at_one_by_one_and_answered_in_one_message(tmp_path: Path) -> None:
    bench = Bench(tmp_path, tiles="2x1")
    heard = bench.listen()
    bench.send(bench.image(np.zeros((128, 288), np.uint8)))
    (msg,) = heard
    centres = sorted(item.bbox.center.position.x for item in msg.detections)
    # Two tiles of 160 pixels; the second starts at 128.
    np.testing.assert_allclose(centres, [40, 168], atol=0.5)


@pytest.mark.parametrize(
    ("name", "value"),
    [("cameras", "left right"), ("tiles", "many"), ("batch", 11), ("counts_low", 9)],
)
def test_parameters_that_make_no_sense_are_refused(name: str, value: Any) -> None:
    with pytest.raises(ValueError, match=name if name != "counts_low" else "counts_high"):
        DetectorConfig(**{name: value})


def test_a_detector_whose_images_stop_is_stale_until_they_come_again(tmp_path: Path) -> None:
    bench = Bench(tmp_path, stale_s=3.0)
    levels: list[tuple[int, str]] = []

    def hear(msg: Any) -> None:
        levels.extend((s.level[0], s.message) for s in msg.status if s.name == "drone/detector")

    topics.DIAGNOSTICS.subscription(bench.other, hear)
    bench.send(bench.image(GREY))
    assert levels[-1] == (0, "onnx serves")
    bench.network.run_for(5.0)
    assert levels[-1][0] == 3
    assert levels[-1][1].startswith("no image for ")
    bench.send(bench.image(GREY))
    assert levels[-1] == (0, "onnx serves")


def test_a_lazy_detector_that_nobody_listens_to_is_not_stale(tmp_path: Path) -> None:
    bench = Bench(tmp_path, stale_s=3.0, lazy=True)
    told: dict[str, Any] = {}
    topics.DIAGNOSTICS.subscription(
        bench.other, lambda msg: told.update({status.name: status for status in msg.status})
    )
    bench.send(bench.image(GREY))
    bench.network.run_for(6.0)
    status = told["drone/detector"]
    values = {value.key: value.value for value in status.values}
    assert status.level[0] == 0
    assert values["subscription to image"] == "none while nobody listens"
    assert values["frames_received"] == "0"
