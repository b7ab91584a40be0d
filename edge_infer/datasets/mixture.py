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

"""Several sources of frames as one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.random import Generator

from edge_infer.datasets.frames import FrameSource, LabelledFrame, LabelledFrames, stack


class Mixture:
    """Takes each frame from one of several sources, by their weights: a FrameSource."""

    def __init__(self, parts: Sequence[tuple[float, FrameSource]]) -> None:
        weights = np.array([weight for weight, _ in parts])
        self._ends = weights.cumsum() / weights.sum()
        self._sources = [source for _, source in parts]

    def __call__(self, rng: Generator) -> LabelledFrame:
        """See FrameSource."""
        return self._sources[int(np.searchsorted(self._ends, rng.random(), "right"))](rng)


def draw(source: FrameSource, count: int, seed: int) -> LabelledFrames:
    """So many frames of a source; the same seed gives the same frames."""
    return stack([source(np.random.default_rng([seed, index])) for index in range(count)])
