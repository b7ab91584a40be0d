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

"""A short flight over the simulated farm, and bags of it that rosbags writes."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
from rosbags.rosbag2 import CompressionFormat, CompressionMode, StoragePlugin, Writer
from rosbags.typesys import Stores, get_typestore

from edge_infer.nodes.conversions.images import camera_to_msg, frame_to_msg
from edge_infer.nodes.conversions.poses import pose_to_msg
from edge_infer.runtime.messages import message_types
from edge_infer.simulation.world import World

FRAMES = 12
RATE_HZ = 5
BEGIN_NS = 1_790_000_000_000_000_000

Recorded = tuple[str, str, int, bytes]
"""Topic, type, time, CDR."""


@pytest.fixture(scope="session")
def flight() -> list[Recorded]:
    """Twelve frames as an ordinary robot records them: each image is stored before its pose."""
    messages, drone = message_types(), World.build(seed=0, drones=1).drone(0)
    recorded: list[Recorded] = []

    def record(topic: str, message: object, time_ns: int) -> None:
        kind = message.__msgtype__  # type: ignore[attr-defined]
        recorded.append((topic, kind, time_ns, bytes(messages.encode(message))))

    for index in range(FRAMES):
        stamp_ns = BEGIN_NS + index * 1_000_000_000 // RATE_HZ
        shot = drone.frame(index, 10.0 + index / RATE_HZ, stamp_ns)
        image = frame_to_msg(messages, shot.frame)
        info = camera_to_msg(messages, shot.camera, stamp_ns, "camera")
        pose = pose_to_msg(messages, shot.pose, "map")
        record("/camera/image_raw", image, stamp_ns + 1_000_000)
        record("/camera/camera_info", info, stamp_ns + 2_000_000)
        record("/state/pose", pose, stamp_ns + 3_000_000)
    return recorded


MakeBag = Callable[..., Path]


@pytest.fixture
def make_bag(tmp_path: Path) -> MakeBag:
    """Writes a bag; returns its folder."""

    def make(
        recorded: Iterable[Recorded],
        storage: str = "mcap",
        compression: str = "none",
        name: str = "bag",
    ) -> Path:
        types = get_typestore(Stores.ROS2_HUMBLE)
        folder = tmp_path / name
        writer = Writer(folder, version=8, storage_plugin=StoragePlugin[storage.upper()])
        writer.set_compression(CompressionMode[compression.upper()], CompressionFormat.ZSTD)
        with writer:
            connections = {}
            for topic, kind, time_ns, payload in recorded:
                if topic not in connections:
                    connections[topic] = writer.add_connection(topic, kind, typestore=types)
                writer.write(connections[topic], time_ns, payload)
        return folder

    return make
