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

"""Targets as a function of the sightings alone."""

from __future__ import annotations

import random
from dataclasses import replace

import fleet_oracle as oracle
from fleet_oracle import GATE, sighting
from hypothesis import given
from hypothesis import strategies as st

from edge_infer.domain import Sighting, SightingId, Target
from edge_infer.fleet.fusion import fuse
from edge_infer.fleet.tracks import linked
from edge_infer.fleet.view import View, from_scratch


def plain_targets(fleet: list[Sighting]) -> tuple[Target, ...]:
    """The slow way: assign every sighting by looking at every kept one."""
    kept = oracle.priority_set(fleet)
    groups = {k.id: [k] for k in kept}
    for one in fleet:
        if one not in kept:
            cover = next(k for k in kept if oracle.conflict(one, k))
            groups[cover.id].append(one)
    targets = []
    for best in kept:
        group = groups[best.id]
        by_time = sorted((s.stamp_ns, s.id) for s in group)
        target = fuse(group)  # whose place and votes are tested for themselves
        assert (target.id, target.first_seen_ns) == by_time[0][::-1]
        assert (target.last_seen_ns, target.score) == (by_time[-1][0], best.score)
        assert target.members == tuple(sorted(s.id for s in group))
        targets.append(target)
    return tuple(sorted(targets, key=lambda t: (t.id.source, t.id.boot, t.id.sequence)))


@given(oracle.fleets(), st.randoms(use_true_random=False))
def test_stream_and_scratch_and_plain_agree_in_every_order(
    fleet: list[Sighting], rng: random.Random
) -> None:
    expected = plain_targets(fleet)
    assert from_scratch(fleet, GATE) == expected
    rng.shuffle(fleet)
    view = View(GATE)
    for one in fleet:
        view.insert(one)
        if rng.random() < 0.3:
            view.targets()
    assert view.targets() == expected
    assert view.duplicates_removed == len(fleet) - len(expected)
    assert len(view) == len(fleet)


def test_a_crowd_in_two_orders() -> None:
    fleet = oracle.crowd(1000, seed=8)
    expected = plain_targets(fleet)
    assert View(GATE, fleet).targets() == expected
    assert View(GATE, oracle.shuffled(fleet, 1)).targets() == expected
    assert sum(target.sightings for target in expected) == len(fleet)


def test_a_target_keeps_its_id_when_a_better_sighting_comes() -> None:
    view = View(GATE)
    view.insert(sighting("b", stamp_ns=10, score=0.5, class_name="shadowing"))
    (before,) = view.targets()
    view.insert(sighting("a", x_mm=1000, stamp_ns=20, score=0.75))
    (after,) = view.targets()
    assert before.id == after.id == SightingId("b", 1, 1)
    assert (after.class_name, after.score, after.x_mm) == ("hot_cell", 0.75, 500)
    assert (after.first_seen_ns, after.last_seen_ns) == (10, 20)
    assert (after.sources, after.sightings) == (("a", "b"), 2)
    assert view.duplicates_removed == 1


def test_an_older_sighting_that_comes_late_names_the_target() -> None:
    view = View(GATE, [sighting("a", stamp_ns=10, score=0.75)])
    view.insert(sighting("b", stamp_ns=5, score=0.5))
    assert [t.id for t in view.targets()] == [SightingId("b", 1, 1)]


def test_seen_twice_is_counted_once() -> None:
    view = View(GATE)
    for _ in range(2):
        view.insert(sighting())
    (target,) = view.targets()
    assert target.sightings == 1
    assert view.targets() is view.targets()


@given(oracle.fleets(), st.data())
def test_what_is_forgotten_was_never_there(fleet: list[Sighting], data: st.DataObject) -> None:
    gone = data.draw(st.lists(st.sampled_from(fleet), unique=True)) if fleet else []
    view = View(GATE, fleet)
    for one in gone:
        view.discard(one.id)
        if data.draw(st.booleans()):
            view.targets()
    left = [one for one in fleet if one not in gone]
    assert view.targets() == plain_targets(left) == from_scratch(left, GATE)
    assert len(view) == len(left)
    assert view.discard(SightingId("nobody", 1, 1)) == ((), (), ())
    for one in gone:
        view.insert(one)
    assert view.targets() == plain_targets(fleet)


@given(oracle.fleets(), st.integers(0, 3))
def test_tracks_are_the_linked_targets_where_there_is_a_window(
    fleet: list[Sighting], window_ns: int
) -> None:
    gate = replace(GATE, window_ns=window_ns, max_speed_mmps=10**12)
    view = View(gate, fleet[:-1])
    assert view.tracks() == linked(from_scratch(fleet[:-1], gate), gate)
    for one in fleet[-1:]:
        view.insert(one)
    assert view.tracks() == linked(view.targets(), gate)
    assert view.tracks() is view.tracks()
