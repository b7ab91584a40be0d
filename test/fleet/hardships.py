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

"""What a fleet must stand, by name, and whether a scenario has it: how tests and soak count."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from itertools import pairwise

from scenario import LARGE, SMALL, Act, Scenario


def _acts(*acts: Act) -> Callable[[Scenario], bool]:
    return lambda story: any(event.act in acts for event in story.events)


def _comes_back_after(*acts: Act) -> Callable[[Scenario], bool]:
    """Whether a drone that ended so starts again."""

    def holds(story: Scenario) -> bool:
        ended = [event for event in story.events if event.act in acts]
        starts = [event for event in story.events if event.act is Act.START]
        return any(s.drones == e.drones and s.at_s > e.at_s for e in ended for s in starts)

    return holds


def _is_cut_across(story: Scenario) -> bool:
    acts = [event.act for event in story.events if event.act in (Act.CUT, Act.HEAL)]
    return any(pair == (Act.CUT, Act.CUT) for pair in pairwise(acts))


def _joins_late(story: Scenario) -> bool:
    first: dict[tuple[int, ...], float] = {}
    for event in story.events:
        if event.act is Act.START:
            first.setdefault(event.drones, event.at_s)
    return max(first.values()) > 0.0


HARDSHIPS: Mapping[str, Callable[[Scenario], bool]] = {
    "3 drones": lambda story: story.drones == SMALL[0],
    "4 to 8 drones": lambda story: SMALL[0] < story.drones <= SMALL[1],
    "50 to 100 drones": lambda story: story.drones >= LARGE[0],
    "loss of 40 to 50 %": lambda story: story.loss > 0.4,
    "samples that vanish": lambda story: story.vanish > 0,
    "duplicates": lambda story: story.duplicate > 0,
    "reordering": lambda story: story.reorder > 0,
    "delay of up to 3 s": lambda story: story.delay_s == 3.0,
    "a partition": _acts(Act.CUT),
    "a cut across the last": _is_cut_across,
    "a goodbye": _acts(Act.LEAVE),
    "a crash": _acts(Act.CRASH),
    "a restart with the disk": _comes_back_after(Act.CRASH, Act.LEAVE),
    "a restart without the disk": _comes_back_after(Act.LOSE_DISK),
    "a clock 10 minutes off": lambda story: 600.0 in map(abs, story.clock_offsets_s),
    "a late joiner": _joins_late,
    "forgetting": lambda story: any(story.keep_s),
    "suppression": lambda story: story.suppress,
    "heartbeats": lambda story: story.hearts,
    "two of one name": _acts(Act.NAMESAKE),
    "a clock lost with the disk": lambda story: story.falls_back_s > 0,
}


def hardships_of(story: Scenario) -> list[str]:
    """The names of those that it has."""
    return [name for name, holds in HARDSHIPS.items() if holds(story)]


def coverage(stories: Iterable[Scenario]) -> Counter[str]:
    """In how many of these each one is."""
    return Counter(name for story in stories for name in hardships_of(story))


def table(counts: Mapping[str, int], of: int) -> str:
    """The same for people."""
    rows = (f"  {name:28}{counts.get(name, 0):8}" for name in HARDSHIPS)
    return "\n".join([f"of {of} stories so many had", *rows])
