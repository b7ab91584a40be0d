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

"""What befalls a simulated fleet: drawn from one seed, and nothing else decides it.

A scenario is a value: how rough the network is, and what happens when. Flying it
is the matter of ``flight.py``, judging it that of ``invariants.py``.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

SMALL = (3, 8)
"""Least and most drones of the usual scenario."""
LARGE = (50, 100)
"""Of one that shows what only a crowd does; its flight is short, and takes far longer."""


class Act(Enum):
    """One thing that happens to drones."""

    START = "start"
    LEAVE = "leave"
    CRASH = "crash"
    LOSE_DISK = "crash and lose the disk"
    LOOK = "look"
    NAMESAKE = "another machine starts under the name"
    CUT = "cut"
    HEAL = "heal"


class Event(NamedTuple):
    """Something that happens.

    Attributes:
        at_s: virtual time.
        act: what.
        drones: to whom; of a CUT, those on one side.
    """

    at_s: float
    act: Act
    drones: tuple[int, ...] = ()


class Thing(NamedTuple):
    """Something to be seen, in millimetres of the fleet frame."""

    x_mm: int
    y_mm: int


@dataclass(frozen=True)
class Scenario:
    """One seed's story.

    Attributes:
        seed: of the network and of what the drones see.
        drones: how many there are in all.
        loss: share of transmissions that get lost and, where reliable, are sent again.
        vanish: share of samples that are lost for good, until the last healing.
        duplicate, reorder: shares of samples.
        delay_s: the longest that a transmission takes.
        lease_s: a host that is cut off for longer is forgotten, with all kept for it.
        clock_offsets_s: (drones,) how far each one's clock is ahead.
        keep_s: (drones,) how long each one's sightings are kept; 0 for ever.
        suppress: whether drones hold back what a better sighting covers.
        things: what there is to see.
        events: what happens, in order of time, to the end of the flight.
        falls_back_s: with its disk a drone loses so much of its clock.
        hearts: whether drones have heartbeats, too, which costs time.
    """

    seed: int
    drones: int
    loss: float
    vanish: float
    duplicate: float
    reorder: float
    delay_s: float
    lease_s: float
    clock_offsets_s: tuple[float, ...]
    keep_s: tuple[float, ...]
    suppress: bool
    things: tuple[Thing, ...]
    events: tuple[Event, ...]
    falls_back_s: float = 0.0
    hearts: bool = False


def draw(seed: int, size: tuple[int, int] = SMALL) -> Scenario:
    """The scenario of a seed; regressions rely on it, so a change here gives other stories."""
    rng = random.Random(f"scenario {seed}")
    drones = min(rng.randint(*size), rng.randint(*size))  # small ones are as hard, and fast
    is_crowd = drones > SMALL[1]
    flight_s = rng.uniform(1.0, 2.0) if is_crowd else rng.uniform(6.0, 20.0)
    looks = 1 if is_crowd else rng.randint(3, 12)
    is_rough = rng.random() < 0.8
    is_skewed = rng.random() < 0.5
    forgets = rng.random() < 0.5
    longest_kept_s = flight_s / 2
    starts = _starts(rng, drones, flight_s)
    events = [
        *starts,
        *_looks(rng, drones, looks, flight_s),
        *_restarts(rng, starts, flight_s),
        *_partitions(rng, drones, flight_s),
    ]
    return Scenario(
        seed=seed,
        drones=drones,
        loss=rng.uniform(0.0, 0.5) if is_rough else 0.0,
        vanish=rng.choice((0.0, 0.1, 0.3, 0.5)) if is_rough else 0.0,
        duplicate=rng.choice((0.0, 0.1, 0.5)),
        reorder=rng.choice((0.0, 0.2, 0.5)),
        delay_s=rng.choice((0.002, 0.05, 0.5, 3.0)),
        lease_s=rng.choice((0.2, 2.0, 10.0)),
        clock_offsets_s=tuple(
            rng.choice((-600.0, rng.uniform(-600.0, 600.0), 600.0)) if is_skewed else 0.0
            for _ in range(drones)
        ),
        keep_s=tuple(
            rng.choice((0.0, rng.uniform(0.5, longest_kept_s))) if forgets else 0.0
            for _ in range(drones)
        ),
        suppress=rng.random() < 0.5,
        things=tuple(
            Thing(rng.randrange(60_000), rng.randrange(60_000))
            for _ in range(rng.randint(2, 4 * drones))
        ),
        events=tuple(sorted(events, key=lambda event: event.at_s)),
        hearts=not is_crowd and rng.random() < 0.2,
    )


def _starts(rng: random.Random, drones: int, flight_s: float) -> list[Event]:
    """Most start together, some come late; two are there from the beginning."""
    late = {drone for drone in range(2, drones) if rng.random() < 0.2}
    return [
        Event(rng.uniform(0.0, flight_s) if drone in late else 0.0, Act.START, (drone,))
        for drone in range(drones)
    ]


def _looks(rng: random.Random, drones: int, looks: int, flight_s: float) -> list[Event]:
    return [
        Event(rng.uniform(0.1, flight_s), Act.LOOK, (drone,))
        for drone in range(drones)
        for _ in range(looks)
    ]


def _restarts(rng: random.Random, starts: list[Event], flight_s: float) -> list[Event]:
    """Some end, one way or another; most of these come again, at once or later.

    At once is a second: no launcher starts anything sooner, and boot numbers rely on it.
    """
    events = []
    runs_s = {event.drones[0]: event.at_s for event in starts}
    for _ in range(rng.randint(0, min(len(starts), 2 * SMALL[1]))):
        drone = rng.randrange(len(starts))
        if runs_s[drone] > flight_s:
            continue
        at_s = rng.uniform(max(0.5, runs_s[drone]), flight_s)
        act = rng.choice((Act.CRASH, Act.CRASH, Act.LEAVE, Act.LOSE_DISK))
        events.append(Event(at_s, act, (drone,)))
        runs_s[drone] = flight_s + 1.0
        if drone < 2 or rng.random() < 0.8:
            runs_s[drone] = at_s + 1.0 + rng.choice((0.0, rng.uniform(0.0, 7.0)))
            events.append(Event(runs_s[drone], Act.START, (drone,)))
    return events


def _partitions(rng: random.Random, drones: int, flight_s: float) -> list[Event]:
    """The fleet falls apart in two, maybe again and elsewhere before it heals."""
    events = []
    for _ in range(rng.randint(0, 3)):
        at_s = rng.uniform(0.0, flight_s)
        side = tuple(rng.sample(range(drones), rng.randint(1, drones - 1)))
        events.append(Event(at_s, Act.CUT, side))
        events.append(Event(min(at_s + rng.expovariate(0.2), flight_s), Act.HEAL))
    return events
