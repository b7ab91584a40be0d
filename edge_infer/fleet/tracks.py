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

"""Things that move: the targets that one thing leaves behind, joined to one track each.

Where a gate has a window (``gate.py``), a thing that is followed makes a new
target about once per window, farther on. ``linked`` joins them. It goes through
the targets in the order of their times, and what it decided about old ones does
not change when younger ones come, but for those of the last windows. A track
bears the name of its earliest sighting, so the name is settled once the
sightings of that time have all come, however long the thing is followed.

Which track goes on is a guess where several may. The same class comes first,
then the nearest to where the track is going, then the identities. A target that
a younger one fits better leaves the track to that one. What comes nearer to each
other than the radius within a window counts as one thing for that time: then names
may be swapped, and a name may come up for a moment that stands for nothing new.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace

from edge_infer.domain import SightingId, Target
from edge_infer.fleet.fusion import ordered_votes
from edge_infer.fleet.gate import Gate
from edge_infer.fleet.spatial import HashGrid

PATIENCE = 5
"""A moving thing that was not seen for so many windows is lost."""

_BACK = 3
"""Where a track is going is told from so many of its targets."""

_Rank = tuple[bool, int, SightingId, SightingId]
"""How well a target continues a track: lower is better."""


def linked(targets: Sequence[Target], gate: Gate) -> tuple[Target, ...]:
    """One target per thing, ordered by id; the order of the given ones does not matter.

    A track's target has the id of its earliest one and the place, class and score
    of its latest; votes, sightings, sources and times are over all. A target
    continues a track if it comes after the track's latest, and lies no farther
    from that than the radius and the way at the largest speed. Without a window
    things stand still, and the targets stay as they are.
    """
    if not gate.window_ns:
        return tuple(sorted(targets, key=_identity))
    joined = (_joined(track.targets) for track in _Linking(targets, gate).tracks())
    return tuple(sorted(joined, key=_identity))


class _Track:
    """Targets of one thing, in order. Its place is that of the latest."""

    __slots__ = ("targets", "x_mm", "y_mm")

    def __init__(self, first: Target) -> None:
        self.targets = [first]
        self.x_mm, self.y_mm = first.x_mm, first.y_mm

    def append(self, target: Target) -> None:
        """The thing was here next."""
        self.targets.append(target)
        self.x_mm, self.y_mm = target.x_mm, target.y_mm

    def may_go_on(self, target: Target, gate: Gate) -> bool:
        """Whether the thing can have come to this target."""
        end = self.targets[-1]
        if not _is_before(end, target):
            return False
        if self._is_lost(target.first_seen_ns, gate):
            return False
        dx, dy = target.x_mm - end.x_mm, target.y_mm - end.y_mm
        return (dx * dx + dy * dy) * 10**18 <= _reach_e9(end, target, gate) ** 2

    def rank(self, target: Target) -> _Rank:
        """How well a target goes on where this track is going."""
        x_mm, y_mm = self._expected(target)
        dx, dy = target.x_mm - x_mm, target.y_mm - y_mm
        first, end = self.targets[0], self.targets[-1]
        return target.class_name != end.class_name, dx * dx + dy * dy, first.id, target.id

    def _expected(self, target: Target) -> tuple[int, int]:
        """Straight on as fast as before, for no longer than is known."""
        past, end = self.targets[-_BACK:][0], self.targets[-1]
        known = _twice_middle_ns(end) - _twice_middle_ns(past)
        ahead = min(_twice_middle_ns(target) - _twice_middle_ns(end), known)
        if ahead <= 0:
            return end.x_mm, end.y_mm
        return (
            end.x_mm + (end.x_mm - past.x_mm) * ahead // known,
            end.y_mm + (end.y_mm - past.y_mm) * ahead // known,
        )

    def _is_lost(self, now_ns: int, gate: Gate) -> bool:
        """A thing that stands may be seen again any time, one that moves soon or never."""
        unseen_ns = now_ns - self.targets[-1].last_seen_ns
        return gate.max_speed_mmps > 0 and unseen_ns > PATIENCE * gate.window_ns


class _Linking:
    """The tracks so far, and the targets that begin within a window from now."""

    def __init__(self, targets: Sequence[Target], gate: Gate) -> None:
        self._gate = gate
        self._in_order = sorted(targets, key=_middle)
        # No target is longer than two windows.
        way_mm = gate.max_speed_mmps * (PATIENCE + 4) * gate.window_ns // 10**9
        self._reach_mm = gate.radius_mm + way_mm + 1
        self._tracks: list[_Track] = []
        self._ends: HashGrid[_Track] = HashGrid(self._reach_mm)
        self._coming: HashGrid[Target] = HashGrid(self._reach_mm)

    def tracks(self) -> list[_Track]:
        """All tracks, once every target has its place."""
        targets, behind = self._in_order, 0
        for target in targets:
            horizon_ns = _twice_middle_ns(target) + 2 * self._gate.window_ns
            while behind < len(targets) and _twice_middle_ns(targets[behind]) <= horizon_ns:
                self._coming.insert(targets[behind])
                behind += 1
            self._coming.remove(target)
            self._place(target)
        return self._tracks

    def _place(self, target: Target) -> None:
        for track in self._continued(target):
            if not self._is_left_to_another(track, target):
                self._ends.remove(track)
                track.append(target)
                self._ends.insert(track)
                return
        track = _Track(target)
        self._tracks.append(track)
        self._ends.insert(track)

    def _continued(self, target: Target) -> list[_Track]:
        """The tracks that this target may continue, best first."""
        near = self._ends.around(target, 1)
        fit = [track for track in near if track.may_go_on(target, self._gate)]
        return sorted(fit, key=lambda track: track.rank(target))

    def _is_left_to_another(self, track: _Track, target: Target) -> bool:
        """Whether a target to come fits this track better, and this track it."""
        return any(self._continued(rival)[0] is track for rival in self._rivals(track, target))

    def _rivals(self, track: _Track, target: Target) -> Iterator[Target]:
        """Those that continue the track better, unless one still to place comes before them."""
        rank = track.rank(target)
        for rival in self._coming.around(track, 1):
            if track.may_go_on(rival, self._gate) and track.rank(rival) < rank:
                earlier = (target, *self._coming.around(rival, 1))
                if not any(_Track(one).may_go_on(rival, self._gate) for one in earlier):
                    yield rival


def _joined(targets: Sequence[Target]) -> Target:
    """The target that stands for a whole track."""
    if len(targets) == 1:
        return targets[0]
    votes: Counter[str] = Counter()
    for target in targets:
        votes.update(dict(target.votes))
    first = min(targets, key=_beginning)
    return replace(
        targets[-1],
        id=first.id,
        first_seen_ns=first.first_seen_ns,
        last_seen_ns=max(target.last_seen_ns for target in targets),
        sources=tuple(sorted({source for target in targets for source in target.sources})),
        votes=ordered_votes(votes),
        members=tuple(sorted(member for target in targets for member in target.members)),
    )


def _reach_e9(a: Target, b: Target, gate: Gate) -> int:
    """How far apart two targets of one thing can lie, in 10^-9 mm.

    When each place was taken is not known, only between which times. It is the
    radius and all the way that there was time for; or, often less, the radius of
    each, for hardly a sighting of a target lies farther from its place, half a radius
    for errors where they meet, and the way in the gap between them.
    """
    radius, speed = gate.radius_mm * 10**9, gate.max_speed_mmps
    way = speed * (b.last_seen_ns - a.first_seen_ns)
    way_in_gap = speed * max(0, b.first_seen_ns - a.last_seen_ns)
    return min(radius + way, radius * 5 // 2 + way_in_gap)


def _is_before(a: Target, b: Target) -> bool:
    """Whether one is over before the middle of the other, or the other begins after its middle.

    Not more, for what is seen where two targets of one thing meet may fall into
    either; not less, for two things side by side are seen at the same time.
    """
    begins_late = _twice_middle_ns(a) < 2 * b.first_seen_ns
    is_over_early = 2 * a.last_seen_ns < _twice_middle_ns(b)
    return begins_late or is_over_early


def _twice_middle_ns(target: Target) -> int:
    return target.first_seen_ns + target.last_seen_ns


def _identity(target: Target) -> SightingId:
    return target.id


def _middle(target: Target) -> tuple[int, SightingId]:
    return _twice_middle_ns(target), target.id


def _beginning(target: Target) -> tuple[int, SightingId]:
    return target.first_seen_ns, target.id
