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

"""What all benchmarks share: the machine, repeats, quantiles, the report and the registry.

A benchmark is a module with ``run(progress) -> Report``; it is imported when it is
asked for, because it may need what other people do not have installed. What is
measured, and against what, is the module's business.
"""

from __future__ import annotations

import importlib
import platform
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import metadata
from itertools import groupby
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import psutil
from rich.console import Console
from rich.table import Table

from edge_infer.errors import UsageError

BENCHES = {
    "camera": "edge_infer.bench.camera",
    "coordinator": "edge_infer.bench.coordinator",
    "dds": "edge_infer.bench.dds",
    "delta": "edge_infer.bench.delta",
    "detector": "edge_infer.bench.side_by_side",
    "duplicates": "edge_infer.bench.duplicates",
    "frames": "edge_infer.bench.soak",
    "fusion": "edge_infer.bench.fusion",
    "inference": "edge_infer.bench.inference",
    "launch": "edge_infer.bench.launch",
    "memory": "edge_infer.bench.memory",
    "replay": "edge_infer.bench.replay",
    "rollout": "edge_infer.bench.rollout",
    "swap": "edge_infer.bench.swap",
    "update": "edge_infer.bench.update",
}
"""Name on the command line -> module."""

PACKAGES = ("edge_infer", "numpy", "opencv-python-headless", "onnxruntime", "cyclonedds", "rosbags")
"""Whose versions stand in every report."""

Progress = Callable[[str], None]
"""Told what is being measured now."""

Value = str | int | float | bool | None
Row = Mapping[str, Value]
"""One line of a table: column name (with unit) to value."""


@dataclass(frozen=True)
class Goal:
    """A figure that was promised, and what it is here.

    Attributes:
        name: what is measured, with the comparison in words.
        goal: the promised figure.
        value: the measured one; None when it cannot be measured here.
        unit: of both.
        at_most: whether a smaller value is better, or (False) a larger one.
    """

    name: str
    goal: float
    value: float | None
    unit: str
    at_most: bool = True

    @property
    def met(self) -> bool | None:
        """Whether the promise holds; None when nothing was measured."""
        if self.value is None:
            return None
        return self.value <= self.goal if self.at_most else self.value >= self.goal

    def to_json(self) -> dict[str, Value]:
        """The goal as it stands in a report's JSON."""
        return {
            "name": self.name,
            "goal": self.goal,
            "value": self.value,
            "unit": self.unit,
            "met": self.met,
        }


@dataclass(frozen=True)
class Report:
    """What a benchmark found.

    Attributes:
        bench: its name in BENCHES.
        rows: figures; rows with the same columns make one table.
        goals: every figure that was promised, met or not.
    """

    bench: str
    rows: Sequence[Row]
    goals: Sequence[Goal] = ()

    def to_json(self) -> dict[str, Any]:
        """The report, the machine and the command that makes it again."""
        return {
            "bench": self.bench,
            "machine": machine(),
            "command": f"edge-infer bench {self.bench} --json",
            "rows": [dict(row) for row in self.rows],
            "goals": [goal.to_json() for goal in self.goals],
        }


class Bench(Protocol):
    """What a module in BENCHES offers."""

    def run(self, progress: Progress) -> Report:
        """Measure, which may take a minute."""


def run(name: str, progress: Progress | None = None) -> Report:
    """Run a benchmark; progress goes to the terminal's error output unless told otherwise.

    Raises:
        UsageError: there is none of that name.
    """
    if name not in BENCHES:
        raise UsageError(f"there is no benchmark {name!r}", f"choose from {', '.join(BENCHES)}")
    bench: Bench = importlib.import_module(BENCHES[name])
    if progress is not None:
        return bench.run(progress)
    with terminal_progress() as shown:
        return bench.run(shown)


@contextmanager
def terminal_progress() -> Iterator[Progress]:
    """One line on standard error that says what is being measured."""
    with Console(file=sys.stderr).status("starting") as status:
        yield status.update


# --- measuring -----------------------------------------------------------------


def durations_ms(action: Callable[[], object], *, repeats: int, warm_up: int = 1) -> list[float]:
    """How long each of ``repeats`` calls took, after ``warm_up`` calls that do not count."""
    for _ in range(warm_up):
        action()
    taken = []
    for _ in range(repeats):
        start = time.perf_counter_ns()
        action()
        taken.append((time.perf_counter_ns() - start) / 1e6)
    return taken


def median(values: Sequence[float]) -> float:
    """The middle value."""
    return float(statistics.median(values))


def quantile(values: Sequence[float], q: float) -> float:
    """The value below which the share ``q`` lies, linear between neighbours."""
    return float(np.quantile(np.asarray(values, np.float64), q))


def rounded(value: float, digits: int = 3) -> float:
    """To that many significant digits: a measurement has no more."""
    return float(f"{value:.{digits}g}")


# --- the machine -----------------------------------------------------------------


def machine() -> dict[str, Value]:
    """What a figure cannot be read without."""
    return {
        "cpu": cpu_model(),
        "cores": psutil.cpu_count() or 1,
        "memory_gb": round(psutil.virtual_memory().total / 1e9, 1),
        "system": platform.platform(),
        "python": platform.python_version(),
        **{package: _version(package) for package in PACKAGES},
    }


def cpu_model() -> str:
    """The processor's name; on a board that does not say, the board's."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    fields = (line.partition(":") for line in lines)
    known = {key.strip(): value.strip() for key, _, value in fields}
    return known.get("model name") or known.get("Model") or platform.machine()


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


# --- the terminal ----------------------------------------------------------------


def print_table(report: Report, console: Console | None = None) -> None:
    """The report for a reader: machine, one table per kind of row, goals."""
    console = console or Console()
    facts = machine()
    console.print(f"{facts['cpu']}, {facts['cores']} cores, Python {facts['python']}")
    for columns, rows in groupby(report.rows, key=tuple):
        table = Table(*columns, title=report.bench)
        for row in rows:
            table.add_row(*(_shown(row[column]) for column in columns))
        console.print(table)
    if report.goals:
        console.print(_goals_table(report.goals))


def _goals_table(goals: Sequence[Goal]) -> Table:
    table = Table("goal", "wanted", "measured", "met", title="goals")
    for goal in goals:
        wanted = f"{'≤' if goal.at_most else '≥'} {goal.goal:g} {goal.unit}"
        verdict = {True: "yes", False: "[red]no[/red]", None: "not measured here"}[goal.met]
        table.add_row(goal.name, wanted, _shown(goal.value), verdict)
    return table


def _shown(value: Value) -> str:
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"
    return str(value)
