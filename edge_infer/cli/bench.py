"""``edge-infer bench NAME``: a benchmark's table, or its JSON."""

from __future__ import annotations

import argparse
import json

from edge_infer.bench import harness


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("name", choices=sorted(harness.BENCHES), help="which benchmark")
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(arguments: argparse.Namespace) -> int:
    """Measure and print."""
    report = harness.run(arguments.name)
    if arguments.json:
        print(json.dumps(report.to_json(), indent=2))
    else:
        harness.print_table(report)
    return 0
