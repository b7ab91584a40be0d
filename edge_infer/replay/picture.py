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

"""A comparison as a picture (SVG): a plan of the targets, and how many detections each frame had.

East is right, north is up, one metre is as long in both. What is grey was there before, too.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.sax.saxutils import escape

from edge_infer.errors import ReplayError, first_line
from edge_infer.replay.comparison import Comparison, FrameDifference
from edge_infer.replay.golden import SeenTarget
from edge_infer.replay.wording import summary

WIDTH, PLAN, TIMELINE, MARGIN, HEAD = 960, 540, 180, 60, 70
"""Of the picture and its parts, in pixels."""
BEFORE, AFTER, LOST, NEW, CHANGED = "#8a8f98", "#2f6fde", "#d23b3b", "#1f9d55", "#e08a00"
_STYLE = (
    "text{font:12px sans-serif;fill:#333}.head{font-size:17px;font-weight:bold}"
    ".grid{stroke:#e4e6ea}.axis{stroke:#9aa0a8;fill:none}"
)
_LEGEND = (
    ("unchanged", BEFORE), ("lost", LOST), ("new", NEW), ("changed", CHANGED),
)  # fmt: skip
_TICKS = 8


def write_picture(file: Path, comparison: Comparison) -> None:
    """Write the picture.

    Raises:
        ReplayError: the disk refuses it.
    """
    try:
        file.write_text(picture(comparison), encoding="utf-8")
    except OSError as error:
        raise ReplayError(
            f"the picture {file} cannot be written ({first_line(error)})", "name another file"
        ) from error


def picture(comparison: Comparison) -> str:
    """The text of an SVG file."""
    height = HEAD + PLAN + TIMELINE + 2 * MARGIN
    size = f'width="{WIDTH}" height="{height}" viewBox="0 0 {WIDTH} {height}"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size}><style>{_STYLE}</style>',
        f'<rect width="{WIDTH}" height="{height}" fill="white"/>',
        _text(MARGIN, 28, f"{comparison.after.bag}: {summary(comparison)}", "head"),
        *_legend(),
        *_plan(comparison),
        *_timeline(comparison.frames),
        "</svg>\n",
    ]
    return "\n".join(parts)


# --- the plan -----------------------------------------------------------------------


@dataclass(frozen=True)
class _Map:
    """Metres to pixels of the plan."""

    west_m: float
    north_m: float
    pixels_per_m: float

    @classmethod
    def around(cls, targets: Iterable[SeenTarget]) -> _Map:
        """One that shows all, with some room."""
        points = [target.position for target in targets] or [(0.0, 0.0, 0.0)]
        east, north = ([point[axis] for point in points] for axis in (0, 1))
        room_m = 2.0 + 0.05 * max(max(east) - min(east), max(north) - min(north))
        wide_m = max(east) - min(east) + 2 * room_m
        high_m = max(north) - min(north) + 2 * room_m
        scale = min((WIDTH - 2 * MARGIN) / wide_m, PLAN / high_m)
        middle_m = (max(north) + min(north)) / 2
        return cls(min(east) - room_m, middle_m + PLAN / scale / 2, scale)

    def place(self, target: SeenTarget) -> tuple[float, float]:
        """Where a target lies in the picture."""
        return self.x(target.position[0]), self.y(target.position[1])

    def x(self, east_m: float) -> float:
        return MARGIN + (east_m - self.west_m) * self.pixels_per_m

    def y(self, north_m: float) -> float:
        return HEAD + (self.north_m - north_m) * self.pixels_per_m


def _plan(comparison: Comparison) -> Iterator[str]:
    targets = comparison.targets
    view = _Map.around([*comparison.before.targets, *comparison.after.targets])
    yield from _grid(view)
    for before, _ in targets.same:
        yield _dot(view, before, BEFORE, "")
    for before, after in targets.changed:
        (x1, y1), (x2, y2) = view.place(before), view.place(after)
        yield f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{CHANGED}"/>'
        yield _dot(view, before, BEFORE, "")
        became = before.class_name != after.class_name
        words = f"{before.class_name} → {after.class_name}" if became else after.class_name
        yield _dot(view, after, CHANGED, words)
    yield from (_dot(view, target, LOST, target.class_name) for target in targets.lost)
    yield from (_dot(view, target, NEW, target.class_name) for target in targets.new)


def _grid(view: _Map) -> Iterator[str]:
    right, bottom = WIDTH - MARGIN, HEAD + PLAN
    wide_m, high_m = (right - MARGIN) / view.pixels_per_m, PLAN / view.pixels_per_m
    for east_m in _ticks(view.west_m, view.west_m + wide_m):
        x = view.x(east_m)
        yield f'<line class="grid" x1="{x:.1f}" y1="{HEAD}" x2="{x:.1f}" y2="{bottom}"/>'
        yield _text(x, bottom + 16, f"{east_m:g} m", anchor="middle")
    for north_m in _ticks(view.north_m - high_m, view.north_m):
        y = view.y(north_m)
        yield f'<line class="grid" x1="{MARGIN}" y1="{y:.1f}" x2="{right}" y2="{y:.1f}"/>'
        yield _text(MARGIN - 6, y + 4, f"{north_m:g}", anchor="end")
    yield (f'<rect class="axis" x="{MARGIN}" y="{HEAD}" width="{right - MARGIN}" height="{PLAN}"/>')


def _ticks(low: float, high: float) -> list[float]:
    """Round numbers between two others, about _TICKS of them."""
    rough = (high - low) / _TICKS
    unit: float = 10.0 ** math.floor(math.log10(rough))
    step = next(unit * factor for factor in (1, 2, 5, 10) if unit * factor >= rough)
    return [number * step for number in range(math.ceil(low / step), math.floor(high / step) + 1)]


def _dot(view: _Map, target: SeenTarget, colour: str, words: str) -> str:
    x, y = view.place(target)
    told = escape(f"{target.id}: {target.class_name} {target.score:.2f}")
    circle = (
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="5" fill="{colour}" fill-opacity="0.75">'
        f"<title>{told}</title></circle>"
    )
    if x > WIDTH - 3 * MARGIN:  # there is no room to its right
        return circle + _text(x - 8, y + 4, words, anchor="end")
    return circle + _text(x + 8, y + 4, words)


# --- the timeline --------------------------------------------------------------------


def _timeline(frames: Sequence[FrameDifference]) -> Iterator[str]:
    top, bottom = HEAD + PLAN + MARGIN, HEAD + PLAN + MARGIN + TIMELINE
    yield _text(MARGIN, top - 8, "detections per frame: grey before, blue after")
    yield (
        f'<rect class="axis" x="{MARGIN}" y="{top}" width="{WIDTH - 2 * MARGIN}" '
        f'height="{TIMELINE}"/>'
    )
    if not frames:
        return
    most = max(max(frame.before or 0, frame.after or 0) for frame in frames) or 1
    step = (WIDTH - 2 * MARGIN) / len(frames)
    yield _text(MARGIN - 6, top + 10, str(most), anchor="end")
    yield _text(MARGIN - 6, bottom, "0", anchor="end")
    for index, frame in enumerate(frames):
        if frame.is_changed:
            x = MARGIN + index * step
            yield (
                f'<rect x="{x:.2f}" y="{top}" width="{max(step, 1):.2f}" height="{TIMELINE}" '
                f'fill="{_colour(frame)}" fill-opacity="0.25"/>'
            )
    scale = TIMELINE / most
    for colour, counts in (
        (BEFORE, [frame.before or 0 for frame in frames]),
        (AFTER, [frame.after or 0 for frame in frames]),
    ):
        yield _steps(counts, step, scale, bottom, colour)
    for index in (0, len(frames) - 1):
        since_s = (frames[index].stamp_ns - frames[0].stamp_ns) / 1e9
        anchor = "end" if index else "start"
        yield _text(MARGIN + index * step, bottom + 16, f"{since_s:.1f} s", anchor=anchor)


def _colour(frame: FrameDifference) -> str:
    """What became of a frame, the worst first."""
    if frame.after is None or frame.detections.lost:
        return LOST
    if frame.before is None or frame.detections.new:
        return NEW
    return CHANGED


def _steps(counts: Sequence[int], step: float, scale: float, bottom: int, colour: str) -> str:
    points = [
        f"{MARGIN + (index + side) * step:.2f},{bottom - count * scale:.1f}"
        for index, count in enumerate(counts)
        for side in (0, 1)
    ]
    return f'<polyline points="{" ".join(points)}" fill="none" stroke="{colour}"/>'


# --- both ----------------------------------------------------------------------------


def _legend() -> Iterator[str]:
    for index, (words, colour) in enumerate(_LEGEND):
        x = MARGIN + index * 110
        yield f'<circle cx="{x + 5}" cy="50" r="5" fill="{colour}"/>'
        yield _text(x + 15, 54, words)


def _text(x: float, y: float, words: str, style: str = "", anchor: str = "start") -> str:
    chosen = f' class="{style}"' if style else ""
    return f'<text{chosen} x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(words)}</text>'
