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

"""Pictures of single modules, real and drawn, and the fixed split of the real ones.

Which part a picture belongs to follows from its bytes alone: the split needs no
list, equal pictures never stand on both sides of it, and pictures that are added
move no other. What a split came to is written beside each run by :meth:`Split.to_json`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from edge_infer.datasets.frames import HEALTHY
from edge_infer.errors import DatasetError
from edge_infer.simulation.modules import FAULT_CLASSES, NO_ANOMALY, draw_module
from edge_infer.simulation.real_modules import RealModules, read_modules

Part = Literal["train", "validation", "test"]
PARTS: tuple[Part, ...] = ("train", "validation", "test")

SHARES = (0.85, 0.90, 1.0)
"""Where each part ends: 85 % to learn from, 5 % to choose with, 10 % to be judged on."""

_DRAWN_PER_CLASS = 160


class Pictures(NamedTuple):
    """Modules, one row each.

    Attributes:
        images: (n, 40, 24) uint8, upright.
        class_id: (n,) int64, index into FAULT_CLASSES, or HEALTHY.
    """

    images: NDArray[np.uint8]
    class_id: NDArray[np.int64]

    @property
    def library(self) -> RealModules:
        """The same pictures for the simulation; raises SimulationError if a class is absent."""
        names = np.array([*FAULT_CLASSES, NO_ANOMALY])
        return RealModules.sort(self.images, names[self.class_id], "this part of the modules")

    def where(self, rows: NDArray[np.bool_]) -> Pictures:
        """The rows that a mask names."""
        return Pictures(self.images[rows], self.class_id[rows])


class Split(NamedTuple):
    """A set of real modules and the part that each belongs to.

    Attributes:
        pictures: all of them.
        part: (n,) index into PARTS.
    """

    pictures: Pictures
    part: NDArray[np.int64]

    @classmethod
    def load(cls, path: str | Path) -> Split:
        """Read a ``modules.npz`` of the InfraredSolarModules set and split it.

        Raises:
            SimulationError: the file is missing, broken or partial.
            DatasetError: a label is none of the classes.
        """
        images, labels = read_modules(Path(path))
        ids = {NO_ANOMALY: HEALTHY, **{name: i for i, name in enumerate(FAULT_CLASSES)}}
        strange = sorted(set(labels.tolist()) - set(ids))
        if strange:
            raise DatasetError(
                f"{path} has modules of the class {strange[0]!r}",
                f"use the classes {', '.join(ids)}",
            )
        class_id = np.array([ids[label] for label in labels.tolist()], np.int64)
        return cls(Pictures(images, class_id), parts_of(image.tobytes() for image in images))

    def take(self, part: Part) -> Pictures:
        """The modules of one part."""
        return self.pictures.where(self.part == PARTS.index(part))

    def to_json(self) -> dict[str, Any]:
        """What was split and how: counts, the digest of the pictures, the rule."""
        counts = np.bincount(self.part, minlength=len(PARTS))
        digest = hashlib.sha256(self.pictures.images.tobytes())
        digest.update(self.pictures.class_id.tobytes())
        return {
            "rule": "first 8 bytes of the SHA-256 of a picture's pixels, as a share of 2**64",
            "ends": dict(zip(PARTS, SHARES, strict=True)),
            "pictures": dict(zip(PARTS, counts.tolist(), strict=True)),
            "sha256": digest.hexdigest(),
        }


def drawn_pictures(seed: int, per_class: int = _DRAWN_PER_CLASS) -> Pictures:
    """Drawn modules, as many healthy ones as faulty ones of all classes together."""
    rng = np.random.default_rng([seed, 7])
    healthy = [(NO_ANOMALY, HEALTHY)] * len(FAULT_CLASSES)
    faulty = [(name, index) for index, name in enumerate(FAULT_CLASSES)]
    kinds = [kind for kind in healthy + faulty for _ in range(per_class)]
    images = np.stack([draw_module(name, rng) for name, _ in kinds])
    return Pictures(images, np.array([index for _, index in kinds], np.int64))


def parts_of(contents: Iterable[bytes]) -> NDArray[np.int64]:
    """(n,) index into PARTS of each content, by its digest alone."""
    heads = [hashlib.sha256(content).digest()[:8] for content in contents]
    places = np.array([int.from_bytes(head, "big") / 2.0**64 for head in heads])
    return np.searchsorted(SHARES, places, "right")
