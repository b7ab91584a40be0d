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

"""The rest of a drone, as a process: it sees on demand, has heartbeats, and tells what it hears.

Commands come as lines on standard input, ``publish COUNT`` and ``targets``; what
happens goes out as lines of JSON. It ends with its input.
"""

from __future__ import annotations

import json
import sys
import threading
from collections import deque
from typing import Any

from sightings import sighting

from edge_infer.nodes import topics
from edge_infer.nodes.conversions.sightings import sightings_to_msgs
from edge_infer.nodes.heartbeat.node import HeartbeatConfig, HeartbeatNode
from edge_infer.nodes.identity import identify
from edge_infer.runtime.api import Node, Runtime
from edge_infer.runtime.selection import open_runtime

TICK_S = 0.02
LOOK_S = 0.2


def tell(event: str, **what: Any) -> None:
    """One line."""
    sys.stdout.write(json.dumps({"event": event, **what}) + "\n")
    sys.stdout.flush()


class SightingSource:
    """Stands in for the georeferencer, and listens to its drone's coordinator.

    Args:
        runtime: of the process.
        node: the handle.
        state_dir: folder of the boot counter.
        has_heartbeat: whether the fleet can tell that the drone is there.
    """

    def __init__(self, runtime: Runtime, node: Node, state_dir: str, has_heartbeat: bool) -> None:
        self._runtime = runtime
        self._node = node
        self._own = identify(node, state_dir)
        self._sequence = 0
        self._commands: deque[list[str]] = deque()
        self._coordinator = f"/{self._own.source}/coordinator"
        self._publisher = topics.SIGHTINGS.publisher(node)
        topics.DIGEST.subscription(node, self._on_digest)
        service = node.messages["edge_infer_msgs/srv/GetTargets"]
        self._request = service.Request
        self._targets = node.create_client(service, "coordinator/get_targets")
        node.create_timer(TICK_S, self._obey)
        self._members: dict[str, str] = {}
        if has_heartbeat:
            handle = runtime.create_node("heartbeat")
            self._heartbeat = HeartbeatNode(handle, HeartbeatConfig(), self._own)
            node.create_timer(LOOK_S, self._look_at_members)
        threading.Thread(target=self._listen, daemon=True).start()
        tell("started", boot=self._own.boot)

    def _listen(self) -> None:
        for line in sys.stdin:
            self._commands.append(line.split())
        self._runtime.stop()

    def _obey(self) -> None:
        # Before DDS has found a first coordinator, what is published is gone.
        while self._commands and self._publisher.get_subscription_count():
            match self._commands.popleft():
                case ["publish", count]:
                    self._publish(int(count))
                case ["targets"]:
                    self._targets.call_async(self._request()).add_done_callback(self._on_targets)

    def _publish(self, count: int) -> None:
        for _ in range(count):
            self._sequence += 1
            seen = sighting(self._own.source, self._own.boot, self._sequence)
            for msg in sightings_to_msgs(self._node.messages, [seen], "map", "camera"):
                self._publisher.publish(msg)
        tell("published", boot=self._own.boot, last=self._sequence)

    def _on_digest(self, msg: Any) -> None:
        if msg.coordinator == self._coordinator:
            tell("digest", digest=msg.digest)

    def _on_targets(self, future: Any) -> None:
        found = future.result().targets
        targets = [[target.id, int(target.sightings)] for target in found.targets]
        tell("targets", digest=found.digest, sightings=int(found.sightings), targets=targets)

    def _look_at_members(self) -> None:
        states = self._heartbeat.membership.states()
        members = {source: state.value for source, state in states.items()}
        if members != self._members:
            self._members = members
            tell("members", members=members)


def main() -> None:
    """``sighting_source.py STATE_DIR HAS_HEARTBEAT --ros-args …``."""
    runtime = open_runtime("embedded", sys.argv[3:])
    node = runtime.create_node("georeferencer")
    source = SightingSource(runtime, node, sys.argv[1], sys.argv[2] == "1")  # kept while it spins
    runtime.spin()
    del source
    runtime.shutdown()


if __name__ == "__main__":
    main()
