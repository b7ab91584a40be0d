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

"""The newest snapshot, handed to any number of readers as server-sent events.

Newest wins: a reader that is slow misses snapshots and never delays anybody.
Knows threads, but no socket and no HTTP. Wire format: "Server-sent events" in
the HTML standard (WHATWG).
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from typing import Any, NamedTuple

from edge_infer.dashboard.snapshot import Snapshot

RETRY = b"retry: 1000\n\n"
HEARTBEAT = b"event: heartbeat\ndata: {}\n\n"
"""An event, not a comment: a page cannot see comments, and must notice silence."""


class _Encoded(NamedTuple):
    number: int
    farm: bytes
    snapshot: bytes


class Feed:
    """One writer, many readers.

    Args:
        interval_s: a reader gets at most one snapshot in this time.
        heartbeat_s: a reader that waits this long gets a heartbeat.
    """

    def __init__(self, interval_s: float = 0.1, heartbeat_s: float = 3.0) -> None:
        self._interval_s = interval_s
        self._heartbeat_s = heartbeat_s
        self._changed = threading.Condition()
        self._encoding = threading.Lock()
        self._closed = threading.Event()
        self._newest: Snapshot | None = None
        self._number = 0
        self._encoded = _Encoded(0, b"", b"")

    @property
    def newest(self) -> Snapshot | None:
        """What was put last."""
        return self._newest

    def put(self, snapshot: Snapshot) -> None:
        """Replace the newest snapshot; returns at once."""
        with self._changed:
            self._newest = snapshot
            self._number += 1
            self._changed.notify_all()

    def close(self) -> None:
        """Let every reader have the newest snapshot, then end."""
        self._closed.set()
        with self._changed:
            self._changed.notify_all()

    def follow(self) -> Iterator[bytes]:
        """Events for one reader: the farm once (again if it changes), then snapshots."""
        yield RETRY
        seen = 0
        farm = b""
        while self._wait_after(seen):
            if self._number == seen:
                yield HEARTBEAT
                continue
            encoded = self._encode()
            if encoded.farm != farm:
                yield _event("farm", encoded.farm)
            yield _event("snapshot", encoded.snapshot)
            seen, farm = encoded.number, encoded.farm
            self._closed.wait(self._interval_s)

    def _wait_after(self, seen: int) -> bool:
        """Until there is something newer or the time for a heartbeat; False at the end."""
        deadline = time.monotonic() + self._heartbeat_s
        with self._changed:
            while self._number == seen:
                left = deadline - time.monotonic()
                if self._closed.is_set():
                    return False
                if left <= 0:
                    break
                self._changed.wait(left)
        return True

    def _encode(self) -> _Encoded:
        """The newest snapshot as bytes, made once for all readers."""
        with self._encoding:
            with self._changed:
                number, snapshot = self._number, self._newest
            if snapshot is not None and number != self._encoded.number:
                document = snapshot.to_json()
                farm = to_bytes(document.pop("farm"))
                self._encoded = _Encoded(number, farm, to_bytes(document))
            return self._encoded


def to_bytes(document: Any) -> bytes:
    """Compact JSON in UTF-8."""
    return json.dumps(document, separators=(",", ":"), allow_nan=False).encode()


def _event(name: str, data: bytes) -> bytes:
    return b"event: %s\ndata: %s\n\n" % (name.encode(), data)
