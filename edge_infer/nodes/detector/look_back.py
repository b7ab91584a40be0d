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

"""Frames of this flight in which the serving model saw something: another one should, too.

A drone's own golden input, asked before a model takes over, while the one that serves goes on
with the flight. On the same frames a few are enough to tell what a judge of a rollout, who
compares different seconds and places, takes half a minute for.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Sequence
from dataclasses import replace

from edge_infer.domain import CameraFrame
from edge_infer.errors import EdgeInferError
from edge_infer.nodes.detector.serving_model import ServingModel

MOST = 8
LEAST = 6
"""Frames without which nothing is said: a model that finds something in 7 of 10 of them, which is
all right, finds nothing in 6 once in a thousand times."""
APART_S = 2.0
"""So that not all of them show the same place."""
FLOOD_TIMES, FLOOD_MORE = 2.0, 3
"""Things that are too many: so many times what was found, and so many more."""


class LookBack:
    """Keeps such frames; from the thread that looks, asked from the one that loads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: deque[tuple[CameraFrame, int]] = deque(maxlen=MOST)
        self._served: set[str] = set()
        self._name = ""

    def keep(self, frame: CameraFrame, found: int) -> None:
        """Remember a frame with what was found in it, when it is time for another one."""
        with self._lock:
            last_ns = self._kept[-1][0].stamp_ns if self._kept else None
            if found and (last_ns is None or abs(frame.stamp_ns - last_ns) >= APART_S * 1e9):
                self._kept.append((replace(frame, image=frame.image.copy()), found))

    def on_taken(self, model: ServingModel) -> None:
        """Another model serves: what it sees counts from now on."""
        with self._lock:
            self._served.add(model.bundle.digest)
            self._name = model.bundle.manifest.name
            self._kept.clear()

    def refusal(self, model: ServingModel) -> str:
        """What speaks against a model; empty when nothing does.

        A model that served before may always come back, and one of another name looks for
        something else.
        """
        with self._lock:
            kept = list(self._kept)
            is_free = (
                model.bundle.digest in self._served or model.bundle.manifest.name != self._name
            )
        if is_free or len(kept) < LEAST:
            return ""
        told = [(_found(model, frame), before) for frame, before in kept]
        done = [(found, before) for found, before in told if found is not None]
        if 2 * len(done) <= len(kept):
            return f"it fails on {len(kept) - len(done)} of {len(kept)} frames of this flight"
        return comparison(done) if len(done) >= LEAST else ""


def _found(model: ServingModel, frame: CameraFrame) -> int | None:
    """How many things a model finds in a frame; None where it fails."""
    try:
        ((detections, _),) = model.look([frame])
    except EdgeInferError:
        return None
    return len(detections)


def comparison(told: Sequence[tuple[int, int]]) -> str:
    """What speaks against a model, by what it and the one before found in each frame."""
    now, before = (sum(counts) for counts in zip(*told, strict=True))
    seen = f"in {len(told)} frames of this flight, in which the model before found {before}"
    if now == 0:
        return f"it finds nothing {seen}"
    if all(found > max(FLOOD_TIMES * usual, usual + FLOOD_MORE) for found, usual in told):
        return f"it finds {now} things {seen}"
    return ""
