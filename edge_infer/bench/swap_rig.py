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

"""The two processes of the swap benchmark: a detector, and the peer that sends and listens."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from tempfile import TemporaryDirectory
from typing import NamedTuple

import psutil

from edge_infer.bench.detector_rig import NETWORK
from edge_infer.bench.lines import read_answer
from edge_infer.errors import RuntimeUnavailableError
from edge_infer.models.bundle import ModelBundle

_END_S = 10.0


class Way(NamedTuple):
    """How a detector is run.

    Attributes:
        name: in the report.
        hz: frames per second.
        parameters: of the detector beyond the model.
        cores: that it may use; all where None.
    """

    name: str
    hz: int
    parameters: Mapping[str, str] = {}
    cores: int | None = None


@contextmanager
def rig(way: Way, model: ModelBundle) -> Iterator[subprocess.Popen[str]]:
    """The peer of a detector, both in a domain of their own, ended on leaving."""
    environment = {
        "CYCLONEDDS_URI": NETWORK,
        **os.environ,
        "ROS_DOMAIN_ID": str(random.randint(1, 100)),
        "ROS_AUTOMATIC_DISCOVERY_RANGE": "LOCALHOST",
    }
    with TemporaryDirectory(prefix="edge_infer_") as state:
        detector = subprocess.Popen(
            _detector_command(way, model, state),
            env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        peer = subprocess.Popen(
            [sys.executable, "-m", "edge_infer.bench.swap_peer"],
            env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        try:
            if not read_answer(peer)["connected"]:
                raise RuntimeUnavailableError(
                    "the camera and the detector do not find each other",
                    "check CYCLONEDDS_URI and that the loopback interface is up",
                )
            _confine(psutil.Process(detector.pid), way.cores)
            yield peer
        finally:
            peer.communicate()
            _terminate(detector)


def _detector_command(way: Way, model: ModelBundle, state: str) -> list[str]:
    parameters = {"model": str(model.path), "state_dir": state, **way.parameters}
    given = [word for key, value in parameters.items() for word in ("-p", f"{key}:={value}")]
    node = ["edge_infer", "node", "detector", "--runtime", "embedded"]
    return [sys.executable, "-m", *node, "--ros-args", *given]


def _confine(process: psutil.Process, cores: int | None) -> None:
    """To so many cores, where the system can do that; later threads follow those of now."""
    if cores is None or not hasattr(os, "sched_setaffinity"):
        return
    chosen = sorted(os.sched_getaffinity(0))[:cores]
    for thread in process.threads():
        os.sched_setaffinity(thread.id, chosen)


def _terminate(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(_END_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
