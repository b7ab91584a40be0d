"""What came out of a replay as a bag of its own, which ``ros2 bag`` reads."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from rosbags.interfaces import Connection
from rosbags.rosbag2 import StoragePlugin, Writer, WriterError

from edge_infer.errors import ReplayError, first_line
from edge_infer.replay.player import Output, Record
from edge_infer.runtime.definitions import definitions

VERSION: Literal[8] = 8
"""Of the metadata: the oldest that the library writes, for the sake of older readers."""


@contextmanager
def recording(folder: Path | None) -> Generator[Record, None, None]:
    """Write outputs to a new mcap bag, made with the first of them; without a folder to none.

    Raises:
        ReplayError: the folder is there already.
    """
    if folder is None:
        yield lambda _: None
        return
    recorder = _Recorder(folder)
    try:
        yield recorder.add
    finally:
        recorder.close()


class _Recorder:
    """Adds topics as they come."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._connections: dict[str, Connection] = {}
        with self._refusing():
            self._writer = Writer(folder, version=VERSION, storage_plugin=StoragePlugin.MCAP)

    def add(self, output: Output) -> None:
        """Write one message.

        Raises:
            ReplayError: the disk refuses it.
        """
        with self._refusing():
            if not self._connections:
                self._writer.open()
            connection = self._connections.get(output.topic) or self._connect(output)
            self._writer.write(connection, output.time_ns, bytes(output.payload))

    def close(self) -> None:
        """End the bag, if one was begun."""
        if self._connections:
            with self._refusing():
                self._writer.close()

    def _connect(self, output: Output) -> Connection:
        known = definitions()
        self._connections[output.topic] = self._writer.add_connection(
            output.topic,
            output.type,
            msgdef=known.text(output.type),
            rihs01=known.type_hash(output.type),
        )
        return self._connections[output.topic]

    @contextmanager
    def _refusing(self) -> Generator[None, None, None]:
        """The disk's and the library's errors in our words."""
        try:
            yield
        except (WriterError, OSError) as error:
            raise ReplayError(
                f"the bag {self._folder} cannot be written ({first_line(error)})",
                "name a new folder on a disk with room",
            ) from error
