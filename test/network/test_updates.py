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

"""A package of 5 MB to a whole fleet over real DDS, a network namespace for each drone.

What is asserted is what a radio would carry; what it took is told with
``--log-cli-level=INFO``, and by ``--receivers=20`` for a whole fleet.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from blob_fleet import BlobFleet
from blob_peer import BYTES, CHUNKS

pytestmark = [pytest.mark.root, pytest.mark.swarm]

LOG = logging.getLogger(__name__)

MakeFleet = Callable[..., BlobFleet]


@pytest.fixture
def make_fleet(_namespaces: None, tmp_path: Path) -> Iterator[MakeFleet]:
    """Starts members on hosts of their own, and ends them with the test."""
    with ExitStack() as stack:

        def make(drones: int, **network: Any) -> BlobFleet:
            fleet = BlobFleet(drones, tmp_path, **network)
            stack.callback(fleet.close)
            return fleet

        yield make
        for log in tmp_path.glob("*.log"):
            assert "Traceback" not in log.read_text(), log.read_text()


def offer(fleet: BlobFleet) -> int:
    """The gateway has something; the bytes that have travelled before the drones know of it."""
    fleet.gateway.say("offer")
    return fleet.switch.package_bytes


def share(fleet: BlobFleet, before: int) -> float:
    """What has travelled since, in times of the blob."""
    return (fleet.switch.package_bytes - before) / BYTES


def fetch(fleet: BlobFleet) -> tuple[float, float]:
    """All drones fetch; what travelled, and the seconds of the last one."""
    before = offer(fleet)
    for drone in fleet.drones:
        drone.say("fetch 0 0")
    took_s = fleet.complete(fleet.drones)
    times = share(fleet, before)
    LOG.info(
        "%d drones have 5 MB after %.2f s, %.2f times that on the wire",
        len(fleet.drones),
        took_s,
        times,
    )
    return times, took_s


def test_one_multicast_serves_all(make_fleet: MakeFleet, receivers: int) -> None:
    times, _ = fetch(make_fleet(receivers))
    assert times <= 1.1


def test_ten_percent_of_frames_are_lost(make_fleet: MakeFleet, receivers: int) -> None:
    """Slower, as a radio that repairs takes more than twice the bytes."""
    times, _ = fetch(make_fleet(receivers, loss=0.1, seed=3, bytes_per_s=1_000_000.0))
    assert times <= 2.5


def test_the_gateway_is_killed_half_way(make_fleet: MakeFleet, receivers: int) -> None:
    """Each drone holds a part that no other holds; together they are the whole."""
    fleet = make_fleet(receivers)
    before = offer(fleet)
    for number, drone in enumerate(fleet.drones):
        drone.say(f"fetch {number} {receivers}")
    fleet.wait(lambda: fleet.drones[0].held >= CHUNKS // 2, "half of it is there")
    fleet.kill_gateway()
    took_s = fleet.complete(fleet.drones)
    times = share(fleet, before)
    LOG.info("without a gateway: all have it after %.2f s, %.2f times on the wire", took_s, times)
    assert times <= 1.5
