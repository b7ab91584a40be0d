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

"""Drones killed in the middle of their installations: whatever they did, a whole model boots.

The full figure is EDGE_INFER_KILLS=200.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import kill_peer
import pytest
from slot_scene import Drone, bundle

KILLS = int(os.environ.get("EDGE_INFER_KILLS", "30"))
SEED = 20
MOST_DOTS = 90
"""About what two releases take."""


@pytest.fixture
def peer() -> Iterator[subprocess.Popen[bytes]]:
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), *sys.path])}
    pipe = subprocess.PIPE
    command = [sys.executable, kill_peer.__file__]
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, bufsize=0, env=environ) as process:
        yield process
        process.stdin.close()
        process.wait(30)


def kill_one(peer: subprocess.Popen[bytes], folder: Path, dots: int) -> bool:
    """Start a drone and kill it after so many operations; whether it was still at it."""
    peer.stdin.write(f"{folder}\n".encode())
    pid = int(peer.stdout.readline())
    said = b""
    while len(said) < dots and b"end" not in said:
        said += peer.stdout.read(min(dots - len(said), 3))
    os.kill(pid, signal.SIGKILL)
    peer.stdin.write(b"\n")
    rest = said + peer.stdout.readline()
    assert rest.endswith(b"dead\n")
    return b"end" not in rest


def test_a_drone_that_is_killed_boots_a_whole_model(
    tmp_path: Path, peer: subprocess.Popen[bytes]
) -> None:
    luck = random.Random(SEED)
    kills = epoch = committed = 0
    folder = tmp_path / "0"
    booted = set()
    while kills < KILLS:
        was_killed = kill_one(peer, folder, luck.randint(1, MOST_DOTS))
        kills += was_killed
        drone = Drone(folder, most_boots=1_000_000)
        flies = drone.boot()
        drone.check()
        state = drone.slots.state
        now = state.committed.release.number if state.committed else 0
        assert now >= committed
        assert flies in (now, state.trial.release.number if state.trial else now)
        assert all(state.reason_against(bundle(n)[0].digest) for n in range(3, now, 3))
        committed = now
        booted.add(flies)
        if not was_killed:
            assert committed == kill_peer.RELEASES - 1
            epoch, committed = epoch + 1, 0
            folder = tmp_path / str(epoch)
    kill_peer.install_all(drone)
    assert Drone(folder).boot() == kill_peer.RELEASES - 1
    assert len(booted) > 3
