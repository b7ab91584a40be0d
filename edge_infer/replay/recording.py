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

"""Messages as a bag of their own, which ``ros2 bag`` reads and plays."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterable, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Literal

from rosbags.interfaces import (
    Connection,
    Qos,
    QosDurability,
    QosHistory,
    QosLiveliness,
    QosReliability,
    QosTime,
)
from rosbags.rosbag2 import StoragePlugin, Writer, WriterError

from edge_infer.errors import ReplayError, first_line
from edge_infer.nodes import topics
from edge_infer.replay.messages import Output, Record
from edge_infer.runtime.definitions import definitions
from edge_infer.runtime.qos import QoS

VERSION: Literal[8] = 8
"""Of the metadata: the oldest that the library writes, for the sake of older readers."""

_OUTPUTS = (topics.DETECTIONS, topics.SIGHTINGS, topics.TARGETS)
_OFFERED = {topic.type: topic.qos for topic in _OUTPUTS}
_FOREVER = QosTime(9223372036, 854775807)
"""As rmw says «without limit»."""


@contextmanager
def recording(folder: Path | None) -> Generator[Record, None, None]:
    """Write outputs to a new mcap bag, made with the first of them; without a folder to none.

    Raises:
        ReplayError: the folder is there already, or cannot be made.
    """
    if folder is None:
        yield lambda _: None
        return
    bag = BagWriter(folder)
    try:
        yield lambda output: bag.add(output, (_OFFERED[output.type],))
    finally:
        bag.close()


class BagWriter:
    """A new mcap bag, made with the first message; adds topics as they come.

    Raises:
        ReplayError: the folder is there already, or cannot be made.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._connections: dict[str, Connection] = {}
        try:
            self._writer = Writer(folder, version=VERSION, storage_plugin=StoragePlugin.MCAP)
            _check_room(folder)
        except (WriterError, OSError) as error:
            raise self._refused(error) from error

    def add(self, output: Output, offered: Iterable[QoS] = ()) -> None:
        """Write one message.

        Args:
            output: what, when; its topic has one type.
            offered: quality of service of the topic's publishers; that of the first message counts.

        Raises:
            ReplayError: the disk refuses it.
        """
        with self._refusing():
            if not self._connections:
                self._writer.open()
            connection = self._connections.get(output.topic)
            if connection is None:
                connection = self._connect(output, [_qos(each) for each in dict.fromkeys(offered)])
            self._writer.write(connection, output.time_ns, bytes(output.payload))

    def close(self) -> None:
        """End the bag, if one was begun."""
        if self._connections:
            with self._refusing():
                self._writer.close()

    def _connect(self, output: Output, offered: Sequence[Qos]) -> Connection:
        known = definitions()
        self._connections[output.topic] = self._writer.add_connection(
            output.topic,
            output.type,
            msgdef=known.text(output.type),
            rihs01=known.type_hash(output.type),
            offered_qos_profiles=offered,
        )
        return self._connections[output.topic]

    @contextmanager
    def _refusing(self) -> Generator[None, None, None]:
        """The disk's and the library's errors in our words."""
        try:
            yield
        except (WriterError, OSError) as error:
            self._connections.clear()  # there is nothing left to close
            with suppress(OSError, AttributeError):  # which older versions of the library lack
                self._writer.abort()
            raise self._refused(error) from error

    def _refused(self, error: Exception) -> ReplayError:
        return ReplayError(
            f"the bag {self._folder} cannot be written ({first_line(error)})",
            "name a new folder on a disk with room",
        )


def _check_room(folder: Path) -> None:
    """Raise OSError when a folder could not be made: before the work, not with its first result."""
    above = next(parent for parent in folder.absolute().parents if parent.exists())
    if not above.is_dir():
        raise NotADirectoryError(f"{above} is no folder")
    if not os.access(above, os.W_OK | os.X_OK):
        raise PermissionError(f"{above} is not ours to write to")


def _qos(qos: QoS) -> Qos:
    """As bags hold it."""
    return Qos(
        history=QosHistory[qos.history.name],
        depth=qos.depth,
        reliability=QosReliability[qos.reliability.name],
        durability=QosDurability[qos.durability.name],
        deadline=_time(qos.deadline_s),
        lifespan=_time(qos.lifespan_s),
        liveliness=QosLiveliness[qos.liveliness.name],
        liveliness_lease_duration=_time(qos.liveliness_lease_s),
        avoid_ros_namespace_conventions=False,
    )


def _time(seconds: float | None) -> QosTime:
    if seconds is None:
        return _FOREVER
    whole, part = divmod(round(seconds * 1e9), 1_000_000_000)
    return QosTime(whole, part)
