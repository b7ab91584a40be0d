"""The targets: what a set of sightings says is there, and nothing else decides it.

Each kept sighting (``duplicates.py``) stands for one target; each other one
counts for the target of its cover, the kept sighting with the highest priority
among those that it conflicts with. ``View`` follows a stream of sightings,
``from_scratch`` starts from nothing; they agree, whatever the order.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from edge_infer.domain import Sighting, SightingId, Target
from edge_infer.fleet.batch import priority_set
from edge_infer.fleet.duplicates import Change, PrioritySet
from edge_infer.fleet.gate import DEFAULT_GATE, Gate, conflict
from edge_infer.fleet.spatial import HashGrid


class View:
    """The targets of a set of sightings that come, and are forgotten one day.

    Args:
        gate: says which two sightings may be one thing.
    """

    def __init__(self, gate: Gate = DEFAULT_GATE, sightings: Iterable[Sighting] = ()) -> None:
        self._known = PrioritySet(gate)
        self._by_best: dict[SightingId, Target] = {}
        self._stale: set[SightingId] = set()
        self._targets: tuple[Target, ...] = ()
        for sighting in sightings:
            self.insert(sighting)

    def __len__(self) -> int:
        return len(self._known)

    def insert(self, sighting: Sighting) -> Change:
        """Take in a sighting; one whose identity is here already changes nothing."""
        return self._follow(self._known.insert(sighting))

    def discard(self, identity: SightingId) -> Change:
        """Forget a sighting; one that is not here changes nothing."""
        return self._follow(self._known.discard(identity))

    def stands_for(self, duplicate: Sighting) -> Target | None:
        """The target that a removed sighting is part of now."""
        best = self._known.covered_by(duplicate)
        if best is None:
            return None
        self.targets()
        return self._by_best[best.id]

    def targets(self) -> tuple[Target, ...]:
        """All targets, ordered by id."""
        if self._stale:
            self._refresh()
        return self._targets

    @property
    def duplicates_removed(self) -> int:
        """Sightings that only repeat a better one."""
        return len(self._known) - self._known.kept_count

    def _follow(self, change: Change) -> Change:
        self._stale.update(s.id for changed in change for s in changed)
        return change

    def _refresh(self) -> None:
        for best in self._stale:
            if self._known.is_kept(best):
                self._by_best[best] = target_of(self._known.group(best))
            else:
                self._by_best.pop(best, None)
        self._stale.clear()
        # Left in order, so that sorting anew has little to do next time.
        in_order = sorted(self._by_best.items(), key=lambda item: item[1].id)
        self._by_best = dict(in_order)
        self._targets = tuple(self._by_best.values())


def from_scratch(sightings: Sequence[Sighting], gate: Gate = DEFAULT_GATE) -> tuple[Target, ...]:
    """The targets of these sightings, ordered by id; identities must differ."""
    mask = priority_set(sightings, gate)
    grid: HashGrid[Sighting] = HashGrid(gate.radius_mm)
    groups: dict[SightingId, list[Sighting]] = {}
    for sighting, kept in zip(sightings, mask, strict=True):
        if kept:
            grid.insert(sighting)
            groups[sighting.id] = [sighting]
    for sighting, kept in zip(sightings, mask, strict=True):
        if not kept:
            near = grid.around(sighting, 1)
            covers = [other for other in near if conflict(sighting, other, gate)]
            groups[min(covers, key=_priority).id].append(sighting)
    return tuple(sorted(map(target_of, groups.values()), key=lambda target: target.id))


def target_of(group: Sequence[Sighting]) -> Target:
    """The target that a group of sightings stands for; the kept one comes first."""
    best = group[0]
    earliest = min(group, key=lambda s: (s.stamp_ns, s.id))
    return Target(
        id=earliest.id,
        class_name=best.class_name,
        score=best.score,
        x_mm=best.x_mm,
        y_mm=best.y_mm,
        z_mm=best.z_mm,
        covariance_m2=best.covariance_m2,
        first_seen_ns=earliest.stamp_ns,
        last_seen_ns=max(s.stamp_ns for s in group),
        sources=tuple(sorted({s.id.source for s in group})),
        sightings=len(group),
    )


def _priority(sighting: Sighting) -> tuple[float, SightingId]:
    return sighting.priority
