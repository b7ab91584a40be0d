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

"""How fast the simulated camera renders, on one core: start-up, drawn frames, the score.

One thread of OpenCV is allowed, as when a drone's process shares the machine
with its fleet. The promise is the rate of frames along a flight; what a frame's
consumers cost is left to their own benchmarks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count

import cv2

from edge_infer.bench.harness import Goal, Progress, Report, Row, durations_ms, median, quantile
from edge_infer.bench.harness import rounded as short
from edge_infer.simulation.truth import FaultsInView
from edge_infer.simulation.world import World

FRAMES = 300
FRAMES_PER_S = 100.0
_DRONES = 5
_INTERVAL_S = 0.1


def run(progress: Progress) -> Report:
    """Measure start-up, rendering and keeping the score."""
    world = World.build(seed=1, drones=_DRONES)
    drone = world.drone(0)
    in_view = FaultsInView(world.farm, drone.camera.model)
    frames, scored = count(), count()

    def start() -> object:
        return World.build(seed=1, drones=_DRONES).drone(0).frame(0, 0.0)

    def render() -> object:
        frame = next(frames)
        return drone.frame(frame, frame * _INTERVAL_S)

    def keep_score() -> None:
        in_view.add(drone.flight.pose_at(next(scored) * _INTERVAL_S))

    with _one_thread():
        rows = [
            _row("world and first frame", start, 5, progress),
            _row("frame", render, FRAMES, progress),
            _row("score of a frame", keep_score, FRAMES, progress),
        ]
    rate = float(rows[1]["per second"] or 0.0)
    return Report("camera", rows, [Goal("frames on one core", FRAMES_PER_S, rate, "1/s", False)])


def _row(what: str, action: Callable[[], object], repeats: int, progress: Progress) -> Row:
    progress(what)
    taken = durations_ms(action, repeats=repeats)
    return {
        "what": what,
        "times": repeats,
        "median ms": short(median(taken)),
        "p99 ms": short(quantile(taken, 0.99)),
        "per second": short(1000.0 / median(taken)),
    }


@contextmanager
def _one_thread() -> Iterator[None]:
    before = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        yield
    finally:
        cv2.setNumThreads(before)
