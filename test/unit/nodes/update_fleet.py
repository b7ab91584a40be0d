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

"""A fleet under updates on the loopback runtime: real nodes, signatures, disks and networks.

The networks are tiny: each says the same of every frame, after some honest work, so that a
test knows how a release should do. What is tried before its time is tried in a real child.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from tiny_bundles import HEIGHT, WIDTH, one_look

from edge_infer.domain import CameraFrame
from edge_infer.models import bundle
from edge_infer.models.bundle import ModelBundle
from edge_infer.nodes import topics
from edge_infer.nodes.conversions.reports import drone_report_from_msg
from edge_infer.nodes.detector.config import DetectorConfig
from edge_infer.nodes.detector.node import DetectorNode
from edge_infer.nodes.rollout.config import RolloutNodeConfig
from edge_infer.nodes.rollout.node import COMMAND, RolloutNode
from edge_infer.nodes.updater.config import UpdaterConfig
from edge_infer.nodes.updater.node import UpdaterNode
from edge_infer.runtime.loopback import LoopbackNetwork
from edge_infer.updates.publishing import packages_of
from edge_infer.updates.rollout.reports import DroneReport
from edge_infer.updates.store import Store
from edge_infer.updates.trust.keys import init_keys
from edge_infer.updates.trust.repository import Publisher

FRAME_S = 0.2
HARMLESS_MS = 20.0
"""Far above a frame of most releases here: they are timed by the machine's own clock, which may
be busy with other things for what is a minute in the network."""
SLOW_LAYERS = 60
"""Of work that takes longer than that."""
BRIGHT = 240
"""Of all pixels that the cameras see; the check and the warm-up look at darker ones."""
TABLE = 200
"""Brightness from which on a network that breaks raises."""


@dataclass(frozen=True)
class Looks:
    """How a release looks at frames.

    Attributes:
        things: that it finds in each.
        layers: of work.
        breaks: whether it raises on frames of the cameras.
        hangs: whether it never answers.
    """

    things: int = 1
    layers: int = 2
    breaks: bool = False
    hangs: bool = False


def release(folder: Path, number: int, looks: Looks | None = None) -> ModelBundle:
    """A bundle that does so."""
    looks = looks or Looks()
    most = max(looks.things, 1)
    places = np.zeros((6, most), np.float32)
    places[0], places[1] = 20 + np.arange(most) * 30 % 120, 20 + np.arange(most) * 30 // 120 * 20
    places[2:4], places[4, : looks.things] = 10, 0.9
    plain = one_look(
        folder, places, ("Cell", "Diode"), version=str(number), release=number, nms_iou=0.9
    )
    network = _network(places[None], looks)
    weights = (bundle.describe("onnx", "model.onnx", network),)
    manifest = plain.manifest.model_copy(update={"weights": weights})
    return bundle.write(folder, manifest, {"model.onnx": network})


class FlyingDrone:
    """A detector with a camera, and an updater.

    Args:
        fleet: that it belongs to.
        name: of the drone.

    Attributes:
        is_looking: whether the camera is on.
    """

    def __init__(self, fleet: UpdateFleet, name: str) -> None:
        self.is_looking = True
        folder = str(fleet.folder / name)
        self._runtime = fleet.network.runtime(name, ["--ros-args", "-r", f"__ns:=/{name}"])
        self.detector = DetectorNode(
            self._runtime.create_node("detector"),
            DetectorConfig(backend="onnx", model=str(fleet.first.path), state_dir=folder),
            subscribe=False,
        )
        self.updater = UpdaterNode(
            self._runtime.create_node("updater"),
            UpdaterConfig(
                root=str(fleet.keys / "root.json"), model=str(fleet.first.path), state_dir=folder,
                hardware="x86_64", trial_s=4.0, check_timeout_s=fleet.check_timeout_s,
            ),
        )  # fmt: skip
        self._camera = self._runtime.create_node("camera")
        self._camera.create_timer(FRAME_S, self._look)

    def land(self) -> None:
        """Switch it off."""
        self.updater.close()
        self.detector.close()
        self._runtime.shutdown()

    def _look(self) -> None:
        if not self.is_looking:
            return
        pixels = np.full((HEIGHT, WIDTH), BRIGHT, np.uint8)
        now_ns = self._camera.get_clock().now().nanoseconds
        self.detector.submit(CameraFrame(pixels, "mono8", now_ns, "cam"))


class Gateway:
    """The rollout node of a fleet."""

    def __init__(self, fleet: UpdateFleet, **config: Any) -> None:
        self._runtime = fleet.network.runtime("gateway", ["--ros-args", "-r", "__ns:=/gateway"])
        self.node = RolloutNode(
            self._runtime.create_node("rollout"),
            RolloutNodeConfig(
                store=str(fleet.store), root=str(fleet.keys / "root.json"),
                online_key=str(next((fleet.keys / "online").glob("*.pem"))),
                state_dir=str(fleet.folder / "gateway"),
                poll_s=1.0, wave_s=3.0, away_s=5.0, harmless_ms=HARMLESS_MS, **config,
            ),
        )  # fmt: skip

    def land(self) -> None:
        """Switch it off."""
        self.node.close()
        self._runtime.shutdown()


@dataclass
class Seen:
    """What a listener saw of one drone, each with the second at which it came.

    Attributes:
        report: the newest.
        states: of its updater, whenever they changed.
        served: releases that its detector looked with, whenever they changed.
    """

    report: DroneReport | None = None
    states: list[tuple[float, str]] = field(default_factory=list)
    served: list[tuple[float, int]] = field(default_factory=list)


class UpdateFleet:
    """Keys, a store, a gateway and drones, on one network.

    Args:
        folder: for all that is kept.
        drones: names.
        check_timeout_s: of the drones.
        **gateway: parameters of it.
    """

    def __init__(
        self,
        folder: Path,
        drones: Sequence[str] = ("drone_1", "drone_2", "drone_3"),
        check_timeout_s: float = 60.0,
        **gateway: Any,
    ) -> None:
        self.folder = folder
        self.check_timeout_s = check_timeout_s
        self.keys, self.store = folder / "keys", folder / "store"
        init_keys(self.keys, root_keys=1, threshold=1)
        self._publisher = Publisher(Store(str(self.store)), self.keys)
        self._publisher.publish([])
        self.first = release(folder / "release_1", 1)
        self._newest = self.first
        self.network = LoopbackNetwork(seed=3)
        self.seen: dict[str, Seen] = {}
        self.rollout: Any = None
        self._told: dict[tuple[str, str], tuple[int, str]] = {}
        self._listen()
        self._how = {"auto_start": True, **gateway}
        self.gateway = Gateway(self, **self._how)
        self.drones = {name: FlyingDrone(self, name) for name in drones}
        self.network.run_for(6.0)

    def land(self) -> None:
        """Switch everything off."""
        for part in (*self.drones.values(), self.gateway):
            part.land()

    def publish(self, number: int, looks: Looks | None = None) -> None:
        """Sign a release, whole and as what changed since the one before."""
        bundle_ = release(self.folder / f"release_{number}", number, looks)
        self._publisher.publish(packages_of(bundle_, [self._newest.contents()]))
        self._newest = bundle_

    def start_gateway(self) -> None:
        """The gateway is switched on, after it landed."""
        self.gateway = Gateway(self, **self._how)

    def command(self, command: str, release: int = 0) -> Any:
        """What a person asks of the gateway; its answer."""
        request = self._client.srv_type.Request(command=command, release=release)
        future = self._client.call_async(request)
        assert self.network.run_until(future.done, 5.0)
        return future.result()

    # --- what is seen --------------------------------------------------------------------

    def reaches(self, number: int, state: str = "done", timeout_s: float = 120.0) -> bool:
        """Let time pass until the rollout of a release is in that state."""
        return self.network.run_until(lambda: self.rollout_state == (number, state), timeout_s)

    @property
    def rollout_state(self) -> tuple[int, str]:
        """Number of the release that is rolled out, and how far it is."""
        return (self.rollout.release, self.rollout.state) if self.rollout else (0, "")

    @property
    def running(self) -> Mapping[str, int]:
        """What each drone's detector looks with."""
        return {name: seen.served[-1][1] for name, seen in self.seen.items() if seen.served}

    @property
    def states(self) -> Mapping[str, str]:
        """How far each drone's updater is."""
        return {name: seen.states[-1][1] for name, seen in self.seen.items() if seen.states}

    def reports(self) -> Mapping[str, DroneReport]:
        """The newest of each drone."""
        return {name: seen.report for name, seen in self.seen.items() if seen.report}

    def told(self, source: str, node: str) -> tuple[int, str]:
        """How a node does: level and sentence."""
        return self._told[source, node]

    def _listen(self) -> None:
        node = self.network.runtime("listener").create_node("listener")
        topics.UPDATE_STATUS.subscription(node, self._on_report)
        topics.MODEL_HEALTH.subscription(node, self._on_health)
        topics.STATUS.subscription(node, self._on_status)
        topics.ROLLOUT_STATUS.subscription(node, lambda msg: setattr(self, "rollout", msg))
        type_ = node.messages["edge_infer_msgs/srv/RolloutCommand"]
        self._client = node.create_client(type_, f"/gateway/{COMMAND}")

    def _on_status(self, msg: Any) -> None:
        self._told[msg.source, msg.node] = msg.level, msg.message

    def _on_report(self, msg: Any) -> None:
        report = drone_report_from_msg(msg)
        assert report is not None
        seen = self.seen.setdefault(report.drone, Seen())
        seen.report = report
        _note(seen.states, self.now_s, report.state.value)

    def _on_health(self, msg: Any) -> None:
        seen = self.seen.setdefault(msg.source, Seen())
        _note(seen.served, self.now_s, int(msg.release))

    @property
    def now_s(self) -> float:
        """The network's clock."""
        return self.network.now_ns / 1e9


def _note(changes: list[tuple[float, Any]], now_s: float, value: Any) -> None:
    if not changes or changes[-1][1] != value:
        changes.append((now_s, value))


def _network(places: Any, looks: Looks) -> bytes:
    """A network that says these places of every frame once it has done its work."""
    held = {f"kernel_{n}": _kernel(n) for n in range(looks.layers)}
    held |= {"places": places, "nothing": np.zeros(1, np.float32)}
    nodes = [helper.make_node("Cast", ["image"], ["features_0"], to=TensorProto.FLOAT)]
    for n in range(looks.layers):
        taken = [f"features_{n}", f"kernel_{n}"]
        nodes.append(helper.make_node("Conv", taken, [f"features_{n + 1}"], pads=[1] * 4))
    nodes += [
        helper.make_node("ReduceMax", [f"features_{looks.layers}"], ["most"], keepdims=0),
        helper.make_node("Mul", ["most", "nothing"], ["worked"]),
        helper.make_node("Add", ["places", "worked"], ["found"]),
    ]
    if looks.breaks:
        held["table"] = np.zeros(TABLE, np.float32)
        nodes += _breaking()
    if looks.hangs:
        held |= {"ever": np.array(1 << 62), "true": np.array(True)}
        nodes.append(_hanging())
    last = nodes[-1].output[0]
    nodes.append(helper.make_node("Identity", [last], ["output_0"]))
    graph = helper.make_graph(
        nodes, "tiny",
        [helper.make_tensor_value_info("image", TensorProto.UINT8, (1, 1, HEIGHT, WIDTH))],
        [helper.make_tensor_value_info("output_0", TensorProto.FLOAT, places.shape)],
        [numpy_helper.from_array(value, name) for name, value in held.items()],
    )  # fmt: skip
    opset = helper.make_opsetid("", 17)
    return bytes(helper.make_model(graph, opset_imports=[opset], ir_version=8).SerializeToString())


def _kernel(layer: int) -> NDArray[np.float32]:
    return np.full((8, 8 if layer else 1, 3, 3), 0.01, np.float32)


def _breaking() -> list[onnx.NodeProto]:
    """Looks the brightest pixel up in a table that is too short for it."""
    return [
        helper.make_node("ReduceMax", ["features_0"], ["brightest"], keepdims=0),
        helper.make_node("Cast", ["brightest"], ["entry"], to=TensorProto.INT64),
        helper.make_node("Gather", ["table", "entry"], ["entered"]),
        helper.make_node("Add", ["found", "entered"], ["found_after_all"]),
    ]


def _hanging() -> onnx.NodeProto:
    """Does nothing, again and again."""
    count = helper.make_tensor_value_info("count", TensorProto.INT64, ())
    goes_on = [helper.make_tensor_value_info(n, TensorProto.BOOL, ()) for n in ("go", "goes")]
    kept = [helper.make_tensor_value_info(n, TensorProto.FLOAT, None) for n in ("was", "is")]
    body = helper.make_graph(
        [helper.make_node("Identity", ["go"], ["goes"]),
         helper.make_node("Identity", ["was"], ["is"])],
        "body", [count, goes_on[0], kept[0]], [goes_on[1], kept[1]],
    )  # fmt: skip
    return helper.make_node("Loop", ["ever", "true", "found"], ["found_at_last"], body=body)
