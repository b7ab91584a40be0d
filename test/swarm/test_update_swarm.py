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

"""A model published in flight: real processes, real DDS, real signatures, the shipped networks."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from test_swarm_command import port, wait_until

pytestmark = pytest.mark.swarm
__all__ = ["port"]

DRONES = ("drone_1", "drone_2", "drone_3")
FIRST, NEXT = 5, 6
ALL_WAVES_S = 240.0
"""On a machine that does other things, too."""


def snapshot(port: int) -> dict[str, Any]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/snapshot", timeout=5) as answer:
            return json.load(answer) or {}
    except (urllib.error.URLError, ConnectionError, json.JSONDecodeError):
        return {}


def rollout_state(port: int) -> str:
    return str((snapshot(port).get("rollout") or {}).get("state"))


def landed(swarm: subprocess.Popen[str], report: Path) -> dict[str, Any]:
    swarm.send_signal(signal.SIGINT)
    _, err = swarm.communicate(timeout=60)
    assert swarm.returncode == 0, err
    assert "Traceback" not in err
    return dict(json.loads(report.read_text()))


Fly = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def fly(edge_infer: Fly, port: int, tmp_path: Path) -> Callable[[str], subprocess.Popen[str]]:
    report = tmp_path / "r.json"
    words = ["swarm", "--drones", str(len(DRONES)), "--port", str(port), "--report", str(report)]
    return lambda kind: edge_infer(*words, "--update", kind)


def test_a_better_model_goes_through_the_fleet_in_waves(
    fly: Callable[[str], subprocess.Popen[str]], port: int, tmp_path: Path
) -> None:
    swarm = fly("good")
    seen: list[int] = []

    def through() -> bool:
        now = snapshot(port)
        have = sum(drone["model_release"] == NEXT for drone in now.get("drones", []))
        if not seen or have != seen[-1]:
            seen.append(have)
        return rollout_state(port) == "done" and have == len(DRONES)

    wait_until(through, ALL_WAVES_S)
    assert seen == sorted(seen)
    assert 1 in seen  # the canary, alone
    wait_until(
        lambda: all(d["update_state"] == "COMMITTED" for d in snapshot(port)["drones"]), 60.0
    )
    report = landed(swarm, tmp_path / "r.json")
    assert {d["running_release"] for d in report["update"]["drones"].values()} == {NEXT}
    for drone in report["drones"]:
        frames = drone["frames"]
        assert frames["received"] == frames["processed"] + frames["dropped"]


def test_a_bad_model_goes_back_and_only_its_canary_ever_had_it(
    fly: Callable[[str], subprocess.Popen[str]], port: int, tmp_path: Path
) -> None:
    swarm = fly("bad")
    wait_until(lambda: rollout_state(port) == "aborted", ALL_WAVES_S)
    wait_until(
        lambda: any(d["update_state"] == "ROLLED_BACK" for d in snapshot(port)["drones"]), 30.0
    )
    report = landed(swarm, tmp_path / "r.json")["update"]
    drones = report["drones"]
    assert {drone["running_release"] for drone in drones.values()} == {FIRST}
    (canary,) = report["rollout"]["drones"]
    assert {name: drone["installs"] for name, drone in drones.items()} == {
        name: int(name == canary) for name in DRONES
    }
    assert drones[canary]["rollbacks"] == 1
    assert canary in report["rollout"]["reason"]


def test_a_drone_without_a_root_of_trust_says_so_in_a_sentence() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "edge_infer", "node", "updater", "--runtime", "embedded"],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 2
    assert "no root of trust is given" in done.stderr
    assert "Traceback" not in done.stderr
