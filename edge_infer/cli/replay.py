"""``edge-infer replay BAG``: a recorded flight through the nodes, with a report."""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

from edge_infer.cli.detect import PROGRESS_AFTER_S, late_progress
from edge_infer.errors import UsageError
from edge_infer.replay.bags import open_bag
from edge_infer.replay.player import DELAY_MS, Played, play
from edge_infer.replay.recording import recording
from edge_infer.replay.report import Outcome
from edge_infer.replay.routes import DEFAULT_NAMESPACE, NODES, Routes, plan


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
    add("--record", type=Path, metavar="DIR",
        help="write detections, sightings and targets to a new mcap bag")  # fmt: skip
    add("--report", type=Path, metavar="FILE", help="write the JSON report to a file")
    add("--json", action="store_true", help="print the JSON report")


def run(arguments: argparse.Namespace) -> int:
    """Play the bag and report; 2 when a part of it could not be read."""
    outcome, begin_s = Outcome(), time.monotonic()
    with open_bag(arguments.bag) as bag:
        routes = plan(bag.topics, arguments.nodes, arguments.remap, arguments.namespace)
        sources = [route.source for route in routes.routes]
        for route in routes.routes:
            if route.chosen and route.source != route.target:
                _say(f"{route.source} is played as {route.target}")
        with (
            recording(arguments.record) as record,
            late_progress(lambda: bag.count(sources), PROGRESS_AFTER_S) as done_one,
        ):
            played = play(
                bag, routes, outcome, arguments.nodes, _ros_arguments(arguments),
                arguments.delay_ms, done_one, record,
            )  # fmt: skip
    wall_s = time.monotonic() - begin_s
    document = report(arguments.bag, arguments.nodes, routes, played, outcome, wall_s)
    if arguments.report:
        _write(arguments.report, document)
    if arguments.json:
        print(json.dumps(document, indent=2))
    else:
        _print(document)
    if played.problem:
        _say(str(played.problem))
    return 2 if played.problem else 0


def report(
    bag: Path,
    nodes: tuple[str, ...],
    routes: Routes,
    played: Played,
    outcome: Outcome,
    wall_s: float,
) -> dict[str, Any]:
    """The JSON report; what depends on this run alone is only ``wall_s`` and what follows of it."""
    counters = outcome.counters.get("detector", {})
    frames = {name: counters.get(f"frames_{name}", 0) for name in _FRAMES}
    return {
        "bag": str(bag),
        "complete": played.problem is None,
        "problem": str(played.problem) if played.problem else None,
        "nodes": list(nodes),
        "topics": {route.source: route.target for route in routes.routes},
        "model": outcome.model,
        "messages": played.messages,
        "images": played.images,
        "frames": frames,
        "detections": _by_class(outcome.detections),
        "sightings": outcome.sightings,
        "targets": _by_class(outcome.targets),
        "outputs": dict(sorted(outcome.outputs.items())),
        "bag_s": round(played.bag_s, 3),
        "wall_s": round(wall_s, 3),
        "times_real_time": round(played.bag_s / wall_s, 2),
        "digest": outcome.digest,
        "counters": outcome.counters,
    }


_FRAMES = ("received", "processed", "dropped", "failed")


def _by_class(counts: dict[str, int]) -> dict[str, Any]:
    return {"total": sum(counts.values()), "by_class": dict(sorted(counts.items()))}


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
