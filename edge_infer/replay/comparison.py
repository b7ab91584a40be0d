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

"""Whether two replays found the same, within tolerances, and if not, what changed.

Detections are compared frame by frame, targets over the whole flight. What lies nearest to
each other is the same thing: numbers and names of targets may differ between two models that
see the same. Pure: goldens in, a comparison out; ``wording.py`` says it, ``picture.py`` draws it.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, NamedTuple, TypeVar

from edge_infer.replay.golden import Found, Frame, Golden, SeenTarget

LEAST_OVERLAP = 0.3
"""Two boxes whose intersection is a smaller share of their union are two things."""
FARTHEST_M = 2.5
"""So are targets that lie farther apart: half of the radius within which a fleet counts one."""


class Tolerance(NamedTuple):
    """What counts as the same.

    Attributes:
        pixels: by which each edge of a box may move.
        score: by which a score may differ.
        metres: by which a target may move.
    """

    pixels: float = 1.0
    score: float = 0.02
    metres: float = 0.1


Item = TypeVar("Item", Found, SeenTarget)


@dataclass(frozen=True)
class Difference(Generic[Item]):
    """How two lists of things differ.

    Attributes:
        lost: only in the one before.
        new: only in the one after.
        changed: in both (before, after), but beyond tolerance.
        same: in both, within it.
    """

    lost: tuple[Item, ...]
    new: tuple[Item, ...]
    changed: tuple[tuple[Item, Item], ...]
    same: tuple[tuple[Item, Item], ...]

    def __bool__(self) -> bool:
        """Whether there is any."""
        return bool(self.lost or self.new or self.changed)


class FrameDifference(NamedTuple):
    """How one frame differs.

    Attributes:
        number: from 1, in the order of stamps.
        stamp_ns: of the image.
        before, after: how many detections; None where the frame is not there.
        detections: what changed.
    """

    number: int
    stamp_ns: int
    before: int | None
    after: int | None
    detections: Difference[Found]

    @property
    def is_changed(self) -> bool:
        """Whether it is beyond tolerance, or in one of the two alone."""
        return bool(self.detections) or self.before is None or self.after is None


@dataclass(frozen=True)
class Comparison:
    """A golden beside what a replay found; true when nothing changed beyond tolerance."""

    before: Golden
    after: Golden
    tolerance: Tolerance
    frames: tuple[FrameDifference, ...]
    targets: Difference[SeenTarget]

    @property
    def changed_frames(self) -> list[FrameDifference]:
        """Those that are not the same."""
        return [frame for frame in self.frames if frame.is_changed]

    @property
    def is_identical(self) -> bool:
        """Whether not a byte changed."""
        return self.before.digest == self.after.digest

    def __bool__(self) -> bool:
        return not self.changed_frames and not self.targets


def compare(before: Golden, after: Golden, tolerance: Tolerance | None = None) -> Comparison:
    """What changed from a golden to a replay."""
    allowed = tolerance or Tolerance()
    return Comparison(
        before,
        after,
        allowed,
        tuple(_frames(before.frames, after.frames, allowed)),
        _difference(before.targets, after.targets, metres_apart, FARTHEST_M, allowed),
    )


def is_same(before: Item, after: Item, tolerance: Tolerance) -> bool:
    """Whether two views of one thing agree within tolerance."""
    return (
        before.class_name == after.class_name
        and abs(before.score - after.score) <= tolerance.score
        and not moved(before, after, tolerance)
    )


def moved(before: Item, after: Item, tolerance: Tolerance) -> bool:
    """Whether it lies elsewhere."""
    if isinstance(before, Found) and isinstance(after, Found):
        return pixels_apart(before, after) > tolerance.pixels
    assert isinstance(before, SeenTarget)
    assert isinstance(after, SeenTarget)
    return metres_apart(before, after) > tolerance.metres


def pixels_apart(before: Found, after: Found) -> float:
    """How far the edge moved that moved farthest."""
    return max(abs(a - b) for a, b in zip(before.box, after.box, strict=True))


def metres_apart(before: SeenTarget, after: SeenTarget) -> float:
    """The distance of two targets, height included."""
    return math.dist(before.position, after.position)


def _frames(
    before: Sequence[Frame], after: Sequence[Frame], tolerance: Tolerance
) -> Iterator[FrameDifference]:
    then, now = _by_stamp(before), _by_stamp(after)
    for number, key in enumerate(sorted(then.keys() | now.keys()), start=1):
        was, seen = then.get(key), now.get(key)
        yield FrameDifference(
            number,
            key[0],
            None if was is None else len(was),
            None if seen is None else len(seen),
            _difference(was or (), seen or (), _without_overlap, 1 - LEAST_OVERLAP, tolerance),
        )


def _by_stamp(frames: Sequence[Frame]) -> dict[tuple[int, int], tuple[Found, ...]]:
    """(stamp, which of those with that stamp) -> its detections."""
    met: Counter[int] = Counter()
    found = {}
    for frame in frames:
        found[frame.stamp_ns, met[frame.stamp_ns]] = frame.detections
        met[frame.stamp_ns] += 1
    return found


def _difference(
    before: Sequence[Item],
    after: Sequence[Item],
    apart: Callable[[Item, Item], float],
    farthest: float,
    tolerance: Tolerance,
) -> Difference[Item]:
    pairs = _pairs(before, after, apart, farthest)
    both = [(before[i], after[j]) for i, j in sorted(pairs.items())]
    found = set(pairs.values())
    return Difference(
        lost=tuple(item for i, item in enumerate(before) if i not in pairs),
        new=tuple(item for j, item in enumerate(after) if j not in found),
        changed=tuple(pair for pair in both if not is_same(*pair, tolerance)),
        same=tuple(pair for pair in both if is_same(*pair, tolerance)),
    )


def _pairs(
    before: Sequence[Item],
    after: Sequence[Item],
    apart: Callable[[Item, Item], float],
    farthest: float,
) -> dict[int, int]:
    """Index before -> index after of what is the same thing: the nearest first."""
    candidates = sorted(
        (distance, was.class_name != seen.class_name, i, j)
        for i, was in enumerate(before)
        for j, seen in enumerate(after)
        if (distance := apart(was, seen)) <= farthest
    )
    pairs: dict[int, int] = {}
    taken: set[int] = set()
    for _, _, i, j in candidates:
        if i not in pairs and j not in taken:
            pairs[i] = j
            taken.add(j)
    return pairs


def _without_overlap(before: Found, after: Found) -> float:
    """1 - intersection over union of two boxes; 1 when both are empty."""
    (ax1, ay1, ax2, ay2), (bx1, by1, bx2, by2) = before.box, after.box
    inside = max(0.0, min(ax2, bx2) - max(ax1, bx1)) * max(0.0, min(ay2, by2) - max(ay1, by1))
    union = (ax2 - ax1) * (ay2 - ay1) + (bx2 - bx1) * (by2 - by1) - inside
    return 1.0 - inside / union if union > 0 else 1.0
