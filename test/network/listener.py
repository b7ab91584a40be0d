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

"""Processes on hosts of their own: how DDS is set up for them, and hearing what they tell."""

from __future__ import annotations

import json
import os
import selectors
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

from namespaces import Process

HERE = Path(__file__).parent
PATIENCE_S = 240.0
"""Much longer than anything takes: on a busy machine waiting is no failure."""

_RADIO = HERE.parents[1] / "config" / "dds" / "lossy_radio.xml"
_LEASES = """<Discovery>
  <LeaseDuration>2s</LeaseDuration>
  <SPDPInterval>1s</SPDPInterval>
</Discovery>"""
"""As in config/dds/wifi_mesh.xml; multicast stays."""


def environment(is_radio: bool) -> dict[str, str]:
    """Ours without what would choose another network."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("ROS_", "RMW_", "CYCLONEDDS_"))
    }
    return {**kept, "CYCLONEDDS_URI": f"file://{_RADIO},{_LEASES}" if is_radio else _LEASES}


class Teller(Protocol):
    """Who tells what happens, a line of JSON each time.

    Attributes:
        name: for people.
        log: what it has to say beside that.
    """

    name: str
    log: Path

    @property
    def speaker(self) -> Process:
        """The process that writes the lines."""

    def hear(self, event: dict[str, Any]) -> None:
        """A line of it."""


class Listener:
    """Hears tellers.

    Args:
        tellers: all of them; whoever is taken out is no longer heard.
    """

    def __init__(self, tellers: Sequence[Teller]) -> None:
        self._tellers = tellers
        self._unread: dict[int, bytes] = {}

    def wait(
        self, condition: Callable[[], object], what: str, within_s: float = PATIENCE_S
    ) -> None:
        """Hear what happens until something holds; fails at the deadline."""
        deadline_s = time.monotonic() + within_s
        while not condition():
            left_s = deadline_s - time.monotonic()
            if left_s <= 0:
                raise AssertionError(f"{what}: not within {within_s:.0f} s; {self.standing()}")
            self._hear(left_s)

    def standing(self) -> object:
        """What to add when something did not come."""
        raise NotImplementedError

    def run_for(self, seconds: float) -> None:
        """Let that much time pass, as the story wants it, and hear what happens."""
        end_s = time.monotonic() + seconds
        while (left_s := end_s - time.monotonic()) > 0:
            self._hear(left_s)

    def _hear(self, at_most_s: float) -> None:
        with selectors.DefaultSelector() as selector:
            for teller in self._tellers:
                assert teller.speaker.stdout is not None
                selector.register(teller.speaker.stdout, selectors.EVENT_READ, teller)
            for key, _ in selector.select(at_most_s):
                self._read(key.fd, key.data)

    def _read(self, descriptor: int, teller: Teller) -> None:
        data = os.read(descriptor, 1 << 16)
        if not data:
            raise AssertionError(f"{teller.name} has ended:\n{teller.log.read_text()}")
        *lines, rest = (self._unread.pop(teller.speaker.pid, b"") + data).split(b"\n")
        self._unread[teller.speaker.pid] = rest
        for line in lines:
            teller.hear(json.loads(line))


def say(process: Process, command: str) -> None:
    """Have a process do something."""
    assert process.stdin is not None
    process.stdin.write(f"{command}\n".encode())
    process.stdin.flush()
