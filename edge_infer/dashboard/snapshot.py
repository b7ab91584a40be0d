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

"""What the live page shows at one moment, as plain values.

A Snapshot holds no more than the page draws; who gathers it from the topics is
not here. Positions are east and north metres in the fleet frame ``map``, stamps
are nanoseconds on the ROS clock, and None says "not known".
"""

from __future__ import annotations

import math
from dataclasses import dataclass, is_dataclass
from enum import Enum
from numbers import Integral, Real
from typing import Any

Point = tuple[float, float]
"""East, north; metres."""


class DroneState(str, Enum):
    """How the fleet sees one drone."""

    ALIVE = "alive"
    SUSPECT = "suspect"
    DEAD = "dead"
    LEFT = "left"
    RESTARTED = "restarted"
    """Its process died and is on its way back."""


@dataclass(frozen=True)
class FarmOutline:
    """The solar farm from above; it does not change during a run.

    Attributes:
        rows: one quadrilateral per row of modules, four corners in order around
            it, the first edge along the row.
        modules_per_row: modules along that first edge.
        latitude_deg, longitude_deg, altitude_m: WGS-84 origin of the fleet frame.
    """

    rows: tuple[tuple[Point, Point, Point, Point], ...]
    modules_per_row: int
    latitude_deg: float
    longitude_deg: float
    altitude_m: float = 0.0


@dataclass(frozen=True)
class DroneView:
    """One drone.

    Attributes:
        name: its namespace.
        x, y, z: east, north, up, metres; NaN before its first pose.
        yaw_rad: of its nose, counter-clockwise from east.
        footprint: what its camera sees of the ground, corners in order; may be empty.
        state: how the fleet sees it.
        restarts: how often its process was started again.
        frame_rate_hz: frames processed per second, lately.
        infer_ms: median time of the model on one frame.
        sighting_ms: median from capture to the published sighting.
        received, processed, dropped: frames; received = processed + dropped, but for
            those at work.
        published, suppressed: sightings sent, and kept back because a better one was known.
        model_name, model_version: of the model that runs.
        model_release: its number; None without an updater.
        update_state: how far it is with another one, as in UpdateStatus; empty without.
        update_progress: of the download, 0..1.
        battery: charge, 0..1.
        runtime: "ros" or "embedded".
        troubles: what its nodes complain of, a sentence each.
    """

    name: str
    x: float
    y: float
    z: float
    yaw_rad: float
    footprint: tuple[Point, ...] = ()
    state: DroneState = DroneState.ALIVE
    restarts: int = 0
    frame_rate_hz: float | None = None
    infer_ms: float | None = None
    sighting_ms: float | None = None
    received: int = 0
    processed: int = 0
    dropped: int = 0
    published: int = 0
    suppressed: int = 0
    model_name: str = ""
    model_version: str = ""
    model_release: int | None = None
    update_state: str = ""
    update_progress: float | None = None
    battery: float | None = None
    runtime: str = ""
    troubles: tuple[str, ...] = ()


@dataclass(frozen=True)
class TargetView:
    """One real thing that the swarm found.

    Attributes:
        id: stays while the target lives.
        class_name: label of its best sighting.
        score: of its best sighting, 0..1.
        x, y: where, metres.
        sources: names of the drones that saw it, sorted.
        sightings: how many it stands for.
        first_seen_ns, last_seen_ns: capture times of its first and latest sighting.
    """

    id: str
    class_name: str
    score: float
    x: float
    y: float
    sources: tuple[str, ...]
    sightings: int
    first_seen_ns: int
    last_seen_ns: int


@dataclass(frozen=True)
class RemovalView:
    """A sighting that was dropped because a better one covers it.

    Attributes:
        id: of the dropped sighting; the page animates each id once.
        class_name: its label.
        source: the drone that saw it.
        x, y: where that drone placed it, metres.
        into: id of the target that stands for it now.
    """

    id: str
    class_name: str
    source: str
    x: float
    y: float
    into: str


@dataclass(frozen=True)
class Latency:
    """Quantiles of a duration, milliseconds."""

    p50: float
    p99: float


@dataclass(frozen=True)
class TruthView:
    """The targets against the simulated world; a real swarm has none.

    Attributes:
        precision, recall: 0..1; None while undefined.
        faults_in_view: real faults that some camera has seen so far.
        found, missed, false: faults reported, faults not reported, reports of nothing.
    """

    precision: float | None
    recall: float | None
    faults_in_view: int
    found: int
    missed: int
    false: int


@dataclass(frozen=True)
class CoordinatorView:
    """How one coordinator stands to the others.

    Attributes:
        name: of its drone or gateway.
        part: coordinators that hear each other are of one part, the largest is 1; None
            while it is silent.
        behind: sightings that it misses of those that others have held for a while;
            None while it does not tell.
    """

    name: str
    part: int | None
    behind: int | None


@dataclass(frozen=True)
class RolloutView:
    """How far the fleet is with a new model.

    Attributes:
        model, version, release: which.
        state: "running", "paused", "aborted" or "done".
        wave, waves: that is under way, and that there are.
        drones: that may install it.
        reason: of the last change.
        verdicts: what the judge says of each group of hardware, a sentence each.
    """

    model: str
    version: str
    release: int
    state: str
    wave: int
    waves: int
    drones: tuple[str, ...]
    reason: str = ""
    verdicts: tuple[str, ...] = ()


@dataclass(frozen=True)
class Snapshot:
    """The whole page at one moment.

    Attributes:
        stamp_ns: when it was taken.
        elapsed_s: since the run began; going backwards means another run.
        farm: None when unknown.
        drones, targets: what there is, in the order in which to list them.
        removals: the latest duplicates removed; a second or two of them is enough.
        coordinators: how they stand to each other, by name.
        replicas_agree: whether all coordinators hold the same state; None with fewer than two.
        digest: of that state, hexadecimal.
        duplicates_removed: since the run began.
        frame_to_target_ms: from capture on one drone to the target on another.
        truth: None outside a simulation.
        rollout: None before the first one.
        topology: "mesh", "star" or "hybrid".
        seed: of the simulation.
        finished: the run is over and nothing follows.
    """

    stamp_ns: int
    elapsed_s: float
    farm: FarmOutline | None = None
    drones: tuple[DroneView, ...] = ()
    targets: tuple[TargetView, ...] = ()
    removals: tuple[RemovalView, ...] = ()
    coordinators: tuple[CoordinatorView, ...] = ()
    replicas_agree: bool | None = None
    digest: str = ""
    duplicates_removed: int = 0
    frame_to_target_ms: Latency | None = None
    truth: TruthView | None = None
    rollout: RolloutView | None = None
    topology: str = ""
    seed: int | None = None
    finished: bool = False

    def to_json(self) -> dict[str, Any]:
        """JSON-ready; a number that is not finite becomes None.

        A browser reads a stamp as a double: good to a quarter of a microsecond.
        """
        document: dict[str, Any] = _plain(self)
        return document


def _plain(value: object) -> Any:
    if value is None or isinstance(value, (str, bool)):
        return value
    if isinstance(value, Integral):
        return int(value)
    if isinstance(value, Real):
        number = float(value)
        return number if math.isfinite(number) else None
    if isinstance(value, (tuple, list)):
        return [_plain(item) for item in value]
    if is_dataclass(value):
        return {name: _plain(item) for name, item in vars(value).items()}
    raise TypeError(f"{type(value).__name__} has no place in a snapshot")
