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

"""The files of a bundle as one blob: whole, or what changed since another bundle.

A file goes on from one of the same name in the other bundle, or from one of its own bundle
that was told before: the same network stands in it for several engines, so larger files
come first, and the others follow from them.

Laid out as a mark, the SHA-256 of all that follows, a line for each file, and the bodies
one after the other. Nothing is read before that digest fits, nothing is unpacked to more
than its line says, and no file is handed out whose own digest does not fit. Who published
a package, and whether to trust it, is decided elsewhere.
"""

from __future__ import annotations

import hashlib
import re
import struct
from collections.abc import Mapping, Sequence
from typing import NamedTuple, NoReturn

from edge_infer.errors import UpdateError
from edge_infer.models.manifest import FILE_NAME
from edge_infer.updates.packages.delta import Method, Packed, apply, smallest
from edge_infer.updates.release import MOST_BYTES

MARK = b"EDGEPKG1"
MOST_FILES = 1000
_START = len(MARK) + hashlib.sha256().digest_size
_COUNT = struct.Struct("<H")
_LINE = struct.Struct("<BBII32s")
"""Length of the name, method, bytes of the file and of its body, SHA-256 of the file."""
_NAME = re.compile(FILE_NAME, re.ASCII)
_AGAIN = "fetch it again, and publish it again if it stays so"


def pack(files: Mapping[str, bytes], base: Mapping[str, bytes] | None = None) -> bytes:
    """Pack files as small as they get: the same bytes for the same files.

    Args:
        files: name to content, of a bundle.
        base: the same of the bundle that is there where it is unpacked; None for none.

    Raises:
        UpdateError: a name leads out of a folder, or there is too much.
    """
    if len(files) > MOST_FILES or sum(map(len, files.values())) > MOST_BYTES:
        raise UpdateError(
            f"{len(files)} files of {sum(map(len, files.values()))} bytes are no bundle",
            f"give {MOST_FILES} files of {MOST_BYTES} bytes at most",
        )
    lines, bodies = [], []
    told: list[bytes] = []
    for name in sorted(files, key=lambda name: (-len(files[name]), name)):
        if not _is_name(name):
            raise UpdateError(f"{name!r} is no name of a file in a model bundle", "rename it")
        line, body = _packed(name, files[name], base or {}, told)
        lines.append(line)
        bodies.append(body)
        told.append(files[name])
    rest = b"".join([_COUNT.pack(len(lines)), *lines, *bodies])
    return MARK + hashlib.sha256(rest).digest() + rest


def unpack(
    packed: bytes, base: Mapping[str, bytes] | None = None, most_bytes: int = MOST_BYTES
) -> dict[str, bytes]:
    """Unpack what ``pack`` gave.

    Args:
        packed: from anybody.
        base: name to content of the files that it goes on from.
        most_bytes: of all files together.

    Raises:
        UpdateError: it is no package, is damaged, says more than it may, or goes on from
            files that are not in the base.
    """
    if packed[: len(MARK)] != MARK:
        _refuse("it does not begin as one")
    rest = packed[_START:]
    if hashlib.sha256(rest).digest() != packed[len(MARK) : _START]:
        _refuse("its digest does not fit")
    known = {hashlib.sha256(content).digest(): content for content in (base or {}).values()}
    try:
        return _unpacked(rest, known, most_bytes)
    except (ValueError, struct.error) as error:
        _refuse(str(error))
    except MemoryError:
        raise UpdateError(
            "a package needs more memory than there is", "free some, or publish a smaller model"
        ) from None


class _Line(NamedTuple):
    """What a package says of a file.

    Attributes:
        name: of the file.
        method: how it was packed.
        size: bytes of the file.
        body: first byte and the one after the last of what was packed, behind the lines.
        sha256: of the file.
        base: SHA-256 of the file that it goes on from; empty for none.
    """

    name: str
    method: Method
    size: int
    body: tuple[int, int]
    sha256: bytes
    base: bytes


def _packed(
    name: str, content: bytes, base: Mapping[str, bytes], told: Sequence[bytes]
) -> tuple[bytes, bytes]:
    """The line of a file and its body."""
    packed = Packed(Method.SAME, b"", content)
    if content not in base.values() and content not in told:
        packed = smallest(content, base.get(name), told)
    sha256 = hashlib.sha256(content).digest()
    needed = hashlib.sha256(packed.base or b"").digest() if packed.method.needs_base else b""
    line = _LINE.pack(len(name), packed.method, len(content), len(packed.body), sha256)
    return line + name.encode() + needed, packed.body


def _unpacked(rest: bytes, known: dict[bytes, bytes], most_bytes: int) -> dict[str, bytes]:
    lines, at = _lines(rest)
    if sum(line.size for line in lines) > most_bytes:
        raise ValueError("it would become larger than it may")
    if at + (lines[-1].body[1] if lines else 0) != len(rest):
        raise ValueError("it does not end where it should")
    files: dict[str, bytes] = {}
    for line in lines:
        if line.name in files:
            raise ValueError("it has two files of one name")
        start, end = line.body
        content = _content(line, rest[at + start : at + end], known)
        files[line.name] = known[line.sha256] = content
    return files


def _content(line: _Line, body: bytes, known: Mapping[bytes, bytes]) -> bytes:
    """A file; raises ValueError, or UpdateError where its base is not there."""
    needed = line.sha256 if line.method is Method.SAME else line.base
    base = known.get(needed, b"")
    if needed and needed not in known:
        raise UpdateError(
            f"a package tells of {line.name} only what changed since a file that is not here",
            "fetch the whole package, or the one made from the bundle that is here",
        )
    content = apply(line.method, body, base, line.size)
    if len(content) != line.size or hashlib.sha256(content).digest() != line.sha256:
        raise ValueError(f"{line.name} does not come out as it should")
    return content


def _lines(rest: bytes) -> tuple[list[_Line], int]:
    """All lines and where they end."""
    (count,) = _COUNT.unpack_from(rest)
    if count > MOST_FILES:
        raise ValueError("it has too many files")
    lines: list[_Line] = []
    at, reached = _COUNT.size, 0
    for _ in range(count):
        line = _line(rest, at, reached)
        lines.append(line)
        at += _LINE.size + len(line.name) + len(line.base)
        reached = line.body[1]
    return lines, at


def _line(rest: bytes, at: int, reached: int) -> _Line:
    """The line at a place, whose body begins where the one before it ended."""
    name_bytes, number, size, body_bytes, sha256 = _LINE.unpack_from(rest, at)
    middle = at + _LINE.size + name_bytes
    method = Method(number)
    needed_bytes = len(sha256) if method.needs_base else 0
    name = rest[middle - name_bytes : middle].decode("ascii")
    base = rest[middle : middle + needed_bytes]
    if not _is_name(name) or len(base) != needed_bytes:
        raise ValueError("it has no usable names")
    return _Line(name, method, size, (reached, reached + body_bytes), sha256, base)


def _is_name(name: str) -> bool:
    return len(name) < 256 and _NAME.fullmatch(name) is not None


def _refuse(why: str) -> NoReturn:
    raise UpdateError(f"a package of a model cannot be used ({why})", _AGAIN) from None
