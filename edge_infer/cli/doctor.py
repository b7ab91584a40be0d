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

"""``edge-infer doctor``: what this machine can run, what is missing, how to get it."""

from __future__ import annotations

import argparse
import json
import os
import platform
from collections.abc import Callable
from dataclasses import asdict, dataclass

from edge_infer import __version__
from edge_infer.backends import registry
from edge_infer.energy import EnergyMeter
from edge_infer.errors import EdgeInferError
from edge_infer.models.bundle import ModelBundle, shipped
from edge_infer.runtime import selection

_NO_METER = "this machine does not say what it uses, or not to this user; figures say unknown"


@dataclass(frozen=True)
class Finding:
    """One thing looked at: whether it is there, and a sentence about it."""

    what: str
    present: bool
    detail: str


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(arguments: argparse.Namespace) -> int:
    """Look and print; a missing option is no failure."""
    findings = examine()
    if arguments.json:
        print(json.dumps({"findings": [asdict(finding) for finding in findings]}, indent=2))
        return 0
    for finding in findings:
        print(f"{'ok     ' if finding.present else 'missing'}  {finding.what:20} {finding.detail}")
    return 0


def examine() -> list[Finding]:
    """Everything that matters to whether a swarm flies here."""
    findings = [
        Finding("edge_infer", True, f"{__version__}, Python {platform.python_version()}"),
        Finding("machine", True, f"{platform.machine()}, {os.cpu_count()} processors"),
    ]
    for name, reason in selection.available().items():
        findings.append(Finding(f"runtime {name}", reason is None, reason or "ready"))
    for name, reason in registry.available().items():
        findings.append(Finding(f"engine {name}", reason is None, reason or "ready"))
    meter = EnergyMeter.open()
    findings.append(Finding("energy", meter is not None, meter.name if meter else _NO_METER))
    findings.append(_checked("shipped model", _shipped_model))
    return findings


def _checked(what: str, look: Callable[[], str]) -> Finding:
    try:
        return Finding(what, True, look())
    except EdgeInferError as error:
        return Finding(what, False, str(error))


def _shipped_model() -> str:
    bundle = ModelBundle.load(shipped())
    return f"{bundle.manifest.name} {bundle.manifest.version}, {bundle.digest[:12]}"
