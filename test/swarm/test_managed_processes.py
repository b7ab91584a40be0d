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

"""Managed nodes as processes: each in each state, ended by either signal."""

from __future__ import annotations

import logging
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from operator_station import Operator

from edge_infer.runtime import selection

pytestmark = pytest.mark.swarm

Run = Callable[..., "subprocess.Popen[str]"]

log = logging.getLogger(__name__)

WAYS = {
    "unconfigured": (),
    "inactive": ("configure",),
    "active": ("configure", "activate"),
    "finalized": ("shutdown",),
}


@pytest.fixture
def operator(environment: dict[str, str]) -> Iterator[Operator]:
    with Operator(environment) as operator:
        yield operator


def ended(process: subprocess.Popen[str], number: int) -> float:
    """Seconds that it took to end cleanly."""
    begin_s = time.monotonic()
    process.send_signal(number)
    _, err = process.communicate(timeout=30.0)
    assert process.returncode == 0, err
    assert "Traceback" not in err
    return time.monotonic() - begin_s


@pytest.mark.parametrize("runtime", ["embedded", pytest.param("ros", marks=pytest.mark.ros)])
@pytest.mark.parametrize("name", ["detector", "coordinator", "updater"])
def test_either_signal_ends_it_cleanly_in_each_state(
    edge_infer: Run, operator: Operator, tmp_path: Path, name: str, runtime: str
) -> None:
    if reason := selection.available()[runtime]:
        pytest.skip(reason)
    settings = []
    if name == "updater":
        edge_infer("keys", "init", str(tmp_path / "keys")).wait()
        settings = ["-p", f"root:={tmp_path}/keys/root.json"]
    cases = [(state, number) for state in WAYS for number in (signal.SIGINT, signal.SIGTERM)]
    processes = []
    for state, number in cases:
        namespace = f"/{state}_{number.name.lower()}"
        words = ("--runtime", runtime, "--ros-args", "-p", "autostart:=false", *settings)
        place = ("-r", f"__ns:={namespace}", "-p", f"state_dir:={tmp_path}")
        processes.append(edge_infer("node", name, *words, *place))
    for state, number in cases:
        node = f"/{state}_{number.name.lower()}/{name}"
        for label in WAYS[state]:
            assert operator.change(node, label), (node, label)
        assert operator.state(node) == state
    took_s = {
        (state, number.name): ended(process, number)
        for process, (state, number) in zip(processes, cases, strict=True)
    }
    log.info("%s on %s: %s", name, runtime, {case: f"{s:.2f} s" for case, s in took_s.items()})


@pytest.mark.parametrize("name", ["camera", "heartbeat", "dashboard"])
def test_either_signal_ends_the_others_cleanly(
    edge_infer: Run, operator: Operator, tmp_path: Path, name: str
) -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        namespace = f"/{number.name.lower()}"
        state_dir = f"state_dir:={tmp_path}"
        process = edge_infer(
            "node", name, "--ros-args", "-r", f"__ns:={namespace}", "-p", state_dir
        )
        assert operator.sees(name, namespace)
        ended(process, number)


def test_a_node_that_cannot_be_configured_says_why_and_goes_on(
    edge_infer: Run, operator: Operator, tmp_path: Path
) -> None:
    words = ("--runtime", "embedded", "--ros-args", "-p", "autostart:=false", "-r", "__ns:=/d")
    nowhere = f"model:={tmp_path}/nowhere"
    process = edge_infer("node", "detector", *words, "-p", f"state_dir:={tmp_path}", "-p", nowhere)
    assert not operator.change("/d/detector", "configure")
    assert operator.state("/d/detector") == "unconfigured"
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=30.0)
    assert process.returncode == 0
    assert f"{tmp_path}/nowhere" in err
    assert "Traceback" not in err
