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

"""The shipped model, and frames of simulated farms, which it is good at."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from bundle_variants import variant

from edge_infer.datasets.frames import LabelledFrame, LabelledFrames
from edge_infer.datasets.simulated import render
from edge_infer.models.bundle import ModelBundle, shipped
from edge_infer.models.manifest import Precision
from edge_infer.simulation.modules import FAULT_CLASSES


class Frames:
    """LabelledData in memory."""

    def __init__(self, frames: LabelledFrames, labels: tuple[str, ...] = FAULT_CLASSES) -> None:
        self.labels = labels
        self.frames = frames

    def __len__(self) -> int:
        return len(self.frames.images)

    def __iter__(self) -> Iterator[tuple[Path, LabelledFrame]]:
        for index in range(len(self)):
            yield Path(f"{index}.png"), self.frames[index]


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> ModelBundle:
    """The shipped one with its first ONNX weights alone, under a version that stays."""
    folder = tmp_path_factory.mktemp("model")
    kinds: list[tuple[str, Precision]] = [("onnx", "float32")]  # whatever it is
    return variant(ModelBundle.load(shipped()), folder, kinds, version="0.3.0")


@pytest.fixture(scope="session")
def farm() -> Frames:
    return Frames(render(12, seed=77_000_001))
