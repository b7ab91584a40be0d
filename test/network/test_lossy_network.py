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

"""Real coordinators over real DDS, a network namespace each: nothing is lost, nothing is doubled.

Loss, partitions, kills and halts; afterwards every coordinator holds what was
published, no more and no less, within ten gossip rounds.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Callable, Collection

import pytest
from drones import Drone, Drones, digest_of, rounds
from sightings import RATE_HZ, all_sightings

from edge_infer.fleet.gossip import SIGHTING_BYTES
from edge_infer.fleet.view import from_scratch

pytestmark = [pytest.mark.root, pytest.mark.swarm]

LOG = logging.getLogger(__name__)
"""Shows figures with --log-cli-level=INFO."""

MakeDrones = Callable[..., Drones]

ROUNDS = 20
"""Alone it takes at most 10, told with ``--log-cli-level=INFO``; beside other tests on two cores
a coordinator may be late for some."""
AMPLE = ("gossip_bytes_per_s:=128000.0",)
"""So that these rounds can carry what is missing: what a drone has to send of a partition's 1.1 MB
takes 17 at the default rate alone."""
QUIET = (*AMPLE, "targets_period_s:=10.0", "fleet_period_s:=60.0")
"""Thousands of sightings a minute instead of a hundred: target lists at that rate cost too much."""
BURST = 60
"""Sightings that a drone publishes at once: far fewer than its coordinator's queue holds."""


def meet(drones: Drones) -> None:
    """Everybody hears everybody: DDS has found all its peers."""
    drones.publish(1)
    drones.agree()


def publish_in_bursts(drones: Drones, count: int, some: Collection[Drone]) -> None:
    """So many each, as fast as the drones' own coordinators take them in."""
    for first in range(0, count, BURST):
        drones.publish(min(BURST, count - first), some)
        for drone in some:
            drone.mark()
        drones.wait(lambda: all(drone.seen for drone in some), "coordinators are at work")


def agree_again(drones: Drones) -> int:
    """From now, when all is healed: all agree on everything; the rounds that it took."""
    for drone in drones:
        drone.mark()
    drones.agree()
    took = rounds(drones.all, drones.digest())
    LOG.info("%d sightings are everywhere after %d rounds", len(drones), took)
    return took


def check_targets(drones: Drones) -> None:
    """Every coordinator's list is that of all that was published, each sighting in it once."""
    sightings = list(all_sightings(drones.published()))
    wanted = [[str(target.id), target.sightings] for target in from_scratch(sightings)]
    for drone in drones:
        drone.ask_for_targets()
    drones.wait(lambda: all(drone.targets for drone in drones), "coordinators tell their targets")
    for drone in drones:
        assert drone.targets["digest"] == drones.digest()
        assert drone.targets["sightings"] == len(sightings)
        assert drone.targets["targets"] == wanted


def test_ten_percent_of_frames_are_lost(make_drones: MakeDrones) -> None:
    drones = make_drones(5, loss=0.1, seed=7)
    for _ in range(20):
        drones.publish(5)
        drones.run_for(0.2)
    assert agree_again(drones) <= ROUNDS
    check_targets(drones)


def test_a_partition_of_ten_minutes(make_drones: MakeDrones) -> None:
    drones = make_drones(4, settings=QUIET)
    meet(drones)
    known = drones.published()
    sides = drones.all[:2], drones.all[2:]
    drones.switch.cut({drone.number for drone in sides[0]})
    count = round(600 * RATE_HZ)
    publish_in_bursts(drones, count, drones.all)
    for side in sides:
        drones.agree(side, digest_of({**known, **drones.published(side)}))

    before = drones.switch.traffic
    drones.switch.heal()
    took = agree_again(drones)
    cost = drones.switch.traffic - before
    missing = count * len(drones.all) * SIGHTING_BYTES
    LOG.info("%d bytes were missing: %s", missing, cost)
    assert cost.user_bytes <= 2 * missing
    assert took <= ROUNDS
    check_targets(drones)


def test_coordinators_are_killed_at_random_moments(make_drones: MakeDrones, kills: int) -> None:
    """Of five one stays, another each time: what all forget at once is lost, of course."""
    rng = random.Random(11)
    drones = make_drones(5, loss=0.1, seed=11, settings=AMPLE)
    meet(drones)
    left = kills
    while left > 0:
        survivor = rng.choice(drones.all)
        mortal = [drone for drone in drones if drone is not survivor]
        for _ in range(min(left, 10)):
            drones.publish(1)
            drones.run_for(rng.uniform(0.0, 1.5))
            rng.choice(mortal).restart_coordinator()
            left -= 1
        rng.choice(drones.all).restart_rest()
        drones.wait(lambda: all(drone.digest for drone in drones), "coordinators are back")
        drones.publish(1)
        assert agree_again(drones) <= ROUNDS
    check_targets(drones)


def test_a_coordinator_is_halted_for_five_seconds(make_drones: MakeDrones) -> None:
    """It misses more than queues hold, and DDS gives it up meanwhile."""
    drones = make_drones(4, settings=QUIET)
    meet(drones)
    halted, *others = drones.all
    halted.coordinator.halt()
    for _ in range(5):
        drones.publish(20)
        drones.run_for(1.0)
    drones.agree(others)
    assert halted.digest != drones.digest()
    halted.coordinator.go_on()
    assert agree_again(drones) <= ROUNDS
    check_targets(drones)


def test_a_whole_drone_is_halted_for_five_seconds(make_drones: MakeDrones) -> None:
    drones = make_drones(4, settings=QUIET, has_heartbeats=True)
    meet(drones)

    def all_alive() -> bool:
        names = {drone.name for drone in drones}
        return all(set(drone.members) == names - {drone.name} for drone in drones) and all(
            state == "alive" for drone in drones for state in drone.members.values()
        )

    drones.wait(all_alive, "all know all")
    halted, *others = drones.all
    halted.coordinator.halt()
    halted.rest.halt()
    for _ in range(5):
        drones.publish(20, others)
        drones.run_for(1.0)
    drones.agree(others)
    assert all(drone.members[halted.name] != "alive" for drone in others)
    halted.rest.go_on()
    halted.coordinator.go_on()
    assert agree_again(drones) <= ROUNDS
    drones.wait(all_alive, "nobody is taken for dead")
    check_targets(drones)
