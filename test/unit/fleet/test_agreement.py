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

"""A listener tells what is on its way from what is lost, and who is cut off from whom."""

from __future__ import annotations

from collections.abc import Sequence

from edge_infer.fleet.agreement import Agreement
from edge_infer.fleet.floors import Floor
from edge_infer.fleet.ranges import LogRange


def held(**last: int) -> list[LogRange]:
    """Sightings 0 to a last one of some sources."""
    return [LogRange(source, 1, 0, number) for source, number in sorted(last.items())]


class Ears:
    """An Agreement with the time of the scene."""

    def __init__(self) -> None:
        self.agreement = Agreement(window_s=6.0, settle_s=3.0, away_s=4.0)
        self.now_s = 1000.0

    def second(self, **told: tuple[str, Sequence[LogRange]]) -> None:
        """One second in which these replicas tell a digest and ranges."""
        for name, (digest, ranges) in told.items():
            self.agreement.hear(name, digest, ranges, [], self.now_s)
        self.now_s += 1.0

    def parts(self) -> list[tuple[str, ...]]:
        return self.agreement.parts(self.now_s)

    def behind(self) -> dict[str, int | None]:
        return {s.name: s.behind for s in self.agreement.standings(self.now_s)}


def test_replicas_that_tell_the_same_digest_are_one_part() -> None:
    ears = Ears()
    for _ in range(8):
        ears.second(a=("x", []), b=("x", []), c=("x", []))
    assert ears.parts() == [("a", "b", "c")]
    assert ears.behind() == {"a": None, "b": None, "c": None}


def test_what_is_on_its_way_parts_nobody() -> None:
    """Digests never coincide, but each soon holds what the other held."""
    ears = Ears()
    for t in range(12):
        ears.second(
            a=(f"a{t}", held(a=10 * t + 5, b=10 * t)), b=(f"b{t}", held(a=10 * t, b=10 * t + 5))
        )
    assert ears.parts() == [("a", "b")]
    assert ears.behind() == {"a": 0, "b": 0}


def test_halves_that_cannot_hear_each_other_tell_no_ranges_and_are_two_parts() -> None:
    ears = Ears()
    for t in range(8):
        ears.second(a=(f"left {t}", []), b=(f"left {t}", []), c=(f"right {t}", []))
    assert ears.parts() == [("a", "b"), ("c",)]
    assert [s.part for s in ears.agreement.standings(ears.now_s)] == [1, 1, 2]


def test_one_that_does_not_get_what_another_told_for_seconds_is_apart() -> None:
    ears = Ears()
    for t in range(8):
        ears.second(a=(f"a{t}", held(a=10 * t)), b=(f"b{t}", held(b=10 * t)))
    assert ears.parts() == [("a",), ("b",)]
    assert ears.behind() == {"a": 51, "b": 51}  # what the other told three seconds ago


def test_parts_that_heal_catch_up_and_are_one() -> None:
    ears = Ears()
    for t in range(8):
        ears.second(a=(f"left {t}", []), b=(f"right {t}", []))
    for t in range(9):
        step = min(10 * t, 50)
        ears.second(
            a=(f"la {t}", held(a=50, b=step)),
            b=(f"rb {t}", held(a=step, b=50)),
        )
    assert ears.parts() == [("a", "b")]
    ears.second(a=("one", []), b=("one", []))
    assert ears.parts() == [("a", "b")]


def test_who_is_not_garbage_here_may_be_there() -> None:
    """A replica that has forgotten what the other still holds is not behind."""
    ears = Ears()
    for t in range(8):
        ears.agreement.hear("a", f"a{t}", held(a=100), [], ears.now_s)
        above = [LogRange("a", 1, 90, 100)]
        ears.agreement.hear("b", f"b{t}", above, [Floor("a", 1, 90)], ears.now_s)
        ears.now_s += 1.0
    assert ears.parts() == [("a", "b")]
    assert ears.behind() == {"a": 0, "b": 0}


def test_who_is_silent_belongs_to_no_part_but_is_not_forgotten() -> None:
    ears = Ears()
    ears.second(a=("x", []), b=("x", []))
    for _ in range(8):
        ears.second(a=("x", []))
    assert ears.parts() == [("a",)]
    silent = {s.name: (s.part, s.silent_s) for s in ears.agreement.standings(ears.now_s)}
    assert silent == {"a": (1, 1.0), "b": (None, 9.0)}


def test_who_has_just_come_is_not_judged_yet() -> None:
    ears = Ears()
    for _ in range(4):
        ears.second(a=("x", []))
    ears.second(a=("x", []), b=("empty", []))
    assert ears.parts() == [("a", "b")]


def test_one_asks_who_is_apart_from_it() -> None:
    ears = Ears()
    assert ears.agreement.apart_from("a", ears.now_s) == ()
    for t in range(8):
        ears.second(a=(f"left {t}", []), b=(f"left {t}", []), c=(f"right {t}", []))
    assert ears.agreement.apart_from("a", ears.now_s) == ("c",)
    assert ears.agreement.apart_from("c", ears.now_s) == ("a", "b")
    assert ears.agreement.apart_from("nobody", ears.now_s) == ()
