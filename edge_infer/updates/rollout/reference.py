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

"""What a model has done, from drones' counters: increments, and what is usual for the old one.

The old model's frames are what a new one is compared with: those of the whole group, and
those of the drone itself before. The newest count most, since weather, load and place
change for all drones at once.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge_infer.metrics import BUCKETS, FIRST_MS, GROWTH
from edge_infer.updates.rollout.reports import SCORE_BINS, HealthSample

MOST_PAIRS = 1000
"""So many seconds of drones say what is usual to be found."""
PRIOR_SECONDS = 4
"""The share of seconds that begins an estimate weighs as much as so many that were seen."""
CAUTION = 0.5
"""So many standard errors are added to it: a few seconds say little. None where good models
would be called blind in 1 of 100 rollouts, one where blind ones would fly for half as long
again."""
_MOST_EMPTY = 0.999


@dataclass(frozen=True)
class Increment:
    """What happened on a drone between two samples.

    Attributes:
        drone: its name.
        digest: of the model that served.
        frames, failed: that came in between.
        latency: (400,) int64, in the buckets of ``metrics.Histogram``.
        scores: (20,) int64, detections by score.
        is_first: whether it reaches back to when the model began to serve.
        broke_off: digest of the model that ran when the drone or its detector began again;
            empty when it did not.
    """

    drone: str
    digest: str
    frames: int
    failed: int
    latency: NDArray[np.int64]
    scores: NDArray[np.int64]
    is_first: bool
    broke_off: str

    @property
    def looked(self) -> int:
        """Frames that something could have been found in."""
        return self.frames - self.failed

    @property
    def rate(self) -> float:
        """Detections per frame; 0 without frames."""
        return float(self.scores.sum()) / self.looked if self.looked else 0.0


class HealthLog:
    """Turns counters that may fall into increments, drone by drone."""

    def __init__(self) -> None:
        self._last: dict[str, HealthSample] = {}

    def take(self, sample: HealthSample) -> Increment | None:
        """What a sample adds; None for one of an earlier start, or that cannot be meant."""
        last = self._last.get(sample.drone)
        if sample.flaw or (last and sample.boot < last.boot):
            return None
        self._last[sample.drone] = sample
        now = _counters(sample)
        if last is None or sample.boot > last.boot:
            return _increment(sample, now, last.digest if last else "")
        before = _counters(last)
        if sample.digest != last.digest:
            return _increment(sample, now, "")
        if (now < before).any():
            return _increment(sample, now, last.digest)
        return _increment(sample, now - before, "", is_first=False)


def _counters(sample: HealthSample) -> NDArray[np.int64]:
    """Frames, failed ones, latency, scores in one row."""
    row = np.zeros(2 + BUCKETS + SCORE_BINS, np.int64)
    row[:2] = sample.frames, sample.failed
    row[2 : 2 + len(sample.latency)] = sample.latency
    row[2 + BUCKETS :] = sample.scores
    return row


def _increment(
    sample: HealthSample, row: NDArray[np.int64], broke_off: str, is_first: bool = True
) -> Increment:
    latency, scores = row[2 : 2 + BUCKETS], row[2 + BUCKETS :]
    return Increment(
        sample.drone, sample.digest, int(row[0]), int(row[1]), latency, scores, is_first, broke_off
    )


class Reference:
    """What is usual.

    Args:
        most_frames: so many are remembered; older ones fade.
    """

    def __init__(self, most_frames: float) -> None:
        self._most_frames = most_frames
        self._latency = np.zeros(BUCKETS)
        self._scores = np.zeros(SCORE_BINS)
        self.frames = 0.0
        self._failed = 0.0
        self._pairs = np.zeros((MOST_PAIRS, 2))
        self._pair_count = 0
        self._answers: dict[tuple[float, ...], float] = {}

    def take(self, increment: Increment) -> None:
        """Count what happened."""
        self._latency += increment.latency
        self._scores += increment.scores
        self.frames += increment.frames
        self._failed += increment.failed
        if self.frames > self._most_frames:
            fade = self._most_frames / self.frames
            self._latency *= fade
            self._scores *= fade
            self.frames *= fade
            self._failed *= fade

    def follow(self, before: float, rate: float) -> None:
        """Count two neighbouring seconds of a drone, each in detections per frame."""
        self._pairs[self._pair_count % MOST_PAIRS] = before, rate
        self._pair_count += 1
        self._answers.clear()

    @property
    def looked(self) -> float:
        """Frames that were done."""
        return float(self._latency.sum())

    @property
    def detections(self) -> float:
        """That were found in them."""
        return float(self._scores.sum())

    @property
    def failed_share(self) -> float:
        """Of the frames; 0 without any."""
        return self._failed / self.frames if self.frames else 0.0

    @property
    def rate(self) -> float:
        """Detections per frame; 0 without any."""
        return self.detections / self.looked if self.looked else 0.0

    @property
    def mean_score(self) -> float:
        """Of the detections, to half a step; 0 without any."""
        middles = (np.arange(SCORE_BINS) + 0.5) / SCORE_BINS
        return float(self._scores @ middles) / self.detections if self.detections else 0.0

    def bucket(self, q: float) -> int:
        """The bucket of the latency below which the share ``q`` lies; 0 without frames."""
        return _quantile_bin(self._latency, q)

    def slower_share(self, first: int) -> float:
        """Share of the frames in that bucket of the latency and above; 0 without frames."""
        return float(self._latency[first:].sum()) / self.looked if self.looked else 0.0

    def latency_ms(self, q: float) -> float:
        """The upper end of that bucket."""
        return FIRST_MS * GROWTH ** self.bucket(q)

    def usual_scores(self, tail: float) -> tuple[int, int]:
        """The first and the last bin when the share ``tail`` is cut off at either end."""
        return _quantile_bin(self._scores, tail), _quantile_bin(self._scores, 1 - tail)

    def usual_rate(self, q: float) -> float:
        """Detections per frame that the share ``q`` of the seconds stays below; 0 of none."""
        key = (q,)
        if key not in self._answers:
            rates = self._seconds()[:, 1]
            self._answers[key] = float(np.quantile(rates, q)) if len(rates) else 0.0
        return self._answers[key]

    def empty_share(self, after_empty: bool, prior: float | None = None) -> float:
        """How often a second without detections follows one with or without, rather too often.

        A place where there is nothing lasts: that is what the second before tells.

        Args:
            after_empty: which one went before.
            prior: begins the estimate; by default the share of all seconds.
        """
        key = (after_empty, -1.0 if prior is None else prior)
        if key not in self._answers:
            self._answers[key] = self._empty_share(after_empty, prior)
        return self._answers[key]

    def _empty_share(self, after_empty: bool, prior: float | None) -> float:
        is_empty = self._seconds() == 0.0
        is_first = prior is None
        if prior is None:
            prior = (float(is_empty[:, 1].sum()) + 1) / (len(is_empty) + 2)
        after = is_empty[is_empty[:, 0] == after_empty, 1]
        weight = len(after) + PRIOR_SECONDS
        share = (float(after.sum()) + PRIOR_SECONDS * prior) / weight
        if not is_first:
            return share
        error = math.sqrt(share * (1 - share) / weight)
        return min(share + CAUTION * error, _MOST_EMPTY)

    def _seconds(self) -> NDArray[np.float64]:
        return self._pairs[: min(self._pair_count, MOST_PAIRS)]


def _quantile_bin(counts: NDArray[np.float64], q: float) -> int:
    total = float(counts.sum())
    if total <= 0:
        return 0
    # What fades is no whole number any more: a hair less, so that the last bin is reached.
    return int(np.searchsorted(np.cumsum(counts), q * total * (1 - 1e-9)))
