"""A file as little as possible, given an older one: the smallest of several ways to say it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from enum import IntEnum

from edge_infer.updates import bsdiff, per_tensor, zstd


class Method(IntEnum):
    """How a file is packed."""

    STORED = 0
    """As it is."""
    ZSTD = 1
    SAME = 2
    """As a file of the base; nothing is packed."""
    PREFIX = 3
    """Zstandard, going on from the base."""
    BSDIFF = 4
    PER_TENSOR = 5

    @property
    def needs_base(self) -> bool:
        """Whether it says only what changed."""
        return self >= Method.PREFIX


def smallest(content: bytes, base: bytes | None = None) -> tuple[Method, bytes]:
    """The shortest way to say a file.

    What is handed out was unpacked once, and came out right.

    Args:
        content: the file.
        base: an older one of the same name; None for none.
    """
    candidates = sorted(_candidates(content, base), key=lambda each: len(each[1]))
    return next(each for each in candidates if _comes_out(*each, base or b"", content))


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


def _candidates(content: bytes, base: bytes | None) -> Iterator[tuple[Method, bytes]]:
    """In the order in which equal ones are taken: quick ones first."""
    yield Method.STORED, content
    yield Method.ZSTD, zstd.compress(content)
    if base:
        yield Method.PREFIX, zstd.compress(content, base)
        for method, make in ((Method.PER_TENSOR, per_tensor.make), (Method.BSDIFF, bsdiff.make)):
            body = make(base, content)
            if body is not None:
                yield method, body


def _comes_out(method: Method, body: bytes, base: bytes, content: bytes) -> bool:
    """Whether it unpacks to that: what applies a patch is stricter than what made it."""
    try:
        return apply(method, body, base, len(content)) == content
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
