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

"""nav2's lifecycle manager takes our nodes up, pauses them and shuts them down."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest
from operator_station import Operator
from ros_commands import NEEDS_ROS, Environment, ros2, tried, until

pytestmark = NEEDS_ROS

Run = Callable[..., "subprocess.Popen[str]"]
PACKAGE = "nav2_lifecycle_manager"
NODES = ("georeferencer", "coordinator")
PAUSE, RESUME, SHUTDOWN = 1, 2, 4
"""Commands of nav2_msgs/srv/ManageLifecycleNodes."""


def started(env: Environment) -> subprocess.Popen[bytes]:
    """A manager of our nodes."""
    return subprocess.Popen(
        [
            *("ros2", "run", PACKAGE, "lifecycle_manager", "--ros-args"),
            *("-p", f"node_names:=[{', '.join(f'/d/{name}' for name in NODES)}]"),
            *("-p", "autostart:=true", "-p", "bond_timeout:=0.0"),
        ],
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def ended(manager: subprocess.Popen[bytes]) -> None:
    os.killpg(manager.pid, signal.SIGKILL)  # `ros2 run` hands no other signal on
    manager.wait(30)


@pytest.mark.parametrize("runtime", ["ros", "embedded"])
def test_it_manages_our_nodes(
    ros_environment: Environment,
    edge_infer: Run,
    tmp_path: Path,
    runtime: str,
) -> None:
    env = ros_environment
    if PACKAGE not in tried(env, "pkg", "list").stdout.split():
        pytest.skip(f"there is no {PACKAGE} here")
    for name in NODES:
        words = ("--ros-args", "-r", "__ns:=/d", "-p", "autostart:=false")
        edge_infer("node", name, "--runtime", runtime, *words, "-p", f"state_dir:={tmp_path}")

    def manage(command: int) -> None:
        service = "/lifecycle_manager/manage_nodes"
        words = ("service", "call", service, "nav2_msgs/srv/ManageLifecycleNodes")
        assert "success=True" in ros2(env, *words, f"{{command: {command}}}", timeout_s=60.0)

    with Operator(env) as operator, ExitStack() as stack:

        def states() -> set[str]:
            return {operator.state(f"/d/{name}") for name in NODES}

        def states_soon() -> set[str]:
            """Not too often: a service keeps ten answers, for whomever, and theirs counts."""
            operator.runtime.spin_until(lambda: False, 1.0)
            return states()

        # The manager waits a few seconds for nodes that are not there, and gives up.
        assert states() == {"unconfigured"}
        stack.callback(ended, started(env))
        until(lambda: states_soon() == {"active"})
        manage(PAUSE)
        assert states() == {"inactive"}
        manage(RESUME)
        assert states() == {"active"}
        manage(SHUTDOWN)
        assert states() == {"finalized"}
