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

"""The gateway's side: it takes up what is published, decides, and signs with the online key.

Its own set goes the way of everybody's: it is checked by the same TrustClient that drones
use, against the same root, and on the disk before anybody sees it. So a store that lies is
refused here, and no two sets ever have the same version.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from threading import RLock

from tuf.api.exceptions import UnsignedMetadataError
from tuf.api.metadata import Metadata, MetaFile, Snapshot, T, TargetFile, Targets, Timestamp

from edge_infer.errors import UpdateError
from edge_infer.updates.release import Decision, Package
from edge_infer.updates.store import Store
from edge_infer.updates.trust.client import TrustClient
from edge_infer.updates.trust.keys import load_signer
from edge_infer.updates.trust.repository import NEWEST_TARGETS, parsed_targets, stored_path
from edge_infer.updates.trust.roles import (
    RENEW_S,
    ROLLOUT,
    SNAPSHOT,
    TARGETS,
    TIMESTAMP,
    issued_s,
    renew,
    sign,
)
from edge_infer.updates.trust.verification import MOST_OTHER_BYTES, MOST_TARGETS_BYTES, SignedSet

_MOST_ROOTS = 256


class GatewayRoles:
    """Timestamp, snapshot and rollout of one fleet; may be used from several threads.

    Args:
        folder: where the signed metadata is kept.
        online_key: file of the private key.
        store: where the publisher writes.
        root: the first root metadata that this gateway was given.
        wall_s: the clock, seconds since 1970.

    Raises:
        TrustError: the root metadata cannot be used.
        UpdateError: the key or the disk cannot be used.
    """

    def __init__(
        self,
        folder: Path,
        online_key: Path,
        store: Store,
        root: bytes,
        wall_s: Callable[[], float] = time.time,
    ) -> None:
        self._signer = load_signer(online_key)
        self._store = store
        self._client = TrustClient(folder, root, wall_s)
        self._signing = RLock()

    @property
    def client(self) -> TrustClient:
        """What is trusted here; as on a drone, but do not feed it: see ``hear``."""
        return self._client

    @property
    def versions(self) -> tuple[int, int]:
        """Of root and timestamp; 0 while there is no timestamp."""
        return self._client.versions

    # --- taking up -------------------------------------------------------------------

    def refresh(self) -> bool:
        """Take up what was published, and sign anew in time.

        Returns:
            Whether there is something new to give to the fleet.

        Raises:
            UpdateError: the store does not answer or has nothing; what is due is signed anew
                in spite of that.
            TrustError: what the store holds is refused.
        """
        try:
            newer = self._client.update(self._newer_roots())
            return self._take_up(self._published(), newer)
        except UpdateError:
            self._renew()
            raise

    def hear(self, files: Mapping[str, bytes]) -> bool:
        """Take a set from the fleet: newer than this one after the disk was lost."""
        with self._signing:
            return self._client.update(files)

    def decide(self, decision: Decision) -> None:
        """Sign a decision; raises UpdateError where nothing is published yet."""
        target = TargetFile.from_data(decision.path, b"", ["sha256"])
        target.unrecognized_fields["custom"] = decision.to_custom()
        with self._signing:
            signed = self._client.signed
            if signed is None:
                raise UpdateError("nothing that could be decided about is published", "publish it")
            self._sign(self._targets(signed), {decision.path: target})

    # --- telling ---------------------------------------------------------------------

    def metadata(self, since_root: int = 0) -> dict[str, bytes]:
        """The set to give to the fleet."""
        return self._client.metadata(since_root)

    def packages(self, model: str) -> list[Package]:
        """The packages of a model that are signed, the newest release first."""
        return self._client.packages(model)

    def decision(self, model: str) -> Decision | None:
        """What was last decided about a model."""
        return self._client.decision(model)

    def blob(self, sha256: str) -> bytes:
        """The bytes of a signed package, from the store.

        Raises:
            TrustError: the store has other bytes.
            UpdateError: nobody signed it, or the store does not have it.
        """
        signed = self._client.signed
        for target in signed.targets.targets.values() if signed else ():
            if target.hashes.get("sha256") == sha256:
                package = Package.from_custom(target.path, target.length, sha256, target.custom)
                content = self._store.read(stored_path(target), target.length)
                if content is None:
                    raise UpdateError(
                        f"{target.path} is not in {self._store.location}", "publish it again"
                    )
                self._client.check(package, content)
                return content
        raise UpdateError(f"no package {sha256[:16]} is signed", "publish it")

    # --- signing ---------------------------------------------------------------------

    def _newer_roots(self) -> dict[str, bytes]:
        first = self._client.root.version + 1
        roots = {}
        for number in range(first, first + _MOST_ROOTS):
            content = self._store.read(f"metadata/{number}.root.json", MOST_OTHER_BYTES)
            if content is None:
                break
            roots[f"{number}.root.json"] = content
        return roots

    def _published(self) -> bytes:
        targets = self._store.read(NEWEST_TARGETS, MOST_TARGETS_BYTES)
        if targets is None:
            raise UpdateError(
                f"nothing is published in {self._store.location}", "publish a model there"
            )
        return targets

    def _take_up(self, targets: bytes, is_new: bool) -> bool:
        with self._signing:
            signed = self._client.signed
            if signed is None or is_new or targets != self._targets(signed):
                self._sign(targets)
                return True
            return self._renew()

    def _renew(self) -> bool:
        """Sign what is trusted anew, when it is time."""
        with self._signing:
            signed = self._client.signed
            if signed is None or self._client.now_s() < issued_s(signed.timestamp) + RENEW_S:
                return False
            self._sign(self._targets(signed))
            return True

    def _targets(self, signed: SignedSet) -> bytes:
        return self._client.metadata()[f"{signed.targets.version}.targets.json"]

    def _sign(self, targets: bytes, decided: Mapping[str, TargetFile] | None = None) -> None:
        """Make the next set, and trust it.

        Args:
            targets: that the publisher signed.
            decided: what is new in the role ``rollout``.

        Raises:
            UpdateError: this is not the online key any more.
            TrustError: drones would refuse the set.
        """
        self._check_key()
        rollout = self._next(ROLLOUT, Targets)
        rollout.targets.update(decided or {})
        snapshot = self._next(SNAPSHOT, Snapshot)
        versions = {ROLLOUT: rollout.version, TARGETS: _version(targets)}
        files = {ROLLOUT: self._signed(rollout, ROLLOUT), TARGETS: targets}
        for role, content in files.items():
            meta = MetaFile.from_data(versions[role], content, ["sha256"])
            snapshot.meta[f"{role}.json"] = meta
        versions[SNAPSHOT], files[SNAPSHOT] = snapshot.version, self._signed(snapshot, SNAPSHOT)
        timestamp = self._next(TIMESTAMP, Timestamp)
        timestamp.snapshot_meta = MetaFile.from_data(snapshot.version, files[SNAPSHOT], ["sha256"])
        received = {f"{versions[role]}.{role}.json": content for role, content in files.items()}
        received["timestamp.json"] = self._signed(timestamp, TIMESTAMP)
        self._client.update(received)

    def _next(self, role: str, kind: type[T]) -> T:
        """What this key signed last in a role, to be changed; new where it signed nothing."""
        content = self._client.last(role)
        if content is not None:
            last: Metadata[T] = Metadata.from_bytes(content)
            with contextlib.suppress(UnsignedMetadataError):
                # All online roles have the same key.
                root = self._client.root
                root.verify_delegate(TIMESTAMP, last.signed_bytes, last.signatures)
                last.signed.version += 1
                return last.signed
        return kind()

    def _signed(self, signed: T, role: str) -> bytes:
        renew(signed, role, self._client.now_s())
        return sign(signed, [self._signer])

    def _check_key(self) -> None:
        root = self._client.root
        if self._signer.public_key.keyid not in root.roles[TIMESTAMP].keyids:
            raise UpdateError(
                f"root {root.version} names another online key than this gateway's",
                "give the gateway the newest file of the folder online/ of the keys",
            )


def _version(targets: bytes) -> int:
    """Of targets that are not checked yet; raises UpdateError when there is none."""
    return parsed_targets(targets, "what is published").signed.version
