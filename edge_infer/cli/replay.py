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

"""``edge-infer replay BAG``: a recorded flight through the nodes, with a report."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from edge_infer.cli.checks import positive_float
from edge_infer.cli.progress import PROGRESS_AFTER_S, late_progress
from edge_infer.errors import UsageError
from edge_infer.replay.bags import open_bag
from edge_infer.replay.comparison import Comparison, Tolerance, compare
from edge_infer.replay.flight import Flight, Replayed
from edge_infer.replay.golden import Golden, read_golden, write_golden
from edge_infer.replay.inputs import NODES
from edge_infer.replay.picture import write_picture
from edge_infer.replay.player import DELAY_MS, Setting
from edge_infer.replay.recording import recording
from edge_infer.replay.routes import DEFAULT_NAMESPACE
from edge_infer.replay.wording import as_json, sentences, shortened, summary


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    add = parser.add_argument
    add("bag", type=Path, metavar="BAG", help="a bag's folder, or its mcap or db3 file")
    add("--nodes", type=_nodes, default=NODES, metavar="LIST",
        help=f"which nodes, separated by commas; all by default: {','.join(NODES)}")  # fmt: skip
    add("--remap", type=_remap, action="append", default=[], metavar="FROM:=TO",
        help="play a topic of the bag as one of the nodes'; as often as needed")  # fmt: skip
    add("--namespace", default="", metavar="NS",
        help=f"of the nodes; by default that of --remap, else {DEFAULT_NAMESPACE}")  # fmt: skip
    add("--params-file", action="append", default=[], metavar="YAML",
        help="parameters of the nodes, as for any node of ROS 2")  # fmt: skip
    add("-p", "--param", action="append", default=[], metavar="NODE:NAME:=VALUE",
        help="one parameter, such as detector:score_threshold:=0.4")  # fmt: skip
    add("--delay-ms", type=_delay, default=DELAY_MS, metavar="MS",
        help="images reach the detector so long after they were recorded; "
        "poses that came meanwhile count (default %(default)g)")  # fmt: skip
    add("--rate", type=positive_float, metavar="FACTOR",
        help="so much faster than it was recorded, 0.5 for half as fast; by default as fast as "
        "the machine allows. What comes out is the same")  # fmt: skip
    add("--record", type=Path, metavar="DIR",
        help="write detections, sightings and targets to a new mcap bag")  # fmt: skip
    add("--report", type=Path, metavar="FILE", help="write the JSON report to a file")
    add("--json", action="store_true", help="print the JSON report")
    add("--golden", type=Path, metavar="FILE",
        help="write what was found, for a later --expect")  # fmt: skip
    add("--expect", type=Path, metavar="GOLDEN",
        help="say what changed since a golden was written; exit code 1 if any did")  # fmt: skip
    add("--picture", type=Path, metavar="FILE", help="draw what changed, as SVG")
    allowed = Tolerance()
    add("--tolerance-px", type=_tolerance, default=allowed.pixels, metavar="PX",
        help="by which an edge of a box may move (default %(default)g)")  # fmt: skip
    add("--tolerance-score", type=_tolerance, default=allowed.score, metavar="S",
        help="by which a score may differ (default %(default)g)")  # fmt: skip
    add("--tolerance-m", type=_tolerance, default=allowed.metres, metavar="M",
        help="metres by which a target may move (default %(default)g)")  # fmt: skip


def run(arguments: argparse.Namespace) -> int:
    """Play the bag and report; 1 when it is not as expected, 2 when a part could not be read."""
    expected = _expected(arguments)
    document, found, problem = _replay(arguments)
    if arguments.golden and not problem:
        write_golden(arguments.golden, found)
    comparison = compare(expected, found, _tolerances(arguments)) if expected else None
    if comparison is not None:
        document["expected"] = {"golden": str(arguments.expect), **as_json(comparison)}
        if arguments.picture:
            write_picture(arguments.picture, comparison)
    _tell(arguments, document, comparison)
    if problem:
        _say(str(problem))
        return 2
    return 0 if comparison is None or comparison else 1


def _replay(arguments: argparse.Namespace) -> Replayed:
    setting = Setting(
        arguments.nodes, arguments.remap, arguments.namespace, _ros_arguments(arguments),
        arguments.delay_ms, arguments.rate,
    )  # fmt: skip
    with open_bag(arguments.bag) as bag:
        flight = Flight(bag, setting)
        for route in flight.routes.routes:
            if route.chosen and route.source != route.target:
                _say(f"{route.source} is played as {route.target}")
        with (
            recording(arguments.record) as record,
            late_progress(lambda: flight.messages, PROGRESS_AFTER_S) as done_one,
        ):
            return flight.play(done_one, record)


def _expected(arguments: argparse.Namespace) -> Golden | None:
    """What is to come out; read before the work begins."""
    if arguments.expect:
        return read_golden(arguments.expect)
    if arguments.picture:
        raise UsageError("--picture shows what changed", "say since when with --expect GOLDEN")
    return None


def _tolerances(arguments: argparse.Namespace) -> Tolerance:
    return Tolerance(arguments.tolerance_px, arguments.tolerance_score, arguments.tolerance_m)


def _tell(
    arguments: argparse.Namespace, document: dict[str, Any], comparison: Comparison | None
) -> None:
    if arguments.report:
        _write(arguments.report, document)
    if arguments.json:
        print(json.dumps(document, indent=2))
        return
    _print(document)
    if comparison is not None:
        print(f"  {'expected':10} {summary(comparison)}")
        for sentence in shortened(sentences(comparison)):
            print(f"    {sentence}")


def _ros_arguments(arguments: argparse.Namespace) -> list[str]:
    words = [word for file in arguments.params_file for word in ("--params-file", file)]
    return words + [word for given in arguments.param for word in ("-p", given)]


def _print(document: dict[str, Any]) -> None:
    frames = ", ".join(f"{count} {name}" for name, count in document["frames"].items())
    print(f"{document['bag']}: {document['bag_s']} s in {document['wall_s']} s")
    print(f"  {'frames':10} {frames}")
    for name in ("detections", "targets"):
        classes = ", ".join(f"{n} {kind}" for kind, n in document[name]["by_class"].items())
        print(f"  {name:10} {document[name]['total']}" + (f": {classes}" if classes else ""))
    print(f"  {'digest':10} {document['digest']}")


def _write(file: Path, document: dict[str, Any]) -> None:
    try:
        file.write_text(json.dumps(document, indent=2) + "\n")
    except OSError as error:
        raise UsageError(
            f"the report {file} cannot be written ({error.strerror})", "name another file"
        ) from error


def _say(sentence: str) -> None:
    print(f"edge-infer replay: {sentence}", file=sys.stderr)


def _nodes(text: str) -> tuple[str, ...]:
    names = [name.strip() for name in text.split(",")]
    if unknown := [name for name in names if name not in NODES]:
        raise argparse.ArgumentTypeError(f"{unknown[0]!r} is none of {', '.join(NODES)}")
    return tuple(name for name in NODES if name in names)


def _remap(text: str) -> tuple[str, str]:
    source, separator, target = text.partition(":=")
    if not (source and separator and target):
        raise argparse.ArgumentTypeError(f"{text!r} is not FROM:=TO")
    return source, target


def _delay(text: str) -> float:
    value = float(text)
    if not 0 <= value <= 10_000:
        raise argparse.ArgumentTypeError(f"{text} ms is not between 0 and 10,000")
    return value


def _tolerance(text: str) -> float:
    value = float(text)
    if not 0 <= value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} is no tolerance, give a number from 0")
    return value
