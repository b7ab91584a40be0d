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

"""A file as little as possible, given an older one: the smallest of several ways to say it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from enum import IntEnum
from typing import NamedTuple

from edge_infer.updates.packages import bsdiff, per_tensor, zstd


class Method(IntEnum):
    """How a file is packed."""

    STORED = 0
    """As it is."""
    ZSTD = 1
    SAME = 2
    """As a file that is there already; nothing is packed."""
    PREFIX = 3
    """Zstandard, going on from the base."""
    BSDIFF = 4
    PER_TENSOR = 5

    @property
    def needs_base(self) -> bool:
        """Whether it says only what changed."""
        return self >= Method.PREFIX


class Packed(NamedTuple):
    """A file as it is sent.

    Attributes:
        method: how it was packed.
        body: what is sent.
        base: the content that it goes on from; None for none.
    """

    method: Method
    body: bytes
    base: bytes | None


def smallest(content: bytes, base: bytes | None = None, others: Sequence[bytes] = ()) -> Packed:
    """The shortest way to say a file.

    What is handed out was unpacked once, and came out right.

    Args:
        content: the file.
        base: an older one of the same name; None for none.
        others: files that are there before it, such as the same network for other engines.
    """
    candidates = sorted(_candidates(content, base, others), key=lambda each: len(each.body))
    return next(each for each in candidates if _comes_out(each, content))


def apply(method: Method, body: bytes, base: bytes, size: int) -> bytes:
    """Unpack a file.

    Args:
        method: how it was packed.
        body: what was packed.
        base: what it goes on from, where the method needs one.
        size: bytes of the result.

    Raises:
        ValueError: it cannot be unpacked, or to something of another size.
    """
    return _APPLY[method](body, base, size)


def _candidates(content: bytes, base: bytes | None, others: Sequence[bytes]) -> Iterator[Packed]:
    """In the order in which equal ones are taken: quick ones first."""
    yield Packed(Method.STORED, content, None)
    yield Packed(Method.ZSTD, zstd.compress(content), None)
    by_tensor = per_tensor.make(base, content) if base else None
    if base and by_tensor:
        # It compares the rest byte by byte itself: to do so with the whole wins nothing.
        yield Packed(Method.PER_TENSOR, by_tensor, base)
    elif base:
        yield Packed(Method.PREFIX, zstd.compress(content, base), base)
        yield from _patch(Method.BSDIFF, bsdiff.make(base, content), base)
    for other in others:
        yield from _patch(Method.PER_TENSOR, per_tensor.make_like(other, content), other)


def _patch(method: Method, body: bytes | None, base: bytes) -> Iterator[Packed]:
    if body is not None:
        yield Packed(method, body, base)


def _comes_out(packed: Packed, content: bytes) -> bool:
    """Whether it unpacks to that: what applies a patch is stricter than what made it."""
    method, body, base = packed
    try:
        return apply(method, body, base or b"", len(content)) == content
    except ValueError:
        return False


def _stored(body: bytes, _: bytes, size: int) -> bytes:
    if len(body) != size:
        raise ValueError("a file has another size than it should")
    return body


_APPLY: dict[Method, Callable[[bytes, bytes, int], bytes]] = {
    Method.STORED: _stored,
    Method.SAME: lambda _, base, size: _stored(base, b"", size),
    Method.ZSTD: lambda body, _, size: zstd.decompress(body, size),
    Method.PREFIX: lambda body, base, size: zstd.decompress(body, size, base),
    Method.BSDIFF: lambda body, base, size: bsdiff.apply(base, body, size),
    Method.PER_TENSOR: lambda body, base, size: per_tensor.apply(base, body, size),
}
