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

"""Another model in flight: taken between two frames, or refused while the old one flies on."""

from __future__ import annotations

import gc
import shutil
import time
import weakref
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from domains import own_domain

pytest.importorskip("onnx", reason="needs the extra train: onnx is not installed")

import faulty_engine
from tiny_bundles import REGION, WIDTH, constant, finder_maps, one_look, two_looks, weighted_sums

from edge_infer.backends import registry
from edge_infer.domain import CameraFrame
from edge_infer.models import bundle
from edge_infer.models.bundle import ModelBundle
from edge_infer.nodes import topics
from edge_infer.nodes.conversions.figures import histogram_from_msg
from edge_infer.nodes.detector.config import DetectorConfig
from edge_infer.nodes.detector.model_slot import ModelSlot
from edge_infer.nodes.detector.node import LOAD_MODEL, DetectorNode
from edge_infer.nodes.detector.serving_model import ServingModel, engines_for, open_model
from edge_infer.nodes.heartbeat.node import HeartbeatConfig, HeartbeatNode
from edge_infer.runtime.loopback import LoopbackNetwork
from edge_infer.runtime.selection import available, open_runtime

DEADLINE_S = 30.0
SWAPS = 20
GREY = np.zeros((128, WIDTH), np.uint8)


def tiny(folder: Path, version: str = "1", label: str = "Cell", score: float = 0.9) -> ModelBundle:
    """A model that always sees one thing of its first label."""
    place = np.array([[40, 50, 20, 30, score, 0.1]], np.float32).T
    return one_look(folder, place, (label, "Diode"), version=version, release=int(version))


def two_networks(folder: Path) -> ModelBundle:
    """A model with a classifier that says "Hot" of the one thing that it finds."""
    outline = np.array([[[30, 40], [50, 40], [50, 60], [30, 60]]], np.float32)
    hot = weighted_sums(np.zeros((3, *REGION), np.float32), [5.0, 0.0, 0.0])
    return two_looks(folder, constant(finder_maps(outline, [9.0])), hot, ("Hot", "Cold"))


class Drone:
    """A detector on the loopback runtime, and somebody who asks and listens."""

    def __init__(self, tmp_path: Path, model: ModelBundle, **config: Any) -> None:
        config = {"backend": "onnx", "model": str(model.path), "state_dir": str(tmp_path), **config}
        self.network = LoopbackNetwork(seed=1)
        self.runtime = self.network.runtime("drone", ["--ros-args", "-r", "__ns:=/drone"])
        self.detector = DetectorNode(self.runtime.create_node("detector"), DetectorConfig(**config))
        self.other = self.runtime.create_node("other")
        self.heard: list[tuple[str, str]] = []
        """What was published, in its order: ("labels", digest) and ("class", its name)."""
        self.counters: dict[str, int] = {}
        self.model: Any = None
        topics.LABELS.subscription(self.other, lambda m: self.heard.append(("labels", m.digest)))
        topics.DETECTIONS.subscription(self.other, self._on_detections)
        topics.STATUS.subscription(self.other, self._on_status)
        topics.MODEL_HEALTH.subscription(self.other, self._on_health)
        type_ = self.other.messages["edge_infer_msgs/srv/LoadModel"]
        self.client = self.other.create_client(type_, LOAD_MODEL)
        self.network.run_for(0.1)

    def _on_detections(self, msg: Any) -> None:
        self.heard += [("class", item.results[0].hypothesis.class_id) for item in msg.detections]

    def _on_status(self, msg: Any) -> None:
        if msg.node == "detector":
            self.counters = {counter.name: int(counter.value) for counter in msg.counters}
            self.told = msg.level, msg.message

    def _on_health(self, msg: Any) -> None:
        self.model = msg

    def frames(self, count: int = 1) -> None:
        for _ in range(count):
            self.detector.submit(CameraFrame(GREY, "mono8", 0, "cam"))
            self.network.run_for(0.03)

    def load(self, path: Path, digest: str = "") -> Any:
        """Ask for a model; the answer, and the health a second later."""
        future = self.client.call_async(self.client.srv_type.Request(path=str(path), digest=digest))
        self.network.run_for(1.1)
        assert future.done()
        return future.result()


@pytest.fixture
def old(tmp_path: Path) -> ModelBundle:
    return tiny(tmp_path / "old")


@pytest.fixture
def drone(tmp_path: Path, old: ModelBundle) -> Iterator[Drone]:
    drone = Drone(tmp_path, old)
    yield drone
    drone.detector.close()


# --- taken -------------------------------------------------------------------------------


def test_labels_are_told_before_the_first_detection_of_the_new_model(
    drone: Drone, tmp_path: Path, old: ModelBundle
) -> None:
    new = tiny(tmp_path / "new", "2", "Crack")
    drone.frames(2)
    answer = drone.load(new.path, new.digest)
    drone.frames(2)
    assert (answer.success, answer.message) == (True, "")
    assert drone.heard == [
        ("labels", old.digest), ("class", "Cell"), ("class", "Cell"),
        ("labels", new.digest), ("class", "Crack"), ("class", "Crack"),
    ]  # fmt: skip


def test_the_figures_are_those_of_the_serving_model(drone: Drone, tmp_path: Path) -> None:
    new = tiny(tmp_path / "new", "2", score=0.62)
    drone.frames(3)
    drone.network.run_for(1.0)
    assert drone.model.source == "drone"
    assert (drone.model.release, drone.model.frames, drone.model.scores[18]) == (1, 3, 3)
    drone.load(new.path, new.digest)
    assert (drone.model.digest, drone.model.release) == (new.digest, 2)
    assert (drone.model.frames, sum(drone.model.scores)) == (0, 0)
    drone.frames(2)
    drone.network.run_for(1.0)
    assert (drone.model.frames, drone.model.failed) == (2, 0)
    assert list(drone.model.scores) == [0] * 12 + [2] + [0] * 7
    assert drone.model.latency.name == "frame"
    assert histogram_from_msg(drone.model.latency).total == 2


def test_models_with_and_without_a_classifier_follow_each_other(
    drone: Drone, tmp_path: Path, old: ModelBundle
) -> None:
    with_classifier = two_networks(tmp_path / "two")
    for model in (with_classifier, old):
        assert drone.load(model.path, model.digest).success
        drone.frames()
    assert [name for what, name in drone.heard if what == "class"] == ["Hot", "Cell"]
    assert drone.model.refused_digest == ""


def test_many_swaps_lose_no_frame(drone: Drone, tmp_path: Path, old: ModelBundle) -> None:
    models = [old, tiny(tmp_path / "new", "2", "Crack")]
    for swap in range(1, SWAPS + 1):
        drone.frames(3)
        assert drone.load(models[swap % 2].path, models[swap % 2].digest).success
    drone.network.run_for(1.0)
    assert [name for what, name in drone.heard if what == "class"] == [
        name for swap in range(SWAPS) for name in [("Cell", "Crack")[swap % 2]] * 3
    ]
    counted = drone.counters
    assert counted["frames_received"] == 3 * SWAPS
    assert counted["frames_received"] == counted["frames_processed"] + counted["frames_dropped"]
    assert counted.get("frames_failed", 0) == 0
    assert counted["models_taken"] == SWAPS + 1


def test_the_model_before_is_let_go(drone: Drone, tmp_path: Path) -> None:
    new = tiny(tmp_path / "new", "2")
    drone.frames()
    before = weakref.ref(drone.detector.engines)
    assert drone.load(new.path).success
    drone.frames()
    gc.collect()
    assert before() is None


def test_the_serving_model_is_not_loaded_again(drone: Drone, old: ModelBundle) -> None:
    engines = drone.detector.engines
    assert drone.load(old.path, old.digest).success
    assert drone.detector.engines is engines
    assert drone.load(old.path).success
    assert drone.detector.engines is engines


def test_the_heartbeat_tells_the_version_that_serves(drone: Drone, tmp_path: Path) -> None:
    beats: list[Any] = []
    topics.HEARTBEAT.subscription(drone.other, beats.append)
    config = HeartbeatConfig(state_dir=str(tmp_path))
    heartbeat = HeartbeatNode(drone.runtime.create_node("heartbeat"), config)
    drone.network.run_for(1.0)
    assert beats[-1].model_version == "1"
    assert drone.load(tiny(tmp_path / "new", "2").path).success
    assert (beats[-1].model_name, beats[-1].model_version) == ("tiny", "2")
    heartbeat.close()


# --- refused -----------------------------------------------------------------------------


def cut(model: ModelBundle) -> ModelBundle:
    """The same with half of its weights."""
    weights = model.weights("onnx")
    weights.write_bytes(weights.read_bytes()[:100])
    return model


def of_another_network(model: ModelBundle) -> ModelBundle:
    """The same with weights that take another input than its manifest says."""
    wrong = model.manifest.model_copy(
        update={"input": model.manifest.input.model_copy(update={"width": 2 * WIDTH})}
    )
    return bundle.write(model.path, wrong, {})


def of_more_labels(model: ModelBundle) -> ModelBundle:
    """The same with more labels than its network has classes."""
    wrong = model.manifest.model_copy(update={"labels": ("A", "B", "C", "D")})
    return bundle.write(model.path, wrong, {})


def for_no_engine(model: ModelBundle) -> ModelBundle:
    """The same for an engine that the drone was not told to use."""
    (weights,) = model.manifest.weights
    wrong = weights.model_copy(update={"format": "tflite"})
    return bundle.write(model.path, model.manifest.model_copy(update={"weights": (wrong,)}), {})


def nonsense(model: ModelBundle) -> ModelBundle:
    """The same with bytes that are no network, and a manifest that agrees with them."""
    weights = bundle.describe("onnx", "model.onnx", b"no network")
    wrong = model.manifest.model_copy(update={"weights": (weights,)})
    return bundle.write(model.path, wrong, {"model.onnx": b"no network"})


BROKEN = {
    cut: "is truncated",
    of_another_network: "the manifest says",
    of_more_labels: "labels",
    for_no_engine: "holds no onnx weights",
    nonsense: "cannot load",
}


@pytest.mark.parametrize("fault", BROKEN, ids=lambda fault: fault.__name__)
def test_a_model_that_cannot_be_used_leaves_the_old_one_flying(
    drone: Drone, tmp_path: Path, old: ModelBundle, fault: Any
) -> None:
    new = fault(tiny(tmp_path / "new", "2", "Crack"))
    drone.frames()
    assert drone.load(new.path, new.digest).success  # the answer comes before it is loaded
    drone.frames()
    assert drone.heard == [("labels", old.digest), ("class", "Cell"), ("class", "Cell")]
    assert drone.model.digest == old.digest
    assert drone.model.refused_digest == new.digest
    assert BROKEN[fault] in drone.model.message
    assert drone.told == (0, "onnx serves")
    drone.network.run_for(1.0)
    assert (drone.model.frames, drone.model.failed) == (2, 0)
    assert drone.counters["models_refused"] == 1


@pytest.mark.parametrize("what", ["another digest", "no folder", "no manifest"])
def test_what_is_not_there_is_told_at_once(
    drone: Drone, tmp_path: Path, old: ModelBundle, what: str
) -> None:
    new, wanted = tiny(tmp_path / "new", "2"), "0" * 64
    if what == "no folder":
        shutil.rmtree(new.path)
    if what == "no manifest":
        (new.path / "manifest.json").unlink()
    answer = drone.load(new.path, wanted)
    assert not answer.success
    assert str(new.path) in answer.message
    assert (drone.model.refused_digest, drone.model.message) == (wanted, answer.message)
    assert drone.model.digest == old.digest


def test_a_refusal_is_told_until_a_model_is_taken(
    drone: Drone, tmp_path: Path, old: ModelBundle
) -> None:
    broken, whole = cut(tiny(tmp_path / "broken", "2")), tiny(tmp_path / "whole", "3")
    drone.load(broken.path)
    drone.load(old.path)
    assert drone.model.refused_digest == broken.digest
    drone.load(whole.path)
    assert (drone.model.digest, drone.model.refused_digest) == (whole.digest, "")


# --- engines -----------------------------------------------------------------------------


@pytest.fixture
def faulty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Makes bundles for an engine that fails on demand."""
    monkeypatch.setitem(registry.BACKENDS, "first", faulty_engine.BACKENDS["first"])

    def make(name: str, version: str) -> ModelBundle:
        plain = tiny(tmp_path / name, version)
        content = plain.weights("onnx").read_bytes()
        weights = (bundle.describe("first", "a.onnx", content),)
        manifest = plain.manifest.model_copy(update={"weights": weights})
        return bundle.write(tmp_path / name, manifest, {"a.onnx": content})

    return make


def test_the_health_of_engines_that_went_is_not_that_of_those_that_serve(
    tmp_path: Path, faulty: Any
) -> None:
    old, new = faulty("old", "1"), faulty("new", "2")
    drone = Drone(tmp_path, old, backend="first", isolated=True)
    gone = drone.detector.engines
    before = drone.detector._slot.serving
    assert drone.load(new.path).success
    drone.detector._on_health(before, gone.health._replace(level=2, message="first was lost"))
    drone.network.run_for(1.1)
    assert drone.told == (0, "first serves")
    (new.path / "a.first").write_text("crash")
    drone.frames()
    drone.network.run_for(1.1)
    assert drone.told[0] > 0
    assert (drone.model.digest, drone.model.frames, drone.model.failed) == (new.digest, 1, 1)
    drone.detector.close()


@pytest.mark.parametrize(
    ("asked", "order", "expected"),
    [
        ("onnx", (), "onnx"),
        ("auto", (), "auto"),
        ("auto", ("tflite", "onnx"), "tflite, onnx"),
        ("auto", ("onnx", "tflite", "first"), "onnx, tflite"),
        ("auto", ("onnx",), "auto"),
    ],
)
def test_engines_are_not_measured_again(
    monkeypatch: pytest.MonkeyPatch, asked: str, order: tuple[str, ...], expected: str
) -> None:
    monkeypatch.setattr(
        registry, "absence", lambda name: None if name in ("onnx", "tflite") else "not here"
    )
    shipped = ModelBundle.load(bundle.shipped())
    assert engines_for(shipped, asked, order) == expected


# --- with threads ------------------------------------------------------------------------


@pytest.fixture
def models(tmp_path: Path) -> Iterator[list[ServingModel]]:
    """Two that are ready to serve."""
    opened = [
        open_model(tiny(tmp_path / version, version).path, DetectorConfig(backend="onnx"), ignore)
        for version in ("1", "2")
    ]
    yield opened
    for model in opened:
        model.close()


def ignore(*_: Any) -> None:
    """Whoever is told does not care."""


def test_no_model_is_taken_while_a_frame_is_looked_at(models: list[ServingModel]) -> None:
    taken: list[ServingModel] = []
    slot = ModelSlot(taken.append, ignore)
    assert slot.take(models[0]) is None
    with ThreadPoolExecutor(1) as pool:
        with slot.frame() as during:
            taking = pool.submit(slot.take, models[1])
            deadline_s = time.monotonic() + DEADLINE_S
            while slot._next is None and time.monotonic() < deadline_s:
                pass
            assert during is slot.serving is models[0]
            assert not taking.done()
        assert slot.serving is models[1]
        assert taking.result(DEADLINE_S) is models[0]
    assert taken == models


def test_a_slot_that_was_closed_takes_no_other_model(models: list[ServingModel]) -> None:
    slot = ModelSlot(ignore, ignore)
    slot.take(models[0])
    slot.close()
    assert slot.take(models[1]) is models[1]
    assert slot.serving is models[0]
    assert models[0].is_closed


def test_a_model_is_loaded_while_another_one_serves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On the embedded runtime: frames all the while, and a second request is told to wait."""
    if reason := available()["embedded"]:
        pytest.skip(reason)
    models = [tiny(tmp_path / "old", "1"), tiny(tmp_path / "new", "2", "Crack")]
    monkeypatch.setenv("ROS_AUTOMATIC_DISCOVERY_RANGE", "LOCALHOST")
    monkeypatch.setenv("ROS_DOMAIN_ID", str(own_domain()))
    runtime = open_runtime("embedded", ["--ros-args", "-r", "__ns:=/drone"])
    config = DetectorConfig(backend="onnx", model=str(models[0].path), state_dir=str(tmp_path))
    detector = DetectorNode(runtime.create_node("detector"), config)
    other = runtime.create_node("other")
    seen: list[str] = []
    topics.DETECTIONS.subscription(
        other, lambda msg: seen.append(msg.detections[0].results[0].hypothesis.class_id)
    )
    serving: list[str] = []
    topics.LABELS.subscription(other, lambda msg: serving.append(msg.digest))
    client = other.create_client(other.messages["edge_infer_msgs/srv/LoadModel"], LOAD_MODEL)
    frame = CameraFrame(GREY, "mono8", 0, "cam")
    sent = 0

    def fly_until(condition: Any) -> bool:
        """A frame at a time, the next as soon as the last was answered."""

        def step() -> bool:
            nonlocal sent
            if len(seen) == sent:
                detector.submit(frame)
                sent += 1
            return bool(condition())

        return runtime.spin_until(step, DEADLINE_S)

    try:
        assert runtime.spin_until(lambda: other.count_publishers("detector/detections"), DEADLINE_S)
        assert client.wait_for_service(DEADLINE_S)
        assert fly_until(lambda: "Cell" in seen and serving)
        calls = [
            client.call_async(client.srv_type.Request(path=str(model.path), digest=model.digest))
            for model in (models[1], models[0])
        ]
        assert fly_until(lambda: all(call.done() for call in calls))
        assert calls[0].result().success
        assert not calls[1].result().success
        assert "being loaded" in calls[1].result().message
        assert fly_until(lambda: "Crack" in seen)
        assert runtime.spin_until(lambda: len(seen) == sent, DEADLINE_S)
        assert seen == ["Cell"] * seen.count("Cell") + ["Crack"] * seen.count("Crack")
        assert runtime.spin_until(lambda: serving == [m.digest for m in models], DEADLINE_S)
    finally:
        detector.close()
        runtime.shutdown()
