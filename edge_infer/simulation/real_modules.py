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

"""Modules cut from real drone flights instead of drawn ones.

Reads the ``modules.npz`` of the InfraredSolarModules set: ``images`` (n, 40, 24)
uint8 and ``labels`` (n,) str. Every picture of the set was scaled on its own, so
grey levels compare within a picture and, on average, between classes, but not
between two pictures; :meth:`RealModules.patch` brings them to one scale.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from edge_infer.errors import SimulationError
from edge_infer.simulation.modules import (
    FAULT_CLASSES,
    MODULE_LEVEL,
    NO_ANOMALY,
    PATCH_SIZE,
    Patch,
)

_KEPT_BRIGHTNESS = 0.2
"""Share of a picture's own brightness, against its class's, that is believed."""

_UNREADABLE = (OSError, ValueError, EOFError, TypeError, AttributeError, BadZipFile, zlib.error)
"""What numpy raises for a file that is no npz archive, or a broken one."""

_REMEDY = "give the modules.npz of the InfraredSolarModules set, or leave --modules out"


@dataclass(frozen=True, eq=False)
class RealModules:
    """A library of real pictures.

    Attributes:
        pictures: class name to (n, 40, 24) uint8.
        means: class name to the mean grey level of its pictures.
    """

    pictures: Mapping[str, NDArray[np.uint8]]
    means: Mapping[str, float]

    @classmethod
    def load(cls, path: str | Path) -> RealModules:
        """Read a ``modules.npz``; raises SimulationError when it is missing, broken or partial."""
        return cls.sort(*read_modules(Path(path)), str(path))

    @classmethod
    def sort(cls, images: NDArray[np.uint8], labels: NDArray[np.str_], origin: str) -> RealModules:
        """Sort pictures by their labels; raises SimulationError naming an absent class."""
        names = (NO_ANOMALY, *FAULT_CLASSES)
        pictures = {name: images[labels == name] for name in names}
        absent = [name for name in names if not len(pictures[name])]
        if absent:
            raise SimulationError(f"{origin} has no picture of {', '.join(absent)}", _REMEDY)
        return cls(pictures, {name: float(pictures[name].mean()) for name in names})

    def patch(self, class_name: str, rng: Generator) -> Patch:
        """A random picture of the class, on the farm's scale of grey levels."""
        pictures = self.pictures[class_name]
        picture = pictures[rng.integers(len(pictures))].astype(np.float32)
        mean, class_mean = float(picture.mean()), self.means[class_name]
        warmer = class_mean - self.means[NO_ANOMALY] + _KEPT_BRIGHTNESS * (mean - class_mean)
        return np.asarray(np.clip(picture - mean + MODULE_LEVEL + warmer, 0, 255), np.uint8)


def read_modules(path: Path) -> tuple[NDArray[np.uint8], NDArray[np.str_]]:
    """The (n, 40, 24) images and (n,) labels of a ``modules.npz``.

    Raises:
        SimulationError: the file is missing, broken or partial.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            images, labels = file["images"], file["labels"]
    except FileNotFoundError:
        raise SimulationError(f"there is no file {path}", _REMEDY) from None
    except _UNREADABLE:
        raise SimulationError(f"{path} is not a readable npz archive", _REMEDY) from None
    except KeyError as error:
        raise SimulationError(f"{path} is incomplete, {error.args[0]}", _REMEDY) from None
    if images.dtype != np.uint8 or images.shape != (len(labels), *PATCH_SIZE):
        raise SimulationError(
            f"{path} holds images of shape {images.shape} and type {images.dtype}"
            f" for {len(labels)} labels",
            _REMEDY,
        )
    return images, labels
