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

"""Twenty drones started at once on one machine: how long until every managed node is active.

Each drone is a process as the launch file starts it, composed, with a simulated camera at one
frame a second and an engine that is named, as the launch files and ``edge-infer swarm`` do. With
every middleware setting in turn: none, and the file that we ship for one machine. What is
active is asked over the wire, by the lifecycle's services.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from edge_infer.bench.harness import Goal, Progress, Report, Row, rounded
from edge_infer.runtime import selection
from edge_infer.runtime.api import Runtime
from edge_infer.runtime.embedded.runtime import EmbeddedRuntime
from edge_infer.swarm.processes import ManagedProcess, child_environment, node_command

DRONES = 20
MANAGED = ("detector", "georeferencer", "coordinator")
PATIENCE_S = 180.0
GOAL_S = 60.0
LOOPBACK = Path(__file__).parents[2] / "config" / "dds" / "loopback.xml"
_END_S = 20.0
_ACTIVE = "active"


def run(progress: Progress) -> Report:
    """Start the fleet once for each runtime and setting.

    Raises:
        RuntimeUnavailableError: there is no Cyclone DDS.
    """
    settings: dict[str, Mapping[str, str]] = {"none": {}}
    if LOOPBACK.exists():
        settings["loopback.xml"] = {"CYCLONEDDS_URI": f"file://{LOOPBACK}"}
    absent = selection.available()
    runtimes = [name for name in ("embedded", "ros") if absent[name] is None]
    rows: list[Row] = []
    goals: list[Goal] = []
    for runtime in runtimes:
        for setting, variables in settings.items():
            progress(f"{DRONES} drones on {runtime}, DDS setting: {setting}")
            took_s = all_active_s(runtime, variables)
            active = len(took_s)
            last_s = max(took_s.values(), default=0.0) if active == DRONES else None
            rows.append(
                {
                    "runtime": runtime,
                    "DDS setting": setting,
                    "drones active": active,
                    "first after s": rounded(min(took_s.values())) if took_s else None,
                    "last after s": None if last_s is None else rounded(last_s),
                }
            )
            what = f"all of {DRONES} active, {runtime}, {setting}"
            goals.append(Goal(what, GOAL_S, None if last_s is None else rounded(last_s), "s"))
    if len(settings) == 1:
        rows.append({"left out": LOOPBACK.name, "why": f"{LOOPBACK} is not there: run a checkout"})
    return Report("launch", rows, goals)


def all_active_s(runtime: str, variables: Mapping[str, str]) -> dict[str, float]:
    """Start a fleet, and give for each drone when its nodes were seen to be active, seconds."""
    environment = {
        **child_environment(),
        "ROS_DOMAIN_ID": str(random.randint(1, 100)),
        "ROS_AUTOMATIC_DISCOVERY_RANGE": "LOCALHOST",
        **variables,
    }
    ground = EmbeddedRuntime([], environment)
    try:
        with TemporaryDirectory(prefix="edge_infer_") as folder:
            begin_s = time.monotonic()
            with _fleet(runtime, Path(folder), environment):
                return _watch(ground, begin_s)
    finally:
        ground.shutdown()


def _watch(ground: Runtime, begin_s: float) -> dict[str, float]:
    node = ground.create_node("bench_operator")
    srv_type: Any = node.messages["lifecycle_msgs/srv/GetState"]
    names = [f"drone_{number}" for number in range(1, DRONES + 1)]
    waiting = {
        (drone, each): node.create_client(srv_type, f"/{drone}/{each}/get_state")
        for drone in names
        for each in MANAGED
    }
    calls: dict[tuple[str, str], Any] = {}
    active_s: dict[str, float] = {}

    def look() -> bool:
        for key, client in list(waiting.items()):
            call = calls.get(key)
            if call is None:
                if client.service_is_ready():
                    calls[key] = client.call_async(srv_type.Request())
            elif call.done():
                del calls[key]
                if call.result().current_state.label == _ACTIVE:
                    del waiting[key]
                    if not any(drone == key[0] for drone, _ in waiting):
                        active_s[key[0]] = time.monotonic() - begin_s
        return not waiting

    deadline_s = begin_s + PATIENCE_S
    while not look() and time.monotonic() < deadline_s:
        ground.spin_until(lambda: bool(calls) and all(c.done() for c in calls.values()), 0.2)
    return active_s


@contextmanager
def _fleet(runtime: str, folder: Path, environment: Mapping[str, str]) -> Iterator[None]:
    """All drones at once, ended on leaving."""
    processes = [
        ManagedProcess(
            f"drone_{number}",
            node_command("drone", runtime, _arguments(number, folder)),
            folder / f"drone_{number}.log",
            environment,
        )
        for number in range(1, DRONES + 1)
    ]
    try:
        for process in processes:
            process.start()
        yield
    finally:
        for process in processes:
            process.interrupt()
        deadline_s = time.monotonic() + _END_S
        for process in processes:
            process.join(deadline_s)


def _arguments(number: int, folder: Path) -> Sequence[str]:
    parameters = {
        "drone:state_dir": folder,
        "detector:backend": "onnx",
        "camera:rate_hz": 1.0,
        "camera:drones": DRONES,
        "camera:drone": number - 1,
    }
    given = [word for key, value in parameters.items() for word in ("-p", f"{key}:={value}")]
    return ["-r", f"__ns:=/drone_{number}", *given]
