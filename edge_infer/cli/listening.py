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

"""A listener to the fleet for commands that look at it from any machine on the network."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from edge_infer.nodes.dashboard.fleet_listener import FleetListener
from edge_infer.runtime.api import Runtime
from edge_infer.runtime.selection import open_runtime


@contextmanager
def listening(choice: str) -> Iterator[tuple[Runtime, FleetListener, Callable[[], bool]]]:
    """A listener on the network, and whether a signal has asked to end."""
    stopped: list[int] = []
    runtime = open_runtime(choice, [])
    before = {
        number: signal.signal(number, lambda number, _: stopped.append(number))
        for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        node = runtime.create_node(f"fleet_listener_{os.getpid()}")
        yield runtime, FleetListener(node), lambda: bool(stopped)
    finally:
        runtime.shutdown()
        for number, handler in before.items():
            signal.signal(number, handler)
