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

"""What a fleet sends, and a coordinator that takes it: see ``coordinator.py``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from edge_infer.bench.duplicates import DRONES, SIGMA_M, SPACING_M, VIEWS
from edge_infer.domain import Sighting, SightingId
from edge_infer.nodes import topics
from edge_infer.nodes.conversions.sightings import sightings_to_msgs
from edge_infer.nodes.coordinator.node import CoordinatorConfig, CoordinatorNode
from edge_infer.nodes.identity import Identity
from edge_infer.runtime.loopback import LoopbackNetwork

FRAMES_PER_S = 5
"""Of each drone that has something to tell; a frame is one array."""
PER_FRAME = 5
"""Sightings per frame in a scene."""
THINGS = 50
"""Below each drone of a schedule."""
DELIVERY_S = 1e-6
CHUNK = 10_000


class Arrival(NamedTuple):
    """An array of sightings on its way to the coordinator."""

    at_s: float
    payload: list[Sighting]

    @property
    def sightings(self) -> int:
        """In the array."""
        return len(self.payload)


def scene(count: int, seed: int = 1, first: int = 0) -> Iterator[Sighting]:
    """Drones that fly on over new things, always as dense: a strip that grows to the east.

    Args:
        count: sightings, in the order in which they are sent.
        seed: decides the places.
        first: number of the first one, where a scene goes on.
    """
    rng = np.random.default_rng(seed)
    for begin in range(first, first + count, CHUNK):
        numbers = np.arange(begin, min(begin + CHUNK, first + count))
        things = numbers // VIEWS
        x = things // DRONES * SPACING_M + rng.normal(0, SIGMA_M, len(numbers))
        y = things % DRONES * SPACING_M + rng.normal(0, SIGMA_M, len(numbers))
        scores = rng.random(len(numbers), np.float32).tolist()
        for number, x_mm, y_mm, score in zip(numbers.tolist(), _mm(x), _mm(y), scores, strict=True):
            sequence = number // DRONES
            source = f"drone_{number % DRONES + 1}"
            yield _sighting(source, sequence, sequence // PER_FRAME, x_mm, y_mm, score)


def schedule(drones: int, per_s: int, seconds: float, seed: int = 1) -> list[Arrival]:
    """The arrays of a fleet in the order in which they come; drones are not in step.

    Each flies to and fro over a row of ``THINGS`` things that the next one sees, too.
    """
    rng = np.random.default_rng(seed)
    each = max(1, per_s // FRAMES_PER_S)
    arrivals = []
    for drone in range(drones):
        start_s = rng.uniform(0, each / per_s)
        for frame, at_s in enumerate(np.arange(start_s, seconds, each / per_s).tolist()):
            things = (frame * each + np.arange(each)) % THINGS
            x = things * SPACING_M + rng.normal(0, SIGMA_M, each)
            y = drone // 2 * SPACING_M + rng.normal(0, SIGMA_M, each)
            payload = [
                _sighting(f"drone_{drone + 1}", frame * each + item, frame, x_mm, y_mm, score)
                for item, (x_mm, y_mm, score) in enumerate(
                    zip(_mm(x), _mm(y), rng.random(each).tolist(), strict=True)
                )
            ]
            arrivals.append(Arrival(at_s, payload))
    return sorted(arrivals, key=lambda arrival: arrival.at_s)


class LoadedCoordinator:
    """A coordinator on the loopback runtime, and the hand that feeds it."""

    def __init__(self, folder: str) -> None:
        self._network = LoopbackNetwork(delay_ms=(0.0, 0.0))
        self._began_ns = self._network.now_ns
        runtime = self._network.runtime("drone_0", ["--ros-args", "-r", "__ns:=/drone_0"])
        self._node = CoordinatorNode(
            runtime.create_node("coordinator"),
            CoordinatorConfig(state_dir=folder),
            Identity("drone_0", 1),
        )
        hand = self._network.runtime("hand", []).create_node("hand")
        self._messages = hand.messages
        self._publisher = topics.SIGHTINGS.publisher(hand)
        self._hand = hand

    def wait_until(self, at_s: float) -> None:
        """Let the timers run until then."""
        left_ns = self._began_ns + round(at_s * 1e9) - self._network.now_ns
        if left_ns > 0:
            self._network.run_for(left_ns / 1e9)

    def send(self, payload: list[Sighting]) -> None:
        """Put an array on the way, encoded."""
        for msg in sightings_to_msgs(self._messages, payload, "map", "camera"):
            self._publisher.publish(msg)

    def take(self) -> None:
        """Let it arrive."""
        self._network.run_for(DELIVERY_S)

    def told(self) -> Any:
        """The coordinator's latest target list."""
        heard: list[Any] = []
        topics.TARGETS.named("/drone_0/coordinator/targets").subscription(self._hand, heard.append)
        self._network.run_for(10.0)
        return heard[-1]


def _sighting(
    source: str, sequence: int, frame: int, x_mm: int, y_mm: int, score: float
) -> Sighting:
    return Sighting(
        id=SightingId(source, 1, sequence),
        stamp_ns=frame * 100_000_000,
        frame=frame,
        class_name="Diode",
        score=score,
        x_mm=x_mm,
        y_mm=y_mm,
        z_mm=0,
        covariance_m2=(SIGMA_M**2, 0.0, SIGMA_M**2),
        model_version="1.0.0",
    )


def _mm(metres: NDArray[np.float64]) -> list[int]:
    rounded: list[int] = np.rint(metres * 1000).astype(int).tolist()
    return rounded
