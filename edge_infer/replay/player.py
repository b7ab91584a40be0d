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

"""Plays a bag through our nodes: one process, virtual time, nothing lost, nothing left to chance.

Each message comes when it was recorded, by the nodes' clock; what the nodes
take for it does not count, so no frame is dropped by speed. Images come a little later:
a real detector takes a while, and poses that arrive meanwhile are known by then.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import partial
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from edge_infer.errors import ReplayError
from edge_infer.nodes.identity import Identity
from edge_infer.nodes.registry import start_node
from edge_infer.replay.bags import Bag
from edge_infer.replay.inputs import NODES
from edge_infer.replay.messages import BagMessage, Output, Record
from edge_infer.replay.pace import Pace
from edge_infer.replay.report import OUTPUTS, Outcome
from edge_infer.replay.routes import Remaps, Route, Routes
from edge_infer.runtime.local import LocalRuntime
from edge_infer.runtime.loopback import LoopbackNetwork, LoopbackTransport
from edge_infer.runtime.names import topic_on_wire
from edge_infer.runtime.qos import Durability, History, QoS
from edge_infer.runtime.transport import Endpoint, Writer

DELAY_MS = 50.0
"""What a detector takes on a small computer."""

_HOST = "replay"
_BEFORE_NS = 100_000_000
_AFTER_NS = 2_000_000_000
"""Coordinators tell the last of what they know within so long."""
_LONGEST_GAP_NS = 24 * 3600 * 1_000_000_000
_LATEST_NS = ((1 << 31) - 1 - 24 * 3600) * 1_000_000_000
"""No stamp of ROS 2 can say what is a day later than this."""
_BAG = QoS(depth=1, durability=Durability.TRANSIENT_LOCAL)
"""Reaches readers of every kind."""
_ALL = QoS(history=History.KEEP_ALL)
_DEFAULTS = """
/**/detector:
  ros__parameters:
    backend: onnx, tflite, tensorrt
    watchdog_ms: 60000.0
"""
"""Another engine gives other bytes. So the fastest is not raced for, and none takes over because
the machine was held up. In a file, that whatever the user says wins over it."""


class Setting(NamedTuple):
    """How a bag is to be played.

    Attributes:
        nodes: of NODES.
        remaps: what the user says to which topic is which.
        namespace: of the nodes; empty for that of the remappings, else DEFAULT_NAMESPACE.
        arguments: for the nodes, as they stand after ``--ros-args``.
        delay_ms: so much later than they were recorded images reach the detector.
        rate: seconds of the bag per second of the wall's clock, which changes no byte; None
            takes as long as the machine needs.
    """

    nodes: Sequence[str] = NODES
    remaps: Remaps = ()
    namespace: str = ""
    arguments: Sequence[str] = ()
    delay_ms: float = DELAY_MS
    rate: float | None = None


class Played(NamedTuple):
    """How far a replay went.

    Attributes:
        messages: of the bag that were played.
        images: among them.
        bag_s: seconds from the first to the last.
        problem: what of the bag could not be played; None when nothing.
    """

    messages: int
    images: int
    bag_s: float
    problem: ReplayError | None


def play(
    bag: Bag,
    routes: Routes,
    outcome: Outcome,
    setting: Setting,
    done_one: Callable[[], None] = lambda: None,
    record: Record = lambda _: None,
) -> Played:
    """Play a bag to its end, or as far as it can be read.

    Args:
        bag: it is open.
        routes: where its topics go.
        outcome: is told what comes out.
        setting: through which nodes, and how.
        done_one: called after each message.
        record: called with each output that counts for the digest.

    Raises:
        ReplayError: there is not one message to play.
        EdgeInferError: a node cannot be started.
    """
    by_source = {route.source: route for route in routes.routes}
    messages = bag.messages(by_source)
    first = next(messages, None)
    if first is None:
        raise bag.problem or ReplayError(
            f"the bag {bag.path} has no message on {', '.join(by_source)}", "record it again"
        )
    begin_ns = min(max(first.time_ns, _BEFORE_NS), _LATEST_NS)
    network = LoopbackNetwork(start_ns=begin_ns - _BEFORE_NS)
    with ExitStack() as stack:
        stage = _Stage(network, routes, outcome, record)
        stack.callback(stage.close)
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="edge_infer_replay_")))
        (folder / "defaults.yaml").write_text(_DEFAULTS)
        defaults = ["--params-file", str(folder / "defaults.yaml")]
        given = [*defaults, *_parameters(routes, setting.nodes), *setting.arguments]
        stage.start(setting.nodes, given)
        delay_ns = round(setting.delay_ms * 1e6)
        timeline = _Timeline(network, begin_ns, delay_ns, Pace(setting.rate))
        for message in chain([first], messages):
            if not timeline.take(message, by_source[message.topic], stage.write):
                break
            done_one()
        timeline.finish()
        stage.end()
    return Played(
        timeline.played, timeline.images, (timeline.last_ns - begin_ns) / 1e9,
        timeline.problem or bag.problem,
    )  # fmt: skip


def _parameters(routes: Routes, nodes: Sequence[str]) -> list[str]:
    given = routes.parameters
    return [word for each in given if each.partition(":")[0] in nodes for word in ("-p", each)]


class _Timeline:
    """Lets virtual time follow the bag's."""

    def __init__(self, network: LoopbackNetwork, begin_ns: int, delay_ns: int, pace: Pace) -> None:
        self._network = network
        self._pace = pace
        self._begin_ns = begin_ns
        self._delay_ns = delay_ns
        self._last_due_ns = {False: 0, True: 0}
        self.last_ns = begin_ns
        self.played = 0
        self.images = 0
        self.problem: ReplayError | None = None

    def take(self, message: BagMessage, route: Route, write: Callable[[BagMessage], None]) -> bool:
        """Let time pass until a message is due; False when that would never come."""
        if message.time_ns > min(self.last_ns + _LONGEST_GAP_NS, _LATEST_NS):
            self.problem = ReplayError(
                f"after {self.played} messages the bag's time jumps by more than a day",
                "the part before it was played; cut the bag there",
            )
            return False
        self.last_ns = max(self.last_ns, message.time_ns)
        self._pace.wait(self.last_ns - self._begin_ns)
        self._run_to(self.last_ns - self._begin_ns + _BEFORE_NS)
        # Each in an instant of its own: two images in one would be one in a reader of depth 1.
        due_ns = self._network.now_ns + self._delay_ns * route.delayed
        due_ns = max(due_ns, self._last_due_ns[route.delayed] + 1)
        self._last_due_ns[route.delayed] = due_ns
        self._network.schedule(due_ns, write, message)
        self.played += 1
        self.images += route.delayed
        return True

    def finish(self) -> None:
        """Let the nodes end what they have begun."""
        self._run_to(max(self._last_due_ns.values()) + _AFTER_NS)

    def _run_to(self, due_ns: int) -> None:
        self._network.run(lambda: False, due_ns, lambda: False)


class _Stage:
    """The nodes, what plays to them, and what listens."""

    def __init__(
        self, network: LoopbackNetwork, routes: Routes, outcome: Outcome, record: Record
    ) -> None:
        self._network = network
        self._namespace = routes.namespace
        self._outcome = outcome
        self._record = record
        self._transport = LoopbackTransport(network, _HOST)
        self._writers: dict[str, Writer] = {
            route.source: self._transport.open_writer(
                _endpoint(route.target, route.type, _BAG), _ignore
            )
            for route in routes.routes
        }
        self._played = {topic_on_wire(route.target) for route in routes.routes}
        self._runtime: LocalRuntime | None = None
        self._parts = ExitStack()

    def start(self, nodes: Sequence[str], arguments: Sequence[str]) -> None:
        """Start the nodes as one drone, and listen to all that they publish."""
        args = ["--ros-args", "--log-level", "warn", "-r", f"__ns:={self._namespace}", *arguments]
        self._runtime = self._network.runtime(_HOST, args)
        # Of no disk: the same start every time.
        identity = Identity(self._namespace.strip("/") or _HOST, 1)
        for name in reversed(NODES):
            if name in nodes:
                self._parts.callback(start_node(self._runtime, name, identity=identity).close)
        self._runtime.check_parameters()
        for wire_topic, types in self._transport.topics():
            if wire_topic not in self._played and self._transport.count_writers(wire_topic):
                for kind in self._outcome.types.intersection(types):
                    self._listen(wire_topic, kind)

    def write(self, message: BagMessage) -> None:
        """Hand a message to the nodes as it is."""
        self._writers[message.topic].write(message.payload)

    def end(self) -> None:
        """Close the nodes and hear what they say last."""
        self._parts.close()
        self._network.run_for(0.1)

    def close(self) -> None:
        """Whatever has happened."""
        self._parts.close()
        if self._runtime:
            self._runtime.shutdown()
        self._transport.close()

    def _listen(self, wire_topic: str, kind: str) -> None:
        name = wire_topic.removeprefix("rt")
        take = partial(self._take, name, kind)
        self._transport.open_reader(_endpoint(name, kind, _ALL), take, _ignore)

    def _take(self, name: str, kind: str, payload: memoryview) -> None:
        self._outcome.take(name, kind, payload)
        if kind in OUTPUTS:
            time_ns = self._network.start_ns + self._network.now_ns
            self._record(Output(name, kind, time_ns, payload))


def _endpoint(name: str, kind: str, qos: QoS) -> Endpoint:
    return Endpoint(topic_on_wire(name), kind, qos, "/replay")


def _ignore(_: str) -> None:
    """Nothing asks for what these do not offer."""
