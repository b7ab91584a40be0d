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

"""A gateway and drones that pass a blob on, on hosts of their own."""

from __future__ import annotations

import sys
import time
from collections import deque
from collections.abc import Collection, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from listener import HERE, PATIENCE_S, Listener, environment, say
from namespaces import Host
from switch import TAP, Switch, is_user_traffic

LOOK_S = 1.0
QUIET_BYTES_PER_S = 15_000
"""Of each member: signs of life, announcements."""
QUEUED_FRAMES = 20_000
BYTES_PER_S = 2_500_000.0


class FragmentSwitch(Switch):
    """One that knows the later fragments of a datagram, too, which carry no header of RTPS.

    Attributes:
        package_bytes: of all frames that are not discovery's, whole datagrams.
    """

    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        self.package_bytes = 0
        self._datagrams: deque[bytes] = deque(maxlen=1000)

    def _carry(self, sender: int, frame: bytes) -> None:
        datagram = frame[18:20] + frame[26:30]  # identification and sender in IPv4
        is_later = frame[12:15] == b"\x08\x00\x45" and (frame[20] & 0x1F or frame[21])
        if is_user_traffic(frame):
            self._datagrams.append(datagram)
            self.package_bytes += len(frame)
        elif is_later and datagram in self._datagrams:
            self.package_bytes += len(frame)
        super()._carry(sender, frame)


class BlobMember:
    """One process, and what it has told.

    Attributes:
        readers: of chunks that it reaches.
        held: chunks on its disk.
        took_s: from its being told to fetch to its having all; 0 before that.
        is_right: whether what it fetched is what was offered.
    """

    def __init__(
        self,
        host: Host,
        name: str,
        folder: Path,
        environment: Mapping[str, str],
        is_gateway: bool,
        bytes_per_s: float,
    ) -> None:
        self.name = name
        self.readers = self.held = self.refused = 0
        self.took_s = 0.0
        self.is_right = False
        self.log = folder / f"{name}.log"
        self._begun_s = 0.0
        script, state = str(HERE / "blob_peer.py"), str(folder / name)
        arguments = [
            script,
            state,
            str(+is_gateway),
            str(bytes_per_s),
            "--ros-args",
            "-r",
            f"__ns:=/{name}",
        ]
        with self.log.open("a") as log:
            self.speaker = host.start([sys.executable, *arguments], environment, log)

    def say(self, command: str) -> None:
        """Have it do something."""
        say(self.speaker, command)

    def hear(self, event: dict[str, Any]) -> None:
        """A line of it."""
        match event["event"]:
            case "standing":
                self.readers, self.held = event["readers"], event["held"]
                self.refused = event["refused"]
            case "fetching":
                self._begun_s = event["at_s"]
            case "complete":
                self.took_s = event["at_s"] - self._begun_s
                self.is_right = event["is_right"]


class BlobFleet(Listener):
    """All members on one switch; the gateway is the first.

    Args:
        drones: how many.
        folder: for disks and logs.
        seed: of the network's losses.
        loss: share of frames that get lost; with any, DDS is set up for that.
        bytes_per_s: that a member may send.
    """

    def __init__(
        self,
        drones: int,
        folder: Path,
        *,
        seed: int = 1,
        loss: float = 0.0,
        bytes_per_s: float = BYTES_PER_S,
    ) -> None:
        self.all: list[BlobMember] = []
        super().__init__(self.all)
        around = environment(is_radio=loss > 0)
        with ExitStack() as stack:
            self.switch = FragmentSwitch(seed)
            stack.callback(self.switch.close)
            hosts = [Host(number, self.switch) for number in range(drones + 1)]
            for host in hosts:
                stack.callback(host.close)
                _lengthen_queue(host, around)
            self.switch.start()
            for number, host in enumerate(hosts):
                name = f"drone_{number}" if number else "gateway"
                member = BlobMember(host, name, folder, around, number == 0, bytes_per_s)
                stack.callback(member.speaker.destroy)
                self.all.append(member)
            self._stack = stack.pop_all()
        self.gateway, *self.drones = self.all
        # A process reaches its own reader, too.
        self.wait(lambda: all(m.readers == len(self.all) for m in self.all), "all hear all")
        self._settle()
        self.switch.loss = loss

    def close(self) -> None:
        """End all processes and the network."""
        self._stack.close()

    def kill_gateway(self) -> None:
        """At once, where it is."""
        self.all.remove(self.gateway)
        self.gateway.speaker.destroy()

    def complete(self, some: Collection[BlobMember]) -> float:
        """Wait until these have it all, and it is right; the seconds that the last one took."""
        self.wait(lambda: all(member.took_s for member in some), "everybody has it")
        assert all(member.is_right and not member.refused for member in some)
        return max(member.took_s for member in some)

    def standing(self) -> list[tuple[str, int, int]]:
        return [(member.name, member.readers, member.held) for member in self.all]

    def _settle(self) -> None:
        """Wait until DDS has told everybody everything: twenty who meet are louder than a blob."""
        deadline_s = time.monotonic() + PATIENCE_S
        before = self.switch.traffic
        while True:
            self.run_for(LOOK_S)
            now = self.switch.traffic
            if (now - before).bytes < QUIET_BYTES_PER_S * LOOK_S * len(self.all):
                return
            assert time.monotonic() < deadline_s, (
                f"still {(now - before).bytes} bytes in {LOOK_S} s"
            )
            before = now


def _lengthen_queue(host: Host, environment: Mapping[str, str]) -> None:
    """Unlike a radio a TAP device does not hold a sender up: beyond its queue frames are lost."""
    command = ["ip", "link", "set", TAP, "txqueuelen", str(QUEUED_FRAMES)]
    process = host.start(command, environment, sys.stderr)
    assert process.wait() == 0
    process.destroy()
