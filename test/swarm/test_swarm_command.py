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

"""Whole swarms: real processes, real DDS, the shipped model, the simulated farm."""

from __future__ import annotations

import contextlib
import json
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

pytestmark = pytest.mark.swarm

Run = Callable[..., "subprocess.Popen[str]"]


def finished(process: subprocess.Popen[str], timeout_s: float = 120.0) -> tuple[str, str]:
    out, err = process.communicate(timeout=timeout_s)
    assert process.returncode == 0, err
    assert "Traceback" not in err
    return out, err


def wait_until(condition: Callable[[], Any], timeout_s: float = 60.0) -> Any:
    """Poll until something is true; a deadline, not a guess, ends it."""
    deadline_s = time.monotonic() + timeout_s
    while time.monotonic() < deadline_s:
        value = condition()
        if value:
            return value
        time.sleep(0.05)  # between two looks
    raise AssertionError("it did not happen in time")


def drone_processes(swarm: subprocess.Popen[str]) -> dict[str, psutil.Process]:
    found = {}
    for child in psutil.Process(swarm.pid).children(recursive=True):
        with contextlib.suppress(psutil.Error):  # it ended meanwhile
            words = child.cmdline()
            names = [word.split("/")[-1] for word in words if word.startswith("__ns:=/drone_")]
            if names:
                found[names[0]] = child
    return found


@pytest.fixture
def port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def seen_on_the_page(port: int) -> dict[str, Any]:
    """The drones by name, as the page shows them; empty before there is a page."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/snapshot", timeout=5) as answer:
            snapshot = json.load(answer)
    except (urllib.error.URLError, ConnectionError, json.JSONDecodeError):
        return {}
    return {drone["name"]: drone for drone in (snapshot or {}).get("drones", [])}


def check(report: dict[str, Any], drones: int) -> None:
    assert [drone["name"] for drone in report["drones"]] == [
        f"drone_{number}" for number in range(1, drones + 1)
    ]
    for drone in report["drones"]:
        frames = drone["frames"]
        assert frames["received"] > 0
        assert frames["received"] == frames["processed"] + frames["dropped"]
        assert set(drone["sightings"]) == {"published", "suppressed"}
        assert drone["latency_ms"]["infer"]["p50"] > 0
    truth = report["truth"]
    assert truth["precision"] >= 0.9
    assert truth["recall"] >= 0.9
    assert truth["reported_twice"] == 0
    assert truth["found"] + truth["missed"] == truth["faults_in_view"]
    assert report["duplicates_removed"] > 0
    assert report["replicas_agree"] is True
    assert report["latency_ms"]["frame_to_target_elsewhere"]["count"] > 0
    known = {f"drone_{number}" for number in range(1, drones + 1)}
    for target in report["targets"]:
        assert set(target["sources"]) <= known
        assert 0 < target["score"] <= 1


@pytest.mark.parametrize("topology", ["mesh", "star"])
def test_a_swarm_finds_the_faults_and_agrees(
    edge_infer: Run, tmp_path: Path, topology: str
) -> None:
    file = tmp_path / "r.json"
    out, _ = finished(
        edge_infer(
            *("swarm", "--drones", "3", "--duration", "12", "--seed", "4", "--headless"),
            *("--topology", topology, "--report", str(file)),
        )
    )
    report = json.loads(file.read_text())
    check(report, drones=3)
    assert report["seed"] == 4
    assert report["replicas"] == (4 if topology == "mesh" else 2)
    assert "replicas agree" in out


def test_a_hybrid_of_two_clusters_agrees_through_its_heads(edge_infer: Run, tmp_path: Path) -> None:
    file = tmp_path / "r.json"
    finished(
        edge_infer(
            *("swarm", "--drones", "3", "--duration", "12", "--seed", "4", "--headless"),
            *("--topology", "hybrid", "--clusters", "2", "--report", str(file)),
        )
    )
    report = json.loads(file.read_text())
    check(report, drones=3)
    assert report["replicas"] == 4


def test_clusters_that_make_no_sense_are_refused(edge_infer: Run) -> None:
    for arguments, sentence in (
        (("--clusters", "2"), "a mesh has no clusters"),
        (("--topology", "hybrid", "--drones", "2", "--clusters", "3"), "cannot make 3 clusters"),
    ):
        process = edge_infer("swarm", "--headless", *arguments)
        _, err = process.communicate(timeout=60)
        assert process.returncode == 2
        assert sentence in err


def test_a_drone_that_is_killed_comes_back_and_all_agree(
    edge_infer: Run, tmp_path: Path, port: int
) -> None:
    file = tmp_path / "r.json"
    swarm = edge_infer("swarm", "--drones", "3", "--port", str(port), "--report", str(file))

    def flown(drone: str, frames: int, restarts: int) -> bool:
        seen = seen_on_the_page(port).get(drone)
        return bool(seen and seen["received"] >= frames and seen["restarts"] == restarts)

    wait_until(lambda: all(flown(f"drone_{n}", frames=10, restarts=0) for n in (1, 2, 3)))
    drone_processes(swarm)["drone_2"].kill()
    before = seen_on_the_page(port)["drone_2"]["received"]
    wait_until(lambda: flown("drone_2", frames=before + 10, restarts=1))
    swarm.send_signal(signal.SIGINT)
    _, err = finished(swarm)
    assert "drone_2 ended with code -9 and is started again" in err
    report = json.loads(file.read_text())
    assert [drone["restarts"] for drone in report["drones"]] == [0, 1, 0]
    assert report["replicas_agree"] is True


def test_ctrl_c_ends_everything(edge_infer: Run) -> None:
    swarm = edge_infer("swarm", "--drones", "2", "--headless")
    drones = wait_until(lambda: len(d := drone_processes(swarm)) == 2 and d)
    swarm.send_signal(signal.SIGINT)
    finished(swarm, timeout_s=30)
    assert not any(process.is_running() for process in drones.values())


def test_no_drone_outlives_a_swarm_that_was_killed(edge_infer: Run) -> None:
    swarm = edge_infer("swarm", "--drones", "2", "--headless")
    drones = wait_until(lambda: len(d := drone_processes(swarm)) == 2 and d)
    swarm.kill()
    _, alive = psutil.wait_procs(drones.values(), timeout=30)
    assert alive == []


def refused(process: subprocess.Popen[str]) -> str:
    out, err = process.communicate(timeout=60)
    assert process.returncode == 2
    assert out == ""
    assert len(err.strip().splitlines()) == 1, err
    return err


def test_a_second_swarm_on_the_domain_is_refused(edge_infer: Run, port: int) -> None:
    first = edge_infer("swarm", "--drones", "1", "--port", str(port))
    wait_until(lambda: "drone_1" in seen_on_the_page(port))
    err = refused(edge_infer("swarm", "--drones", "1", "--headless"))
    assert "another swarm flies on DDS domain" in err
    assert "--domain" in err
    assert first.poll() is None
    first.send_signal(signal.SIGINT)
    finished(first)


def test_a_port_in_use_is_refused(edge_infer: Run) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert f"port {port} is in use" in refused(edge_infer("swarm", "--port", str(port)))


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--model", "/nowhere"], "model bundle /nowhere is not there"),
        (["--modules", "/nowhere.npz"], "/nowhere.npz"),
        (["--report", "/nowhere/r.json"], "cannot be written"),
        (["--domain", "999"], "no DDS domain 999"),
        (["--seed", "-1"], "--seed -1 is negative"),
        (["--drones", "1000"], "too many for one machine"),
    ],
)
def test_what_cannot_fly_is_one_sentence(
    edge_infer: Run, arguments: list[str], expected: str
) -> None:
    assert expected in refused(edge_infer("swarm", "--headless", *arguments))
