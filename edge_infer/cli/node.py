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

"""``edge-infer node NAME``: the same nodes as the ROS executables, on either runtime."""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path

from edge_infer.nodes.entry import EXECUTABLES
from edge_infer.nodes.entry import run as run_node
from edge_infer.nodes.registry import Closable
from edge_infer.runtime.api import Runtime


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("name", choices=EXECUTABLES, help="which node")
    parser.add_argument(
        "--runtime",
        choices=("auto", "ros", "embedded"),
        default="auto",
        help="auto takes rclpy where it can be imported (default)",
    )
    parser.add_argument(
        "--until-eof",
        action="store_true",
        help="end when standard input does: so a node never outlives who started it",
    )
    parser.add_argument(
        "--record",
        type=Path,
        metavar="DIR",
        help="write all that the node publishes and hears to a new mcap bag, as ros2 bag does",
    )
    parser.epilog = "What follows --ros-args is read as by any ROS 2 node: -r, -p, --params-file."


def run(arguments: argparse.Namespace) -> int:
    """Run the node until a signal comes."""
    beside = partial(_recorder, arguments.record) if arguments.record else None
    return run_node(arguments.name, arguments.runtime, arguments.rest, arguments.until_eof, beside)


def _recorder(folder: Path, runtime: Runtime) -> Closable:
    from edge_infer.replay.recorder import Recorder

    recorder = Recorder(runtime, folder)
    recorder.follow()
    return recorder
