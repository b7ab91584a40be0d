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

"""What came out, as PNG pictures: the confusion, the worst mistakes, a comparison."""

from __future__ import annotations

import importlib.util
import io
from collections.abc import Sequence
from itertools import cycle
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_infer.errors import UsageError
from edge_infer.evaluation.compare import Comparison, Contender
from edge_infer.evaluation.mistakes import Mistake
from edge_infer.evaluation.scores import ModuleScore
from edge_infer.simulation.modules import NO_ANOMALY

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

TILE_PX = 144
CAPTION_PX = 46
COLUMNS = 8

_FOUND, _MISSED = (60, 60, 230), (60, 200, 60)
_MARKERS = "osD^vP*X"


def check() -> None:
    """Raise UsageError when pictures cannot be drawn here."""
    if importlib.util.find_spec("matplotlib") is None:
        raise UsageError(
            "pictures need matplotlib, which is not installed", "pip install matplotlib"
        )


def confusion_png(score: ModuleScore, labels: Sequence[str]) -> bytes:
    """What the modules of each class were taken for: counts, shaded by their share of the row."""
    from matplotlib.figure import Figure

    names = [*labels, NO_ANOMALY]
    counts = score.confusion
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    side = 2.5 + 0.55 * len(names)
    figure = Figure(figsize=(side + 1, side), layout="constrained")
    axes = figure.subplots()
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    axes.set_xticks(range(len(names)), names, rotation=90)
    axes.set_yticks(range(len(names)), names)
    axes.set(xlabel="answer", ylabel="truth", title=_headline(score))
    for (row, column), count in np.ndenumerate(counts):
        if count:
            colour = "white" if shares[row, column] > 0.5 else "black"
            axes.text(column, row, str(count), ha="center", va="center", color=colour, fontsize=8)
    return _png(figure)


def mistakes_png(mistakes: Sequence[Mistake]) -> bytes:
    """A contact sheet: each mistake's place, with the truth and the answer beneath."""
    tiles = [_tile(mistake) for mistake in mistakes] or [_blank("no mistakes")]
    columns = min(COLUMNS, len(tiles))
    tiles += [np.full_like(tiles[0], 255)] * (-len(tiles) % columns)
    rows = [np.hstack(tiles[i : i + columns]) for i in range(0, len(tiles), columns)]
    return bytes(cv2.imencode(".png", np.vstack(rows))[1])


def comparison_png(comparison: Comparison) -> bytes:
    """Accuracy over latency with one thread; a marker's size is the file's."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(12, 5), layout="constrained")
    left, right = figure.subplots(1, 2)
    contenders = comparison.contenders
    binary = [contender.evaluation.modules.binary_accuracy for contender in contenders]
    ap50 = [contender.evaluation.average_precision.ap50 for contender in contenders]
    _scatter(left, contenders, binary, "modules rightly taken for faulty or healthy, %")
    _scatter(right, contenders, ap50, "average precision at an overlap of 0.5, %")
    handles, names = left.get_legend_handles_labels()
    figure.legend(handles, names, loc="outside lower center", ncols=2, fontsize=8)
    return _png(figure)


def _headline(score: ModuleScore) -> str:
    return (
        f"{score.confusion.sum():,} modules: faulty or not {score.binary_accuracy:.1%}, "
        f"which class {score.accuracy:.1%}"
    )


def _scatter(
    axes: Axes, contenders: Sequence[Contender], values: Sequence[float], title: str
) -> None:
    largest = max(contender.evaluation.bytes for contender in contenders)
    for contender, value, marker in zip(contenders, values, cycle(_MARKERS)):
        took, size = contender.latency[1], contender.evaluation.bytes
        axes.plot([took.median_ms, took.p99_ms], [100 * value] * 2, color="0.8", zorder=0)
        axes.scatter(
            took.median_ms, 100 * value, s=40 + 360 * size / largest, alpha=0.6, marker=marker,
            label=f"{contender.name}, {size / 1e6:.2f} MB",
        )  # fmt: skip
    axes.set(title=title, xlabel="a frame, ms: median, and a line to the 99th percentile")
    axes.set_xlim(left=0)
    axes.grid(alpha=0.3)


def _tile(mistake: Mistake) -> NDArray[np.uint8]:
    """The crop with the box (red where something was found, green where it was missed)."""
    tile = _blank(
        f"{mistake.kind} {mistake.score:.2f}",
        f"is: {mistake.truth}",
        f"said: {mistake.answer}" if mistake.kind != "missed fault" else mistake.frame,
    )
    height, width = mistake.crop.shape
    scale = (TILE_PX - 4) / max(height, width)
    inner = max(1, round(width * scale)), max(1, round(height * scale))
    crop = cv2.cvtColor(cv2.resize(mistake.crop, inner), cv2.COLOR_GRAY2BGR)
    left, top, right, bottom = (
        round(float(value - shift) * scale)
        for value, shift in zip(mistake.xyxy, mistake.corner * 2, strict=True)
    )
    colour = _MISSED if mistake.kind == "missed fault" else _FOUND
    cv2.rectangle(crop, (left, top), (right, bottom), colour, 1)
    tile[2 : 2 + inner[1], 2 : 2 + inner[0]] = crop
    return tile


def _blank(*lines: str) -> NDArray[np.uint8]:
    """A white tile with up to three lines of text."""
    tile = np.full((TILE_PX + CAPTION_PX, TILE_PX, 3), 255, np.uint8)
    for number, line in enumerate(lines):
        at = (3, TILE_PX + 12 + 14 * number)
        text = line.encode("ascii", "replace").decode()[:26]
        cv2.putText(tile, text, at, cv2.FONT_HERSHEY_SIMPLEX, 0.33, (0, 0, 0), 1, cv2.LINE_AA)
    return tile


def _png(figure: Figure) -> bytes:
    target = io.BytesIO()
    figure.savefig(target, format="png", dpi=100)
    return target.getvalue()
