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

"""Every command of the README runs, here or in .ci/run, as it stands there."""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

import cv2
import numpy as np
import pytest
from domains import own_domain

from edge_infer.runtime import selection

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
CI = (ROOT / ".ci" / "run").read_text()


def commands() -> list[str]:
    """The lines of all shell blocks and all inline commands, continuation lines joined."""
    blocks = re.findall(r"^```(\w*)\n(.*?)^```", README, re.DOTALL | re.MULTILINE)
    shell = [block for language, block in blocks if language in ("", "bash")]
    lines = "\n".join(shell).replace("\\\n", " ").splitlines()
    inline = re.findall(r"`((?:make|edge-infer) [^`]+)`", README)
    stripped = [re.sub(r"\s{2,}#.*$", "", line).strip() for line in [*lines, *inline]]
    return sorted({re.sub(r"\s+", " ", line) for line in stripped if line})


BY_CI = [c for c in commands() if c.startswith(("make ", "pip ", "colcon ", "source "))]
BY_ROS = [c for c in commands() if c.startswith("ros2 ")]
HERE = [c for c in commands() if c.startswith("edge-infer ")]

needs_ros = pytest.mark.skipif(
    selection.available()["ros"] is not None, reason=str(selection.available()["ros"])
)


def test_every_command_is_run_somewhere() -> None:
    assert sorted(BY_CI + BY_ROS + HERE) == commands()
    assert len(commands()) > 8


@pytest.mark.parametrize("command", BY_CI)
def test_ci_runs(command: str) -> None:
    if command in ("make swarm", "make test"):
        command = command.removeprefix("make ")  # `make check test`; swarm with arguments
        assert re.search(rf"^\s*make .*\b{command}\b", CI, re.MULTILINE)
    elif command.startswith("pip "):
        assert "pip install" in (ROOT / "Makefile").read_text()
    else:
        assert command in CI


@pytest.fixture
def environment() -> dict[str, str]:
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    return {
        **os.environ,
        "PATH": path,
        "ROS_DOMAIN_ID": str(own_domain()),
        "ROS_AUTOMATIC_DISCOVERY_RANGE": "LOCALHOST",
    }


@pytest.mark.parametrize("command", HERE)
def test_it_runs_without_ros(command: str, environment: dict[str, str], tmp_path: Path) -> None:
    images = tmp_path / "my_images"
    images.mkdir()
    cv2.imwrite(str(images / "a.png"), np.zeros((64, 64), np.uint8))
    if "my_detector" in command:
        bring_a_detector(tmp_path)
    words = shlex.split(command)
    if "mixed" in words:
        if selection.available()["ros"] is not None:
            pytest.skip("a mixed swarm needs ROS 2")
        words += ["--drones", "2", "--duration", "3", "--headless"]
    with coordinator(environment, tmp_path) if "fleet" in words else nullcontext():
        done = subprocess.run(
            words,
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
    assert done.returncode == 0, done.stderr
    assert done.stdout


@contextmanager
def coordinator(environment: dict[str, str], folder: Path) -> Iterator[None]:
    """Something that a look at the fleet can find."""
    words = ["edge-infer", "node", "coordinator", "--ros-args", "-p", f"state_dir:={folder}"]
    process = subprocess.Popen(words, env=environment)
    try:
        yield
    finally:
        process.terminate()
        assert process.wait(20) == 0


def bring_a_detector(folder: Path) -> None:
    """my_detector.onnx with labels.txt, and what packing makes of them."""
    pytest.importorskip("onnx", reason="needs the extra train: onnx is not installed")
    from tiny_bundles import one_look

    from edge_infer.cli.main import main

    places = np.zeros((6, 420), np.float32)  # of two labels, at strides 8, 16 and 32
    network = one_look(folder / "made", places, ("hot", "cold")).weights("onnx")
    (folder / "my_detector.onnx").write_bytes(network.read_bytes())
    (folder / "labels.txt").write_text("hot\ncold\n")
    packed = [
        "model",
        "pack",
        str(folder / "my_detector.onnx"),
        "--out",
        str(folder / "my_detector"),
    ]
    assert main([*packed, "--labels", str(folder / "labels.txt")]) == 0


@pytest.fixture
def launched(environment: dict[str, str], tmp_path: Path) -> Iterator[dict[str, str]]:
    """What the README launches, flying."""
    (launch,) = (c for c in BY_ROS if c.startswith("ros2 launch"))
    environment["XDG_STATE_HOME"] = str(tmp_path)
    # The nodes run with the Python of `ros2`, which finds what is installed here.
    packages = sysconfig.get_paths()["purelib"]
    environment["PYTHONPATH"] = f"{environment['PYTHONPATH']}:{packages}"
    environment["PATH"] = os.environ["PATH"]
    words = [*shlex.split(launch), "port:=0"]
    process = subprocess.Popen(words, env=environment, start_new_session=True)
    yield environment
    os.killpg(process.pid, signal.SIGINT)
    subprocess.run(["ros2", "daemon", "stop"], env=environment, capture_output=True, check=False)
    assert process.wait(30) == 0


@needs_ros
@pytest.mark.ros
@pytest.mark.swarm
def test_it_runs_under_ros(launched: dict[str, str]) -> None:
    for command in (c for c in BY_ROS if "echo" in c or "service call" in c):
        done = subprocess.run(
            shlex.split(command),
            env=launched,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert "coordinator" in done.stdout
    nodes = {"drone_1": "detector", "drone_7": "georeferencer"}
    for command in (c for c in BY_ROS if c.startswith("ros2 run")):
        run_node(command, launched, nodes)
    assert nodes == {}


def run_node(command: str, env: dict[str, str], nodes: dict[str, str]) -> None:
    """Run one node until `ros2 node list` shows it, and end it; another of that name may fly."""
    drone = next(drone for drone in nodes if drone in command)
    name = f"/{drone}/{nodes.pop(drone)}"
    before = listed(env).count(name)
    process = subprocess.Popen(shlex.split(command), env=env, start_new_session=True)
    try:
        for _ in range(20):
            if listed(env).count(name) > before:
                return
        raise AssertionError(f"{name} did not appear")
    finally:
        os.killpg(process.pid, signal.SIGINT)
        assert process.wait(20) == 0


def listed(env: dict[str, str]) -> list[str]:
    """The nodes that ROS 2 sees."""
    command = ["ros2", "node", "list", "--no-daemon"]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=True)
    return done.stdout.split()
