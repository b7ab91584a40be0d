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
