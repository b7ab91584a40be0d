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

"""The entry point: parses the command line and hands over to a sub-command."""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Sequence
from types import ModuleType

from edge_infer import __version__
from edge_infer.errors import EdgeInferError

COMMANDS = {
    "swarm": "fly a simulated swarm: N drone processes, real DDS, the live page",
    "node": "run one node, or all nodes of a drone, on the chosen runtime",
    "fleet": "who is there, what runs, and whether all hold one truth",
    "rollout": "publish a model, and take it through the fleet",
    "detect": "find faults in images",
    "replay": "play a bag through the nodes, as fast as the machine allows",
    "model": "inspect, judge and compare model bundles",
    "keys": "make, replace and show the keys that sign a fleet's models",
    "train": "train, compress and ship a model on your own data",
    "bench": "run one benchmark; both sides in one run",
    "doctor": "what this machine can run, what is missing, how to get it",
}
"""Name -> help; each is a module of this package with ``configure`` and ``run``."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    # Only the chosen command's module is imported: `--help` must not wait for an engine.
    chosen = next((word for word in arguments if not word.startswith("-")), None)
    parser = _parser(chosen)
    known, rest = parser.parse_known_args(arguments)
    if rest and known.command != "node":
        parser.error(f"unrecognized arguments: {' '.join(rest)}")
    known.rest = rest
    try:
        return int(_module(known.command).run(known))
    except EdgeInferError as error:
        print(f"edge-infer {known.command}: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        sys.stderr.close()
        return 0


def _parser(chosen: str | None) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="edge-infer", description="Real-time inference for robot swarms over ROS 2 / DDS."
    )
    parser.add_argument("--version", action="version", version=f"edge-infer {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, text in COMMANDS.items():
        command = commands.add_parser(
            name, help=text, description=f"{text[0].upper()}{text[1:]}.", allow_abbrev=False
        )
        if name == chosen:
            _module(name).configure(command)
    return parser


def _module(name: str) -> ModuleType:
    return importlib.import_module(f"edge_infer.cli.{name}")
