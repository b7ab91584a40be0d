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

"""A bundle becomes packages: whole, and as what changed since the bundles that fly.

Drones that run a bundle nobody packed a patch for take the whole. A patch that is hardly
smaller is left out: every package is one more thing that only some drones can pass on.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from edge_infer.errors import UpdateError
from edge_infer.models.bundle import MANIFEST_FILE, ModelBundle, write_contents
from edge_infer.models.manifest import Manifest
from edge_infer.updates.packages.package import pack
from edge_infer.updates.release import CHUNK_BYTES, Blob, Package, Release
from edge_infer.updates.store import Store

WORTH_IT = 0.7
"""A patch larger than this share of the whole is not published (notes: measured on deltas)."""
MOST_MANIFEST_BYTES = 1_000_000

Files = Mapping[str, bytes]


def packages_of(
    bundle: ModelBundle,
    bases: Iterable[Files],
    hardware: Sequence[str] = (),
    chunk_bytes: int = CHUNK_BYTES,
) -> list[tuple[Package, bytes]]:
    """Pack a bundle, the whole first.

    Args:
        bundle: on disk, checked.
        bases: files of the bundles that drones have.
        hardware: kinds of machine that it is for; empty for all.
        chunk_bytes: of the pieces that it travels in.
    """
    manifest, files = bundle.manifest, bundle.contents()
    release = Release(
        manifest.name, manifest.version, manifest.release, bundle.digest, tuple(hardware)
    )
    unpacked = sum(map(len, files.values()))
    whole = pack(files)
    packed = [(Package(release, "", unpacked, Blob.of(whole, chunk_bytes)), whole)]
    for base in bases:
        digest = hashlib.sha256(base[MANIFEST_FILE]).hexdigest()
        patch = pack(files, base)
        if digest != bundle.digest and len(patch) <= WORTH_IT * len(whole):
            blob = Blob.of(patch, chunk_bytes)
            packed.append((Package(release, digest, unpacked, blob), patch))
    return packed


def fetch_bundle(location: str, folder: Path) -> ModelBundle:
    """Copy a bundle from an address to a folder.

    Args:
        location: that fsspec knows, of the folder with the manifest.
        folder: to write to.

    Raises:
        UpdateError: the address cannot be read.
        ModelError: it holds no bundle.
    """
    store = Store(location)
    text = store.read(MANIFEST_FILE, MOST_MANIFEST_BYTES)
    if text is None:
        raise UpdateError(f"{location} has no {MANIFEST_FILE}", "name the address of a bundle")
    files = {MANIFEST_FILE: text}
    for named in Manifest.from_json(text, f"{location}/{MANIFEST_FILE}").files:
        content = store.read(named.file, named.bytes)
        if content is None:
            raise UpdateError(f"{location} lacks {named.file}", "copy the bundle there again")
        files[named.file] = content
    return write_contents(folder / "bundle", files)
