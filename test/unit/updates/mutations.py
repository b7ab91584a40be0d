"""Files as a broken radio or a clumsy attacker would leave them: one seed, one mutation."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Mapping

_NUMBER = re.compile(rb"\d+")


def mutated_set(files: Mapping[str, bytes], seed: int) -> dict[str, bytes]:
    """A set of files with one of them, or two, not as it was."""
    rng = random.Random(seed)
    changed = dict(files)
    name = rng.choice(sorted(files))
    kind = rng.random()
    if kind < 0.05:
        del changed[name]
    elif kind < 0.15 and len(files) > 1:
        other = rng.choice([each for each in sorted(files) if each != name])
        changed[name], changed[other] = changed[other], changed[name]
    else:
        changed[name] = mutated(files[name], seed, files[rng.choice(sorted(files))])
    return changed


def mutated(content: bytes, seed: int, other: bytes = b"") -> bytes:
    """Bytes that are not as they were.

    Args:
        content: to be mutated.
        seed: decides how.
        other: from which a piece may be taken.
    """
    rng = random.Random(seed)
    for _ in range(20):
        fresh = rng.choice(_KINDS)(content, rng, other)
        if fresh != content:
            return fresh
    return content + b"\0"


def _flip_bits(content: bytes, rng: random.Random, _: bytes) -> bytes:
    fresh = bytearray(content)
    for _each in range(rng.choice((1, 1, 1, 2, 8))):
        if fresh:
            fresh[rng.randrange(len(fresh))] ^= 1 << rng.randrange(8)
    return bytes(fresh)


def _truncate(content: bytes, rng: random.Random, _: bytes) -> bytes:
    return content[: rng.randrange(len(content) + 1)]


def _splice(content: bytes, rng: random.Random, other: bytes) -> bytes:
    """A piece of another file, or of the same, over or between what is there."""
    source = other or content
    start = rng.randrange(len(source) + 1)
    piece = source[start : start + rng.randrange(1, 200)]
    at = rng.randrange(len(content) + 1)
    skipped = len(piece) if rng.random() < 0.5 else 0
    return content[:at] + piece + content[at + skipped :]


def _cut_out(content: bytes, rng: random.Random, _: bytes) -> bytes:
    at = rng.randrange(len(content) + 1)
    return content[:at] + content[at + rng.randrange(1, 100) :]


def _change_number(content: bytes, rng: random.Random, _: bytes) -> bytes:
    numbers = list(_NUMBER.finditer(content))
    if not numbers:
        return content
    found = rng.choice(numbers)
    fresh = rng.choice((b"0", b"1", b"2", b"-1", b"1e9", b"4294967296", b"9" * 5000, b"null"))
    return content[: found.start()] + fresh + content[found.end() :]


def _noise(content: bytes, rng: random.Random, _: bytes) -> bytes:
    return rng.choice((b"", b"{}", b"[" * 3000, b"null", rng.randbytes(64), b"\xff\xfe" * 8))


_KINDS: tuple[Callable[[bytes, random.Random, bytes], bytes], ...] = (
    _flip_bits, _flip_bits, _truncate, _splice, _cut_out, _change_number, _noise,
)  # fmt: skip
