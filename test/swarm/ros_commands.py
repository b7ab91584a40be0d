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

"""The ros2 command line, as tests use it."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sysconfig
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from edge_infer.runtime import selection

Environment = dict[str, str]

NEEDS_ROS = [
    pytest.mark.ros,
    pytest.mark.swarm,
    pytest.mark.skipif(
        selection.available()["ros"] is not None or shutil.which("ros2") is None,
        reason=str(selection.available()["ros"] or "there is no ros2 command"),
    ),
]


def for_launched(env: Environment) -> Environment:
    """With what is installed here, for nodes that ROS 2 starts with a Python of its own."""
    packages = sysconfig.get_paths()["purelib"]
    return {**env, "PYTHONPATH": f"{env.get('PYTHONPATH', '')}:{packages}"}


def ros2(env: Environment, *arguments: str, timeout_s: float = 30.0) -> str:
    """What a command prints; it must succeed."""
    done = tried(env, *arguments, timeout_s=timeout_s)
    assert done.returncode == 0, done.stderr
    return done.stdout


def tried(
    env: Environment, *arguments: str, timeout_s: float = 30.0
) -> subprocess.CompletedProcess[str]:
    """A command that may fail."""
    return subprocess.run(
        ["ros2", *arguments],
        env=env,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
    )


@contextmanager
def launched(env: Environment, log: Path, file: str, *arguments: str) -> Iterator[None]:
    """What a launch file starts, ended by Ctrl-C: cleanly. Its output goes to the log."""
    with log.open("w") as out:
        launch = subprocess.Popen(
            ["ros2", "launch", "edge_infer", file, *arguments],
            env=env,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        yield
    finally:
        os.killpg(launch.pid, signal.SIGINT)
        code = launch.wait(30)
    text = log.read_text()
    assert code == 0, text
    assert "Traceback" not in text, text


def until(look: Callable[[], Any], timeout_s: float = 60.0) -> Any:
    """What a look finds, as soon as it finds something."""
    deadline_s = time.monotonic() + timeout_s
    while time.monotonic() < deadline_s:
        found = look()
        if found:
            return found
    raise AssertionError("it did not happen in time")
