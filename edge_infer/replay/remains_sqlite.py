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

"""An sqlite3 file row by row, without its indices, to where it is damaged."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Collection, Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

from edge_infer.replay import compression
from edge_infer.replay.messages import BagMessage, Survey

MAGIC = b"SQLite format 3\0"


class SqliteRemains:
    """What is left of one file."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._topics: dict[int, tuple[str, str]] = {}
        self.problem = ""

    def survey(self) -> Survey:
        """Read the topics, and count what can be read of the messages."""
        try:
            with closing(self._open()) as database:
                rows = database.execute("SELECT id, name, type, serialization_format FROM topics")
                self._topics = {
                    number: (name, kind) for number, name, kind, form in rows if form == "cdr"
                }
        except sqlite3.Error as error:
            self.problem = str(error)
        counts = Counter(
            self._topics[number][0]
            for number, _, _ in self._rows("topic_id, 0, x''")
            if number in self._topics
        )
        return Survey(dict(self._topics.values()), counts)

    def messages(self, topics: Collection[str]) -> Iterator[BagMessage]:
        for number, time_ns, payload in self._rows("topic_id, timestamp, data"):
            topic, _ = self._topics.get(number, ("", ""))
            if topic not in topics:
                continue
            try:
                yield BagMessage(topic, time_ns, compression.message(payload))
            except compression.Broken as error:
                self.problem = f"a message cannot be unpacked: {error}"

    def _rows(self, columns: str) -> Iterator[tuple[int, int, bytes]]:
        try:
            with closing(self._open()) as database:
                yield from database.execute(f"SELECT {columns} FROM messages ORDER BY rowid")  # noqa: S608
        except sqlite3.Error as error:
            self.problem = str(error)

    def _open(self) -> sqlite3.Connection:
        """A file that is shorter than its head says is taken all the same, as the pragma allows."""
        log = self._file.with_name(f"{self._file.name}-wal")
        mode = "mode=ro" if log.exists() else "immutable=1"
        database = sqlite3.connect(f"file:{quote(str(self._file))}?{mode}", uri=True)
        database.execute("PRAGMA writable_schema = ON")
        return database
