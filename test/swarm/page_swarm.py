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

"""A swarm for the eyes: drones that fly, find and fold duplicates, with no swarm behind it.

Snapshots are a pure function of time, so that a picture can be taken twice.
``python test/swarm/page_swarm.py [--port N] [--drones N]`` serves it until Ctrl-C.
"""

from __future__ import annotations

import argparse
import contextlib
import math
import random
import sys
import time
from dataclasses import dataclass

from edge_infer.dashboard.server import DashboardServer
from edge_infer.dashboard.snapshot import (
    CoordinatorView,
    DroneState,
    DroneView,
    FarmOutline,
    Latency,
    RemovalView,
    Snapshot,
    TargetView,
    TruthView,
)

CLASSES = (
    "Cell",
    "Cell-Multi",
    "Cracking",
    "Hot-Spot",
    "Diode",
    "Shadowing",
    "Vegetation",
    "Soiling",
)
EPOCH_NS = 1_700_000_000_000_000_000
ROWS, TABLES, MODULES = 12, 3, 24
PITCH_M, TABLE_M, DEPTH_M, GAP_M = 7.0, 24.0, 3.2, 1.0
WIDTH_M = TABLES * (TABLE_M + GAP_M) - GAP_M
SPEED_MPS = 6.0
VIEW_M = (18.0, 14.4)


def farm() -> FarmOutline:
    """12 rows of three tables, in the middle of the fleet frame."""
    quads = []
    for row in range(ROWS):
        south = (row - ROWS / 2) * PITCH_M
        for table in range(TABLES):
            west = -WIDTH_M / 2 + table * (TABLE_M + GAP_M)
            east, north = west + TABLE_M, south + DEPTH_M
            quads.append(((west, south), (east, south), (east, north), (west, north)))
    return FarmOutline(tuple(quads), MODULES, 37.0, -6.0, 120.0)


@dataclass(frozen=True)
class Fault:
    x: float
    y: float
    class_name: str
    score: float


def faults(count: int = 34, seed: int = 7) -> list[Fault]:
    rng = random.Random(seed)
    found: list[Fault] = []
    while len(found) < count:
        x = rng.uniform(-WIDTH_M / 2, WIDTH_M / 2)
        y = (rng.randrange(ROWS) - ROWS / 2) * PITCH_M + rng.uniform(0.4, DEPTH_M - 0.4)
        if all(math.dist((x, y), (other.x, other.y)) > 6 for other in found):
            found.append(Fault(x, y, rng.choice(CLASSES), round(rng.uniform(0.42, 0.99), 3)))
    return found


class PageSwarm:
    """Drones side by side, each on its own lawnmower track over a strip of the farm."""

    def __init__(self, drones: int = 5) -> None:
        self.farm = farm()
        self.faults = faults()
        self.names = [f"drone_{i + 1}" for i in range(drones)]

    def pose(self, index: int, at_s: float) -> tuple[float, float, float]:
        """East, north, yaw."""
        strip = WIDTH_M / len(self.names)
        lane = min(10.0, strip * 0.8)
        length = ROWS * PITCH_M
        travelled = at_s * SPEED_MPS + index * 3.0
        lap, along = divmod(travelled, length + lane)
        up = int(lap) % 2 == 0
        offset = strip * (index + 0.5) - WIDTH_M / 2 + lane * ((int(lap) % 3) - 1) * 0.5
        if along > length:
            x = offset + (along - length) * 0.4
            return x, (1 if up else -1) * length / 2, 0.0
        y = along - length / 2
        return offset, y if up else -y, math.pi / 2 if up else -math.pi / 2

    def state(self, index: int, at_s: float) -> DroneState:
        if index == 3 and 24 <= at_s < 60:
            return DroneState.SUSPECT
        if index == 4 and at_s >= 26:
            return DroneState.DEAD
        return DroneState.ALIVE

    def states(self, at_s: float) -> list[DroneState]:
        return [self.state(index, at_s) for index in range(len(self.names))]

    def coordinator(self, name: str, state: DroneState) -> CoordinatorView:
        return CoordinatorView(name, None if state is DroneState.DEAD else 1, None)

    def drone(self, index: int, at_s: float) -> DroneView:
        state = self.state(index, at_s)
        x, y, yaw = self.pose(index, min(at_s, 26.0) if state is DroneState.DEAD else at_s)
        wobble = math.sin(at_s * 1.7 + index)
        received = int(at_s * 10)
        dropped = received // (9 + index)
        return DroneView(
            name=self.names[index],
            x=x,
            y=y,
            z=20.0 + 0.2 * wobble,
            yaw_rad=yaw,
            footprint=_footprint(x, y, yaw),
            state=state,
            restarts=1 if index == 2 else 0,
            frame_rate_hz=9.2 + 0.4 * wobble,
            infer_ms=11.4 + index * 0.6 + wobble,
            sighting_ms=17.9 + index * 0.7 + 1.4 * wobble,
            received=received,
            processed=received - dropped,
            dropped=dropped,
            published=int(at_s * 0.6),
            suppressed=int(at_s * 0.4),
            model_name="solar-thermal",
            model_version="0.1.0" if index else "0.2.0",
            battery=0.97 - at_s / 2000 - index * 0.02,
            runtime="embedded",
        )

    def seen_at(self, fault: Fault) -> list[tuple[float, int]]:
        """When, and by which drones; the first makes the target, the others duplicates."""
        strip = WIDTH_M / len(self.names)
        first = int((fault.x + WIDTH_M / 2) // strip)
        close = [i for i in range(len(self.names)) if abs(i - first) <= 1]
        return sorted(
            (abs(math.sin(fault.x * 7.3 + fault.y * 3.1 + i * 5.7)) * 26 + 1, i) for i in close
        )

    def snapshot(self, at_s: float, *, finished: bool = False) -> Snapshot:
        now_ns = EPOCH_NS + int(at_s * 1e9)
        targets, removals, duplicates = [], [], 0
        for number, fault in enumerate(self.faults):
            seen = [(when, i) for when, i in self.seen_at(fault) if when <= at_s]
            if not seen:
                continue
            identity = f"{self.names[seen[0][1]]}/1/{number}"
            targets.append(
                TargetView(
                    identity, fault.class_name, fault.score, fault.x, fault.y,
                    tuple(sorted(self.names[i] for _, i in seen)), len(seen) * 3,
                    EPOCH_NS + int(seen[0][0] * 1e9), EPOCH_NS + int(seen[-1][0] * 1e9),
                )
            )  # fmt: skip
            for when, i in seen[1:]:
                duplicates += 3
                if at_s - when < 2:
                    removals.append(
                        RemovalView(
                            f"{self.names[i]}/1/{number}", fault.class_name, self.names[i],
                            fault.x + 4 * math.cos(when), fault.y + 4 * math.sin(when), identity,
                        )
                    )  # fmt: skip
        return Snapshot(
            stamp_ns=now_ns,
            elapsed_s=at_s,
            farm=self.farm,
            drones=tuple(self.drone(i, at_s) for i in range(len(self.names))),
            targets=tuple(targets),
            removals=tuple(removals),
            coordinators=tuple(map(self.coordinator, self.names, self.states(at_s))),
            replicas_agree=at_s % 9 > 0.6,
            digest=f"{hash(len(targets)) & 0xFFFFFFFF:08x}a91c77",
            duplicates_removed=duplicates,
            frame_to_target_ms=Latency(21.3, 48.8),
            truth=TruthView(0.97, 0.94, len(targets) + 2, len(targets), 2, 1),
            topology="mesh",
            seed=7,
            finished=finished,
        )


def _footprint(x: float, y: float, yaw: float) -> tuple[tuple[float, float], ...]:
    half_w, half_h = VIEW_M[0] / 2, VIEW_M[1] / 2
    cos, sin = math.cos(yaw), math.sin(yaw)
    corners = ((half_h, -half_w), (half_h, half_w), (-half_h, half_w), (-half_h, -half_w))
    return tuple((x + a * cos - b * sin, y + a * sin + b * cos) for a, b in corners)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=8080)
    parser.add_argument("--drones", type=int, default=5)
    parser.add_argument("--start", type=float, default=0.0)
    parser.add_argument("--duration", type=float, default=math.inf)
    arguments = parser.parse_args()
    swarm = PageSwarm(arguments.drones)
    server = DashboardServer(port=arguments.port)
    server.start()
    sys.stdout.write(f"{server.url}\n")
    sys.stdout.flush()
    began = time.monotonic() - arguments.start
    with contextlib.suppress(KeyboardInterrupt):
        while (at_s := time.monotonic() - began) < arguments.duration:
            server.publish(swarm.snapshot(at_s))
            time.sleep(0.2)
        server.publish(swarm.snapshot(arguments.duration, finished=True))
        time.sleep(3600)
    server.close()


if __name__ == "__main__":
    main()
