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

"""``edge-infer fleet``: who is there, what runs, and whether all hold one truth.

From any machine on the network; it listens and sends nothing.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass

from rich.console import Console
from rich.live import Live
from rich.table import Table

from edge_infer.cli.checks import positive_float
from edge_infer.cli.listening import listening
from edge_infer.fleet.agreement import Standing
from edge_infer.nodes.dashboard.fleet_listener import FleetListener
from edge_infer.runtime.api import Runtime
from edge_infer.runtime.selection import CHOICES
from edge_infer.swarm.observer import natural_key

LOOK_S = 0.5
LISTEN_S = 8.0
"""Long enough to tell what is on its way from what is lost: ``agreement.py``."""


@dataclass(frozen=True)
class Row:
    """What is known of one drone, or of a gateway; None where it does not say.

    Attributes:
        name: its namespace.
        state: alive, suspect, dead or left; None without heartbeats.
        start: number of its start.
        model: name and version of the running model.
        coordinator: how its coordinator stands to the others.
        sightings, targets: that its coordinator knows.
        troubles: what its nodes complain of.
    """

    name: str
    state: str | None
    start: int | None
    model: str | None
    coordinator: Standing | None
    sightings: int | None
    targets: int | None
    troubles: tuple[str, ...]


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    for name, text in (
        ("status", "listen for some seconds, then print the members"),
        ("watch", "the same, live, until Ctrl-C"),
        ("digest", "print every coordinator's digest; exit code 1 when they do not agree"),
    ):
        action = actions.add_parser(name, help=text, description=f"{text[0].upper()}{text[1:]}.")
        action.add_argument("--runtime", choices=CHOICES, default="auto", help="default: auto")
        if name != "watch":
            action.add_argument(
                "--listen",
                type=positive_float,
                default=LISTEN_S,
                metavar="S",
                help=f"seconds (default {LISTEN_S:g})",
            )
            action.add_argument("--json", action="store_true", help="print one JSON object")


def run(arguments: argparse.Namespace) -> int:
    """Listen and tell; 1 when nobody was heard, or for ``digest`` when they differ."""
    console = Console(stderr=True)
    with listening(arguments.runtime) as (runtime, listener, is_stopped):
        if arguments.action == "watch":
            _watch(runtime, listener, is_stopped)
            return 0
        with console.status(f"listening for {arguments.listen:g} s ..."):
            runtime.spin_until(is_stopped, arguments.listen)
        tell = tell_digests if arguments.action == "digest" else tell_status
        return tell(listener, arguments.json)


def rows(listener: FleetListener) -> list[Row]:
    """All that was heard of, in natural order."""
    observer, states = listener.observer, listener.membership.states()
    standings = {standing.drone: standing for standing in listener.standings()}
    found = []
    for name in sorted({*observer.sources(), *states, *standings}, key=natural_key):
        life = observer.lives.get(name)
        knows = name in standings
        found.append(
            Row(
                name=name,
                state=states[name].value if name in states else None,
                start=life.incarnation if life else None,
                model=f"{life.model_name} {life.model_version}".strip() or None if life else None,
                coordinator=standings.get(name),
                sightings=observer.latest("sightings_known", name) if knows else None,
                targets=observer.latest("targets", name) if knows else None,
                troubles=tuple(observer.troubles(name)),
            )
        )
    return found


def verdict(standings: list[Standing]) -> str:
    """Whether there is one truth, in a sentence."""
    parts = {standing.part for standing in standings if standing.part}
    heard = [standing for standing in standings if standing.part]
    behind = sum(standing.behind or 0 for standing in heard)
    if not standings:
        return "no coordinator was heard: is the fleet on this DDS domain and network?"
    if not heard:
        return f"no coordinator speaks any more: {len(standings)} did"
    silent = len(standings) - len(heard)
    tail = f"; {silent} silent" if silent else ""
    if len(parts) > 1:
        return f"{len(heard)} coordinators in {len(parts)} parts that do not hear each other{tail}"
    if behind:
        return f"{len(heard)} coordinators, catching up: {behind} sightings are missing{tail}"
    return f"{len(heard)} coordinators, one truth{tail}"


# --- actions ---------------------------------------------------------------------------------


def tell_status(listener: FleetListener, as_json: bool) -> int:
    """Print the members; 1 when there are none."""
    found = rows(listener)
    if as_json:
        print(json.dumps({"verdict": _verdict(listener), "members": list(map(asdict, found))}))
    else:
        Console(file=sys.stdout).print(table(listener))
    return 0 if found else 1


def tell_digests(listener: FleetListener, as_json: bool) -> int:
    """Print the digests; 1 unless all that was heard is one truth."""
    standings = listener.standings()
    parts = {standing.part for standing in standings}
    if as_json:
        told = {"verdict": verdict(standings), "coordinators": list(map(asdict, standings))}
        print(json.dumps(told))
    else:
        for standing in standings:
            print(f"{standing.digest}  {standing.name}{_remark(standing)}")
        print(verdict(standings), file=sys.stderr)
    return 0 if parts == {1} else 1


def _watch(runtime: Runtime, listener: FleetListener, is_stopped: Callable[[], bool]) -> None:
    with Live(console=Console(file=sys.stdout), refresh_per_second=2) as live:
        while not runtime.spin_until(is_stopped, LOOK_S):
            live.update(table(listener))


# --- how it looks ----------------------------------------------------------------------------


def table(listener: FleetListener) -> Table:
    """The members and how their coordinators stand."""
    shown = Table(caption=_verdict(listener), caption_justify="left", expand=False)
    for name in ("name", "state"):
        shown.add_column(name)
    shown.add_column("start", justify="right")
    shown.add_column("model")
    shown.add_column("digest")
    for name in ("sightings", "targets"):
        shown.add_column(name, justify="right")
    shown.add_column("remarks")
    for row in rows(listener):
        standing = row.coordinator
        remarks = [*row.troubles, *([_remark(standing).strip(" ,")] if standing else [])]
        shown.add_row(
            row.name,
            row.state or "-",
            _text(row.start),
            row.model or "-",
            standing.digest[:12] if standing else "-",
            _text(row.sightings),
            _text(row.targets),
            "\n".join(filter(None, remarks)),
        )
    return shown


def _verdict(listener: FleetListener) -> str:
    return verdict(listener.standings())


def _remark(standing: Standing) -> str:
    if standing.part is None:
        return f"  silent for {standing.silent_s:.0f} s"
    words = [f"part {standing.part}"] if standing.part > 1 else []
    if standing.behind:
        words.append(f"misses {standing.behind} sightings")
    return f"  {', '.join(words)}" if words else ""


def _text(value: int | None) -> str:
    return "-" if value is None else str(value)
