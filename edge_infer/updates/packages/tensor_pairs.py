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

"""Which tensor of a new file is like which one of another: what a difference is taken of.

In an older file of the same kind it has the same name. In another file of the same release
it has the same values, if that file holds the same network for another engine: in another
layout (ONNX has a convolution's weights as output, input, rows, columns, and TFLite has the
input last), or with twice the bits.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from edge_infer.updates.packages import tensors
from edge_infer.updates.packages.tensors import Span

LEAST_BYTES = 16
"""Of a tensor: what a row of a patch's table costs would not be won back by less."""
LEAST_LIKENESS = 0.5
"""Share of a tensor's elements that must be all but equal, and of a file's bytes in such ones."""
SAMPLE = 1024
"""Elements of a tensor that are compared to find its like."""
NEARLY = 256
"""Folded differences below this are of elements that are all but equal."""

Elements = NDArray[np.unsignedinteger[Any]]

AS_IT_IS = (0, 0)


class Pair(NamedTuple):
    """A tensor of the new file and the one that it is told from.

    Attributes:
        new: in the new file.
        old: in the other one; as many elements, of the same width or of float32 where the
            new ones are float16.
        turned: (inner, last): the old elements, seen as (any, inner, last), have their last two
            axes swapped; AS_IT_IS for not at all.
    """

    new: Span
    old: Span
    turned: tuple[int, int] = AS_IT_IS


def by_name(base: bytes, content: bytes) -> list[Pair]:
    """Tensors of both files that are alike in all but their values, in the new file's order.

    Of those whose names are in one file only, the first, second ... of each shape and width
    belong together: converters make up names, and not always the same.
    """
    known, fresh = tensors.find(base), tensors.find(content)
    pairs = [Pair(new, known[name]) for name, new in fresh.items() if _alike(new, known.get(name))]
    left: dict[tuple[int, int, tuple[int, ...]], list[Span]] = {}
    for old in sorted(set(known.values()) - {pair.old for pair in pairs}):
        left.setdefault((old.elements, old.width, old.shape), []).append(old)
    for new in sorted(set(fresh.values()) - {pair.new for pair in pairs}):
        like = left.get((new.elements, new.width, new.shape))
        if like:
            pairs.append(Pair(new, like.pop(0)))
    return sorted(
        pair
        for pair in pairs
        if pair.new.end - pair.new.start >= LEAST_BYTES
        and base[pair.old.start : pair.old.end] != content[pair.new.start : pair.new.end]
    )


def _alike(new: Span, old: Span | None) -> bool:
    return old is not None and (old.elements, old.width) == (new.elements, new.width)


def by_values(other: bytes, content: bytes) -> list[Pair]:
    """Tensors that have a likeness in the other file, in the new file's order.

    None, if all of these together are less than half of the file. No old one is used twice.
    """
    known: dict[int, list[Span]] = {}
    for old in sorted(tensors.find(other).values()):
        known.setdefault(old.elements, []).append(old)
    pairs: list[Pair] = []
    for new in sorted(tensors.find(content).values()):
        if new.end - new.start >= LEAST_BYTES and new.elements in known:
            best = _likest(new, known[new.elements], other, content)
            if best is not None:
                known[new.elements].remove(best.old)
                pairs.append(best)
    covered = sum(pair.new.end - pair.new.start for pair in pairs)
    return pairs if covered > LEAST_LIKENESS * len(content) else []


def _likest(new: Span, known: Sequence[Span], other: bytes, content: bytes) -> Pair | None:
    """The old tensor that is most like the new one, judged by a sample of the elements."""
    places = np.linspace(0, new.elements - 1, min(new.elements, SAMPLE)).astype(np.int64)
    wanted = elements(content, new)[places]
    best, most = None, LEAST_LIKENESS
    for old in known:
        for turned in _layouts(old) if _fits(new, old) else ():
            pair = Pair(new, old, turned)
            values = elements(other, old)[_old_places(places, turned)]
            share = _likeness(wanted, _narrowed(values, pair))
            if share > most:
                best, most = pair, share
        if most == 1.0:
            break
    return best


def _fits(new: Span, old: Span) -> bool:
    return old.width == new.width or is_narrowed(new, old)


def is_narrowed(new: Span, old: Span) -> bool:
    """Whether the new one's elements are the old one's with half of the bits."""
    return (new.width, old.width) == (2, 4)


def _layouts(old: Span) -> Iterator[tuple[int, int]]:
    """As it is, and every way to move some of its axes behind the others."""
    yield AS_IT_IS
    shape = old.shape
    if math.prod(shape) != old.elements or len(shape) not in (2, 4):
        return
    tried = set()
    for first in range(len(shape) - 1):
        for middle in range(first + 1, len(shape)):
            inner, last = math.prod(shape[first:middle]), math.prod(shape[middle:])
            if inner > 1 and last > 1 and (inner, last) not in tried:
                tried.add((inner, last))
                yield inner, last


def _likeness(one: Elements, other: Elements) -> float:
    """Share of the elements that are all but equal; of single bytes, that are equal."""
    difference = folded(one - other)
    alike = difference < NEARLY if difference.itemsize > 1 else difference == 0
    return float(np.mean(alike))


# --- elements --------------------------------------------------------------------------------


def elements(content: bytes, span: Span) -> Elements:
    """A tensor's elements as whole numbers."""
    return np.frombuffer(content, f"<u{span.width}", span.elements, span.start)


def old_elements(other: bytes, pair: Pair) -> Elements:
    """The old elements, brought into the layout and width of the new ones."""
    values = _narrowed(elements(other, pair.old), pair)
    if pair.turned == AS_IT_IS:
        return values
    return np.ascontiguousarray(values.reshape(-1, *pair.turned).swapaxes(1, 2)).reshape(-1)


def _narrowed(values: Elements, pair: Pair) -> Elements:
    if not is_narrowed(pair.new, pair.old):
        return values
    with np.errstate(all="ignore"):
        return values.view("<f4").astype("<f2").view("<u2")


def _old_places(places: NDArray[np.int64], turned: tuple[int, int]) -> NDArray[np.int64]:
    """Where elements at these places of the new tensor were before it was turned."""
    if turned == AS_IT_IS:
        return places
    inner, last = turned
    block, within = np.divmod(places, inner * last)
    row, column = np.divmod(within, inner)
    return np.asarray(block * (inner * last) + column * last + row, np.int64)


def folded(values: Elements) -> Elements:
    """0, -1, 1, -2 ... as 0, 1, 2, 3 ... (zigzag)."""
    one, top = values.dtype.type(1), values.dtype.type(values.itemsize * 8 - 1)
    return np.asarray((values << one) ^ (-(values >> top)), values.dtype)


def unfolded(values: Elements) -> Elements:
    """The way back."""
    one = values.dtype.type(1)
    return np.asarray((values >> one) ^ (-(values & one)), values.dtype)
