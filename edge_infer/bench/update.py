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

"""A file of 5 MB to two and to twenty drones: our multicast against one message through a broker.

Every member is a process of its own on this machine: what detections suffer from the transfer
itself shows with two, for which its processor is large enough. In each turn the drones send
detections for a while and then the same with a transfer in between, on the loopback
interface, whose bytes are counted. Both sides keep the file on disk and check it. The
other way is mosquitto with paho-mqtt, both tuned; where they are missing it is left out.
"""

from __future__ import annotations

import os
import random
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from edge_infer.bench.harness import Goal, Progress, Report, Row, median, quantile, rounded
from edge_infer.bench.lines import ask, read_answer
from edge_infer.bench.update_peer import BYTES
from edge_infer.bench.update_ways import GATEWAY, PORT_VARIABLE
from edge_infer.errors import RuntimeUnavailableError

FEW, MANY = 2, 20
TURNS = 3
QUIET_S = 5.0
TRANSFER_S = 6.0
SETTLE_S = 8.0
"""DDS tells everybody of everybody; that is not what is measured."""
_BEGIN_S = 1.0

WAYS = {"multicast": "ours, by multicast", "mqtt": "one message over MQTT"}
"""Name of the way -> as it stands in the report."""

_LOOPBACK = """<General><Interfaces><NetworkInterface name="lo" multicast="true"/></Interfaces>
<MaxMessageSize>65500B</MaxMessageSize><FragmentSize>65000B</FragmentSize></General>
<Discovery><MaxAutoParticipantIndex>120</MaxAutoParticipantIndex></Discovery>
<Internal><SocketReceiveBufferSize max="4MB"/><SocketSendBufferSize max="2MB"/></Internal>"""
"""As config/dds/loopback.xml, which is not installed with every copy of the package."""

_BROKER = """listener {port} 127.0.0.1
allow_anonymous true
persistence false
set_tcp_nodelay true
max_inflight_messages 0
max_queued_messages 0
"""


@dataclass
class Tally:
    """What was measured of one way.

    Attributes:
        shares: of each turn, bytes on the wire in times of the file.
        seconds: of each turn, until the last drone had it.
        quiet_ms: ages of detections while nothing else travels.
        busy_ms: and while the file does.
        problem: why nothing was measured.
    """

    shares: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    quiet_ms: list[float] = field(default_factory=list)
    busy_ms: list[float] = field(default_factory=list)
    problem: str = ""

    @property
    def rise_percent(self) -> float | None:
        """Of the detections' p99 by the transfer."""
        if not self.busy_ms:
            return None
        return (quantile(self.busy_ms, 0.99) / quantile(self.quiet_ms, 0.99) - 1) * 100

    def row(self, way: str, drones: int) -> Row:
        """As a line of the report."""
        name = f"{WAYS[way]} (not measured: {self.problem})" if self.problem else WAYS[way]
        return {
            "way": name,
            "drones": drones,
            "bytes on the wire, times the file": _middle(self.shares),
            "all have it after s": _middle(self.seconds),
            "detection median ms": _middle(self.quiet_ms),
            "detection p99 ms": _p99(self.quiet_ms),
            "meanwhile median ms": _middle(self.busy_ms),
            "meanwhile p99 ms": _p99(self.busy_ms),
        }


def run(progress: Progress, fleets: Sequence[int] = (FEW, MANY), turns: int = TURNS) -> Report:
    """Measure both ways, one fleet after the other.

    Args:
        progress: told what is being done.
        fleets: how many drones; the smallest first.
        turns: of each fleet.

    Raises:
        RuntimeUnavailableError: members do not find each other, or one ended.
    """
    rows, ours = [], []
    for drones in fleets:
        for way, name in WAYS.items():
            progress(f"{name}: {drones} drones start")
            tally = Tally(problem=_missing(way))
            if tally.problem:
                progress(f"{name} is not measured: {tally.problem}")
            else:
                _measure_fleet(way, drones, turns, tally, progress)
            rows.append(tally.row(way, drones))
            if way == "multicast":
                ours.append((drones, tally))
    return Report("update", rows, goals(ours))


def _measure_fleet(way: str, drones: int, turns: int, tally: Tally, progress: Progress) -> None:
    with _fleet(way, drones) as members:
        for turn in range(turns):
            progress(f"{WAYS[way]}, {drones} drones: turn {turn + 1} of {turns}")
            measure(members, tally, turn + 1)


def goals(ours: Sequence[tuple[int, Tally]]) -> tuple[Goal, ...]:
    """What was promised of ours, by the number of drones."""
    _, largest = ours[-1]
    return (
        Goal("bytes on the wire, against the file", 1.1, _middle(largest.shares), "times"),
        Goal("until every drone has it", 3.0, _middle(largest.seconds), "s"),
        *(_rise_goal(drones, tally) for drones, tally in ours),
    )


def _rise_goal(drones: int, tally: Tally) -> Goal:
    rise = tally.rise_percent
    return Goal(
        f"detections' p99 meanwhile, above that without, {drones} drones",
        10.0,
        None if rise is None else rounded(rise),
        "%",
    )


def measure(members: list[subprocess.Popen[str]], tally: Tally, seed: int) -> None:
    """One turn: quiet, then the same with a transfer."""
    quiet, quiet_bytes = _together(members, 0, QUIET_S)
    tally.quiet_ms += [(heard - sent) * 1000 for sent, heard in quiet[0]["heard"]]
    told, all_bytes = _together(members, seed, TRANSFER_S)
    begun_s = told[0]["begun_s"]
    complete_s = max(each["complete_s"] for each in told[1:])
    if min(each["complete_s"] for each in told[1:]) <= 0.0:
        raise RuntimeUnavailableError(
            "the file did not reach every drone in time",
            "run the benchmark again on a machine with less to do",
        )
    tally.seconds.append(complete_s - begun_s)
    tally.shares.append((all_bytes - quiet_bytes * TRANSFER_S / QUIET_S) / BYTES)
    tally.busy_ms += [
        (heard - sent) * 1000
        for sent, heard in told[0]["heard"]
        if heard >= begun_s and sent <= complete_s
    ]


def _together(
    members: list[subprocess.Popen[str]], seed: int, seconds: float
) -> tuple[list[dict[str, Any]], int]:
    """Have all do the same at the same time; what they tell, and the bytes on the wire."""
    begin_s = time.monotonic() + _BEGIN_S
    before = _loopback_bytes()
    for member in members:
        ask(member, {"seed": seed, "begin_s": begin_s, "end_s": begin_s + seconds})
    told = [read_answer(member) for member in members]
    return told, _loopback_bytes() - before


# --- processes -------------------------------------------------------------------


@contextmanager
def _fleet(way: str, drones: int) -> Iterator[list[subprocess.Popen[str]]]:
    """The gateway and the drones, connected; all ended on leaving."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="edge_infer_")))
        environment = dict(os.environ)
        if way == "mqtt":
            environment[PORT_VARIABLE] = str(stack.enter_context(_broker(folder)))
        else:
            environment["ROS_DOMAIN_ID"] = str(random.randint(1, 100))
            environment["CYCLONEDDS_URI"] = _LOOPBACK
        names = [GATEWAY, *(f"drone_{number + 1}" for number in range(drones))]
        members = [
            stack.enter_context(_member(way, name, folder / name, drones, environment))
            for name in names
        ]
        if not all(read_answer(member)["connected"] for member in members):
            raise RuntimeUnavailableError(
                f"{drones} drones and a gateway do not find each other",
                "check that the loopback interface is up and carries multicast",
            )
        for member in members:
            ask(member, {"settle_s": SETTLE_S})
        for member in members:
            read_answer(member)
        yield members


@contextmanager
def _member(
    way: str, name: str, place: Path, drones: int, environment: Mapping[str, str]
) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "edge_infer.bench.update_peer", way, name, place, str(drones)],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


@contextmanager
def _broker(folder: Path) -> Iterator[int]:
    """A mosquitto on a port of its own."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    config = folder / "mosquitto.conf"
    config.write_text(_BROKER.format(port=port))
    process = subprocess.Popen(
        [_mosquitto() or "mosquitto", "-c", str(config)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _wait_for(port)
        yield port
    finally:
        process.terminate()
        process.wait()


def _wait_for(port: int) -> None:
    deadline_s = time.monotonic() + 10.0
    while not _answers(port):
        if time.monotonic() >= deadline_s:
            raise RuntimeUnavailableError(
                "mosquitto does not answer", "see whether it starts by itself"
            )
        time.sleep(0.05)


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _mosquitto() -> str | None:
    return shutil.which("mosquitto", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")


def _missing(way: str) -> str:
    """What a way needs and is not here; empty for nothing."""
    if way != "mqtt":
        return ""
    if _mosquitto() is None:
        return "there is no mosquitto, apt-get install mosquitto"
    try:
        metadata.version("paho-mqtt")
    except metadata.PackageNotFoundError:
        return "there is no paho-mqtt, pip install paho-mqtt"
    return ""


def _loopback_bytes() -> int:
    """Sent on the loopback interface since it is up; a multicast counts once."""
    for line in Path("/proc/net/dev").read_text(encoding="ascii").splitlines():
        name, _, numbers = line.partition(":")
        if name.strip() == "lo":
            return int(numbers.split()[8])
    return 0


def _middle(values: list[float]) -> float | None:
    return rounded(median(values)) if values else None


def _p99(values: list[float]) -> float | None:
    return rounded(quantile(values, 0.99)) if values else None
