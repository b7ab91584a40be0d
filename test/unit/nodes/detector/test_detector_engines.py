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

"""Engines that fail under a detector: the flight goes on, and its health says so."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import faulty_engine
import numpy as np
import pytest
from domains import own_domain

pytest.importorskip("onnx", reason="needs the extra train: onnx is not installed")

from tiny_bundles import one_look

from edge_infer.backends import registry
from edge_infer.backends.chain import Policy
from edge_infer.domain import CameraFrame
from edge_infer.errors import BackendUnavailableError
from edge_infer.models import bundle
from edge_infer.nodes import topics
from edge_infer.nodes.detector import serving_model
from edge_infer.nodes.detector.config import DetectorConfig
from edge_infer.nodes.detector.node import DetectorNode
from edge_infer.runtime.loopback import LoopbackNetwork
from edge_infer.runtime.selection import available, open_runtime

PLACE = np.array([[40, 50, 20, 30, 0.9, 0.1]], np.float32).T
DEADLINE_S = 30.0


@pytest.fixture
def model(tmp_path, monkeypatch):
    """A bundle for two engines that fail on demand."""
    for name, place in faulty_engine.BACKENDS.items():
        monkeypatch.setitem(registry.BACKENDS, name, place)
    plain = one_look(tmp_path / "plain", PLACE, ("Cell", "Diode"))
    content = plain.weights("onnx").read_bytes()
    files = {"a.onnx": content, "b.onnx": content}
    weights = tuple(
        bundle.describe(engine, file, content)
        for engine, file in zip(faulty_engine.BACKENDS, files, strict=True)
    )
    manifest = plain.manifest.model_copy(update={"weights": weights})
    yield bundle.write(tmp_path / "model", manifest, files).path
    (tmp_path / "model" / "a.first").unlink(missing_ok=True)


class Bench:
    """A detector and its status."""

    def __init__(self, model: Path, **config: Any) -> None:
        config = {"backend": "first, second", "watchdog_ms": 500.0, **config}
        self.network = LoopbackNetwork(seed=1)
        self.runtime = self.network.runtime("drone", ["--ros-args", "-r", "__ns:=/drone"])
        handle = self.runtime.create_node("detector")
        self.other = self.runtime.create_node("other")
        self.health: list[tuple[int, str]] = []
        self.answers: list[Any] = []
        self.labels: list[Any] = []
        self.counters: dict[str, int] = {}
        topics.STATUS.subscription(self.other, self._on_status)
        topics.DETECTIONS.subscription(self.other, self.answers.append)
        self.detector = DetectorNode(
            handle, DetectorConfig(model=str(model), state_dir=str(model.parent), **config)
        )
        topics.LABELS.subscription(self.other, self.labels.append)
        self.network.run_for(0.1)

    def _on_status(self, msg: Any) -> None:
        if not self.health or self.health[-1] != (msg.level, msg.message):
            self.health.append((msg.level, msg.message))
        self.counters = {counter.name: int(counter.value) for counter in msg.counters}

    def frame(self) -> None:
        frame = CameraFrame(np.zeros((128, 160), np.uint8), "mono8", 0, "cam")
        self.detector.submit(frame)
        self.network.run_for(1.1)


@pytest.fixture
def quick(monkeypatch):
    """Engines are tried again soon."""
    monkeypatch.setattr(
        serving_model,
        "Policy",
        lambda **given: Policy(first_pause_s=0.1, patience_s=DEADLINE_S, **given),
    )


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("standby", [False, True])
@pytest.mark.parametrize("fault", ["crash", "hang hard", "hang", "nan", "memory"])
def test_a_lost_engine_costs_no_frame_and_health_goes_down_and_up_again(
    model: Path, fault: str, standby: bool
) -> None:
    bench = Bench(model, isolated=True, standby=standby)
    engines = bench.detector.engines
    assert engines.settle(DEADLINE_S)
    bench.frame()
    (model / "a.first").write_text(fault)
    bench.frame()
    (model / "a.first").unlink()
    assert engines.wait_for("first", DEADLINE_S)
    bench.frame()
    bench.detector.close()
    assert len(bench.answers) == 3
    assert all(len(answer.detections) == 1 for answer in bench.answers)
    assert bench.counters.get("frames_failed", 0) == 0
    assert [level for level, _ in bench.health] == [0, 1, 0]
    assert bench.health[1][1].startswith("second serves: first ")
    assert bench.health[2][1] == "first serves"
    assert [msg.backend for msg in bench.labels][-1] == "first"


@pytest.mark.usefixtures("quick")
def test_without_any_engine_frames_fail_until_one_is_back(model: Path) -> None:
    bench = Bench(model, isolated=True, backend="first")
    (model / "a.first").write_text("crash")
    bench.frame()
    (model / "a.first").unlink()
    assert bench.detector.engines.wait_for("first", DEADLINE_S)
    bench.frame()
    assert len(bench.answers) == 1
    assert bench.counters["frames_failed"] == 1
    bench.detector.close()


def test_engines_that_are_not_here_are_left_out(model: Path, monkeypatch) -> None:
    monkeypatch.setitem(registry.BACKENDS, "absent", "faulty_engine:First")
    bench = Bench(model, backend="absent, second")
    bench.frame()
    assert bench.health == [(0, "second serves")]
    bench.detector.close()


def test_an_engine_of_no_such_name_is_refused(model: Path) -> None:
    with pytest.raises(BackendUnavailableError, match="no engine called 'third'"):
        Bench(model, backend="first, third")


def test_a_bundle_without_weights_for_any_engine_is_refused(model: Path) -> None:
    with pytest.raises(BackendUnavailableError, match="no engine for model tiny 1 runs here"):
        Bench(model, backend="onnx")


def test_auto_takes_all_engines_of_the_bundle(model: Path) -> None:
    bench = Bench(model, backend="auto")
    bench.frame()
    assert bench.health[-1][0] == 0
    assert bench.health[-1][1] in ("first serves", "second serves")
    bench.detector.close()


@pytest.mark.ros
@pytest.mark.usefixtures("quick")
def test_under_ros_health_goes_down_and_up_again(model: Path, monkeypatch) -> None:
    if reason := available()["ros"]:
        pytest.skip(reason)
    monkeypatch.setenv("ROS_AUTOMATIC_DISCOVERY_RANGE", "LOCALHOST")
    monkeypatch.setenv("ROS_DOMAIN_ID", str(own_domain()))
    runtime = open_runtime("ros", [])
    config = DetectorConfig(
        model=str(model), state_dir=str(model.parent), backend="first, second", isolated=True
    )
    node = DetectorNode(runtime.create_node("detector"), config)
    heard: list[Any] = []
    other = runtime.create_node("other")
    topics.DETECTIONS.subscription(other, heard.append)
    frame = CameraFrame(np.zeros((128, 160), np.uint8), "mono8", 0, "cam")
    try:
        for count, fault in enumerate(["", "crash", ""], 1):
            (model / "a.first").write_text(fault)
            if not fault:
                assert node.engines.wait_for("first", DEADLINE_S)
            runtime.spin_until(lambda: other.count_publishers("detector/detections") > 0, 10.0)
            node.submit(frame)
            runtime.spin_until(lambda count=count: len(heard) == count, DEADLINE_S)
        assert [len(msg.detections) for msg in heard] == [1, 1, 1]
    finally:
        node.close()
        runtime.shutdown()
