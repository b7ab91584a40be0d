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

"""Which of a model's outputs is which, by shape first and then by name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import permutations
from typing import NamedTuple

from edge_infer.backends.base import TensorSpec
from edge_infer.perception.heads.base import Shape, bind


class Role(NamedTuple):
    """What one output of a head is for.

    Attributes:
        name: as manifests and questions call it.
        shape: as in base.py.
        words: parts of the names that exporters give it, in lower case.
        whole: whether it holds whole numbers wherever another type is to be had.
    """

    name: str
    shape: Shape
    words: tuple[str, ...] = ()
    whole: bool = False


class Arranged(NamedTuple):
    """Outputs in a head's order.

    Attributes:
        names: of the outputs; () where two orders are as likely.
        letters: what the letters in the roles' shapes stand for; absent for unknown.
    """

    names: tuple[str, ...]
    letters: Mapping[str, int]


def arrange(outputs: Sequence[TensorSpec], roles: Sequence[Role]) -> Arranged | None:
    """Find an output for each role; more outputs than roles are left out.

    Of several orders the one that most names and types speak for; of those that are as
    likely the order of the file, if it is among them.
    """
    fits = []
    for order in permutations(outputs, len(roles)):
        letters = bind([spec.shape for spec in order], [role.shape for role in roles])
        if letters is not None:
            fits.append((_told(order, roles), tuple(spec.name for spec in order), letters))
    if not fits:
        return None
    most = max(told for told, _, _ in fits)
    likely = [(names, letters) for told, names, letters in fits if told == most]
    as_in_file = tuple(spec.name for spec in outputs)[: len(roles)]
    for names, letters in likely:
        if len(likely) == 1 or names == as_in_file:
            return Arranged(names, letters)
    return Arranged((), likely[0][1])


def _told(order: Sequence[TensorSpec], roles: Sequence[Role]) -> int:
    return sum(
        2 * any(word in spec.name.lower() for word in role.words)
        + (role.whole and spec.dtype.startswith("int"))
        for spec, role in zip(order, roles, strict=True)
    )
