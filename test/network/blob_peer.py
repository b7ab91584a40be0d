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

"""A member that fetches and gives blobs, as a process on the embedded runtime.

Commands come as lines on standard input: ``offer`` and ``fetch``; what happens goes out as
lines of JSON. It ends with its input. Who fetches keeps what arrives on its disk.
"""

from __future__ import annotations

import json
import random
import sys
import threading
import time
from collections import deque
from functools import cache
from pathlib import Path
from typing import Any

from edge_infer.nodes import topics
from edge_infer.nodes.identity import identify
from edge_infer.nodes.updater.transfer_link import TransferLink
from edge_infer.runtime.api import Node, Runtime
from edge_infer.runtime.embedded.runtime import EmbeddedRuntime
from edge_infer.updates.release import Blob
from edge_infer.updates.transfer.partial import PartialBlob

BYTES = 5_000_000
CHUNKS = 84
LOOK_S = 0.05


@cache
def content() -> bytes:
    """What is to be everywhere."""
    return random.Random(5).randbytes(BYTES)


def tell(event: str, **what: Any) -> None:
    """One line."""
    sys.stdout.write(json.dumps({"event": event, **what}) + "\n")
    sys.stdout.flush()


class BlobPeer:
    """One member.

    Args:
        runtime: of the process.
        node: the handle.
        folder: of its disk.
        is_gateway: whether it is asked first.
        bytes_per_s: that it may send.
    """

    def __init__(
        self, runtime: Runtime, node: Node, folder: Path, is_gateway: bool, bytes_per_s: float
    ) -> None:
        self._runtime = runtime
        self._blob = Blob.of(content())
        self._partial = PartialBlob(folder / "packages", self._blob)
        self._commands: deque[list[str]] = deque()
        self._told: tuple[int, int] = (-1, -1)
        self._is_fetching = False
        self._link = TransferLink(
            node, identify(node, str(folder)), bytes_per_s=bytes_per_s, versions=lambda: (1, 1),
            metadata=lambda _since: {}, on_metadata=lambda _files, _source: None,
            on_complete=self._on_complete, is_gateway=is_gateway,
        )  # fmt: skip
        # All topics are found together; this one tells of it.
        self._readers = topics.MODEL_CHUNK.publisher(node)
        node.create_timer(LOOK_S, self._look)
        threading.Thread(target=self._listen, daemon=True).start()

    def close(self) -> None:
        self._link.close()

    def _listen(self) -> None:
        for line in sys.stdin:
            self._commands.append(line.split())
        self._runtime.stop()

    def _look(self) -> None:
        while self._commands:
            match self._commands.popleft():
                case ["offer"]:
                    self._link.offer(self._blob, content())
                case ["fetch", part, parts]:
                    self._fetch(int(part), int(parts))
        # To count readers takes as long as to take a chunk in.
        readers = self._told[0] if self._is_fetching else self._readers.get_subscription_count()
        now = readers, len(self._partial.held)
        if now != self._told:
            self._told = now
            tell("standing", readers=now[0], held=now[1], refused=self._link.refused)

    def _fetch(self, part: int, parts: int) -> None:
        """Fetch, with every so-manieth chunk already there."""
        for index in range(part, CHUNKS, parts) if parts else ():
            start, end = self._blob.span(index)
            self._partial.add(index, content()[start:end])
        self._is_fetching = True
        self._link.fetch(self._blob, self._partial)
        tell("fetching", at_s=time.monotonic())

    def _on_complete(self, whole: bytes) -> None:
        tell("complete", at_s=time.monotonic(), is_right=whole == content())


def main() -> None:
    """``blob_peer.py FOLDER IS_GATEWAY BYTES_PER_S --ros-args …``."""
    runtime = EmbeddedRuntime(sys.argv[4:])
    # Twelve endpoints less to be found by everybody: twenty hosts share this machine.
    runtime._parameter_services = False
    node = runtime.create_node("updater")
    peer = BlobPeer(runtime, node, Path(sys.argv[1]), sys.argv[2] == "1", float(sys.argv[3]))
    runtime.spin()
    peer.close()
    runtime.shutdown()


if __name__ == "__main__":
    main()
