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

"""``edge-infer swarm``: N drone processes, real DDS between them, the live page, a report."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from edge_infer.cli.checks import port, positive_float, positive_int
from edge_infer.cli.flight import Flight, Plan
from edge_infer.errors import UsageError
from edge_infer.runtime.embedded.discovery import one_machine
from edge_infer.swarm.clusters import clusters_of
from edge_infer.swarm.table import drone_table

MAX_DRONES = 100
FRAMES_PER_S = 25.0
"""What a swarm on one machine is asked for in all when no rate is given: two cores do it."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    add = parser.add_argument
    add("--drones", type=positive_int, default=5, metavar="N", help="drone processes (default 5)")
    add("--duration", type=positive_float, metavar="S", help="seconds; without it until Ctrl-C")
    add("--seed", type=int, default=0, metavar="K", help="of the simulated world (default 0)")
    add(
        "--topology",
        choices=("mesh", "star", "hybrid"),
        default="mesh",
        help="a coordinator on every drone (mesh, default), only at a gateway (star), or on every "
        "drone in clusters that their heads join (hybrid)",
    )
    add("--clusters", type=positive_int, metavar="N", help="of a hybrid (default: by five drones)")
    add("--rate", type=positive_float, metavar="HZ", help="frames per second and drone")
    add("--modules", metavar="FILE", help="real module images instead of drawn ones (.npz)")
    add("--model", metavar="BUNDLE", help="folder of a model bundle (default: the shipped one)")
    add(
        "--update",
        nargs="?",
        const="good",
        choices=("good", "bad"),
        help="publish another model in flight: a better one (default), or a bad one that goes back",
    )
    add(
        "--runtime",
        choices=("auto", "ros", "embedded", "mixed"),
        default="auto",
        help="of the drones; mixed alternates rclpy and embedded",
    )
    add("--domain", type=int, metavar="ID", help="DDS domain (default: ROS_DOMAIN_ID or 0)")
    add("--report", type=Path, metavar="FILE", help="write what happened as JSON")
    add("--record", type=Path, metavar="DIR",
        help="write what is said in the fleet to a new mcap bag, as ros2 bag does")  # fmt: skip
    add("--record-images", action="store_true", help="the images, too")
    add("--port", type=port, default=8080, help="of the live page (default 8080)")
    add("--headless", action="store_true", help="no live page")


def run(arguments: argparse.Namespace) -> int:
    """Fly, then say what was found."""
    if arguments.drones > MAX_DRONES:
        raise UsageError(
            f"{arguments.drones} drone processes are too many for one machine",
            f"fly at most {MAX_DRONES}, or use several machines on one DDS domain",
        )
    clusters = clusters_of(arguments.topology, arguments.drones, arguments.clusters or 0)
    if arguments.seed < 0:
        raise UsageError(f"--seed {arguments.seed} is negative", "give a number from 0")
    if arguments.record_images and not arguments.record:
        raise UsageError("--record-images says what is recorded", "say where with --record DIR")
    _check_report(arguments.report)
    _keep_to_domain(arguments.domain)
    console = Console(stderr=True)
    with Flight(_plan(arguments, clusters), console) as flight:
        report = flight.fly(arguments.duration)
        # Before the flight is closed, which may have to say that its bag is not whole.
        if arguments.report:
            arguments.report.write_text(json.dumps(report, indent=2) + "\n")
        Console(file=sys.stdout).print(drone_table(flight.last_snapshot))
    return 0


def _plan(arguments: argparse.Namespace, clusters: Sequence[str]) -> Plan:
    return Plan(
        drones=arguments.drones,
        seed=arguments.seed,
        topology=arguments.topology,
        clusters=clusters,
        rate_hz=arguments.rate or min(5.0, FRAMES_PER_S / arguments.drones),
        modules=_absolute(arguments.modules),
        model=_absolute(arguments.model),
        runtime=arguments.runtime,
        update=arguments.update or "",
        port=None if arguments.headless else arguments.port,
        record=arguments.record,
        record_images=arguments.record_images,
    )


def _absolute(path: str | None) -> str:
    return str(Path(path).resolve()) if path else ""


def _check_report(path: Path | None) -> None:
    """Find out before the flight whether its report can be written."""
    if path is None:
        return
    try:
        with path.open("a"):
            pass
    except OSError as error:
        raise UsageError(
            f"the report {path} cannot be written ({error.strerror})", "name another file"
        ) from error


def _keep_to_domain(domain: int | None) -> None:
    """Settle, for us and our children, where on the network the swarm flies.

    Unless the environment says otherwise it stays on this machine.
    """
    if domain is not None:
        if not 0 <= domain <= 232:
            raise UsageError(f"there is no DDS domain {domain}", "give a number from 0 to 232")
        os.environ["ROS_DOMAIN_ID"] = str(domain)
    os.environ.update(one_machine(os.environ))
