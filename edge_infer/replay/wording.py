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

"""A comparison in words: one sentence for each thing that changed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from edge_infer.replay.comparison import (
    Comparison,
    FrameDifference,
    Item,
    metres_apart,
    moved,
    pixels_apart,
)
from edge_infer.replay.golden import Found, SeenTarget

SHOWN = 20
"""More sentences than that nobody reads."""


def summary(comparison: Comparison) -> str:
    """The verdict in one line."""
    if comparison:
        return "the same, byte for byte" if comparison.is_identical else "the same within tolerance"
    frames, targets = comparison.changed_frames, comparison.targets
    changed = len(targets.lost) + len(targets.new) + len(targets.changed)
    return (
        f"changed: {len(frames)} of {len(comparison.frames)} frames, "
        f"{changed} of {len(comparison.before.targets) + len(targets.new)} targets"
    )


def sentences(comparison: Comparison) -> list[str]:
    """All that changed beyond tolerance: the model, the targets, then frame by frame."""
    if comparison:
        return []
    return [*_of_model(comparison), *_of_targets(comparison), *_of_frames(comparison)]


def shortened(words: list[str], most: int = SHOWN) -> list[str]:
    """The first of them, and how many more there are."""
    if len(words) <= most:
        return words
    return [*words[:most], f"and {len(words) - most} more"]


def as_json(comparison: Comparison) -> dict[str, Any]:
    """What stands in a report."""
    targets, frames = comparison.targets, comparison.changed_frames
    return {
        "same": bool(comparison),
        "identical": comparison.is_identical,
        "tolerance": comparison.tolerance._asdict(),
        "frames": {"compared": len(comparison.frames), "changed": len(frames)},
        "detections": {
            "lost": sum(len(frame.detections.lost) for frame in frames),
            "new": sum(len(frame.detections.new) for frame in frames),
            "changed": sum(len(frame.detections.changed) for frame in frames),
        },
        "targets": {
            "lost": len(targets.lost),
            "new": len(targets.new),
            "changed": len(targets.changed),
        },
        "changes": sentences(comparison),
    }


def _of_model(comparison: Comparison) -> Iterator[str]:
    """Not a change of its own, but what may explain the others."""
    then, now = _model(comparison.before.model), _model(comparison.after.model)
    if then != now:
        yield f"the golden is of {then}, this is {now}"


def _model(told: dict[str, str]) -> str:
    if not told:
        return "no model"
    words = f"{told.get('name')} {told.get('version')} on {told.get('engine')}"
    return f"{words} ({told.get('digest', '')[:12]})"


def _of_targets(comparison: Comparison) -> Iterator[str]:
    targets = comparison.targets
    yield from (f"target {_name(item)} is lost" for item in targets.lost)
    yield from (f"target {_name(item)} is new" for item in targets.new)
    for before, after in targets.changed:
        yield f"target {_name(before)} {_change(before, after, comparison)}"


def _of_frames(comparison: Comparison) -> Iterator[str]:
    for frame in comparison.changed_frames:
        yield f"frame {frame.number} ({frame.stamp_ns / 1e9:.3f} s): {_frame(frame, comparison)}"


def _frame(frame: FrameDifference, comparison: Comparison) -> str:
    if frame.after is None:
        return "was not seen"
    if frame.before is None:
        return "was not seen before"
    found = frame.detections
    words = [f"lost {_name(item)}" for item in found.lost]
    words += [f"new {_name(item)}" for item in found.new]
    words += [f"{_name(old)} {_change(old, new, comparison)}" for old, new in found.changed]
    return ", ".join(words)


def _name(item: Found | SeenTarget) -> str:
    if isinstance(item, Found):
        x1, y1, x2, y2 = item.box
        return f"{item.class_name} {item.score:.2f} at {(x1 + x2) / 2:.0f},{(y1 + y2) / 2:.0f}"
    x, y, z = item.position
    return f"{item.class_name} {item.score:.2f} at {x:.2f}, {y:.2f}, {z:.2f} m"


def _change(before: Item, after: Item, comparison: Comparison) -> str:
    """What became of one thing."""
    words = []
    if before.class_name != after.class_name:
        words.append(f"is now {after.class_name}")
    if moved(before, after, comparison.tolerance):
        words.append(f"moved by {_way(before, after)}")
    if abs(before.score - after.score) > comparison.tolerance.score:
        words.append(f"has score {after.score:.2f}")
    return " and ".join(words)


def _way(before: Item, after: Item) -> str:
    if isinstance(before, Found) and isinstance(after, Found):
        return f"{pixels_apart(before, after):.1f} px"
    assert isinstance(before, SeenTarget)
    assert isinstance(after, SeenTarget)
    return f"{metres_apart(before, after):.2f} m"
