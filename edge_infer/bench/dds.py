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

"""Images between two processes of one machine: the embedded runtime, the package, rclpy.

For each way a sender and a receiver, both processes of their own. One-way times
are taken at a moderate rate, from before ``publish`` to the callback; the rate in
bursts, where every message has to arrive. Processor time is that of both
processes together. The ways take turns, so that other work on the machine meets
all of them. What cannot be measured here (rclpy without a sourced ROS 2) is left
out, and its goals have no value.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import Any

from edge_infer.bench.dds_ways import WAYS
from edge_infer.bench.harness import Goal, Progress, Report, Row, median, quantile, rounded
from edge_infer.bench.lines import ask, read_answer
from edge_infer.errors import RuntimeUnavailableError
from edge_infer.runtime.embedded.library import library

TURNS = 5
OURS, ROS, PACKAGE = WAYS


@dataclass(frozen=True)
class Load:
    """What is sent of one size.

    Attributes:
        name: in the report.
        size: of a payload, bytes.
        paced: how many are sent at a moderate rate per turn.
        interval_s: between those.
        burst: how many are sent as fast as it goes per turn.
        share: what the package's own serialiser gets of these numbers.
    """

    name: str
    size: int
    paced: int
    interval_s: float
    burst: int
    share: float


LOADS = (
    Load("1 kB", 1_000, 200, 0.004, 20_000, 0.2),
    Load("60 kB", 60_000, 120, 0.008, 8_000, 0.05),
    Load("1.2 MB", 1_200_000, 40, 0.03, 150, 0.05),
    Load("2.7 MB", 2_700_000, 25, 0.05, 60, 0.05),
)


@dataclass
class Tally:
    """What was measured of one way at one size."""

    one_way_ms: list[float] = field(default_factory=list)
    rates_hz: list[float] = field(default_factory=list)
    cpu_us: list[float] = field(default_factory=list)

    @property
    def median_ms(self) -> float | None:
        """Of all messages at a moderate rate."""
        return median(self.one_way_ms) if self.one_way_ms else None

    @property
    def rate_hz(self) -> float | None:
        """Of the middle burst."""
        return median(self.rates_hz) if self.rates_hz else None

    def row(self, way: str, load: Load) -> Row:
        """As a line of the report."""
        return {
            "size": load.name,
            "way": way,
            "one-way median ms": _short(self.median_ms),
            "one-way p99 ms": _short(quantile(self.one_way_ms, 0.99) if self.one_way_ms else None),
            "messages/s": _short(self.rate_hz),
            "CPU us/message": _short(median(self.cpu_us) if self.cpu_us else None),
        }


class Pair:
    """A connected sender and receiver."""

    def __init__(self, sender: subprocess.Popen[str], receiver: subprocess.Popen[str]) -> None:
        self._sender = sender
        self._receiver = receiver

    def is_connected(self) -> bool:
        """Whether both see each other; asked once."""
        return all(read_answer(peer)["connected"] for peer in (self._sender, self._receiver))

    def measure(self, load: Load, share: float, tally: Tally) -> None:
        """One turn."""
        paced = self._send(load, max(3, round(load.paced * share)), load.interval_s / share)
        tally.one_way_ms += paced["one_way_ms"]
        count = max(3, round(load.burst * share))
        burst = self._send(load, count, 0.0)
        tally.rates_hz.append(burst["rate_hz"])
        tally.cpu_us.append(burst["cpu_s"] / count * 1e6)

    def _send(self, load: Load, count: int, interval_s: float) -> dict[str, Any]:
        order = {"size": load.size, "count": count, "interval_s": interval_s}
        ask(self._receiver, order)
        read_answer(self._receiver)
        ask(self._sender, order)
        sent, received = read_answer(self._sender), read_answer(self._receiver)
        if "error" in received:
            raise RuntimeUnavailableError(
                f"of {load.name} messages {received['error']} in time",
                "run the benchmark again on a machine with less to do",
            )
        return {**received, "cpu_s": sent["cpu_s"] + received["cpu_s"]}


def run(progress: Progress) -> Report:
    """Measure every way that there is here.

    Raises:
        RuntimeUnavailableError: no Cyclone DDS, or messages that did not arrive.
    """
    library()
    ways = [way for way in WAYS if way != ROS or find_spec("rclpy")]
    tallies = {(way, load): Tally() for load in LOADS for way in ways}
    with ExitStack() as stack:
        pairs = {way: stack.enter_context(_pair(way)) for way in ways}
        for turn in range(TURNS):
            for load in LOADS:
                for way, pair in pairs.items():
                    progress(f"turn {turn + 1} of {TURNS}: {load.name} by {way}")
                    share = load.share if way == PACKAGE else 1.0
                    pair.measure(load, share, tallies[way, load])
    rows = [tally.row(way, load) for (way, load), tally in tallies.items()]
    return Report("dds", rows, goals(tallies))


def goals(tallies: Mapping[tuple[str, Load], Tally]) -> Sequence[Goal]:
    """What was promised against the package and against rclpy."""
    small, chunk, _, image = LOADS

    def ratio(load: Load, other: str, name: str) -> float | None:
        ours, theirs = tallies[OURS, load], tallies.get((other, load), Tally())
        mine, other_s = getattr(ours, name), getattr(theirs, name)
        return _short(mine / other_s) if mine is not None and other_s is not None else None

    return (
        Goal("1 kB one-way median, against rclpy's", 1.0, ratio(small, ROS, "median_ms"), "times"),
        Goal("1 kB messages/s, against rclpy's", 2.0, ratio(small, ROS, "rate_hz"), "times", False),
        Goal(
            "60 kB messages/s, against the package's own",
            30.0,
            ratio(chunk, PACKAGE, "rate_hz"),
            "times",
            at_most=False,
        ),
        Goal(
            "2.7 MB image one-way median, against rclpy's",
            0.5,
            ratio(image, ROS, "median_ms"),
            "times",
        ),
    )


@contextmanager
def _pair(way: str) -> Iterator[Pair]:
    """Two processes in a domain of their own, ended on leaving."""
    environment = {
        **os.environ,
        "ROS_DOMAIN_ID": str(random.randint(1, 100)),
        "ROS_AUTOMATIC_DISCOVERY_RANGE": "LOCALHOST",
    }
    receiver, sender = (
        subprocess.Popen(
            [sys.executable, "-m", "edge_infer.bench.dds_peer", way, role],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for role in ("receive", "send")
    )
    try:
        pair = Pair(sender, receiver)
        if not pair.is_connected():
            raise RuntimeUnavailableError(
                f"two processes that use {way} do not find each other",
                "check CYCLONEDDS_URI and that the loopback interface is up",
            )
        yield pair
    finally:
        for process in (sender, receiver):
            process.communicate()


def _short(value: float | None) -> float | None:
    return None if value is None else rounded(value)
