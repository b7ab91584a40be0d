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

"""Wherever the power is cut, a model that was verified boots, and nothing that was done is undone.

Each story is told once, on a disk that keeps book of what is synced. Before each operation,
and at the end, the disks are taken that a power cut could leave there. From each a drone starts
anew, and brings the story to its end.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cut_disk import CutDisk, Image, Loss
from slot_scene import Drone, bundle, package

LOSSES = [(loss, 0) for loss in Loss if loss is not Loss.SOME] + [(Loss.SOME, s) for s in range(4)]

Story = Callable[[Drone], object]


def first(drone: Drone) -> None:
    drone.install(1)


def second_and_third(drone: Drone) -> None:
    drone.install(2)
    drone.install(3)


def sent_back(drone: Drone) -> None:
    drone.try_out(2)
    drone.roll_back(2)


def sent_back_when_kept(drone: Drone) -> None:
    drone.install(2)
    drone.roll_back(2)


def third_after_a_bad_second(drone: Drone) -> None:
    sent_back(drone)
    drone.install(3)


def discarded(drone: Drone) -> None:
    drone.stage(2)
    staged = drone.slots.state.staged
    if staged and staged.release.number == 2:
        drone.slots.discard_staged("the child ended")
    drone.promised.append("refused 2")
    drone.install(3)


STORIES: dict[str, tuple[int, Story, set[int]]] = {
    "the first update": (0, first, {0, 1}),
    "two updates in a row": (1, second_and_third, {1, 2, 3}),
    "a trial that goes back": (1, sent_back, {1, 2}),
    "back after a commit": (1, sent_back_when_kept, {1, 2}),
    "another after a bad one": (1, third_after_a_bad_second, {1, 2, 3}),
    "one that failed its check": (1, discarded, {1, 3}),
}
"""Name -> release that is committed before, story, releases that may fly in it."""


@functools.cache
def beginning(committed: int) -> Callable[[Path], Image]:
    """The disk of a drone that has installed all releases up to one."""

    @functools.cache
    def image(folder: Path) -> Image:
        Image(frozenset(), ()).restore(folder)
        disk = CutDisk(folder)
        drone = Drone(folder, disk)
        for number in range(1, committed + 1):
            drone.install(number)
        return disk.after_cut(Loss.ALL)

    return image


def cuts(folder: Path, story: Story) -> Iterator[tuple[Image, tuple[str, ...]]]:
    """Every disk that a power cut in a story could leave, with what was done for good by then."""
    found: dict[tuple[Image, tuple[str, ...]], None] = {}

    def look(disk: CutDisk) -> None:
        for loss, seed in LOSSES:
            image = disk.after_cut(loss, 10 * disk.operations + seed)
            found[image, tuple(drone.promised)] = None

    disk = CutDisk(folder)
    drone = Drone(folder, disk)
    disk.before = look
    drone.boot()
    story(drone)
    look(disk)
    yield from found


def broken(promised: tuple[str, ...], drone: Drone) -> Iterator[str]:
    """Which promises a drone that has booted does not keep."""
    state = drone.slots.state
    numbers = {each.release.number for each in state.all}
    for promise in promised:
        what, number = promise.split()[0], int(promise.split()[1])
        refused = state.reason_against(bundle(number)[0].digest) is not None
        if what in ("staged", "tried", "committed") and number == max_of(promised, what):
            later = refused or number in numbers
            if not later:
                yield promise
        if what == "refused" and (not refused or drone.running == number):
            yield promise


def max_of(promised: tuple[str, ...], what: str) -> int:
    return max(int(each.split()[1]) for each in promised if each.split()[0] == what)


@pytest.mark.parametrize("name", STORIES)
def test_whatever_a_power_cut_leaves_boots_and_goes_on(tmp_path: Path, name: str) -> None:
    committed, story, may_fly = STORIES[name]
    start, told, again = tmp_path / "start", tmp_path / "told", tmp_path / "again"
    beginning(committed)(start).restore(told)
    end = Drone(told, CutDisk(told))
    story(end)
    beginning(committed)(start).restore(told)
    count = 0
    for image, promised in cuts(told, story):
        image.restore(again)
        drone = Drone(again, CutDisk(again))
        assert drone.boot() in may_fly, promised
        drone.check()
        assert not list(broken(promised, drone)), promised
        story(drone)
        assert drone.running == end.running
        assert drone.slots.state.refused == end.slots.state.refused
        assert_fetched_once(promised, drone)
        count += 1
    assert count > 40


def assert_fetched_once(promised: tuple[str, ...], drone: Drone) -> None:
    """A chunk that was held is not fetched again while its release has not been installed."""
    held = {each for each in promised if each.startswith("chunk")}
    again = {f"chunk {number} {index}" for number, index in drone.fetched}
    assert not held & again


def test_it_boots_after_a_second_cut_while_it_boots(tmp_path: Path) -> None:
    committed, story, may_fly = STORIES["two updates in a row"]
    start, told, again, third = (tmp_path / n for n in ("start", "told", "again", "third"))
    beginning(committed)(start).restore(told)
    seen = set()
    for image, promised in dict(cuts(told, story)).items():
        image.restore(again)
        for second, _ in cuts(again, lambda drone: None):
            if second not in seen:
                seen.add(second)
                second.restore(third)
                drone = Drone(third, CutDisk(third))
                assert drone.boot() in may_fly
                drone.check()
                assert not list(broken(promised, drone))
    assert len(seen) > 40


def test_the_starts_of_a_trial_are_counted_through_power_cuts(tmp_path: Path) -> None:
    """A model that takes the power down with it gets so many starts, and no more."""
    told, again = tmp_path / "told", tmp_path / "again"
    beginning(1)(tmp_path / "start").restore(told)
    disk = CutDisk(told)
    Drone(told, disk).try_out(2)
    image = disk.after_cut(Loss.ALL)
    flown = []
    for _ in range(5):
        image.restore(again)
        disk = CutDisk(again)
        flown.append(Drone(again, disk, most_boots=2).boot())
        image = disk.after_cut(Loss.ALL)
    assert flown == [2, 2, 1, 1, 1]


def test_chunks_are_not_lost_but_the_one_that_was_being_written(tmp_path: Path) -> None:
    blob, chunks = package(1)
    assert len(chunks) == len(blob.chunks) == 4
    told, again = tmp_path / "told", tmp_path / "again"
    told.mkdir()
    for image, promised in cuts(told, lambda drone: drone.fetch(1)):
        image.restore(again)
        drone = Drone(again, CutDisk(again))
        drone.fetch(1)
        assert len(drone.fetched) <= len(chunks) - len(promised)
