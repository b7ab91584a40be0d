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

"""Mutated packages, patches and manifests, fed to what unpacks and stages them.

A package that was mutated on the way fails its digest. So most here are sealed anew, as a
publisher's own mistake would be: then the mutation reaches what reads the lines, applies
the patches, reads the manifest and writes the slot.
"""

from __future__ import annotations

import bz2
import hashlib
import json
import shutil
import struct
from collections.abc import Callable, Mapping
from pathlib import Path
from random import Random

from fuzzing import AcceptedWronglyError, Attempt
from mutations import mutated, mutated_json
from package_scene import BASE, FILES, NOISE, PACKED, START, line, sealed
from slot_scene import bundle

from edge_infer.errors import EdgeInferError, UpdateError
from edge_infer.models.bundle import MANIFEST_FILE, shipped
from edge_infer.updates.installer import _check_manifest
from edge_infer.updates.packages import bsdiff, per_tensor, zstd
from edge_infer.updates.packages.delta import Method
from edge_infer.updates.packages.package import pack, unpack
from edge_infer.updates.packages.tensors import find
from edge_infer.updates.release import MOST_BYTES, Release
from edge_infer.updates.slots.slots import Slots

_TOTAL = sum(map(len, FILES.values()))
_WRONG_BASES: tuple[Mapping[str, bytes] | None, ...] = (
    None,
    FILES,
    {name: content[:-1] for name, content in BASE.items()},
)


def _digest(content: bytes) -> bytes:
    return hashlib.sha256(content).digest()


def _refused(
    packed: bytes, base: Mapping[str, bytes] | None, right: set[bytes], rng: Random
) -> bool:
    """Whether a package is refused; what comes out of it otherwise must be the right files."""
    try:
        files = unpack(packed, base, rng.choice((_TOTAL, MOST_BYTES)))
    except UpdateError:
        return True
    if not set(files.values()) <= right:
        raise AcceptedWronglyError("a file came out that nobody packed")
    return False


# --- a whole package ---------------------------------------------------------------------


def packages(_: Path) -> Attempt:
    """Packages with every method in them, mutated on the way or before they were sealed."""
    whole = pack(FILES)
    right = set(FILES.values())

    def attempt(seed: int) -> bool:
        rng = Random(seed)
        packed = rng.choice((PACKED, PACKED, whole))
        base = BASE if rng.random() < 0.7 else rng.choice(_WRONG_BASES)
        if rng.random() < 0.3:
            damaged = mutated(packed, rng, NOISE)
            if not _refused(damaged, base, right, rng):
                raise AcceptedWronglyError("a package that is not the one that was packed")
            return True
        return _refused(sealed(mutated(packed[START:], rng, NOISE)), base, right, rng)

    return attempt


# --- patches of one kind -----------------------------------------------------------------

Inside = Callable[[bytes, Random], bytes]
"""Mutates what a body says, and packs it again as it was packed."""


def patches(method: Method, old: bytes, new: bytes, body: bytes, inside: Inside) -> Attempt:
    """Files that are packed by one method, with a body, a size or a base that is wrong.

    Args:
        method: of all.
        old: the right base.
        new: what comes out of the unmutated body.
        body: the patch.
        inside: mutates it below its own checksums.
    """
    others = (b"", old[:-1], old[::-1], new, bytes(len(old)))
    name = b"a.onnx"

    def attempt(seed: int) -> bool:
        rng = Random(seed)
        base = old if rng.random() < 0.7 else rng.choice(others)
        is_same_body = base != old and rng.random() < 0.5
        fresh = body if is_same_body else rng.choice((mutated, inside))(body, rng)
        size = len(new) if rng.random() < 0.9 else rng.choice((0, 1, len(new) - 1, len(new) + 1))
        needed = _digest(base) if method.needs_base else b""
        told = line(name, method, size, fresh, _digest(new), needed)
        return _refused(sealed(struct.pack("<H", 1) + told + fresh), {"b.onnx": base}, {new}, rng)

    return attempt


def stored_patches(_: Path) -> Attempt:
    return patches(Method.STORED, NOISE, NOISE[:600], NOISE[:600], mutated)


def zstd_patches(_: Path) -> Attempt:
    new = FILES["manifest.json"]

    def inside(body: bytes, rng: Random) -> bytes:
        return zstd.compress(mutated(zstd.decompress(body, len(new)), rng))

    return patches(Method.ZSTD, b"", new, zstd.compress(new), inside)


def prefix_patches(_: Path) -> Attempt:
    old, new = BASE["manifest.json"], FILES["manifest.json"]

    def inside(_: bytes, rng: Random) -> bytes:
        return zstd.compress(mutated(new, rng), rng.choice((old, old[:-1], b"")))

    return patches(Method.PREFIX, old, new, zstd.compress(new, old), inside)


def bsdiff_patches(_: Path) -> Attempt:
    old, new = BASE["cut.onnx"], FILES["cut.onnx"]
    patch = bsdiff.make(old, new)
    assert patch is not None

    def inside(body: bytes, rng: Random) -> bytes:
        first, second = (int.from_bytes(body[at : at + 8], "little") for at in (8, 16))
        parts = [body[32 : 32 + first], body[32 + first : 32 + first + second],
                 body[32 + first + second :]]  # fmt: skip
        chosen = rng.choice((0, 0, 0, 1, 2))
        parts[chosen] = bz2.compress(mutated(bz2.decompress(parts[chosen]), rng))
        sizes = struct.pack("<qq", len(parts[0]), len(parts[1]))
        return b"".join([body[:8], sizes, body[24:32], *parts])

    return patches(Method.BSDIFF, old, new, patch, inside)


def per_tensor_patches(_: Path) -> Attempt:
    old, new = BASE["tuned.onnx"], FILES["tuned.onnx"]
    patch = per_tensor.make(old, new)
    assert patch is not None
    header = struct.Struct("<IIBII")

    def inside(body: bytes, rng: Random) -> bytes:
        count, rest, kind, table, differences = header.unpack_from(body)
        middle = header.size + table
        rows = zstd.decompress(body[header.size : middle], count * 28)
        changes = zstd.decompress(body[middle : middle + differences], len(new) - rest)
        if rng.random() < 0.7:
            rows = mutated(rows, rng)
        else:
            changes = mutated(changes, rng)
        packed = zstd.compress(rows), zstd.compress(changes)
        fresh = header.pack(len(rows) // 28, rest, kind, *map(len, packed))
        return b"".join([fresh, *packed, body[middle + differences :]])

    return patches(Method.PER_TENSOR, old, new, patch, inside)


# --- what is read of models --------------------------------------------------------------


def manifests(folder: Path) -> Attempt:
    """Packages of a bundle whose manifest is mutated, as far as the slots.

    In half of them the release was signed with the digest of the mutated manifest, so that
    it is read and the bundle behind it is looked at.
    """
    release, files = bundle(1)
    genuine = files[MANIFEST_FILE]

    def attempt(seed: int) -> bool:
        rng = Random(seed)
        manifest = _mutated_manifest(genuine, rng)
        told = release
        if rng.random() < 0.5:
            digest = hashlib.sha256(manifest).hexdigest()
            told = Release(release.model, release.version, release.number, digest)
        shutil.rmtree(folder / "slots", ignore_errors=True)
        slots = Slots(folder / "slots")
        try:
            came = unpack(pack({**files, MANIFEST_FILE: manifest}))
            _check_manifest(came, told)
            staged = slots.stage(told, came)
        except EdgeInferError:
            if slots.state.all:
                raise AcceptedWronglyError("a bundle that was refused lies in a slot") from None
            return True
        lies = (staged / MANIFEST_FILE).read_bytes()
        if told.digest == release.digest or lies != manifest:
            raise AcceptedWronglyError("a slot holds a manifest that nobody signed")
        return False

    return attempt


def _mutated_manifest(genuine: bytes, rng: Random) -> bytes:
    if rng.random() < 0.5:
        return mutated(genuine, rng)
    fresh = json.dumps(mutated_json(json.loads(genuine), rng)).encode()
    return fresh if fresh != genuine else genuine + b" "


def model_files(_: Path) -> Attempt:
    """Files of networks, of which a publisher looks up where the tensors lie."""
    tflite = (shipped() / "finder.int8.tflite").read_bytes()

    def attempt(seed: int) -> bool:
        rng = Random(seed)
        content = tflite if rng.random() < 0.1 else FILES["tuned.onnx"]
        found = find(damaged := mutated(content, rng))
        reached = 0
        for span in sorted(found.values()):
            if not reached <= span.start < span.end <= len(damaged):
                raise AcceptedWronglyError("a tensor leads out of its file, or into another one")
            reached = span.end
        return not found

    return attempt
