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

"""``edge-infer rollout``: publish a model, and take it through the fleet."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from edge_infer.cli.checks import positive_float
from edge_infer.cli.listening import listening
from edge_infer.errors import UpdateError
from edge_infer.models.bundle import ModelBundle
from edge_infer.nodes.dashboard.fleet_listener import FleetListener
from edge_infer.runtime.selection import CHOICES
from edge_infer.swarm.observer import natural_key

LISTEN_S = 4.0
"""Long enough for every drone to tell how far it is, twice."""
ANSWER_S = 5.0
"""How long the gateway may take to answer."""
COMMANDS = ("start", "pause", "abort")


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the sub-commands and their arguments."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    _configure_publish(_action(actions, "publish", "sign a bundle, and put it where gateways look"))
    for name, text in (
        ("start", "roll a published release out, or go on after a pause"),
        ("pause", "let nobody else install it"),
        ("abort", "send it back, for good"),
    ):
        command = _action(actions, name, text)
        command.add_argument("--model", default="", metavar="NAME", help="default: the only one")
        command.add_argument("--gateway", default="gateway", metavar="NAME", help="its namespace")
        if name == "start":
            command.add_argument(
                "--release", type=int, default=0, metavar="N", help="default: the newest"
            )
    status = _action(actions, "status", "how far the fleet is")
    status.add_argument(
        "--listen", type=positive_float, default=LISTEN_S, metavar="S",
        help=f"seconds (default {LISTEN_S:g})",
    )  # fmt: skip


def _action(actions: Any, name: str, text: str) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = actions.add_parser(
        name, help=text, description=f"{text[0].upper()}{text[1:]}.", allow_abbrev=False
    )
    parser.add_argument("--runtime", choices=CHOICES, default="auto", help="default: auto")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    return parser


def run(arguments: argparse.Namespace) -> int:
    """Carry the action out."""
    if arguments.action == "publish":
        return _publish(arguments)
    if arguments.action == "status":
        return _status(arguments)
    return _command(arguments)


# --- publish -----------------------------------------------------------------------------


def _configure_publish(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("bundle", metavar="BUNDLE", help="folder of a model bundle, or an address that holds one")
    add("--store", required=True, metavar="URL", help="folder, s3://bucket/path and the like")
    add("--keys", required=True, type=Path, metavar="DIR", help="that edge-infer keys made")
    add("--base", action="append", default=[], metavar="BUNDLE",
        help="a bundle that drones have, to make a patch for; may be repeated")  # fmt: skip
    add("--hardware", action="append", default=[], metavar="KIND",
        help="kind of machine that it is for; may be repeated (default: all)")  # fmt: skip
    add("--listen", type=float, default=LISTEN_S, metavar="S",
        help="seconds to find out what the fleet runs; 0 for none "
        f"(default {LISTEN_S:g})")  # fmt: skip


def _publish(arguments: argparse.Namespace) -> int:
    from edge_infer.updates.publishing import packages_of
    from edge_infer.updates.store import Store
    from edge_infer.updates.trust.repository import Publisher

    console = Console(stderr=True)
    store = Store(arguments.store)
    publisher = Publisher(store, arguments.keys)
    with tempfile.TemporaryDirectory(prefix="edge_infer_") as folder:
        bundle = _bundle(arguments.bundle, Path(folder))
        bases = [ModelBundle.load(path).contents() for path in arguments.base]
        running = _running(arguments, console) - {bundle.digest}
        bases += [files for digest in sorted(running) if (files := publisher.files_of(digest))]
        with console.status(f"packing {bundle.manifest.name} {bundle.manifest.version} ..."):
            packages = packages_of(bundle, bases, arguments.hardware)
        with console.status(f"writing to {arguments.store} ..."):
            publisher.publish(packages)
    _tell_published(packages, arguments.json)
    return 0


def _bundle(location: str, folder: Path) -> ModelBundle:
    """The bundle of a folder, or a copy of one from elsewhere."""
    from edge_infer.updates.publishing import fetch_bundle

    return ModelBundle.load(location) if "://" not in location else fetch_bundle(location, folder)


def _running(arguments: argparse.Namespace, console: Console) -> set[str]:
    """Digests of the models that the fleet runs now."""
    if not arguments.listen:
        return set()
    with listening(arguments.runtime) as (runtime, listener, is_stopped):
        with console.status(f"listening for {arguments.listen:g} s to what the fleet runs ..."):
            runtime.spin_until(is_stopped, arguments.listen)
        return {update.running_digest for update in listener.updates.values()}


def _tell_published(packages: Any, as_json: bool) -> None:
    release = packages[0][0].release
    sizes = {package.base[:12] or "whole": package.blob.size for package, _ in packages}
    if as_json:
        described = {"model": release.model, "version": release.version, "release": release.number}
        print(json.dumps({**described, "digest": release.digest, "packages": sizes}))
        return
    print(f"{release.model} {release.version} is published as release {release.number}")
    for name, size in sizes.items():
        kind = "whole" if name == "whole" else f"from {name}"
        print(f"  {kind:18} {size / 1e6:8.3f} MB")


# --- steer -------------------------------------------------------------------------------


def _command(arguments: argparse.Namespace) -> int:
    with listening(arguments.runtime) as (runtime, listener, _):
        node = listener.node
        service: Any = node.messages["edge_infer_msgs/srv/RolloutCommand"]
        client = node.create_client(service, f"/{arguments.gateway}/rollout/command")
        if not runtime.spin_until(client.service_is_ready, ANSWER_S):
            raise UpdateError(
                f"no gateway answers at {client.srv_name}",
                "start one, or name its namespace with --gateway",
            )
        request = service.Request(
            command=arguments.action,
            model_name=arguments.model,
            release=getattr(arguments, "release", 0),
        )
        call = client.call_async(request)
        if not runtime.spin_until(call.done, ANSWER_S):
            raise UpdateError(f"{client.srv_name} does not answer", "see the gateway's log")
        answer = call.result()
    if arguments.json:
        print(json.dumps({"success": bool(answer.success), "message": answer.message}))
    elif answer.success:
        print(answer.message)
    else:
        print(f"edge-infer rollout: {answer.message}", file=sys.stderr)
    return 0 if answer.success else 2


# --- status ------------------------------------------------------------------------------


def _status(arguments: argparse.Namespace) -> int:
    """Print how far the fleet is; 1 when nobody was heard."""
    with listening(arguments.runtime) as (runtime, listener, is_stopped):
        with Console(stderr=True).status(f"listening for {arguments.listen:g} s ..."):
            runtime.spin_until(is_stopped, arguments.listen)
        if arguments.json:
            print(json.dumps(described(listener)))
        else:
            Console(file=sys.stdout).print(table(listener))
        return 0 if listener.updates else 1


def described(listener: FleetListener) -> Mapping[str, Any]:
    """The rollout, every drone, and how many run what."""
    return {
        "rollout": None if listener.rollout is None else vars(listener.rollout),
        "drones": [
            {**vars(report), "state": report.state.value}
            for _, report in sorted(listener.updates.items(), key=_by_name)
        ],
        "drift": dict(drift(listener)),
    }


def drift(listener: FleetListener) -> Mapping[str, int]:
    """How many drones run each version."""
    running: dict[str, int] = {}
    for report in listener.updates.values():
        name = f"{report.model} {report.model_version} (release {report.running_release})"
        running[name] = running.get(name, 0) + 1
    return running


def table(listener: FleetListener) -> Table:
    """The drones and, below, the rollout."""
    shown = Table(caption=_caption(listener), caption_justify="left", expand=False)
    for name in ("drone", "hardware", "runs", "state", "release", "remarks"):
        shown.add_column(name)
    for name, report in sorted(listener.updates.items(), key=_by_name):
        step = report.state.value.lower().replace("_", " ")
        if report.state.value == "DOWNLOADING":
            step += f" {report.progress:.0%}"
        shown.add_row(
            name,
            report.hardware,
            f"{report.model} {report.model_version}",
            step,
            str(report.wanted_release or report.running_release or "-"),
            report.message,
        )
    return shown


def _caption(listener: FleetListener) -> str:
    view = listener.rollout
    if not listener.updates:
        return "no updater was heard: is the fleet on this DDS domain and network?"
    lines = [", ".join(f"{count} x {name}" for name, count in drift(listener).items())]
    if view is None:
        return f"{lines[0]}; no rollout is known"
    lines.append(
        f"release {view.release} of {view.model} is {view.state}, wave {view.wave} of "
        f"{view.waves}: {view.reason}"
    )
    return "\n".join([*lines, *view.verdicts])


def _by_name(item: tuple[str, object]) -> list[str | int]:
    return natural_key(item[0])
