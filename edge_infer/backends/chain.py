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

"""Which engine serves, when to step down, when to try a better one again: decisions only.

Events come in with their time, on any steady clock in seconds; nothing is loaded, timed
or waited for here.

An engine that fails is started anew after a pause that doubles with each failure in the
recent past, so one that fails whenever it has climbed back does so ever more rarely; one
that fails too often rests for long.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import NamedTuple


class Policy(NamedTuple):
    """How patient the chain is.

    Attributes:
        timeout_s: of one call; the device that it waits for then counts as lost.
        patience_s: how long the start waits for each engine before a lower one may serve.
        probes: calls in a row that an engine must answer before it serves again.
        first_pause_s: after a first failure; doubles with each further one.
        longest_pause_s: and grows no further.
        memory_s: failures are forgiven after so long.
        breaker: so many failures within the memory, and the engine rests.
        rest_s: for so long.
        standby: whether engines below the serving one are kept loaded, too; else they are
            started when they are needed.
    """

    timeout_s: float = 1.0
    patience_s: float = 3.0
    probes: int = 3
    first_pause_s: float = 2.0
    longest_pause_s: float = 120.0
    memory_s: float = 600.0
    breaker: int = 6
    rest_s: float = 1800.0
    standby: bool = False


class Level(IntEnum):
    """Of health, as diagnostic_msgs/DiagnosticStatus counts."""

    OK = 0
    WARN = 1
    ERROR = 2


class Health(NamedTuple):
    """How things stand, in one word and one sentence, and which engine serves, if any."""

    level: Level
    message: str
    serving: str | None


@dataclass
class _Link:
    name: str
    ready: bool = False
    starting: bool = False
    retry_at: float = -math.inf
    note: str = "was not started yet"
    failures: list[float] = field(default_factory=list)


class Chain:
    """Engines in the order of preference; none of them is started at first.

    Args:
        names: of the engines, for people.
        policy: see there.
    """

    def __init__(self, names: Sequence[str], policy: Policy) -> None:
        self._links = [_Link(name) for name in names]
        self._policy = policy

    @property
    def serving(self) -> int | None:
        """Index of the best engine that is ready; None when there is none."""
        return self.next_ready(-1)

    def next_ready(self, index: int) -> int | None:
        """The best ready engine below one."""
        ready = (i for i, link in enumerate(self._links) if link.ready and i > index)
        return next(ready, None)

    def next_coming(self, index: int, now: float) -> int | None:
        """The best engine below one that serves, is being started, or may be started now."""
        coming = (
            i
            for i, link in enumerate(self._links)
            if i > index and (link.ready or link.starting or link.retry_at <= now)
        )
        return next(coming, None)

    def is_ready(self, index: int) -> bool:
        """Whether an engine can be asked."""
        return self._links[index].ready

    def is_starting(self, index: int) -> bool:
        """Whether an engine is being started."""
        return self._links[index].starting

    def starting(self, index: int) -> None:
        """An engine is being started."""
        link = self._links[index]
        link.starting, link.note = True, "is starting"

    def started(self, index: int) -> None:
        """An engine was loaded and has answered its probes."""
        link = self._links[index]
        link.ready, link.starting, link.note = True, False, ""

    def note(self, index: int, words: str) -> None:
        """What an engine that is starting is doing."""
        self._links[index].note = words

    def failed(self, index: int, reason: str, now: float) -> None:
        """An engine was lost, did not start, or gave results that cannot be used."""
        link, policy = self._links[index], self._policy
        link.failures = [at for at in link.failures if now - at < policy.memory_s] + [now]
        link.ready = link.starting = False
        link.note = reason
        link.retry_at = now + self._pause_s(len(link.failures))

    def due(self, now: float) -> int | None:
        """The best engine that is wanted and whose pause is over."""
        waiting = (i for i in self._waiting() if self._links[i].retry_at <= now)
        return next(waiting, None)

    def next_due(self) -> float | None:
        """When an engine is due next; None when none waits."""
        return min((self._links[index].retry_at for index in self._waiting()), default=None)

    @property
    def health(self) -> Health:
        """OK while the first choice serves, WARN while another does or starts, else ERROR."""
        serving = self.serving
        if serving == 0:
            return Health(Level.OK, f"{self._links[0].name} serves", self._links[0].name)
        above = self._links[:serving]
        why = ", ".join(f"{link.name} {link.note}" for link in above)
        if serving is None:
            hope = any(link.starting or link.retry_at == -math.inf for link in self._links)
            level = Level.WARN if hope else Level.ERROR
            return Health(level, f"no engine serves: {why}", None)
        name = self._links[serving].name
        return Health(Level.WARN, f"{name} serves: {why}", name)

    def _waiting(self) -> Iterator[int]:
        """Engines that are wanted and neither ready nor on their way."""
        serving = self.serving
        for index, link in enumerate(self._links):
            wanted = serving is None or index < serving or self._policy.standby
            if wanted and not link.ready and not link.starting:
                yield index

    def _pause_s(self, failures: int) -> float:
        policy = self._policy
        if failures >= policy.breaker:
            return policy.rest_s
        return min(policy.first_pause_s * 2.0 ** (failures - 1), policy.longest_pause_s)
