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

"""Stories that once went wrong, or nearly: named, and flown on every run of the tests.

A seed that fails becomes a line here. Where ``draw`` has changed since, keep the
story by writing its scenario out.
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

from scenario import Act, Event, Scenario, Thing


class Regression(NamedTuple):
    """A story and what it is about."""

    name: str
    scenario: Scenario


CALM = Scenario(
    seed=1,
    drones=3,
    loss=0.0,
    vanish=0.0,
    duplicate=0.0,
    reorder=0.0,
    delay_s=0.002,
    lease_s=0.2,
    clock_offsets_s=(0.0, 0.0, 0.0),
    keep_s=(0.0, 0.0, 0.0),
    suppress=False,
    things=(Thing(0, 0), Thing(20_000, 0), Thing(40_000, 0)),
    events=tuple(Event(0.0, Act.START, (drone,)) for drone in range(3)),
)
"""Three drones that see nothing, for stories to begin with."""


def story(*events: Event, **changes: object) -> Scenario:
    """What happens to the three, on a network that is as it should be but for the changes."""
    in_order = sorted((*CALM.events, *events), key=lambda event: event.at_s)
    return replace(CALM, events=tuple(in_order), **changes)


_LOOKS_APART = [Event(2.0 + step / 4, Act.LOOK, (step % 3,)) for step in range(12)]

REGRESSIONS = (
    Regression(
        "a partition longer than the lease leaves gaps on both sides",
        story(
            *(Event(0.5 + step / 8, Act.LOOK, (step % 3,)) for step in range(6)),
            Event(1.5, Act.CUT, (0,)),
            *_LOOKS_APART,
            Event(5.5, Act.HEAL),
            *(Event(5.6 + step / 8, Act.LOOK, (step % 3,)) for step in range(6)),
        ),
    ),
    Regression(
        "the source dies in a partition and only its own side knows what it saw",
        story(
            Event(1.0, Act.CUT, (0, 1)),
            Event(2.0, Act.LOOK, (0,)),
            Event(2.5, Act.LOOK, (0,)),
            Event(3.0, Act.CRASH, (0,)),
            Event(5.0, Act.HEAL),
        ),
    ),
    Regression(
        "a floor rises while one is cut off, who then brings what is garbage",
        story(
            Event(0.5, Act.LOOK, (0,)),
            Event(0.7, Act.LOOK, (0,)),
            Event(1.2, Act.CUT, (2,)),
            Event(3.5, Act.LOOK, (0,)),
            Event(5.0, Act.HEAL),
            Event(5.1, Act.LOOK, (2,)),
            keep_s=(2.0, 0.0, 0.0),
        ),
    ),
    Regression(
        "a drone raises a floor, tells nobody and loses its memory",
        story(
            Event(0.5, Act.LOOK, (0,)),
            Event(1.0, Act.CUT, (0,)),
            Event(3.4, Act.CRASH, (0,)),
            Event(3.5, Act.START, (0,)),
            Event(4.0, Act.HEAL),
            Event(4.5, Act.LOOK, (0,)),
            keep_s=(2.0, 0.0, 0.0),
        ),
    ),
    Regression(
        "clocks ten minutes apart, each with floors of its own",
        story(
            *_LOOKS_APART,
            Event(4.0, Act.CRASH, (1,)),
            Event(4.5, Act.START, (1,)),
            Event(5.0, Act.LOOK, (1,)),
            clock_offsets_s=(-600.0, 600.0, 0.0),
            keep_s=(2.0, 2.0, 2.0),
        ),
    ),
    Regression(
        "half of all is lost for good, all comes late and twice",
        story(
            *_LOOKS_APART,
            loss=0.5,
            vanish=0.5,
            duplicate=0.5,
            reorder=0.5,
            delay_s=3.0,
            suppress=True,
        ),
    ),
    Regression(
        "three cuts, each across the last, and two lost disks",
        story(
            *(Event(0.0, Act.START, (drone,)) for drone in range(3, 8)),
            *(Event(0.5 + step / 5, Act.LOOK, (step % 8,)) for step in range(70)),
            Event(3.0, Act.CUT, (1, 2, 3, 6)),
            Event(7.5, Act.LOSE_DISK, (3,)),
            Event(8.5, Act.START, (3,)),
            Event(9.5, Act.CUT, (2, 5)),
            Event(12.9, Act.CUT, (1, 2, 3, 4, 6, 7)),
            Event(13.5, Act.LOSE_DISK, (2,)),
            Event(14.5, Act.START, (2,)),
            Event(15.0, Act.HEAL),
            drones=8,
            clock_offsets_s=(0.0,) * 8,
            keep_s=(0.0,) * 8,
            lease_s=10.0,
            reorder=0.5,
            suppress=True,
        ),
    ),
    Regression(
        "a disk is lost with the boot counter, and no identity is used again",
        story(
            Event(0.5, Act.LOOK, (0,)),
            Event(1.0, Act.LOSE_DISK, (0,)),
            Event(2.0, Act.START, (0,)),
            Event(2.5, Act.LOOK, (0,)),
            Event(3.0, Act.LOSE_DISK, (0,)),
            Event(4.0, Act.START, (0,)),
            Event(4.5, Act.CRASH, (0,)),
            Event(5.5, Act.START, (0,)),
            Event(6.0, Act.LOOK, (0,)),
        ),
    ),
    Regression(
        "one joins when all has been said, and when half is forgotten",
        story(
            *_LOOKS_APART,
            Event(8.0, Act.START, (3,)),
            Event(8.5, Act.LOOK, (3,)),
            drones=4,
            clock_offsets_s=(0.0,) * 4,
            keep_s=(3.0, 0.0, 0.0, 0.0),
        ),
    ),
)

LOST_CLOCK = story(
    Event(0.5, Act.LOOK, (0,)),
    Event(2.0, Act.LOSE_DISK, (0,)),
    Event(3.0, Act.START, (0,)),
    Event(8.0, Act.LOOK, (0,)),
    Event(9.0, Act.LOOK, (1,)),
    falls_back_s=86_400.0,
    hearts=True,
)
"""A drone loses its disk and a day of its clock: the others know better, and it starts again."""

HUNDRED = story(
    *(Event(0.0, Act.START, (drone,)) for drone in range(3, 99)),
    *(Event(0.2 + step / 50, Act.LOOK, (3 * step,)) for step in range(30)),
    Event(0.6, Act.CUT, tuple(range(0, 100, 9))),
    Event(0.7, Act.LOSE_DISK, (4,)),
    Event(0.8, Act.CRASH, (5,)),
    Event(1.2, Act.START, (99,)),
    Event(1.3, Act.HEAL),
    Event(1.8, Act.START, (4,)),
    drones=100,
    clock_offsets_s=tuple(600.0 * (drone % 3 - 1) for drone in range(100)),
    keep_s=(0.0,) * 100,
    loss=0.3,
    vanish=0.1,
    duplicate=0.1,
    reorder=0.1,
    delay_s=0.05,
)
"""A hundred drones; some are cut off, one joins late, two end, and what they saw stays."""

NAMESAKES = story(
    Event(0.5, Act.LOOK, (0,)),
    Event(4.0, Act.NAMESAKE, (0,)),
    *(Event(4.5 + step / 2, Act.LOOK, (step % 3,)) for step in range(16)),
    hearts=True,
)
"""Two drones have one name: the later one is refused, and the fleet goes on."""
