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

"""An Ethernet switch in user space: one TAP device per host, loss by a seed, partitions, counters.

It needs no kernel module, unlike ``tc netem``, and knows every frame that it
carries: so it can say what a healing cost on the wire, without what DDS spends to
find its peers again.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import random
import selectors
import struct
import threading
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

TAP = "tap0"
_TUNSETIFF, _IFF_TAP, _IFF_NO_PI = 0x400454CA, 0x0002, 0x1000
_LARGEST_FRAME = 1600
_BURST = 64
"""Frames that are taken from one host before the next one has its turn."""

_UDP_IN_IPV4 = b"\x08\x00\x45"
_DATA, _DATA_FRAG = 0x15, 0x16
_ACKNACK, _HEARTBEAT, _GAP, _NACK_FRAG, _HEARTBEAT_FRAG = 0x06, 0x07, 0x08, 0x12, 0x13
_WRITER_AT = {_DATA: 8, _DATA_FRAG: 8} | dict.fromkeys(
    (_ACKNACK, _HEARTBEAT, _GAP, _NACK_FRAG, _HEARTBEAT_FRAG), 4
)
"""Where in a submessage of RTPS the writer's entity id stands."""
_MAYBE_EMPTY = (0x01, 0x09)
"""Padding, and a time stamp that is taken back."""
_BUILT_IN = 0xC0
"""The two highest bits of an entity's kind say that it is one of discovery's."""


@dataclass(frozen=True)
class Traffic:
    """What the hosts have sent, each frame counted once however many hear it.

    Attributes:
        frames: of any kind.
        bytes: of these frames, Ethernet headers included.
        user_bytes: of those frames that carry anything of a topic that is not discovery's.
    """

    frames: int = 0
    bytes: int = 0
    user_bytes: int = 0

    def __sub__(self, earlier: Traffic) -> Traffic:
        return Traffic(
            self.frames - earlier.frames,
            self.bytes - earlier.bytes,
            self.user_bytes - earlier.user_bytes,
        )


def open_tap() -> int:
    """A TAP device in the network namespace of this thread; it is gone when this is closed."""
    tap = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(tap, _TUNSETIFF, struct.pack("16sH22x", TAP.encode(), _IFF_TAP | _IFF_NO_PI))
    return tap


class Switch:
    """Carries frames between hosts, in a thread of its own.

    Attributes:
        loss: share of frames that a host does not get though another may, as by radio.

    Args:
        seed: of the losses.
    """

    def __init__(self, seed: int) -> None:
        self.loss = 0.0
        self._random = random.Random(seed)
        self._taps: list[int] = []
        self._sides: list[Collection[int]] = []
        self._traffic = Traffic()
        self._wake, self._waker = os.pipe()
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._wake, selectors.EVENT_READ)
        self._thread = threading.Thread(target=self._run, name="switch", daemon=True)

    def plug_in(self, tap: int) -> None:
        """One more host, numbered from 0; the switch closes the device. Before ``start``."""
        self._selector.register(tap, selectors.EVENT_READ, len(self._taps))
        self._taps.append(tap)

    def start(self) -> None:
        """Carry frames from now on."""
        self._thread.start()

    def close(self) -> None:
        """Carry none any more."""
        os.close(self._waker)
        if self._thread.is_alive():
            self._thread.join()
        self._selector.close()
        for descriptor in (self._wake, *self._taps):
            os.close(descriptor)

    @property
    def traffic(self) -> Traffic:
        """Since the start."""
        return self._traffic

    def cut(self, *sides: Collection[int]) -> None:
        """Let hosts hear only those of their own side."""
        self._sides = list(sides)

    def heal(self) -> None:
        """Let all hear all."""
        self._sides = []

    def _run(self) -> None:
        while True:
            for key, _ in self._selector.select():
                if key.fd == self._wake:
                    return
                for _ in range(_BURST):
                    try:
                        frame = os.read(key.fd, _LARGEST_FRAME)
                    except BlockingIOError:
                        break
                    self._carry(key.data, frame)

    def _carry(self, sender: int, frame: bytes) -> None:
        size = len(frame)
        was = self._traffic
        user_bytes = was.user_bytes + (size if is_user_traffic(frame) else 0)
        self._traffic = Traffic(was.frames + 1, was.bytes + size, user_bytes)
        for receiver in self._receivers(sender, frame):
            if self._random.random() >= self.loss:
                with contextlib.suppress(BlockingIOError):  # it has more than it can take: lost
                    os.write(self._taps[receiver], frame)

    def _receivers(self, sender: int, frame: bytes) -> list[int]:
        hosts = range(len(self._taps))
        if frame[0] & 1 == 0:  # to one host: the address that we gave it ends with its number
            hosts = range(frame[5], frame[5] + 1) if frame[5] < len(self._taps) else range(0)
        sides = self._sides
        return [
            host
            for host in hosts
            if host != sender and all((host in side) == (sender in side) for side in sides)
        ]


def hardware_address(host: int) -> str:
    """The Ethernet address that the switch looks for a host at."""
    return f"02:00:00:00:00:{host:02x}"


def is_user_traffic(frame: bytes) -> bool:
    """Whether a frame carries RTPS of a writer that is not one of discovery's."""
    if frame[12:15] != _UDP_IN_IPV4 or frame[23] != 17 or frame[42:46] != b"RTPS":
        return False
    at = 42 + 20
    while at + 4 <= len(frame):
        kind, flags = frame[at], frame[at + 1]
        length = int.from_bytes(frame[at + 2 : at + 4], "little" if flags & 1 else "big")
        if kind in _WRITER_AT:
            entity = at + 4 + _WRITER_AT[kind]
            if frame[entity + 3] & _BUILT_IN != _BUILT_IN:
                return True
        if length == 0 and kind not in _MAYBE_EMPTY:  # the last one, up to the end
            return False
        at += 4 + length
    return False


def missing_for_switch() -> str:
    """Why there cannot be one here; empty when there can."""
    return "" if Path("/dev/net/tun").exists() else "there is no /dev/net/tun"
