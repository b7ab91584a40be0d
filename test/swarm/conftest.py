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

"""What the swarm tests share: a DDS domain of their own, and processes that are really ended."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest
from domains import own_domain
from ros_commands import for_launched

Run = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def environment() -> dict[str, str]:
    """Ours, but on a domain that nobody else uses, and on this machine only."""
    return {
        **os.environ,
        "ROS_DOMAIN_ID": str(own_domain()),
        "ROS_AUTOMATIC_DISCOVERY_RANGE": "LOCALHOST",
    }


@pytest.fixture
def edge_infer(environment: dict[str, str]) -> Iterator[Run]:
    """Starts `edge-infer ...`; whatever still runs at the end of the test is killed."""
    processes: list[subprocess.Popen[str]] = []

    def start(*arguments: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-m", "edge_infer", *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment,
        )
        processes.append(process)
        return process

    yield start
    for process in processes:
        if process.poll() is None:
            process.kill()
        process.communicate()


@pytest.fixture
def ros_environment(environment: dict[str, str]) -> Iterator[dict[str, str]]:
    """A domain of its own, and what is installed here for the nodes that `ros2 launch` starts."""
    env = for_launched(environment)
    yield env
    subprocess.run(["ros2", "daemon", "stop"], env=env, capture_output=True, check=False)
