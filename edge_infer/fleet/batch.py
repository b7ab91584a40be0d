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

"""The priority set of many sightings at once, with numpy.

The definition is that of ``duplicates.py`` and ``gate.py``; this is the way to
compute it from nothing. Two ideas make it fast:

- *Neighbours by one sort.* The plane is cut into north-south strips as wide as
  the radius. With the key ``strip * stride + north``, whatever lies near a point
  is one run of keys in its own strip and one in each strip beside it, so two
  binary searches per strip find it. A gate with a window cuts each strip into
  slabs of time too, one behind the other.
- *Decide in rounds.* A point that nothing undecided above it conflicts with is
  kept and rules out those that conflict with it; a few rounds decide all
  (Blelloch, Fineman and Shun, SPAA 2012). Where points lie dense, the best of
  them are decided first: what they rule out needs no neighbours any more.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from edge_infer.domain import Sighting
from edge_infer.fleet.gate import DEFAULT_GATE, Gate, Moments, moments, within_sigmas

Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]
Agreement = Callable[[Ints, Ints], Mask]
"""Rows a and b, near each other and of different frames -> whether they conflict."""

_CROWDED = 1.0
"""Pairs per point within one strip above which the best points go first."""
_BEST = 4
"""One point in so many goes first."""
_SMALL = 256
"""So few points are decided in one go, however dense they lie."""


def priority_set(sightings: Sequence[Sighting], gate: Gate = DEFAULT_GATE) -> Mask:
    """(n,) which of the sightings are kept; identities must differ."""
    names = {name: code for code, name in enumerate(sorted({s.id.source for s in sightings}))}
    frames: dict[tuple[int, int, int], int] = {}
    rows = []
    for s in sightings:
        log = names[s.id.source], s.id.boot
        frame = frames.setdefault((*log, s.frame), len(frames))
        rows.append((s.x_mm, s.y_mm, frame, *log, s.id.sequence))
    x, y, frame_code, *identity = np.array(rows, np.int64).reshape(-1, 6).T
    score = np.array([s.score for s in sightings])
    rank = np.empty(len(rows), np.int64)
    rank[np.lexsort((*reversed(identity), -score))] = np.arange(len(rows))
    if gate.is_plain or not rows:
        return _kept(x, y, frame_code, rank, gate.radius_mm)
    stamps = np.array([s.stamp_ns for s in sightings], np.int64)
    slab = _slabs(stamps, gate.window_ns) if gate.window_ns else None
    agreement = _agreement(sightings, x, y, stamps, gate)
    return _kept(x, y, frame_code, rank, gate.radius_mm, slab, agreement)


def priority_set_columns(
    x_mm: ArrayLike,
    y_mm: ArrayLike,
    score: ArrayLike,
    frame: ArrayLike,
    radius_mm: int = DEFAULT_GATE.radius_mm,
) -> Mask:
    """The same of columns under a plain gate, in the order of the sightings' identities.

    Args:
        x_mm: (n,) east, whole millimetres, less than 2^40 from the origin.
        y_mm: (n,) north, likewise.
        score: (n,) 0..1 as float32; among equal scores the earlier row wins.
        frame: (n,) whole numbers, equal for two sightings of one frame (of one
            boot of one source) and for no others.
        radius_mm: within this two sightings of different frames conflict.

    Returns:
        (n,) which rows are kept.
    """
    # The bits of floats that are not negative, read as an integer, sort as the floats do.
    bits = (np.asarray(score, np.float32) + np.float32(0)).view(np.uint32).astype(np.int64)
    rank = np.arange(len(bits)) - (bits << 32)
    x, y, frames = (np.asarray(column, np.int64) for column in (x_mm, y_mm, frame))
    return _kept(x, y, frames, rank, radius_mm)


def _slabs(stamps: Ints, window_ns: int) -> Ints:
    """(n,) numbers of slabs as long as the window; neighbours differ by 1, gaps shrink to 2."""
    numbers, slab = np.unique(stamps // window_ns, return_inverse=True)
    steps = np.minimum(np.diff(numbers), 2)
    return np.concatenate([[0], np.cumsum(steps)])[slab]


def _agreement(
    sightings: Sequence[Sighting], x: Ints, y: Ints, stamps: Ints, gate: Gate
) -> Agreement:
    """``gate.agree`` for many pairs at once."""
    codes: dict[str, int] = {}
    classes = np.array([codes.setdefault(s.class_name, len(codes)) for s in sightings], np.int64)
    if gate.sigmas_milli:
        columns = np.array([moments(s.covariance_m2) for s in sightings], object).T

    def agreement(a: Ints, b: Ints) -> Mask:
        reach = gate.radius_mm - gate.other_class_mm * (classes[a] != classes[b])
        dx, dy = x[a] - x[b], y[a] - y[b]
        agreed: Mask = dx * dx + dy * dy <= reach * reach
        if gate.window_ns:
            agreed &= np.abs(stamps[a] - stamps[b]) <= gate.window_ns
        if gate.sigmas_milli:
            one, other = (Moments(*columns[:, rows[agreed]]) for rows in (a, b))
            east, north, reached = (column[agreed].astype(object) for column in (dx, dy, reach))
            agreed[agreed] = within_sigmas(east, north, one, other, reached, gate)
        return agreed

    return agreement


def _kept(
    x: Ints,
    y: Ints,
    frame: Ints,
    rank: Ints,
    radius_mm: int,
    slab: Ints | None = None,
    agreement: Agreement | None = None,
) -> Mask:
    kept = np.zeros(len(x), np.bool_)
    if len(x):
        points = _Points(x, y, frame, rank, radius_mm, slab, agreement)
        kept[points.order[points.independent(np.arange(len(x)))]] = True
    return kept


class _Points:
    """Points in the order of their keys; indices below count in that order."""

    def __init__(
        self,
        x: Ints,
        y: Ints,
        frame: Ints,
        rank: Ints,
        radius_mm: int,
        slab: Ints | None,
        agreement: Agreement | None,
    ) -> None:
        self.radius = radius_mm
        self.agreement = agreement
        north = y - y.min()
        strip = x // max(1, radius_mm)
        strip -= strip.min()
        stride = int(north.max()) + 2 * radius_mm + 1
        self.ahead = [stride]
        """From a key to the same place in each strip ahead that may hold neighbours."""
        if slab is not None:
            slabs = int(slab.max()) + 2  # An empty one parts each strip from the next.
            strip = strip * slabs + slab
            self.ahead = [stride, *(stride * (slabs + step) for step in (-1, 0, 1))]
        key = strip * stride + north
        self.order = np.argsort(key)
        self.key = key[self.order]
        self.x, self.y = x[self.order], y[self.order]
        self.frame, self.rank = frame[self.order], rank[self.order]

    def independent(self, pool: Ints) -> Ints:
        """Those of the pool (ascending) that are kept when there is nothing else."""
        n, key = len(pool), self.key[pool]
        after = np.arange(1, n + 1)
        same_strip = np.searchsorted(key, key + self.radius, "right")
        if n > _SMALL and int((same_strip - after).sum()) > _CROWDED * n:
            return self._best_first(pool)
        low = [np.searchsorted(key, key + (ahead - self.radius), "left") for ahead in self.ahead]
        high = [np.searchsorted(key, key + (ahead + self.radius), "right") for ahead in self.ahead]
        i, j = _pairs(np.concatenate([after, *low]), np.concatenate([same_strip, *high]))
        above, below = self._conflicting(pool[i % n], pool[j])
        return self._rounds(pool, above, below)

    def _best_first(self, pool: Ints) -> Ints:
        """Decide the best of a crowd, then those that they do not rule out."""
        rank = self.rank[pool]
        cut = np.partition(rank, len(pool) // _BEST)[len(pool) // _BEST]
        first = self.independent(pool[rank < cut])
        rest = pool[rank >= cut]
        rest = rest[~self._ruled_out(first, rest)]
        return np.concatenate([first, self.independent(rest)])

    def _ruled_out(self, kept: Ints, rest: Ints) -> Mask:
        """(len(rest),) which of the rest conflict with one of the kept."""
        key, centre = self.key[rest], self.key[kept]
        out = np.zeros(len(rest), np.bool_)
        for strip in (0, *self.ahead, *(-ahead for ahead in self.ahead)):
            starts = np.searchsorted(key, centre + (strip - self.radius), "left")
            ends = np.searchsorted(key, centre + (strip + self.radius), "right")
            i, j = _pairs(starts, ends)
            out[j[self._conflict(kept[i], rest[j])]] = True
        return out

    def _conflict(self, a: Ints, b: Ints) -> Mask:
        dx = self.x[a] - self.x[b]
        dy = self.y[a] - self.y[b]
        near = dx * dx + dy * dy <= self.radius * self.radius
        near[near] = self.frame[a[near]] != self.frame[b[near]]
        if self.agreement is not None:
            near[near] = self.agreement(self.order[a[near]], self.order[b[near]])
        return near

    def _conflicting(self, a: Ints, b: Ints) -> tuple[Ints, Ints]:
        """The pairs that conflict, the one with the higher priority first."""
        conflict = self._conflict(a, b)
        a, b = a[conflict], b[conflict]
        in_order = self.rank[a] < self.rank[b]
        return np.where(in_order, a, b), np.where(in_order, b, a)

    def _rounds(self, pool: Ints, above: Ints, below: Ints) -> Ints:
        """The kept ones of a pool whose conflicts are all known."""
        undecided = np.zeros(len(self.key), np.bool_)
        undecided[pool] = True
        kept = np.zeros_like(undecided)
        while len(above):
            best = undecided.copy()
            best[below] = False
            kept |= best
            undecided[best] = False
            undecided[below[best[above]]] = False
            open_pairs = undecided[above] & undecided[below]
            above, below = above[open_pairs], below[open_pairs]
        return np.flatnonzero(kept | undecided)


def _pairs(starts: Ints, ends: Ints) -> tuple[Ints, Ints]:
    """Every (i, j) with starts[i] <= j < ends[i]."""
    lengths = np.maximum(ends - starts, 0)
    before = np.cumsum(lengths) - lengths
    i = np.repeat(np.arange(len(starts)), lengths)
    return i, np.arange(len(i)) + np.repeat(starts - before, lengths)
