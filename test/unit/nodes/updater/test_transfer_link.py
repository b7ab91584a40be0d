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

"""Real links on the loopback runtime, real chunks on a real disk."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from edge_infer.errors import TrustError, UpdateError
from edge_infer.nodes import topics
from edge_infer.nodes.identity import Identity
from edge_infer.nodes.updater.transfer_link import DISK_REST_S, TransferLink
from edge_infer.runtime.loopback import LoopbackNetwork
from edge_infer.updates.release import Blob
from edge_infer.updates.transfer.partial import PartialBlob

RATE = 100_000.0
CHUNK = 2_000
CONTENT = random.Random(1).randbytes(41 * CHUNK + 77)
BLOB = Blob.of(CONTENT, CHUNK)


class Member:
    """A drone, or the gateway, with metadata that is trusted unless it says otherwise."""

    def __init__(
        self, network: LoopbackNetwork, name: str, folder: Path, *, is_gateway: bool = False
    ) -> None:
        self.name = name
        self.folder = folder / name
        self.metadata: dict[str, bytes] = {"1.root.json": b"root"}
        self.version = 0
        self.got: list[bytes] = []
        self.sources: list[str] = []
        self.runtime = network.runtime(name, ["--ros-args", "-r", f"__ns:=/{name}"])
        self.node = self.runtime.create_node("updater")
        self.link = TransferLink(
            self.node, Identity(name, 1), bytes_per_s=RATE, versions=lambda: (1, self.version),
            metadata=lambda _since: self.metadata, on_metadata=self._on_metadata,
            on_complete=self.got.append, is_gateway=is_gateway,
        )  # fmt: skip

    def sign(self, version: int, **files: bytes) -> None:
        self.metadata |= files
        self.version = version
        self.link.announce()

    def fetch(self, blob: Blob = BLOB) -> PartialBlob:
        partial = PartialBlob(self.folder, blob)
        self.link.fetch(blob, partial)
        return partial

    def _on_metadata(self, files: Mapping[str, bytes], source: str) -> None:
        self.sources.append(source)
        if files.get("timestamp.json", b"").startswith(b"forged"):
            raise TrustError("the timestamp is not signed", "ask somebody else")
        version = int(files["timestamp.json"])
        if version > self.version:
            self.metadata, self.version = dict(files), version


class Ear:
    """Hears what travels, and may say something."""

    def __init__(self, network: LoopbackNetwork) -> None:
        self.node = network.runtime("ear").create_node("ear")
        self.chunks: list[Any] = []
        self.requests: list[Any] = []
        topics.MODEL_CHUNK.subscription(self.node, self.chunks.append)
        topics.MODEL_REQUEST.subscription(self.node, self.requests.append)
        self._publisher = topics.MODEL_CHUNK.publisher(self.node)

    def say(self, index: int, content: bytes) -> None:
        msg = self.node.messages[topics.MODEL_CHUNK.type]
        self._publisher.publish(
            msg(sha256=list(bytes.fromhex(BLOB.sha256)), index=index, content=list(content))
        )


@pytest.fixture
def network() -> LoopbackNetwork:
    return LoopbackNetwork(seed=5)


@pytest.fixture
def join(network: LoopbackNetwork, tmp_path: Path) -> Callable[..., Member]:
    return lambda name, **more: Member(network, name, tmp_path, **more)


Join = Callable[..., Member]


def all_have_it(members: list[Member]) -> Callable[[], bool]:
    return lambda: all(member.got == [CONTENT] for member in members)


def halfway(network: LoopbackNetwork, join: Join) -> Member:
    """A drone that has begun to fetch from the gateway."""
    gateway = join("gateway", is_gateway=True)
    gateway.link.offer(BLOB, CONTENT)
    drone = join("drone")
    network.run_for(1.0)
    drone.fetch()
    network.run_for(0.4)
    return drone


def test_a_fleet_fetches_by_one_multicast(network: LoopbackNetwork, join: Join) -> None:
    gateway = join("gateway", is_gateway=True)
    drones = [join(f"drone_{number}") for number in range(5)]
    ear = Ear(network)
    gateway.link.offer(BLOB, CONTENT)
    network.run_for(1.0)
    kept = [drone.fetch() for drone in drones]
    assert network.run_until(all_have_it(drones), 5.0)
    assert sorted(msg.index for msg in ear.chunks) == list(range(42))
    assert {msg.holder for msg in ear.requests} == {"gateway"}
    assert all(PartialBlob(d.folder, BLOB).is_complete for d in drones)
    assert all(partial.is_complete for partial in kept)
    assert {drone.link.progress(BLOB.sha256) for drone in drones} == {1.0}


def test_chunks_vanish_and_the_gateway_too(network: LoopbackNetwork, join: Join) -> None:
    gateway = join("gateway", is_gateway=True)
    gateway.link.offer(BLOB, CONTENT)
    first = join("drone_0")
    network.run_for(1.0)
    first.fetch()
    assert network.run_until(all_have_it([first]), 5.0)
    network.conditions = network.conditions._replace(vanish=0.2)
    drones = [join(f"drone_{number}") for number in range(1, 5)]
    network.run_for(1.0)
    for drone in drones:
        drone.fetch()
    network.run_for(0.5)
    gateway.link.close()
    network.partition([["gateway"]])
    assert network.run_until(all_have_it(drones), 30.0)


def test_a_drone_that_starts_again_asks_for_the_rest_only(
    network: LoopbackNetwork, join: Join, tmp_path: Path
) -> None:
    gateway = join("gateway", is_gateway=True)
    gateway.link.offer(BLOB, CONTENT)
    partial = PartialBlob(tmp_path / "drone", BLOB)
    for index in range(10):
        partial.add(index, CONTENT[index * CHUNK : (index + 1) * CHUNK])
    drone = join("drone")
    ear = Ear(network)
    network.run_for(1.0)
    drone.fetch()
    assert network.run_until(all_have_it([drone]), 5.0)
    assert sorted(msg.index for msg in ear.chunks) == list(range(10, 42))
    network.run_for(1.0)
    again = join("again")
    again.folder = drone.folder
    again.fetch()
    assert again.got == [CONTENT]


def test_wrong_chunks_are_counted(network: LoopbackNetwork, join: Join) -> None:
    gateway = join("gateway", is_gateway=True)
    gateway.link.offer(BLOB, CONTENT)
    drone, ear = join("drone"), Ear(network)
    network.run_for(1.0)
    drone.fetch()
    ear.say(3, bytes(CHUNK))
    ear.say(4_000_000_000, b"")
    assert network.run_until(all_have_it([drone]), 5.0)
    assert drone.link.refused == 2


def test_a_disk_that_is_full_is_asked_again_later(network: LoopbackNetwork, join: Join) -> None:
    gateway = join("gateway", is_gateway=True)
    gateway.link.offer(BLOB, CONTENT)
    drone = join("drone")
    network.run_for(1.0)

    class Full(PartialBlob):
        has_room = False

        def add(self, index: int, content: bytes) -> bool:
            if not self.has_room:
                raise UpdateError("the disk is full", "make room")
            return super().add(index, content)

    partial = Full(drone.folder, BLOB)
    drone.link.fetch(BLOB, partial)
    network.run_for(3.0)
    assert drone.link.progress(BLOB.sha256) == 0.0
    partial.has_room = True
    assert network.run_until(all_have_it([drone]), 2 * DISK_REST_S)


def test_a_file_that_is_damaged_after_all_is_repaired_from_the_fleet(
    network: LoopbackNetwork, join: Join
) -> None:
    gateway = join("gateway", is_gateway=True)
    gateway.link.offer(BLOB, CONTENT)
    drone = join("drone")
    network.run_for(1.0)
    partial = drone.fetch()
    file = partial._file
    assert network.run_until(lambda: len(partial.held) > 20, 5.0)
    data = bytearray(file.read_bytes())
    data[5] ^= 1
    file.write_bytes(data)
    assert network.run_until(all_have_it([drone]), 10.0)
    assert file.read_bytes() == CONTENT


def test_a_blob_that_is_dropped_is_not_delivered(network: LoopbackNetwork, join: Join) -> None:
    drone = halfway(network, join)
    drone.link.drop(BLOB.sha256)
    network.run_for(5.0)
    assert drone.got == []
    assert drone.link.progress(BLOB.sha256) == 0.0


def test_metadata_travels_and_what_is_forged_is_not_asked_for_again(
    network: LoopbackNetwork, join: Join
) -> None:
    gateway = join("gateway", is_gateway=True)
    drones = [join(f"drone_{number}") for number in range(3)]
    network.run_for(1.0)
    gateway.sign(1, **{"timestamp.json": b"1"})
    assert network.run_until(lambda: all(d.version == 1 for d in drones), 1.0)
    assert drones[0].metadata == gateway.metadata
    gateway.node.destroy_node()
    late = join("late")
    assert network.run_until(lambda: late.version == 1, 5.0)
    forger = join("forger")
    forger.sign(50, **{"timestamp.json": b"forged"})
    network.run_for(25.0)
    assert [drone.sources.count("forger") for drone in drones] == [1, 1, 1]
    drones[0].sign(2, **{"timestamp.json": b"2"})
    assert network.run_until(lambda: {d.version for d in (*drones, late)} == {2}, 5.0)


def test_a_clock_that_is_set_does_not_stop_a_transfer(network: LoopbackNetwork, join: Join) -> None:
    drone = halfway(network, join)
    network.set_clock("drone", -3600.0)
    network.set_clock("gateway", -86_400.0)
    assert network.run_until(all_have_it([drone]), 5.0)
