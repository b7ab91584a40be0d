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

"""Bags of every storage and compression, whole and not."""

from __future__ import annotations

import random
import shutil
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import lz4.frame
import pytest

from edge_infer.errors import ReplayError
from edge_infer.replay import remains_mcap, salvage
from edge_infer.replay.bags import open_bag
from edge_infer.replay.compression import ZSTD_MAGIC
from edge_infer.replay.messages import BagMessage

MakeBag = Callable[..., Path]
Recorded = tuple[str, str, int, bytes]

TOPICS = {
    "/camera/image_raw": "sensor_msgs/msg/Image",
    "/camera/camera_info": "sensor_msgs/msg/CameraInfo",
    "/state/pose": "geometry_msgs/msg/PoseWithCovarianceStamped",
}
FORMATS = [
    ("mcap", "none"), ("mcap", "storage"), ("mcap", "message"), ("mcap", "file"),
    ("sqlite3", "none"), ("sqlite3", "message"), ("sqlite3", "file"),
]  # fmt: skip
each_format = pytest.mark.parametrize(("storage", "compression"), FORMATS, ids="-".join)


def contents(recorded: list[Recorded]) -> list[BagMessage]:
    return [BagMessage(topic, time_ns, payload) for topic, _, time_ns, payload in recorded]


def read(path: Path) -> tuple[list[BagMessage], str]:
    """What is in a bag, and what is wrong with it."""
    with open_bag(path) as bag:
        messages = list(bag.messages(TOPICS))
        return messages, str(bag.problem or "")


@each_format
def test_a_whole_bag_is_read_as_it_was_written(
    storage: str, compression: str, flight: list[Recorded], make_bag: MakeBag
) -> None:
    with open_bag(make_bag(flight, storage, compression)) as bag:
        assert bag.topics == TOPICS
        assert bag.count(TOPICS) == len(flight)
        assert bag.count(["/state/pose"]) == len(flight) // 3
        assert list(bag.messages(TOPICS)) == contents(flight)
        assert {item.topic for item in bag.messages({"/state/pose"})} == {"/state/pose"}
        assert list(bag.messages(())) == []
        assert bag.problem is None


@each_format
def test_a_bag_without_metadata_is_read_all_the_same_and_says_so(
    storage: str, compression: str, flight: list[Recorded], make_bag: MakeBag
) -> None:
    folder = make_bag(flight, storage, compression)
    (folder / "metadata.yaml").unlink()
    messages, problem = read(folder)
    assert messages == contents(flight)
    assert "its metadata.yaml is missing" in problem
    assert problem.endswith("ros2 bag reindex makes it whole again")


@each_format
def test_of_a_truncated_file_the_beginning_is_read(
    storage: str, compression: str, flight: list[Recorded], make_bag: MakeBag
) -> None:
    folder = make_bag(flight, storage, compression)
    (file,) = (item for item in folder.iterdir() if item.name != "metadata.yaml")
    file.write_bytes(file.read_bytes()[: file.stat().st_size * 3 // 4])
    messages, problem = read(folder)
    assert messages == contents(flight)[: len(messages)]
    assert "cannot be read as a whole" in problem
    assert len(problem.splitlines()) == 1
    assert len(messages) >= len(flight) // 4


@pytest.mark.parametrize("storage", ["mcap", "sqlite3"])
def test_one_file_is_a_bag_too(storage: str, flight: list[Recorded], make_bag: MakeBag) -> None:
    folder = make_bag(flight, storage, "file")
    (packed,) = folder.glob("*.zstd")
    assert read(packed) == (contents(flight), "")


def test_what_lies_before_a_damaged_chunk_is_read(
    flight: list[Recorded], make_bag: MakeBag
) -> None:
    folder = make_bag(flight, "mcap", "storage")
    (file,) = folder.glob("*.mcap")
    data = bytearray(file.read_bytes())
    second = data.index(ZSTD_MAGIC, data.index(ZSTD_MAGIC) + 1)
    data[second : second + 4] = b"ouch"
    file.write_bytes(data)
    messages, problem = read(folder)
    assert messages == contents(flight)[: len(messages)]
    assert messages
    assert "cannot be read as a whole" in problem


def test_files_of_a_bag_follow_each_other_by_number(
    flight: list[Recorded], make_bag: MakeBag, tmp_path: Path
) -> None:
    together = tmp_path / "together"
    together.mkdir()
    parts = [flight[:6], flight[6:30], flight[30:]]
    for part, number in zip(parts, (2, 9, 10), strict=True):
        (file,) = make_bag(part, name=f"part_{number}").glob("*.mcap")
        shutil.copy(file, together / file.name)
    assert read(together)[0] == contents(flight)


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("empty.mcap", b"", "is no bag of ROS 2"),
        ("empty.db3", b"", "is no bag of ROS 2"),
        ("text.mcap", b"this is a letter, not a bag", "is no bag of ROS 2"),
        ("flight.bag", b"#ROSBAG V2.0\n\x00\x00", "is a bag of ROS 1: convert it"),
        ("head.mcap", b"\x89MCAP0\r\n", "is no bag of ROS 2"),
        ("head.db3", b"SQLite format 3\0" + bytes(84), "is no bag of ROS 2"),
        ("half.mcap.zstd", b"\x28\xb5\x2f\xfd\x00", "is no bag of ROS 2"),
    ],
)
def test_what_is_no_bag_is_one_sentence(
    name: str, content: bytes, expected: str, tmp_path: Path
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ReplayError, match=expected) as refused, open_bag(tmp_path / name):
        pass
    assert len(str(refused.value).splitlines()) == 1


def test_a_folder_of_other_things_and_no_folder_are_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(ReplayError, match="is no bag of ROS 2"), open_bag(tmp_path):
        pass
    with pytest.raises(ReplayError, match="there is no bag"), open_bag(tmp_path / "nowhere"):
        pass


@each_format
def test_the_two_ways_to_read_agree(
    storage: str, compression: str, flight: list[Recorded], make_bag: MakeBag, tmp_path: Path
) -> None:
    folder = make_bag(flight, storage, compression)
    remains = salvage.Remains(folder, salvage.files_of(folder, tmp_path))
    with open_bag(folder) as bag:
        assert list(remains.messages(TOPICS)) == list(bag.messages(TOPICS))
        assert remains.topics == bag.topics
        assert all(remains.counts[topic] == bag.count([topic]) for topic in TOPICS)
    assert remains.problem == ""


@each_format
def test_whatever_is_broken_it_is_a_part_or_one_sentence(
    storage: str, compression: str, flight: list[Recorded], make_bag: MakeBag
) -> None:
    small = [item for item in flight if item[0] == "/state/pose"]
    folder = make_bag(small, storage, compression)
    (file,) = (item for item in folder.iterdir() if item.name != "metadata.yaml")
    whole, dice = file.read_bytes(), random.Random(0)
    for turn in range(60):
        if turn % 2:
            broken = whole[: dice.randrange(len(whole))]
        else:
            broken = bytearray(whole)
            for _ in range(8):
                broken[dice.randrange(len(whole))] = dice.randrange(256)
        file.write_bytes(broken)
        try:
            messages, problem = read(folder)
        except ReplayError as refused:
            problem = str(refused)
        else:
            assert len(messages) <= len(small)
        assert len(problem.splitlines()) <= 1


def chunked(file: Path, pack: Callable[[bytes], bytes], name: bytes, damage: int = 0) -> bytes:
    """An mcap file without an index whose one chunk holds the records of another."""
    records = b""
    data, at = file.read_bytes(), len(remains_mcap.MAGIC)
    while data[at] not in (0x02, 0x0F):
        kind, length = struct.unpack_from("<BQ", data, at)
        inside = data[at + 9 : at + 9 + length]
        if kind == 0x06:
            (named,) = struct.unpack_from("<I", inside, 28)
            records += inside[28 + 4 + named + 8 :]
        at += 9 + length
    head = struct.pack("<QQQI", 0, 2**62, len(records), zlib.crc32(records) ^ damage)
    packed = pack(records)
    chunk = head + struct.pack("<I", len(name)) + name + struct.pack("<Q", len(packed)) + packed
    start = struct.pack("<I", 4) + b"ros2" + struct.pack("<I", 0)
    parts = [(0x01, start), (0x06, chunk), (0x0F, bytes(4)), (0x02, bytes(20))]
    body = b"".join(struct.pack("<BQ", kind, len(part)) + part for kind, part in parts)
    return remains_mcap.MAGIC + body + remains_mcap.MAGIC


@pytest.mark.parametrize("cut", [0, 8], ids=["whole", "cut"])
def test_chunks_of_lz4_are_read_by_both_ways(
    cut: int, flight: list[Recorded], make_bag: MakeBag, tmp_path: Path
) -> None:
    (file,) = make_bag(flight).glob("*.mcap")
    again = tmp_path / "again.mcap"
    again.write_bytes(chunked(file, lz4.frame.compress, b"lz4")[: -cut or None])
    messages, problem = read(again)
    assert messages == contents(flight)
    assert bool(problem) is bool(cut)


def test_a_chunk_with_another_checksum_is_left_out(
    flight: list[Recorded], make_bag: MakeBag, tmp_path: Path
) -> None:
    (file,) = make_bag(flight).glob("*.mcap")
    again = tmp_path / "again.mcap"
    again.write_bytes(chunked(file, lz4.frame.compress, b"lz4", damage=1))
    remains = remains_mcap.McapRemains(again)
    assert remains.survey().counts == {}
    assert "its checksum is another" in remains.problem
