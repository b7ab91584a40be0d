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

"""What can be known about a fleet by listening: counts, durations, signs of life.

Pure: the dashboard node feeds it, the page and the report read it. Counters of
an earlier start of a drone stay, so that a restart loses nothing that was
counted before.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from edge_infer.domain import Pose
from edge_infer.metrics import Histogram


@dataclass(frozen=True, eq=False)
class NodeStatus:
    """The latest word of one node.

    Attributes:
        stamp_ns: when it was said.
        runtime: "ros" or "embedded".
        counters: by name, growing within one start.
        durations: by name.
        level: 0 OK, 1 WARN, 2 ERROR.
        message: why, in one sentence.
    """

    stamp_ns: int
    runtime: str
    counters: Mapping[str, int]
    durations: Mapping[str, Histogram]
    level: int = 0
    message: str = ""


@dataclass(frozen=True)
class SignOfLife:
    """The latest heartbeat of one drone.

    Attributes:
        stamp_ns: when it was sent.
        incarnation: starts of the drone so far.
        pose: of base_link in the fleet frame; None while unknown.
        footprint_m: corners of what its camera sees on the ground, east and north.
        battery: charge 0..1, NaN when unknown.
        model_name, model_version: of the running model.
    """

    stamp_ns: int
    incarnation: int
    pose: Pose | None
    footprint_m: tuple[tuple[float, float], ...]
    battery: float
    model_name: str
    model_version: str


@dataclass
class Rate:
    """Events per second between the last two counts."""

    value: int = 0
    stamp_ns: int = 0
    per_second: float = 0.0

    def update(self, value: int, stamp_ns: int) -> None:
        """Take the newest count; a count that fell belongs to a new start."""
        elapsed_ns = stamp_ns - self.stamp_ns
        if self.stamp_ns and elapsed_ns > 0 and value >= self.value:
            self.per_second = (value - self.value) * 1e9 / elapsed_ns
        self.value, self.stamp_ns = value, stamp_ns


@dataclass
class FleetObserver:
    """Everything heard so far, by drone."""

    statuses: dict[tuple[str, int, str], NodeStatus] = field(default_factory=dict)
    lives: dict[str, SignOfLife] = field(default_factory=dict)
    frame_rates: dict[str, Rate] = field(default_factory=dict)

    def on_status(self, source: str, boot: int, node: str, status: NodeStatus) -> None:
        """Take a node's status; the newest of each start counts."""
        self.statuses[source, boot, node] = status
        if node == "detector":
            rate = self.frame_rates.setdefault(source, Rate())
            rate.update(status.counters.get("frames_processed", 0), status.stamp_ns)

    def on_heartbeat(self, source: str, life: SignOfLife) -> None:
        """Take a heartbeat."""
        self.lives[source] = life

    def sources(self) -> list[str]:
        """The drones heard of, in natural order (drone_2 before drone_10)."""
        heard = {source for source, _, _ in self.statuses} | set(self.lives)
        return sorted(heard, key=natural_key)

    def counter(self, name: str, source: str | None = None) -> int:
        """A counter's sum over nodes and starts, of one drone or of all."""
        return sum(status.counters.get(name, 0) for status in self._of(source))

    def latest(self, name: str, source: str) -> int | None:
        """A counter as a drone told it last; None where it never did."""
        told = [status for status in self._of(source) if name in status.counters]
        return max(told, key=lambda status: status.stamp_ns).counters[name] if told else None

    def durations(self, name: str, source: str | None = None) -> Histogram:
        """A duration's histogram over nodes and starts, of one drone or of all."""
        merged = Histogram()
        for status in self._of(source):
            if name in status.durations:
                merged.merge(status.durations[name].counts)
        return merged

    def restarts(self, source: str) -> int:
        """How often a drone started again since it was first heard of."""
        boots = {boot for s, boot, _ in self.statuses if s == source}
        return max(len(boots) - 1, 0)

    def runtime(self, source: str) -> str:
        """The runtime of a drone's nodes; several when they differ."""
        return "+".join(sorted({status.runtime for status in self._of(source)}))

    def troubles(self, source: str) -> list[str]:
        """What the nodes of a drone complain of, in its latest start."""
        latest = max((boot for s, boot, _ in self.statuses if s == source), default=0)
        return [
            f"{node}: {status.message}"
            for (s, boot, node), status in self.statuses.items()
            if (s, boot) == (source, latest) and status.level
        ]

    def latest_status_ns(self, source: str, node: str) -> int:
        """When a node last spoke; 0 when it never did."""
        return max(
            (st.stamp_ns for (s, _, n), st in self.statuses.items() if (s, n) == (source, node)),
            default=0,
        )

    def _of(self, source: str | None) -> Iterator[NodeStatus]:
        for (name, _, _), status in self.statuses.items():
            if source is None or name == source:
                yield status


def natural_key(name: str) -> list[str | int]:
    """Sort key that reads digits as numbers."""
    return [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", name)]
