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

"""What a model is judged on: a user's labelled folder, or frames composed of single modules."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np

from edge_infer.datasets.compose import JUDGED, Composer
from edge_infer.datasets.folders import open_folder
from edge_infer.datasets.frames import Boxes, LabelledFrame
from edge_infer.datasets.pictures import Part, Pictures, Split
from edge_infer.errors import DatasetError
from edge_infer.simulation.modules import FAULT_CLASSES

COMPOSED_FRAMES = 60
COMPOSED_SEED = 2_000_003
"""Neither the seed of a training nor that of the frames that choose its best step."""


class LabelledData(Protocol):
    """Labelled frames of any sizes that can be gone through more than once."""

    @property
    def labels(self) -> tuple[str, ...]:
        """Class names; index is the class id."""

    def __len__(self) -> int: ...

    def __iter__(self) -> Iterator[tuple[Path, LabelledFrame]]:
        """Name and frame, always in one order."""


class ComposedFrames:
    """Frames composed of pictures of single modules, the same every time: LabelledData.

    Args:
        pictures: real modules, healthy and faulty.
        count: how many frames.
        seed: decides them.
    """

    labels = FAULT_CLASSES

    def __init__(
        self, pictures: Pictures, count: int = COMPOSED_FRAMES, seed: int = COMPOSED_SEED
    ) -> None:
        self._composer = Composer(pictures, JUDGED)
        self._count = count
        self._seed = seed

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[tuple[Path, LabelledFrame]]:
        for index in range(self._count):
            frame = self._composer(np.random.default_rng([self._seed, index]))
            yield Path(f"composed-{index:03}"), frame


def open_data(path: str | Path, part: Part | None = None) -> LabelledData:
    """Open a labelled folder or a ``modules.npz``.

    Args:
        path: of it.
        part: of its split; when None, all of a folder, and the test part of modules.

    Raises:
        DatasetError, SimulationError: it cannot be used.
    """
    file = Path(path)
    if not file.exists():
        raise DatasetError(f"{path} is not there", "name a labelled folder or a modules.npz")
    if file.suffix == ".npz":
        return ComposedFrames(Split.load(file).take(part or "test"))
    folder = open_folder(file)
    return folder if part is None else folder.take(part)


def renamed(boxes: Boxes, names: Sequence[str], labels: Sequence[str]) -> Boxes:
    """Boxes with the class ids that a model's labels give to their names.

    Raises:
        DatasetError: a box is of a class that the model does not know.
    """
    unknown = sorted({names[i] for i in boxes.class_id.tolist() if i >= 0} - set(labels))
    if unknown:
        raise DatasetError(
            f"the model knows no class {unknown[0]!r}",
            f"label with its own names ({', '.join(labels)}), or judge a model for that class",
        )
    ids = np.array([labels.index(n) if n in labels else -1 for n in names] + [-1], np.int64)
    return boxes._replace(class_id=ids[boxes.class_id])


def joined(boxes: Sequence[Boxes]) -> Boxes:
    """The boxes of frames 0, 1, 2, ... as one table."""
    numbered = [b._replace(frame=np.full_like(b.frame, i)) for i, b in enumerate(boxes)]
    return Boxes(*(np.concatenate(column) for column in zip(*numbered, strict=True)))
