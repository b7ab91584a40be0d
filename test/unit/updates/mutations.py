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

"""What a broken radio or a clumsy attacker leaves of bytes, sets of files and JSON.

All is drawn from a generator that the caller seeds, so that one seed is one mutation.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Iterator, Mapping
from random import Random
from typing import Any

_NUMBER = re.compile(rb"\d+")


def mutated_set(files: Mapping[str, bytes], rng: Random) -> dict[str, bytes]:
    """A set of files with one of them, or two, not as it was."""
    changed = dict(files)
    name = rng.choice(sorted(files))
    kind = rng.random()
    if kind < 0.05:
        del changed[name]
    elif kind < 0.15 and len(files) > 1:
        other = rng.choice([each for each in sorted(files) if each != name])
        changed[name], changed[other] = changed[other], changed[name]
    else:
        changed[name] = mutated(files[name], rng, files[rng.choice(sorted(files))])
    return changed


def mutated(content: bytes, rng: Random, other: bytes = b"") -> bytes:
    """Bytes that are not as they were.

    Args:
        content: to be mutated.
        rng: decides how.
        other: from which a piece may be taken.
    """
    for _ in range(20):
        fresh = rng.choice(_KINDS)(content, rng, other)
        if fresh != content:
            return fresh
    return content + b"\0"


def _flip_bits(content: bytes, rng: Random, _: bytes) -> bytes:
    fresh = bytearray(content)
    for _each in range(rng.choice((1, 1, 1, 2, 8))):
        if fresh:
            fresh[rng.randrange(len(fresh))] ^= 1 << rng.randrange(8)
    return bytes(fresh)


def _truncate(content: bytes, rng: Random, _: bytes) -> bytes:
    return content[: rng.randrange(len(content) + 1)]


def _splice(content: bytes, rng: Random, other: bytes) -> bytes:
    """A piece of another file, or of the same, over or between what is there."""
    source = other or content
    start = rng.randrange(len(source) + 1)
    piece = source[start : start + rng.randrange(1, 200)]
    at = rng.randrange(len(content) + 1)
    skipped = len(piece) if rng.random() < 0.5 else 0
    return content[:at] + piece + content[at + skipped :]


def _cut_out(content: bytes, rng: Random, _: bytes) -> bytes:
    at = rng.randrange(len(content) + 1)
    return content[:at] + content[at + rng.randrange(1, 100) :]


def _change_number(content: bytes, rng: Random, _: bytes) -> bytes:
    """A number that people can read."""
    numbers = list(_NUMBER.finditer(content))
    if not numbers:
        return content
    found = rng.choice(numbers)
    fresh = rng.choice((b"0", b"1", b"2", b"-1", b"1e9", b"4294967296", b"9" * 5000, b"null"))
    return content[: found.start()] + fresh + content[found.end() :]


def _change_word(content: bytes, rng: Random, _: bytes) -> bytes:
    """A number that machines can read, of one to eight bytes."""
    width = rng.choice((1, 2, 4, 8))
    most = (1 << 8 * width) - 1
    value = rng.choice((0, 1, most, most >> 1, (most >> 1) + 1, rng.randrange(most)))
    at = rng.randrange(len(content) + 1)
    return content[:at] + value.to_bytes(width, "little") + content[at + width :]


def _noise(content: bytes, rng: Random, _: bytes) -> bytes:
    return rng.choice((b"", b"{}", b"[" * 3000, b"null", rng.randbytes(64), b"\xff\xfe" * 8))


_KINDS: tuple[Callable[[bytes, Random, bytes], bytes], ...] = (
    _flip_bits, _flip_bits, _truncate, _splice, _cut_out, _change_number, _change_word, _noise,
)  # fmt: skip


# --- JSON --------------------------------------------------------------------------------

_ODD: tuple[Any, ...] = (
    0, 1, 2, -1, 1 << 32, 1 << 63, 10**400, 0.5, float("nan"), True, None, "", "0", "../up",
    "\0", "\ud800", "é" * 2000, [], {}, [[]], ["x"] * 50,
)  # fmt: skip


def mutated_json(value: Any, rng: Random) -> Any:
    """A JSON value of which one or two places are not as they were."""
    fresh = copy.deepcopy(value)
    for _ in range(rng.choice((1, 1, 2))):
        places = list(_places(fresh))
        if places:
            _change_place(*rng.choice(places), rng)
    return fresh


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every object or list inside, each with every key or index."""
    if isinstance(value, dict | list):
        for key in list(value) if isinstance(value, dict) else range(len(value)):
            yield value, key
            yield from _places(value[key])


def _change_place(holder: Any, key: Any, rng: Random) -> None:
    old, kind = holder[key], rng.random()
    if kind < 0.15:
        del holder[key]
    elif kind < 0.3 and type(old) is int:
        holder[key] = old + rng.choice((-1, 1, 1000))
    elif kind < 0.5 and isinstance(old, str):
        holder[key] = mutated(old.encode(errors="replace"), rng).decode(errors="replace")
    elif kind < 0.6:
        holder[key] = copy.deepcopy(rng.choice(list(_places(holder)))[0])
    elif kind < 0.7 and isinstance(holder, dict):
        holder[rng.choice(("", "extra", "\0", "signed"))] = old
    else:
        holder[key] = copy.deepcopy(rng.choice(_ODD))
