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

"""What came out of a replay: counts, and a digest that the same bag gives every time."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable
from typing import Any

from edge_infer.nodes import topics
from edge_infer.nodes.conversions.common import stamp_from_msg
from edge_infer.nodes.conversions.detections import boxes_from_msg
from edge_infer.replay.golden import Found, Frame, Golden, SeenTarget
from edge_infer.runtime.messages import message_types

OUTPUTS = (topics.DETECTIONS.type, topics.SIGHTINGS.type, topics.TARGETS.type)
"""Types of the messages that are the result; others tell of times and engines."""


class Outcome:
    """Everything that the nodes published, counted as it comes.

    Attributes:
        outputs: messages of each topic that counts for the digest.
        detections: by class.
        sightings: how many were told to the fleet.
        targets: by class, in the last list that came.
        frames: what was detected in each image, in their order.
        last_targets: that last list.
        counters: of each node, as it last told.
        model: what detected.
    """

    def __init__(self) -> None:
        self.outputs: Counter[str] = Counter()
        self.detections: Counter[str] = Counter()
        self.sightings = 0
        self.targets: Counter[str] = Counter()
        self.frames: list[Frame] = []
        self.last_targets: tuple[SeenTarget, ...] = ()
        self.counters: dict[str, dict[str, int]] = {}
        self.model: dict[str, str] = {}
        self._digest = hashlib.sha256()
        self._readers: dict[str, Callable[[str, Any], None]] = {
            topics.DETECTIONS.type: self._on_detections,
            topics.SIGHTINGS.type: self._on_sightings,
            topics.TARGETS.type: self._on_targets,
            topics.STATUS.type: self._on_status,
            topics.LABELS.type: self._on_labels,
        }

    @property
    def types(self) -> set[str]:
        """What ``take`` wants to hear."""
        return set(self._readers)

    def take(self, topic: str, type_name: str, payload: memoryview) -> None:
        """Add one message, CDR with its header."""
        if type_name in OUTPUTS:
            self.outputs[topic] += 1
            self._digest.update(f"{topic} {len(payload)}\n".encode())
            self._digest.update(payload)
        messages = message_types()
        self._readers[type_name](topic, messages.decode(payload, messages[type_name]))

    @property
    def digest(self) -> str:
        """SHA-256 over the name, the length and the bytes of each output, in order."""
        return self._digest.hexdigest()

    def golden(self, bag: str) -> Golden:
        """The essentials, of the bag of that name."""
        return Golden(
            bag=bag, model=self.model, digest=self.digest,
            frames=tuple(self.frames), targets=self.last_targets,
        )  # fmt: skip

    def _on_detections(self, _: str, msg: Any) -> None:
        self.detections.update(
            item.results[0].hypothesis.class_id for item in msg.detections if item.results
        )
        self.frames.append(_frame(msg))

    def _on_sightings(self, topic: str, msg: Any) -> None:
        if topic == topics.SIGHTINGS.name:  # each is told to the own coordinator, too
            self.sightings += len(msg.sightings)

    def _on_targets(self, topic: str, msg: Any) -> None:
        if not topic.endswith(topics.REFINED_TARGETS.name):
            self.targets = Counter(target.class_name for target in msg.targets)
            self.last_targets = tuple(map(_target, msg.targets))

    def _on_status(self, _: str, msg: Any) -> None:
        self.counters[msg.node] = {item.name: int(item.value) for item in msg.counters}

    def _on_labels(self, _: str, msg: Any) -> None:
        self.model = {
            "name": msg.model_name,
            "version": msg.model_version,
            "digest": msg.digest,
            "engine": msg.backend,
        }


def _frame(msg: Any) -> Frame:
    """To so many digits as mean something."""
    names, scores, boxes = boxes_from_msg(msg)
    return Frame(
        stamp_ns=stamp_from_msg(msg.header.stamp),
        detections=tuple(
            Found(class_name=name, score=round(score, 4), box=tuple(round(x, 2) for x in box))
            for name, score, box in zip(names, scores.tolist(), boxes.tolist(), strict=True)
        ),
    )


def _target(msg: Any) -> SeenTarget:
    at = msg.position
    return SeenTarget(
        id=msg.id,
        class_name=msg.class_name,
        score=round(float(msg.score), 4),
        position=(round(at.x, 3), round(at.y, 3), round(at.z, 3)),
    )
