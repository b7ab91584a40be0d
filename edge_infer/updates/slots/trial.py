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

"""A new model on trial on its own drone: kept, or sent back.

Pure. It finds what is plainly broken, within seconds and without anybody else: a model that is not
loaded, stops the detector, or fails on frames. Whether a model is as good as the one
before it takes many frames to tell: see judge.py.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from edge_infer.metrics import Histogram


class Verdict(Enum):
    """What to do with the model on trial."""

    CONTINUE = "continue"
    COMMIT = "commit"
    ROLL_BACK = "roll back"


@dataclass(frozen=True)
class TrialConfig:
    """When a model is kept or goes back.

    Attributes:
        window_s: for how long it must look at frames, from when it began to serve.
        least_frames: that it must have looked at.
        silence_s: with no frame for so long it goes back.
        load_s: how long the detector may take until it serves; the model before flies on
            meanwhile, and some engines first build for this machine.
        most_failed: share of failed frames above which it goes back.
        most_median_ms: of a frame, above which it goes back.
    """

    window_s: float = 10.0
    least_frames: int = 10
    silence_s: float = 8.0
    load_s: float = 120.0
    most_failed: float = 0.1
    most_median_ms: float = math.inf


class Trial:
    """One model on trial; times by any clock that only moves on.

    Args:
        config: when it is kept or goes back.
        started_s: when the detector was asked for it.
        has_frames: whether frames came in before. A drone whose camera is off says nothing about
            the model: then no frames are no reason to go back.

    Attributes:
        reason: why it goes back, in one clause; empty while it does not.
    """

    def __init__(self, config: TrialConfig, started_s: float, has_frames: bool = True) -> None:
        self._config = config
        self._started_s = started_s
        self._has_frames = has_frames
        self._serves_since_s: float | None = None
        self._heard_s = self._looked_s = started_s
        self._frames = self._failed = 0
        self.reason = ""

    def on_health(
        self, now_s: float, frames: int, failed: int, latency: Sequence[int] = ()
    ) -> None:
        """The detector tells how the model does that is on trial, not another one.

        Args:
            now_s: when this was heard.
            frames: that it looked at since it began to serve, failed ones among them.
            failed: of those.
            latency: of a frame, counts in the buckets of ``metrics.Histogram``.
        """
        if frames < self._frames:
            self.on_crash()
        if self._serves_since_s is None:
            self._serves_since_s = self._looked_s = now_s
        if frames > self._frames:
            self._looked_s, self._has_frames = now_s, True
        self._heard_s, self._frames, self._failed = now_s, frames, failed
        self._weigh(latency)

    def on_crash(self) -> None:
        """The detector ended, or began again."""
        self._refuse("the detector began again while the model was on trial")

    def on_refused(self, reason: str) -> None:
        """The detector could not load the model."""
        self._refuse(f"it could not be loaded ({reason})" if reason else "it could not be loaded")

    def verdict(self, now_s: float) -> Verdict:
        """What to do now; once it is to go back, that stays."""
        self._watch(now_s)
        if self.reason:
            return Verdict.ROLL_BACK
        # To the last frame, not to now: a model that hangs must not be kept for having begun well.
        since_s = self._serves_since_s
        lasted = since_s is not None and self._looked_s - since_s >= self._config.window_s
        enough = self._frames >= self._config.least_frames
        return Verdict.COMMIT if lasted and enough else Verdict.CONTINUE

    def _weigh(self, latency: Sequence[int]) -> None:
        config = self._config
        if self._frames < config.least_frames:
            return
        if self._failed > config.most_failed * self._frames:
            self._refuse(f"{self._failed} of {self._frames} frames failed")
        histogram = Histogram()
        histogram.merge(latency)
        median_ms = histogram.quantile(0.5)
        if median_ms is not None and median_ms > config.most_median_ms:
            self._refuse(f"a frame takes {median_ms:.3g} ms")

    def _watch(self, now_s: float) -> None:
        config = self._config
        if self._serves_since_s is None:
            if now_s - self._started_s > config.load_s:
                self._refuse(f"it did not begin to serve within {config.load_s:g} s")
        elif now_s - self._heard_s > config.silence_s:
            self._refuse(f"the detector said nothing for {config.silence_s:g} s")
        elif self._has_frames and now_s - self._looked_s > config.silence_s:
            self._refuse(f"it looked at no frame for {config.silence_s:g} s")

    def _refuse(self, reason: str) -> None:
        self.reason = self.reason or reason
