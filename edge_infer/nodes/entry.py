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

"""Starts nodes in a process: what the executables and ``edge-infer node`` run.

SIGINT and SIGTERM end a process cleanly with code 0; what a user can put right
ends it with one sentence and code 2, or 3 when another drone has its name, so
that whoever starts it again knows when that is no help.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import ExitStack

from edge_infer.errors import EdgeInferError, NameTakenError
from edge_infer.nodes.drone import start_drone
from edge_infer.nodes.registry import NODES, Closable, start_node
from edge_infer.runtime.api import Runtime
from edge_infer.runtime.selection import open_runtime

NAME_TAKEN = 3
"""Exit code."""

EXECUTABLES = ("drone", *NODES)


def run(
    name: str,
    runtime_choice: str = "auto",
    args: Sequence[str] = (),
    until_eof: bool = False,
    beside: Callable[[Runtime], Closable] | None = None,
) -> int:
    """Run a node, or a whole drone, until a signal comes.

    Args:
        name: one of EXECUTABLES.
        runtime_choice: auto, ros or embedded.
        args: what follows on the command line, ``--ros-args`` included.
        until_eof: end, too, when standard input does.
        beside: makes what is to run in the same process, before the nodes.

    Returns:
        The exit code.
    """
    try:
        with ExitStack() as stack:
            runtime = open_runtime(runtime_choice, list(args))
            stack.callback(runtime.shutdown)
            for number in (signal.SIGINT, signal.SIGTERM):
                signal.signal(number, lambda *_: runtime.stop())
            if until_eof:
                threading.Thread(target=_stop_at_eof, args=(runtime,), daemon=True).start()
            if beside:
                stack.callback(beside(runtime).close)
            for node in start(name, runtime):
                stack.callback(node.close)
            runtime.spin()
    except NameTakenError as error:
        return _say(f"{name}: {error}", NAME_TAKEN)
    except EdgeInferError as error:
        return _say(f"{name}: {error}")
    except ModuleNotFoundError as error:
        return _say(
            f"{name}: the Python package {error.name} is missing: install edge_infer with its "
            f"dependencies, pip install -e ., for {sys.executable}"
        )
    except KeyboardInterrupt:  # while it was still starting
        return 0
    return 0


def _say(sentence: str, code: int = 2) -> int:
    print(sentence, file=sys.stderr)  # noqa: T201
    return code


def _stop_at_eof(runtime: Runtime) -> None:
    """A pipe from the parent ends with it, whatever ended it."""
    while os.read(sys.stdin.fileno(), 1024):
        pass
    runtime.stop()


def start(name: str, runtime: Runtime) -> list[Closable]:
    """Make one node, or all nodes of a drone; the caller closes them."""
    if name == "drone":
        return start_drone(runtime)
    return [start_node(runtime, name)]


def _main(name: str) -> int:
    return run(name, args=sys.argv[1:])


def camera() -> int:
    """The executable camera_node."""
    return _main("camera")


def detector() -> int:
    """The executable detector_node."""
    return _main("detector")


def georeferencer() -> int:
    """The executable georeferencer_node."""
    return _main("georeferencer")


def coordinator() -> int:
    """The executable coordinator_node."""
    return _main("coordinator")


def heartbeat() -> int:
    """The executable heartbeat_node."""
    return _main("heartbeat")


def updater() -> int:
    """The executable updater_node."""
    return _main("updater")


def rollout() -> int:
    """The executable rollout_node."""
    return _main("rollout")


def dashboard() -> int:
    """The executable dashboard_node."""
    return _main("dashboard")


def foxglove() -> int:
    """The executable foxglove_node."""
    return _main("foxglove")


def drone() -> int:
    """The executable drone_node: all nodes of one drone in one process."""
    return _main("drone")
