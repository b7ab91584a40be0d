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

"""The instruments themselves: the switch counts and cuts as it says, and nothing is left behind."""

from __future__ import annotations

import socket
import struct
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import psutil
import pytest
from switch import Switch, Traffic, hardware_address, is_user_traffic

PARENT = """
import os, sys
sys.path.insert(0, {folder!r})
from namespaces import Host
from switch import Switch
switch = Switch(seed=1)
host = Host(0, switch)
child = host.start(["sh", "-c", "echo up; exec sleep 600"], os.environ, sys.stderr)
assert child.stdout.readline() == b"up\\n"
child.halt()
print(child.pid, flush=True)
sys.stdin.read()
"""


def rtps(*submessages: tuple[int, bytes]) -> bytes:
    """An Ethernet frame with these kinds and contents."""
    frame = b"\x02" * 12 + b"\x08\x00" + b"\x45" + bytes(8) + b"\x11" + bytes(10) + bytes(8)
    frame += b"RTPS" + bytes(16)
    for kind, content in submessages:
        frame += struct.pack("<BBH", kind, 1, len(content)) + content
    return frame


TIME = (0x09, bytes(8))
USER, DISCOVERY = b"\x00\x00\x05\x03", b"\x00\x03\xc2\xc2"


@pytest.mark.parametrize(
    ("frame", "expected"),
    [
        (rtps(TIME, (0x15, bytes(8) + USER + bytes(20))), True),
        (rtps(TIME, (0x15, bytes(8) + DISCOVERY + bytes(20))), False),
        (rtps((0x06, bytes(4) + USER + bytes(12))), True),
        (rtps((0x07, bytes(4) + DISCOVERY + bytes(12))), False),
        (rtps((0x07, bytes(4) + DISCOVERY + bytes(12)), (0x07, bytes(4) + USER)), True),
        (rtps((0x09, b""), (0x07, bytes(4) + USER)), True),
        (rtps(TIME), False),
        (b"\xff" * 12 + b"\x08\x06" + bytes(40), False),
    ],
    ids=["data", "found", "acknack", "alive", "both", "time taken back", "nothing", "arp"],
)
def test_what_discovery_sends_is_told_from_the_rest(frame: bytes, expected: bool) -> None:
    assert is_user_traffic(frame) is expected


PlugIn = Callable[[int], list[socket.socket]]


@pytest.fixture
def switch() -> Switch:
    return Switch(seed=5)


@pytest.fixture
def plug_in(switch: Switch) -> Iterator[PlugIn]:
    """Gives what hosts would see of their devices, and closes the switch before them."""
    with ExitStack() as stack:

        def make(hosts: int) -> list[socket.socket]:
            pairs = [socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET) for _ in range(hosts)]
            for own, outer in pairs:
                own.settimeout(60)
                outer.setblocking(False)
                switch.plug_in(outer.detach())
            switch.start()
            return [stack.enter_context(own) for own, _ in pairs]

        yield make
        switch.close()


def to_all(word: str) -> bytes:
    return b"\xff" * 6 + word.encode().ljust(58)


def to_host(number: int, word: str) -> bytes:
    return bytes.fromhex(hardware_address(number).replace(":", "")) + word.encode().ljust(58)


def test_a_frame_reaches_whom_it_is_for(switch: Switch, plug_in: PlugIn) -> None:
    first, second, third = plug_in(3)
    for frame in (to_all("all"), to_host(2, "third"), to_all("end")):
        first.send(frame)
    assert [second.recv(99) for _ in range(2)] == [to_all("all"), to_all("end")]
    wanted = [to_all("all"), to_host(2, "third"), to_all("end")]
    assert [third.recv(99) for _ in range(3)] == wanted
    assert switch.traffic == Traffic(frames=3, bytes=3 * 64, user_bytes=0)


def test_a_cut_keeps_sides_apart_until_it_heals(switch: Switch, plug_in: PlugIn) -> None:
    first, second, third, fourth = plug_in(4)
    switch.cut({0, 1})
    first.send(to_host(2, "apart"))
    first.send(to_all("one side"))
    third.send(to_host(0, "apart"))
    third.send(to_all("other side"))
    assert second.recv(99) == to_all("one side")
    assert fourth.recv(99) == to_all("other side")
    switch.heal()
    first.send(to_all("together"))
    third.send(to_all("together"))
    assert first.recv(99) == second.recv(99) == third.recv(99) == fourth.recv(99)
    assert second.recv(99) == fourth.recv(99) == to_all("together")


def test_each_host_loses_its_own_share(switch: Switch, plug_in: PlugIn) -> None:
    first, *others = plug_in(3)
    switch.loss = 0.1
    sent, end = [to_all(f"{number}") for number in range(100)], to_all("end")
    for frame in (*sent, *[end] * 20):  # not all of the twenty
        first.send(frame)
    one, other = ([*iter(partial(host.recv, 99), end)] for host in others)
    assert one != other
    for got in (one, other):
        assert 70 < len(got) < 100
        assert got == [frame for frame in sent if frame in got]


@pytest.mark.root
@pytest.mark.usefixtures("_namespaces")
def test_nothing_outlives_a_test_that_is_killed() -> None:
    """Not even a process that is halted."""
    script = PARENT.format(folder=str(Path(__file__).parent))
    parent = subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    child = psutil.Process(int(parent.stdout.readline()))
    assert child.is_running()
    parent.kill()
    parent.communicate()
    assert psutil.wait_procs([child], timeout=60)[1] == []
