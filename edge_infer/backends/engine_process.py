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

"""The child's side of processes.py: load an engine, answer, end with the parent."""

from __future__ import annotations

import signal
import sys
from collections.abc import Sequence
from multiprocessing.connection import Connection
from typing import Any

from edge_infer.backends import registry
from edge_infer.backends.arena import Arena
from edge_infer.backends.base import Network
from edge_infer.backends.workers import NetworkInfo, outcome
from edge_infer.errors import EdgeInferError, ModelLoadError, first_line


def main(arguments: Sequence[str]) -> int:
    """Serve one engine until the pipe ends.

    Args:
        arguments: descriptors of the pipe, of the memory that the parent writes, and of
            the memory that this process writes.
    """
    pipe, asked, given = map(int, arguments)
    # The parent decides when a flight ends, not the terminal.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        _serve(Connection(pipe), Arena(asked), Arena(given))
    except (EOFError, BrokenPipeError, ConnectionResetError):
        return 0
    return 0


def _serve(pipe: Connection, asked: Arena, given: Arena) -> None:
    backends, engine = pipe.recv()
    registry.BACKENDS.update(backends)
    networks = _load(pipe, engine)
    while networks:
        network, places = pipe.recv()
        answer: Any = outcome(networks, network, asked.read(places))
        pipe.send(answer if isinstance(answer, Exception) else given.write(answer))


def _load(pipe: Connection, engine: registry.Engine) -> tuple[Network, ...]:
    """The networks, and word to the parent of how it went; none when it went wrong."""
    try:
        networks = engine.load(pipe.send)
    except EdgeInferError as error:
        pipe.send(error)
        return ()
    except MemoryError as error:
        pipe.send(
            ModelLoadError(
                f"{engine.name} ran out of memory while it loaded ({first_line(error)})",
                "use a smaller model",
            )
        )
        return ()
    pipe.send([tuple(NetworkInfo.of(network)) for network in networks])
    return networks


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
