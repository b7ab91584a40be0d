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

"""The parts of a detector by name: which network, of what sizes, made how."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from edge_infer.training.networks.classifier import (
    REGION_HEIGHT,
    REGION_WIDTH,
    Classifier,
    ClassifierSize,
)
from edge_infer.training.networks.finder import Finder, FinderSize

Network = Finder | Classifier


class Part(NamedTuple):
    """One of the two.

    Attributes:
        name: as in PARTS.
        size: the class of its sizes, with ``parse`` and ``from_json``.
        build: from the number of classes and a size.
        default_size: what ``parse`` takes.
        width, height: of the image that its cost is counted for.
    """

    name: str
    size: Any
    build: Callable[[int, Any], Network]
    default_size: str
    width: int
    height: int


FINDER = Part(
    "finder", FinderSize, lambda _classes, size: Finder(size), "16,32,64,1,4,32", 640, 512
)
CLASSIFIER = Part(
    "classifier", ClassifierSize, Classifier, "24,48,96,0,1,1",
    REGION_WIDTH, REGION_HEIGHT,
)  # fmt: skip

PARTS = {part.name: part for part in (FINDER, CLASSIFIER)}


def part_of(network: Network) -> Part:
    """Which one a network is."""
    return FINDER if isinstance(network, Finder) else CLASSIFIER
