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

"""The publisher's side: packages become signed targets in a store.

What was signed last is kept beside the keys, and the store is only written, so that whoever
can change the store cannot make the publisher sign it. Nothing here signs timestamps: that
is the gateway's (gateway_roles), which takes up what it finds in the store.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path

from securesystemslib.signer import CryptoSigner
from tuf.api.exceptions import LengthOrHashMismatchError, RepositoryError
from tuf.api.metadata import DelegatedRole, Delegations, Metadata, Root, TargetFile, Targets

from edge_infer.errors import UpdateError, first_line
from edge_infer.updates.disk import write_durably
from edge_infer.updates.packages.package import unpack
from edge_infer.updates.release import Package
from edge_infer.updates.store import Store
from edge_infer.updates.trust.keys import ONLINE, KeyFolder, keys_of
from edge_infer.updates.trust.roles import ROLLOUT, TARGETS, renew, sign
from edge_infer.updates.trust.verification import MOST_TARGETS_BYTES

NEWEST_TARGETS = "metadata/targets.json"


class Publisher:
    """Signs packages with the targets key.

    Args:
        store: where they go.
        keys_folder: with the targets key in it.
        wall_s: the clock.
    """

    def __init__(
        self, store: Store, keys_folder: Path, wall_s: Callable[[], float] = time.time
    ) -> None:
        self._store = store
        self._keys = KeyFolder(keys_folder)
        self._wall_s = wall_s
        self._memory = self._keys.metadata / "targets.json"

    def publish(self, packages: Sequence[tuple[Package, bytes]]) -> None:
        """Add packages to what is published.

        With none it only signs anew: before the signature expires, and after a key of targets
        or online was replaced.

        Args:
            packages: each with its bytes.

        Raises:
            UpdateError: a release is out already with other bytes, a package does not have
                these bytes, the targets key is not here, or the store does not take it.
        """
        root = self._keys.root().signed
        signer = self._signer(root)
        targets = self._last(root)
        for package, content in packages:
            _add(targets, package, content)
        targets.delegations = _decider(root)
        renew(targets, TARGETS, self._wall_s())
        signed = sign(targets, [signer])
        if len(signed) > MOST_TARGETS_BYTES:
            raise UpdateError(
                f"the signed list of packages would have {len(signed)} bytes, "
                f"{MOST_TARGETS_BYTES} at most",
                "publish fewer packages",
            )
        self._write(packages, targets, signed)

    def files_of(self, digest: str) -> dict[str, bytes] | None:
        """The files of a bundle that was published, to make a patch for; None for another.

        Raises:
            UpdateError: the store does not answer, or has other bytes than were signed.
        """
        if not self._memory.is_file():
            return None
        targets = parsed_targets(self._memory.read_bytes(), str(self._memory)).signed
        for path, target in targets.targets.items():
            sha256 = target.hashes["sha256"]
            package = Package.from_custom(path, target.length, sha256, target.custom)
            if package.release.digest == digest and not package.base:
                content = self._store.read(stored_path(target), target.length)
                if content is None:
                    return None
                _check_bytes(target, content, self._store.location)
                return unpack(content, None, package.unpacked)
        return None

    def _write(
        self, packages: Sequence[tuple[Package, bytes]], targets: Targets, signed: bytes
    ) -> None:
        """What is named comes before what names it."""
        for package, content in packages:
            self._store.write(stored_path(targets.targets[package.path]), content)
        for number, content in enumerate(self._keys.roots(), 1):
            self._store.write(f"metadata/{number}.root.json", content)
        self._store.write(f"metadata/{targets.version}.targets.json", signed)
        self._store.write(NEWEST_TARGETS, signed)
        try:
            write_durably(self._memory, signed)
        except OSError as error:
            raise UpdateError(
                f"{self._memory} cannot be written ({first_line(error)})", "make room there"
            ) from error

    def _signer(self, root: Root) -> CryptoSigner:
        signers = self._keys.signers(TARGETS, root)
        if not signers:
            missing = self._keys.file_of(TARGETS, keys_of(root, TARGETS)[0])
            raise UpdateError(
                f"the targets key {missing} is not here", "bring it here while you publish"
            )
        return signers[0]

    def _last(self, root: Root) -> Targets:
        """The newest targets that this publisher, or one with the same key, signed; one newer."""
        newest: Targets | None = None
        if self._memory.is_file():
            newest = parsed_targets(self._memory.read_bytes(), str(self._memory)).signed
        stored = self._store.read(NEWEST_TARGETS, MOST_TARGETS_BYTES)
        if stored is not None:
            found = parsed_targets(stored, f"{NEWEST_TARGETS} in {self._store.location}")
            if newest is None or found.signed.version > newest.version:
                _check(root, found, self._store.location)
                newest = found.signed
        if newest is None:
            return Targets()
        newest.version += 1
        return newest


def stored_path(target: TargetFile) -> str:
    """Where a package lies in a store."""
    return f"targets/{target.get_prefixed_paths()[0]}"


def _check_bytes(target: TargetFile, content: bytes, location: str) -> None:
    """No parser sees what the store made up; raises UpdateError."""
    try:
        target.verify_length_and_hashes(content)
    except LengthOrHashMismatchError as error:
        raise UpdateError(
            f"{target.path} in {location} is not what was signed ({first_line(error)})",
            "find out who wrote there, and publish the release again under a higher number",
        ) from error


def _add(targets: Targets, package: Package, content: bytes) -> None:
    target = TargetFile.from_data(package.path, content, ["sha256"])
    target.unrecognized_fields["custom"] = package.to_custom()
    if (target.length, target.hashes["sha256"]) != (package.blob.size, package.blob.sha256):
        raise UpdateError(f"{package.path} is not made of these bytes", "pack it again")
    known = targets.targets.setdefault(package.path, target)
    if known != target:
        raise UpdateError(
            f"release {package.release.number} of {package.release.model} is published already",
            "give the bundle a higher release number",
        )


def _decider(root: Root) -> Delegations:
    """Who decides about rollouts: the online key of the root."""
    keys = keys_of(root, ONLINE)
    role = DelegatedRole(ROLLOUT, [key.keyid for key in keys], 1, True, paths=[f"{ROLLOUT}/*"])
    return Delegations({key.keyid: key for key in keys}, {ROLLOUT: role})


def parsed_targets(content: bytes, file: str) -> Metadata[Targets]:
    """Read targets, unchecked; raises UpdateError when they are something else."""
    try:
        parsed = Metadata[Targets].from_bytes(content)
    except RepositoryError as error:
        raise UpdateError(
            f"{file} cannot be read ({first_line(error)})", "bring back the right file"
        ) from error
    if not isinstance(parsed.signed, Targets):
        raise UpdateError(f"{file} holds something else", "bring back the right file")
    return parsed


def _check(root: Root, found: Metadata[Targets], location: str) -> None:
    try:
        root.verify_delegate(TARGETS, found.signed_bytes, found.signatures)
    except RepositoryError as error:
        raise UpdateError(
            f"the targets in {location} are newer, but not signed by the targets key of this "
            f"folder ({first_line(error)})",
            "find out who wrote there, and delete that file",
        ) from error
