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

"""The refined layer beside a coordinator: another list of targets, worked out from nothing.

It runs when a record stands in the fleet's last values (``Refinement``), on a
thread of its own, for it takes long where there are many sightings; while it
does, Python's threads take turns, and a message waits 5 to 10 ms for its own.
What every coordinator publishes follows from sightings and record alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from edge_infer.domain import Sighting, Target
from edge_infer.errors import FleetError
from edge_infer.fleet.refined.refine import Refinement
from edge_infer.fleet.refined.targets import refined_targets
from edge_infer.nodes.workers.newest import NewestWorker
from edge_infer.runtime.api import Node

REFINEMENT = "refinement"
"""The key of the record among the fleet's last values."""

_REST = 4
"""So many times as long as it worked it rests, so it takes a fifth of the time at most."""

_LONGEST_REST_NS = 3600 * 10**9
"""Who seems to have worked for longer had its clock set meanwhile."""


class State(NamedTuple):
    """What refined targets follow from.

    Attributes:
        changes: differs whenever the sightings do.
        record: the value under ``REFINEMENT``.
        digest: of the replica; differs more often.
        sightings: how many.
    """

    changes: int
    record: bytes
    digest: str
    sightings: int


class _Task(NamedTuple):
    state: State
    sightings: Sequence[Sighting]
    record: Refinement


class RefinedLayer:
    """Works refined targets out when something has changed, at most a fifth of the time.

    Args:
        node: the handle.
        publish: takes the targets and what they follow from, on the layer's thread.
    """

    def __init__(self, node: Node, publish: Callable[[Sequence[Target], State], None]) -> None:
        self._node = node
        self._publish = publish
        self._worker: NewestWorker[_Task] | None = None
        self._asked: tuple[int, bytes] | None = None
        self._refused: bytes | None = None
        self._is_free = True
        self._ended_ns = self._rest_ns = 0
        self._is_closed = False

    def follow(self, state: State, sightings: Iterable[Sighting]) -> None:
        """Say what is known now; it may be worked on now, at a later call, or need no work."""
        if state[:2] == self._asked or not self._is_free:
            return
        # A clock that was set back says nothing of how long it rested.
        if 0 <= self._now_ns() - self._ended_ns < self._rest_ns:
            return
        record = self._record(state.record)
        if record is None:
            return
        self._asked, self._is_free = state[:2], False
        if self._worker is None:
            threaded = self._node.runtime_name != "loopback"
            self._worker = NewestWorker(self._work, "refined targets", threaded)
        self._worker.submit(_Task(state, tuple(sightings), record))

    def close(self) -> None:
        """Publish no more."""
        self._is_closed = True
        if self._worker:
            self._worker.close()

    def _record(self, value: bytes) -> Refinement | None:
        """The record; one that is not known here is said once and leaves the plain targets."""
        if value == self._refused:
            return None
        try:
            return Refinement.from_json(value.decode("utf-8", "replace"))
        except FleetError as error:
            self._refused = value
            self._node.get_logger().warning(f"no refined targets: {error}")
            return None

    def _work(self, tasks: Sequence[_Task]) -> None:
        (task,) = tasks
        began_ns = self._now_ns()
        targets = refined_targets(task.sightings, task.record)
        if not self._is_closed:
            self._publish(targets, task.state)
        self._ended_ns = self._now_ns()
        self._rest_ns = min(_REST * (self._ended_ns - began_ns), _LONGEST_REST_NS)
        self._is_free = True

    def _now_ns(self) -> int:
        return self._node.get_clock().now().nanoseconds
