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

"""Flies a scenario: real coordinators, a loopback network, virtual time, judged at every step."""

from __future__ import annotations

import random
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from invariants import Ledger, Violation, check_agreement, replica_of, require, sightings_of
from scenario import Act, Event, Scenario
from simulated_drone import Drone, Outfit

from edge_infer.fleet.gossip import GossipConfig
from edge_infer.runtime.loopback import LoopbackNetwork

STEP_S = 0.25
"""Between two judgements, and two target lists of a drone."""
ROUNDS = 10
"""Within so many rounds of gossip after the last healing all must agree."""
RESPAWN_S = 2.0
"""A launcher starts again what ended by itself after this; not what a person must put right."""
MEMORY = Path("/dev/shm")
"""Counters are fsynced; on a disk that would take longer than the rest."""


class Result(NamedTuple):
    """How a flight went.

    Attributes:
        digest: of every replica at the end.
        sightings: how many they hold.
        published: sightings that drones ever sent.
        rounds: of gossip that it took to agree, after the last healing and the last
            change by a writer.
        ended: what those said that ended by themselves, by host.
    """

    digest: str
    sightings: int
    published: int
    rounds: float
    ended: Mapping[str, str]


class Flight:
    """One scenario on its way; ``fly`` once."""

    def __init__(self, scenario: Scenario, folder: Path) -> None:
        self._scenario = scenario
        self._random = random.Random(f"flight {scenario.seed}")
        self._network = LoopbackNetwork(
            scenario.seed,
            loss=scenario.loss,
            delay_ms=(0.2, scenario.delay_s * 1e3),
            duplicate=scenario.duplicate,
            reorder=scenario.reorder,
            vanish=scenario.vanish,
            lease_s=scenario.lease_s,
        )
        names = [f"drone_{drone + 1:03}" for drone in range(scenario.drones)]
        self._outfits = [
            Outfit(name, name, folder / name, offset_s, keep_s, scenario.suppress, scenario.hearts)
            for name, offset_s, keep_s in zip(
                names, scenario.clock_offsets_s, scenario.keep_s, strict=True
            )
        ]
        self._ledger = Ledger(dict(zip(names, scenario.keep_s, strict=True)), self._now_s)
        self._drones: dict[str, Drone] = {}
        """Those that run, by host."""
        self._ended: dict[str, str] = {}
        self._to_respawn: list[tuple[float, int]] = []

    def fly(self) -> Result:
        """Let all happen, then let the fleet agree; raises Violation."""
        for event in self._scenario.events:
            while self._now_s() + STEP_S < event.at_s:
                self._step()
            self._network.run_for(max(0.0, event.at_s - self._now_s()))
            self._do(event)
        self._step()
        live = {i for drone in self._drones.values() for i in sightings_of(drone.coordinator)}
        rounds = self._heal()
        is_told = self._scenario.falls_back_s or any(
            event.act is Act.NAMESAKE for event in self._scenario.events
        )
        require(is_told or not self._ended, "refused without a reason", self._ended)
        coordinators = {name: drone.coordinator for name, drone in self._drones.items()}
        check_agreement(coordinators, {n: drone.told for n, drone in self._drones.items()}, live)
        one = next(iter(coordinators.values()))
        published = len(self._ledger.published)
        held = sightings_of(one)
        return Result(replica_of(one).digest(), len(held), published, rounds, self._ended)

    def _heal(self) -> float:
        """Mend the network, wait until all agree for good; returns how many rounds it took."""
        self._network.heal()
        self._network.conditions = self._network.conditions._replace(vanish=0.0)
        healed_s, round_s = self._now_s(), _round_s(self._scenario)
        # Then no floor rises any more, and what they agree on is published, too.
        settled_s = max(4 * STEP_S, 1.1 * max(self._scenario.keep_s) + 1.0)
        agreed_s = None
        while True:
            now_s, since_s = self._now_s(), max(healed_s, self._ledger.changed_s)
            digests = {replica_of(drone.coordinator).digest() for drone in self._drones.values()}
            if len(digests) > 1:
                agreed_s = None
                is_late = now_s > since_s + ROUNDS * round_s
                require(not is_late, "agreement", len(digests), "digests are left")
            elif agreed_s is None:
                agreed_s = now_s
            elif now_s >= max(agreed_s, since_s) + settled_s:
                return max(0.0, agreed_s - since_s) / round_s
            self._step()

    def _step(self) -> None:
        self._network.run_for(STEP_S)
        for drone in self._drones.values():
            drone.write_floors()
        for drone in self._drones.values():
            drone.watch.step(drone.coordinator)
        for host, drone in list(self._drones.items()):
            if drone.problem:
                self._end(host, drone)
        while self._to_respawn and self._to_respawn[0][0] <= self._now_s():
            self._start(self._outfits[self._to_respawn.pop(0)[1]])

    def _now_s(self) -> float:
        return self._network.now_ns / 1e9

    def _do(self, event: Event) -> None:
        outfits = [self._outfits[drone] for drone in event.drones]
        if event.act is Act.CUT:
            self._network.partition([[outfit.host for outfit in outfits]])
        elif event.act is Act.HEAL:
            self._network.heal()
        elif event.act is Act.START:
            self._start(outfits[0])
        elif event.act is Act.NAMESAKE:
            self._look(self._start(outfits[0].namesake()))
        elif drone := self._drones.get(outfits[0].host):
            self._befall(drone, event.drones[0], event.act)

    def _befall(self, drone: Drone, number: int, act: Act) -> None:
        outfit = self._outfits[number]
        if act is Act.LOOK:
            self._look(drone)
            return
        del self._drones[outfit.host]
        drone.write_floors()
        if act is Act.LEAVE:
            drone.leave()
        else:
            drone.crash()
        if act is Act.LOSE_DISK:
            shutil.rmtree(outfit.folder, ignore_errors=True)
            self._outfits[number] = outfit.set_back(self._scenario.falls_back_s)

    def _look(self, drone: Drone) -> None:
        things = self._scenario.things
        count = min(len(things), self._random.randint(1, 3))
        drone.eyes.look(self._random.sample(things, count), self._random)

    def _end(self, host: str, drone: Drone) -> None:
        """A drone has ended by itself, with a sentence for people."""
        self._ended[host] = drone.problem
        del self._drones[host]
        drone.write_floors()
        drone.leave()
        hosts = [outfit.host for outfit in self._outfits]
        if host in hosts:
            self._to_respawn.append((self._now_s() + RESPAWN_S, hosts.index(host)))

    def _start(self, outfit: Outfit) -> Drone:
        """The drone of this outfit, started unless it runs."""
        if outfit.host not in self._drones:
            self._drones[outfit.host] = Drone(self._network, outfit, self._ledger, STEP_S)
        return self._drones[outfit.host]


def fly(scenario: Scenario) -> Result:
    """Fly a scenario in a folder of its own; raises Violation."""
    with tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None) as folder:
        return Flight(scenario, Path(folder)).fly()


def failure(scenario: Scenario) -> str:
    """What goes wrong in a scenario, in one line; empty for nothing."""
    try:
        fly(scenario)
    except Violation as violation:
        return str(violation)
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return ""


def _round_s(scenario: Scenario) -> float:
    """A digest, a request and an answer, each as late as can be."""
    config = GossipConfig()
    return config.period_s * (1 + config.jitter) + 3 * scenario.delay_s
