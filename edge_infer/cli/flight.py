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

"""One run of a swarm: start the drones, watch them, land them, report.

The ground station is this process; the drones do not need it to agree, only
the report and the page do.
"""

from __future__ import annotations

import os
import signal
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from rich.console import Console
from rich.live import Live

from edge_infer.cli.flight_recorder import record_flight
from edge_infer.cli.in_flight_update import InFlightUpdate
from edge_infer.dashboard.snapshot import Snapshot
from edge_infer.errors import UsageError
from edge_infer.models.bundle import ModelBundle, shipped
from edge_infer.nodes.dashboard.node import DashboardConfig, DashboardNode
from edge_infer.nodes.identity import Identity
from edge_infer.perception.serving import AUTO, choose
from edge_infer.runtime.selection import open_runtime
from edge_infer.simulation.layout import FarmConfig
from edge_infer.simulation.real_modules import RealModules
from edge_infer.swarm.processes import ManagedProcess, child_environment, node_command
from edge_infer.swarm.report import build_report, update_report
from edge_infer.swarm.table import drone_table

STATION = "ground_station"
NEIGHBOURS_S = 1.0
"""How long to listen for another swarm before starting."""
LANDING_S = 10.0
"""How long the last frames and sightings may take to be accounted for."""
LOOK_S = 0.25
START_S = 60.0
PUBLISH_S = 5.0
"""How long the fleet flies before another model is published."""


@dataclass(frozen=True)
class Plan:
    """What is to fly.

    Attributes:
        drones: how many processes.
        seed: of the world.
        topology: mesh, star or hybrid.
        clusters: each drone's; empty names where there are none.
        rate_hz: frames per second of each camera.
        modules, model: files, absolute; empty for drawn modules and the shipped model.
        runtime: auto, ros, embedded, or mixed (alternating).
        update: a model that is published in flight, good or bad; empty for none.
        port: of the page; None for no page.
        record: folder of a bag of the flight; None for none.
        record_images: whether images are in it.
    """

    drones: int
    seed: int
    topology: str
    clusters: Sequence[str]
    rate_hz: float
    modules: str
    model: str
    runtime: str
    update: str
    port: int | None
    record: Path | None = None
    record_images: bool = False

    @property
    def names(self) -> list[str]:
        """The drones' namespaces, without slashes."""
        return [f"drone_{number}" for number in range(1, self.drones + 1)]


class Flight:
    """A swarm from take-off to landing; a context manager that leaves nothing running.

    Raises:
        UsageError: another swarm flies on this domain, or the port is in use.
        EdgeInferError: the model or the module images cannot be used.
    """

    def __init__(self, plan: Plan, console: Console) -> None:
        self._plan = plan
        self._console = console
        self._stack = ExitStack()
        self._stopping = False
        self._processes: list[ManagedProcess] = []
        self._update: InFlightUpdate | None = None
        self.last_snapshot: Snapshot

    def __enter__(self) -> Flight:
        with ExitStack() as stack:
            plan = self._plan
            self._bundle = ModelBundle.load(plan.model or shipped())
            if plan.modules:
                RealModules.load(plan.modules)
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="edge_infer_"))
            self._folder = Path(folder)
            if plan.update:
                self._update = InFlightUpdate(self._folder, self._bundle, plan.update)
                self._bundle = self._update.first
            station_runtime = "auto" if plan.runtime == "mixed" else plan.runtime
            self._runtime = open_runtime(station_runtime, [])
            stack.callback(self._runtime.shutdown)
            for number in (signal.SIGINT, signal.SIGTERM):
                stack.callback(signal.signal, number, signal.getsignal(number))
                signal.signal(number, self._on_signal)
            self._node = self._runtime.create_node(STATION)
            self._refuse_company()
            if plan.record:
                gateway = ["gateway"] if plan.topology == "star" else []
                recorder = record_flight(
                    self._runtime, plan.record, [*plan.names, *gateway], plan.clusters,
                    images=plan.record_images,
                )  # fmt: skip
                stack.callback(recorder.close)
            config = DashboardConfig(
                serve=plan.port is not None,
                port=plan.port or 0,
                topology=plan.topology,
                drones=plan.drones,
                seed=plan.seed,
            )
            self.station = DashboardNode(self._node, config, Identity(STATION, os.getpid()))
            stack.callback(self.station.close)
            # Measured once, here: not by every drone while the others do the same.
            engines = choose(self._bundle, AUTO).engines
            self._engines = ", ".join(engine.name for engine in engines)
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._end_processes()
        self._stack.close()

    def fly(self, duration_s: float | None) -> dict[str, Any]:
        """Start the drones, watch them, land them.

        Args:
            duration_s: from when all drones fly; None flies until a signal comes.

        Returns:
            The report.
        """
        started_s = time.monotonic()
        self._start()
        if self.station.url:
            self._console.print(f"live page: {self.station.url}", highlight=False)
        with Live(console=self._console, refresh_per_second=2, transient=True) as live:
            self._watch(live, self._all_fly, started_s + START_S)
            airborne_s = time.monotonic()
            end_s = airborne_s + duration_s if duration_s else None
            if self._update:
                self._watch(live, lambda: False, airborne_s + PUBLISH_S)
                self._console.print(self._update.publish(), highlight=False)
            self._watch(live, lambda: False, end_s)
            flown_s = time.monotonic() - airborne_s
            settled = self._land(live)
        self.last_snapshot = self.station.snapshot(finished=True)
        return self._report(flown_s, settled)

    # --- the way ---------------------------------------------------------------------

    def _start(self) -> None:
        for index, name in enumerate(self._plan.names):
            self._launch(name, "drone", self._drone_runtime(index), self._drone_args(index))
        if self._plan.topology == "star":
            args = ["-p", f"state_dir:={self._folder}"]
            self._launch("gateway", "coordinator", self._drone_runtime(0), args)
        if self._update:
            args = _parameters({"state_dir": self._folder, **self._update.gateway_parameters})
            self._launch("update_gateway", "rollout", self._drone_runtime(0), args)

    def _launch(self, name: str, node: str, runtime: str, args: list[str]) -> None:
        command = node_command(node, runtime, ["-r", f"__ns:=/{name}", *args])
        log = self._folder / f"{name}.log"
        process = ManagedProcess(name, command, log, child_environment())
        process.start()
        self._processes.append(process)

    def _drone_runtime(self, index: int) -> str:
        if self._plan.runtime == "mixed":
            return ("ros", "embedded")[index % 2]
        return self._plan.runtime

    def _drone_args(self, index: int) -> list[str]:
        plan = self._plan
        knows_healthy = self._bundle.manifest.classifier is not None
        parameters = {
            "drone:state_dir": self._folder,
            "drone:coordinator": str(plan.topology != "star").lower(),
            "coordinator:cluster": f"'{plan.clusters[index]}'",
            "georeferencer:cluster": f"'{plan.clusters[index]}'",
            "camera:rate_hz": float(plan.rate_hz),
            "camera:seed": plan.seed,
            "camera:drones": plan.drones,
            "camera:drone": index,
            "camera:modules": f"'{plan.modules}'",
            "detector:model": f"'{self._bundle.path}'",
            "detector:backend": f"'{self._engines}'",
            "detector:faulty_share": FarmConfig.fault_rate if knows_healthy else 0.0,
        }
        if self._update:
            parameters.update(self._update.drone_parameters)
        return _parameters(parameters)

    def _watch(self, live: Live, done: Callable[[], bool], end_s: float | None) -> None:
        """Tend the processes and show the table until it is done, stopped or late."""
        while not done() and not self._stopping:
            now_s = time.monotonic()
            if end_s is not None and now_s >= end_s:
                return
            wait_s = LOOK_S if end_s is None else min(LOOK_S, end_s - now_s)
            self._runtime.spin_until(lambda: self._stopping, wait_s)
            self._tend(now_s)
            live.update(drone_table(self.station.snapshot()))

    def _tend(self, now_s: float) -> None:
        for process in self._processes:
            code = process.tend(now_s)
            if code is not None:
                words = process.last_words()
                self._console.print(
                    f"{process.name} ended with code {code} and is started again. {words}",
                    highlight=False,
                )

    def _all_fly(self) -> bool:
        count = self.station.observer.counter
        return all(count("frames_processed", name) > 0 for name in self._plan.names)

    def _land(self, live: Live) -> bool:
        """Stop the cameras, then wait until every frame and sighting is accounted for."""
        landed_ns = self._node.get_clock().now().nanoseconds
        set_bool: Any = self._node.messages["std_srvs/srv/SetBool"]
        clients = [
            self._node.create_client(set_bool, f"/{name}/camera/enable")
            for name in self._plan.names
        ]
        self._runtime.spin_until(lambda: all(c.service_is_ready() for c in clients), 1.0)
        calls = [c.call_async(set_bool.Request(data=False)) for c in clients]
        self._runtime.spin_until(lambda: all(call.done() for call in calls), 2.0)
        live.update("landing ...")
        return self._runtime.spin_until(lambda: self._settled(landed_ns), LANDING_S)

    def _settled(self, landed_ns: int) -> bool:
        observer = self.station.observer
        heard = all(
            observer.latest_status_ns(name, node) > landed_ns + 1_000_000_000
            for name in self._plan.names
            for node in ("detector", "georeferencer")
        )
        frames = observer.counter("frames_received")
        known = observer.counter("frames_processed") + observer.counter("frames_dropped")
        return heard and frames == known and self.station.replicas_agree

    def _report(self, flown_s: float, settled: bool) -> dict[str, Any]:
        station, plan = self.station, self._plan
        manifest = self._bundle.manifest
        runtimes = {station.observer.runtime(name) for name in plan.names} - {""}
        return build_report(
            station.observer,
            plan.names,
            station.targets,
            station.truth(),
            runtime="+".join(sorted(runtimes)),
            topology=plan.topology,
            seed=plan.seed,
            rate_hz=plan.rate_hz,
            duration_s=round(flown_s, 1),
            settled=settled,
            replicas=len(station.listener.standings()),
            replicas_agree=station.replicas_agree,
            digest=station.digest,
            duplicates_removed=station.duplicates_removed,
            model={
                "name": manifest.name,
                "version": manifest.version,
                "digest": self._bundle.digest,
            },
            update=update_report(station.listener.rollout, station.listener.updates),
        )

    # --- the ends ------------------------------------------------------------------------

    def _refuse_company(self) -> None:
        """Two swarms on one domain would be one swarm with two drones of each name."""
        ours = {f"/{name}" for name in self._plan.names}

        def company() -> list[str]:
            nodes = self._node.get_node_names_and_namespaces()
            stations = [name for name, _ in nodes if name == STATION]
            return [space for _, space in nodes if space in ours] + stations[1:]

        if self._runtime.spin_until(lambda: bool(company()), NEIGHBOURS_S):
            domain = os.environ.get("ROS_DOMAIN_ID", "0")
            raise UsageError(
                f"another swarm flies on DDS domain {domain} ({company()[0]} is there)",
                "end it, or pass --domain with another number",
            )

    def _on_signal(self, *_: object) -> None:
        self._stopping = True

    def _end_processes(self) -> None:
        for process in self._processes:
            process.interrupt()
        deadline_s = time.monotonic() + 3.0
        for process in self._processes:
            process.join(deadline_s)


def _parameters(values: Mapping[str, object]) -> list[str]:
    """As words of a command line of ROS."""
    return [word for key, value in values.items() for word in ("-p", f"{key}:={value}")]
