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

"""The tables and the progress of ``edge-infer model``."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table

from edge_infer.evaluation.compare import THREADS, Comparison, Contender
from edge_infer.evaluation.evaluate import Evaluation

WIDTH = 140
"""Columns, where standard output is no terminal."""


def print_evaluation(evaluation: Evaluation) -> None:
    """Figures of all classes together, then one row a class."""
    weights, modules, boxes = evaluation.weights, evaluation.modules, evaluation.boxes
    precision = evaluation.average_precision
    console = _console()
    console.print(
        f"{evaluation.model}, {weights.format} {weights.precision}, "
        f"{evaluation.bytes / 1e6:.2f} MB, {evaluation.frame_ms:.1f} ms a frame\n"
        f"{evaluation.frames} frames, {modules.confusion.sum()} modules: "
        f"faulty or not {modules.binary_accuracy:.1%}, which class {modules.accuracy:.1%}\n"
        f"faults: AP50 {precision.ap50:.1%}, AP50-95 {precision.ap50_95:.1%}, "
        f"recall {boxes.recall:.1%}, precision {boxes.precision:.1%}"
    )
    table = _table(1, "class", "modules", "taken for faulty", "for this class", "AP50", "AP50-95")
    for row in evaluation.classes:
        shares = (row.recall, row.named, row.ap50, row.ap50_95)
        table.add_row(row.name, str(row.modules), *(_share(share) for share in shares))
    console.print(table)


def print_comparison(comparison: Comparison) -> None:
    """One row a weight file; then the differences to the first one."""
    console = _console()
    console.print(_figures(comparison.contenders))
    console.print("ms: of a whole frame, median and 99th percentile")
    console.print(f"mJ: {comparison.energy_source or 'unknown, as this machine does not say'}")
    if len(comparison.contenders) > 1:
        console.print(_differences(comparison.contenders))
    for sentence in comparison.left_out:
        console.print(f"not measured: {sentence}")


@contextmanager
def progress_bar() -> Iterator[Callable[[str, int, int], None]]:
    """A bar on standard error; told what is done, how much of it, of so much."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=Console(file=sys.stderr), transient=True) as bar:
        task = bar.add_task("opening", total=None)
        yield lambda what, done, of: bar.update(task, description=what, completed=done, total=of)


def _figures(contenders: Sequence[Contender]) -> Table:
    times = [f"ms, {threads} thread{'s' if threads > 1 else ''}" for threads in THREADS]
    columns = ("MB", "faulty or not", "which class", "AP50", "AP50-95", *times, "mJ a frame")
    table = _table(3, "model", "engine", "weights", *columns)
    for contender in contenders:
        evaluation, weights = contender.evaluation, contender.evaluation.weights
        precision = evaluation.average_precision
        shares = (
            evaluation.modules.binary_accuracy, evaluation.modules.accuracy,
            precision.ap50, precision.ap50_95,
        )  # fmt: skip
        took = [contender.latency[threads] for threads in THREADS]
        spent = contender.energy_mj
        table.add_row(
            evaluation.model, weights.format, weights.precision, f"{evaluation.bytes / 1e6:.2f}",
            *(_share(share) for share in shares),
            *(f"{latency.median_ms:.1f} ({latency.p99_ms:.1f})" for latency in took),
            "unknown" if spent is None else f"{spent:.1f}",
        )  # fmt: skip
    return table


def _differences(contenders: Sequence[Contender]) -> Table:
    points = ("faulty or not", "which class", "AP50")
    table = _table(1, f"against {contenders[0].name}, points", *points, "size", "ms, 1 thread")
    for contender in contenders[1:]:
        of = contender.difference(contenders[0])
        gained = [of[key] for key in ("binary_accuracy", "class_accuracy", "ap50")]
        ratios = (f"× {of[key]:.2f}" for key in ("bytes", "latency"))
        table.add_row(contender.name, *(f"{100 * points:+.1f}" for points in gained), *ratios)
    return table


def _table(texts: int, *columns: str) -> Table:
    """With so many columns of text first, and figures in the others."""
    table = Table()
    for index, name in enumerate(columns):
        table.add_column(name, justify="left" if index < texts else "right", no_wrap=index < texts)
    return table


def _console() -> Console:
    terminal = sys.stdout.isatty()
    return Console(highlight=False, soft_wrap=not terminal, width=None if terminal else WIDTH)


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.1%}"
