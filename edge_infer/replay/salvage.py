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

"""What can still be read of a bag that was cut off, damaged, or left without metadata.

Files are known by their first bytes, not by their names. An mcap file is read
from its beginning without its index, an sqlite3 file in the order of its rows; both end
where the damage begins.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Protocol

from edge_infer.errors import ReplayError
from edge_infer.replay import compression, remains_mcap, remains_sqlite
from edge_infer.replay.messages import BagMessage, Survey


class Part(Protocol):
    """One file."""

    problem: str
    """Where it is damaged; empty while that is nowhere."""

    def __init__(self, file: Path) -> None: ...

    def survey(self) -> Survey:
        """Read all once."""

    def messages(self, topics: Collection[str]) -> Iterator[BagMessage]:
        """Those of some topics, in the order of the file."""


_ROS1_MAGIC = b"#ROSBAG"
_READERS: dict[bytes, type[Part]] = {
    remains_mcap.MAGIC: remains_mcap.McapRemains,
    remains_sqlite.MAGIC: remains_sqlite.SqliteRemains,
}
_NAMES = ("*.mcap", "*.db3", "*.mcap.zstd", "*.db3.zstd")


def files_of(path: Path, scratch: Path) -> list[Path]:
    """The storage files of a bag, unpacked into a scratch folder where they are compressed."""
    files = [path]
    if path.is_dir():
        files = sorted((file for name in _NAMES for file in path.glob(name)), key=_number)
    return [compression.expanded(file, scratch) for file in files]


def _number(file: Path) -> tuple[int, str]:
    """Files are numbered ``NAME_0.mcap``, ``NAME_1.mcap``, …, and 10 comes after 9."""
    number = file.name.partition(".")[0].rpartition("_")[2]
    return (int(number) if number.isdecimal() else 0, file.name)


class Remains:
    """The files of a bag, one after the other.

    Raises:
        ReplayError: nothing in it can be read.
    """

    def __init__(self, path: Path, files: Sequence[Path]) -> None:
        self._parts = [part for file in files if (part := _open(path, file))]
        self.topics: dict[str, str] = {}
        self.counts: Counter[str] = Counter()
        for part in self._parts:
            survey = part.survey()
            self.topics.update(survey.topics)
            self.counts += survey.counts
        if not self.topics:
            raise ReplayError(
                f"{path} is no bag of ROS 2, or nothing of it is left",
                "give a folder that ros2 bag record made, or its mcap or db3 file",
            )

    @property
    def problem(self) -> str:
        """The first that a file has."""
        return next((part.problem for part in self._parts if part.problem), "")

    def messages(self, topics: Collection[str]) -> Iterator[BagMessage]:
        for part in self._parts:
            yield from part.messages(topics)


def _open(path: Path, file: Path) -> Part | None:
    """The reader of a file; None when it is no storage of a bag."""
    with file.open("rb") as opened:
        beginning = opened.read(16)
    if beginning.startswith(_ROS1_MAGIC):
        raise ReplayError(
            f"{path} is a bag of ROS 1", "convert it: rosbags-convert --src BAG --dst FOLDER"
        )
    for magic, reader in _READERS.items():
        if beginning.startswith(magic):
            return reader(file)
    return None
