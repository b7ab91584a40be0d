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

"""Bags in, their messages out as raw CDR in the order of time.

A bag that is whole is read by rosbags. What is left of one that is not is read by
``salvage.py``; then ``Bag.problem`` says what is wrong, and the replay goes as far as
the bag does. Nothing here knows what a message means.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Generator, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Protocol

from rosbags.rosbag2 import Reader

from edge_infer.errors import ReplayError, first_line
from edge_infer.replay import compression, salvage
from edge_infer.replay.messages import BagMessage

_NO_METADATA = "its metadata.yaml is missing"
_REMEDIES = {_NO_METADATA: "what its files hold was read; ros2 bag reindex makes it whole again"}
_REMEDY = "the part before it was read; record it again to have the rest"


class Source(Protocol):
    """One way to read a bag."""

    @property
    def topics(self) -> dict[str, str]:
        """Name -> type of each topic whose messages are CDR."""

    @property
    def counts(self) -> Counter[str]:
        """Name -> how many messages."""

    @property
    def problem(self) -> str:
        """What could not be read so far; empty while there was nothing."""

    def messages(self, topics: Collection[str]) -> Iterator[BagMessage]:
        """The messages of some topics, about in the order of time."""


class Bag:
    """An open bag.

    Attributes:
        path: as it was given.
        problem: what could not be read, one sentence; None while there was nothing.
    """

    def __init__(self, path: Path, source: Source, refused: str = "") -> None:
        self.path = path
        self._source = source
        self._refused = refused

    @property
    def topics(self) -> dict[str, str]:
        """Name -> type."""
        return self._source.topics

    def count(self, topics: Collection[str]) -> int:
        """How many messages some topics have."""
        return sum(self._source.counts[topic] for topic in topics)

    @property
    def problem(self) -> ReplayError | None:
        reason = self._source.problem or self._refused
        if not reason:
            return None
        return ReplayError(
            f"the bag {self.path} cannot be read as a whole ({reason})",
            _REMEDIES.get(reason, _REMEDY),
        )

    def messages(self, topics: Collection[str]) -> Iterator[BagMessage]:
        """The messages of some topics, about in the order of time, as far as they can be read."""
        return self._source.messages(topics)


@contextmanager
def open_bag(path: Path) -> Generator[Bag, None, None]:
    """Open a folder that ``ros2 bag record`` made, or one file of it: mcap or sqlite3.

    Raises:
        ReplayError: there is no bag, or nothing of it can be read.
    """
    if not path.exists():
        raise ReplayError(f"there is no bag {path}", "give a bag's folder, or its mcap or db3 file")
    with ExitStack() as stack:
        scratch = Path(stack.enter_context(TemporaryDirectory(prefix="edge_infer_replay_")))
        file = compression.expanded(path, scratch) if path.is_file() else path
        reader = Reader(file) if _may_be_read(file) else None
        refused = _NO_METADATA if path.is_dir() else ""
        if reader is not None:
            try:
                reader.open()
            except Exception as error:  # the library raises of all kinds on damaged bytes
                refused = first_line(error)
            else:
                stack.callback(reader.close)
                yield Bag(path, _Whole(reader))
                return
        yield Bag(path, salvage.Remains(path, salvage.files_of(path, scratch)), refused)


def _may_be_read(path: Path) -> bool:
    """Whether rosbags takes the trouble: it decides by the name of a file."""
    if path.is_dir():
        return (path / "metadata.yaml").exists()
    return path.suffix in (".mcap", ".db3")


class _Whole:
    """A bag that rosbags reads."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self.problem = ""
        self.topics = {topic.topic: topic.msgtype for topic in reader.connections}
        self.counts: Counter[str] = Counter()
        for topic in reader.connections:
            self.counts[topic.topic] += topic.msgcount

    def messages(self, topics: Collection[str]) -> Iterator[BagMessage]:
        chosen = [item for item in self._reader.connections if item.topic in topics]
        if not chosen:
            return
        try:
            for connection, time_ns, payload in self._reader.messages(chosen):
                yield BagMessage(connection.topic, time_ns, payload)
        except Exception as error:  # as when it is opened
            self.problem = first_line(error)
