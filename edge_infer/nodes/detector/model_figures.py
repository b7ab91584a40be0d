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

"""What a model has done since it began to serve: how much, how fast, how sure of it."""

from __future__ import annotations

import threading
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from edge_infer.metrics import Histogram

SCORE_BINS = 20
"""Of equal width, from 0 to 1."""


class Figures(NamedTuple):
    """How things stood at one moment.

    Attributes:
        frames: that it looked at, those that failed among them.
        failed: frames that came to nothing.
        latency: of a frame, from image to detections.
        scores: (20,) int64, detections by score.
    """

    frames: int
    failed: int
    latency: Histogram
    scores: NDArray[np.int64]


class ModelFigures:
    """Counts of one model; every method may be called from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._frames = 0
        self._failed = 0
        self._latency = Histogram()
        self._scores = np.zeros(SCORE_BINS, np.int64)

    def looked(self, scores: NDArray[Any], took_ms: float) -> None:
        """Count a frame with the scores of what was found in it, each in 0..1."""
        bins = np.minimum(np.asarray(scores) * SCORE_BINS, SCORE_BINS - 1).astype(np.intp)
        with self._lock:
            self._frames += 1
            self._latency.add(took_ms)
            np.add.at(self._scores, bins, 1)

    def failed_on(self, frames: int) -> None:
        """Count frames that came to nothing."""
        with self._lock:
            self._frames += frames
            self._failed += frames

    def now(self) -> Figures:
        """All of them at one moment."""
        with self._lock:
            latency = Histogram(list(self._latency.counts))
            return Figures(self._frames, self._failed, latency, self._scores.copy())
