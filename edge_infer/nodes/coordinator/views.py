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

"""The targets for viewers, made only while one looks.

A viewer that comes, or that was reset, is told all; most of them do not take latched
messages, so who subscribes is looked for.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from edge_infer.domain import SightingId, Target
from edge_infer.nodes import topics
from edge_infer.nodes.conversions.views import detections_3d_to_msg, markers_to_msg
from edge_infer.runtime.api import Node, Publisher

PERIOD_S = 0.2
"""Time between two pictures: more often no eye needs it."""
REST_PER_TARGET_S = 0.002
"""Ten times what a target in both pictures costs on a slow core: many come less often."""
AGAIN_S = 5.0
"""After so long all is told again: of a viewer that was reset nobody hears."""


class TargetViews:
    """Both pictures of one coordinator's targets.

    Args:
        node: the handle.
        map_frame: in which the targets are.
        targets: gives them.
    """

    def __init__(self, node: Node, map_frame: str, targets: Callable[[], Sequence[Target]]) -> None:
        self._node = node
        self._map_frame = map_frame
        self._targets = targets
        self._numbers: dict[SightingId, int] = {}
        """Of the targets that the last markers showed."""
        self._free = itertools.count()
        self._pictures = [
            _Picture(topics.TARGET_MARKERS.publisher(node), self._markers),
            _Picture(topics.TARGET_DETECTIONS.publisher(node), self._detections),
        ]
        node.create_timer(PERIOD_S, self._look)

    def changed(self) -> None:
        """The targets are others now."""
        for picture in self._pictures:
            picture.is_old = True

    def _look(self) -> None:
        now_ns = self._node.get_clock().now().nanoseconds
        for picture in self._pictures:
            picture.look(self._targets, now_ns)

    def _markers(self, targets: Sequence[Target], now_ns: int) -> Any:
        known = self._numbers
        self._numbers = {t.id: known.get(t.id, -1) for t in targets}
        for identity, number in self._numbers.items():
            if number < 0:
                self._numbers[identity] = next(self._free)
        gone = [known[identity] for identity in known.keys() - self._numbers.keys()]
        shown: Iterator[tuple[int, Target]] = zip(self._numbers.values(), targets, strict=True)
        return markers_to_msg(self._node.messages, shown, sorted(gone), now_ns, self._map_frame)

    def _detections(self, targets: Sequence[Target], now_ns: int) -> Any:
        return detections_3d_to_msg(self._node.messages, targets, now_ns, self._map_frame)


class _Picture:
    """One topic and when it is due."""

    def __init__(self, publisher: Publisher, build: Callable[[Sequence[Target], int], Any]) -> None:
        self._publisher = publisher
        self._build = build
        self._viewers = 0
        self._told_ns = 0
        self._rest_s = 0.0
        self.is_old = True

    def look(self, targets: Callable[[], Sequence[Target]], now_ns: int) -> None:
        """Publish, if somebody looks and does not see what is."""
        before, self._viewers = self._viewers, self._publisher.get_subscription_count()
        if not self._viewers:
            return
        since_s = (now_ns - self._told_ns) / 1e9
        has_rested = not 0 <= since_s < self._rest_s  # a clock set back says nothing
        is_due = has_rested and (self.is_old or not 0 <= since_s < AGAIN_S)
        if is_due or self._viewers > before:
            found = targets()
            self._publisher.publish(self._build(found, now_ns))
            self.is_old, self._told_ns = False, now_ns
            self._rest_s = len(found) * REST_PER_TARGET_S
