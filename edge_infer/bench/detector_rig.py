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

"""The three processes of the detector benchmark: who sends, who detects, who listens.

Only started and asked here; what a camera and a listener do stands in detector_peer.py.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import psutil

from edge_infer.bench.detector_networks import Networks
from edge_infer.bench.lines import ask, read_answer
from edge_infer.errors import RuntimeUnavailableError
from edge_infer.models.manifest import Precision
from edge_infer.runtime import selection

INTERVAL_S = 1 / 30
WARM_UP_FRAMES = 15
SIZE = 320
THREADS = 1

EMBEDDED, ROS, USUAL = "ours, embedded", "ours, rclpy", "usual, rclpy"
WAYS = (EMBEDDED, ROS, USUAL)

NETWORK = (
    "<CycloneDDS><Domain><General>"
    '<Interfaces><NetworkInterface name="lo" multicast="true"/></Interfaces>'
    "<MaxMessageSize>65500B</MaxMessageSize><FragmentSize>65000B</FragmentSize></General>"
    '<Internal><SocketReceiveBufferSize max="4MB"/></Internal></Domain></CycloneDDS>'
)
"""For all processes alike, as config/dds/loopback.xml: by itself Cyclone DDS has room for less
than one image, and most frames would be lost on the way to any detector."""

_AFTERWARDS_S = 2.0
_END_S = 10.0

Heard = tuple[int, int, int]
"""Stamp and arrival of an answer, nanoseconds, and how many boxes it has."""


class Turn(NamedTuple):
    """What came of some frames.

    Attributes:
        stamps_ns: of each frame that was sent.
        heard: the answers, those to earlier frames among them.
        cpu_s: processor time of the detector.
    """

    stamps_ns: list[int]
    heard: list[Heard]
    cpu_s: float


def absent() -> dict[str, str]:
    """The ways that cannot be measured here, with the reason."""
    reasons: dict[str, str] = {}
    ours = selection.available()["ros"]
    if ours is not None:
        reasons[ROS] = ours
    for module in ("rclpy", "sensor_msgs", "vision_msgs"):
        if not _is_here(module):
            reasons.setdefault(USUAL, f"{module} cannot be imported: source a ROS 2 that has it")
    return reasons


def _is_here(module: str) -> bool:
    """Whether a module is there with its own folder, not a namespace by accident."""
    found = find_spec(module)
    return found is not None and found.origin is not None


class Rig:
    """A camera, a detector and a listener, connected."""

    def __init__(
        self,
        camera: subprocess.Popen[str],
        detector: subprocess.Popen[str],
        listener: subprocess.Popen[str],
    ) -> None:
        self._camera, self._listener = camera, listener
        self._detector = psutil.Process(detector.pid)

    def turn(self, frames: int) -> Turn:
        """Some frames that do not count, then those that do."""
        self._send(WARM_UP_FRAMES)
        before = self._cpu_s()
        stamps_ns, heard = self._send(frames)
        return Turn(stamps_ns, heard, self._cpu_s() - before)

    def _send(self, frames: int) -> tuple[list[int], list[Heard]]:
        ask(self._listener, {"for_s": frames * INTERVAL_S + _AFTERWARDS_S})
        read_answer(self._listener)
        ask(self._camera, {"frames": frames, "interval_s": INTERVAL_S})
        sent, received = read_answer(self._camera), read_answer(self._listener)
        return sent["stamps_ns"], [(s, a, boxes) for s, a, boxes in received["heard"]]

    def _cpu_s(self) -> float:
        times = self._detector.cpu_times()
        return float(times.user + times.system)


@contextmanager
def rig(way: str, networks: Networks, precision: Precision, folder: Path) -> Iterator[Rig]:
    """The three processes in a domain of their own, ended on leaving."""
    environment = {
        "CYCLONEDDS_URI": NETWORK,
        **os.environ,
        "ROS_DOMAIN_ID": str(random.randint(1, 100)),
        "ROS_AUTOMATIC_DISCOVERY_RANGE": "LOCALHOST",
    }
    with ExitStack() as stack:

        def start(command: Sequence[str], end: Callable[[Any], object]) -> subprocess.Popen[str]:
            process = subprocess.Popen(
                [sys.executable, "-m", *command],
                env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            )  # fmt: skip
            stack.callback(end, process)
            return process

        detector = start(_detector_command(way, networks, precision, folder), _terminate)
        peers = [
            start(["edge_infer.bench.detector_peer", role], lambda process: process.communicate())
            for role in ("camera", "listener")
        ]
        if not all(read_answer(peer)["connected"] for peer in peers):
            raise RuntimeUnavailableError(
                f"the processes of {way} do not find each other",
                "check CYCLONEDDS_URI and that the loopback interface is up",
            )
        yield Rig(peers[0], detector, peers[1])


def _detector_command(
    way: str, networks: Networks, precision: Precision, folder: Path
) -> list[str]:
    if way == USUAL:
        weights = networks.usual[precision]
        return ["edge_infer.bench.usual_detector", str(weights), str(SIZE), str(THREADS)]
    runtime = "ros" if way == ROS else "embedded"
    parameters = {
        "model": networks.bundle.path, "threads": THREADS, "state_dir": folder / "state",
    }  # fmt: skip
    given = [word for key, value in parameters.items() for word in ("-p", f"{key}:={value}")]
    return ["edge_infer", "node", "detector", "--runtime", runtime, "--ros-args", *given]


def _terminate(process: subprocess.Popen[str]) -> None:
    process.terminate()
    try:
        process.communicate(timeout=_END_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
