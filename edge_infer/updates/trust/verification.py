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

"""A set of files as received becomes trusted metadata, or a refusal: all by python-tuf.

Follows the client workflow of The Update Framework (specification 1.0.34, 5.3 to 5.6). What
python-tuf would fetch from a server it finds among the files; what it would keep in a folder
it is handed and gives back, so that nothing is on the disk before all of it is verified.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import cast
from urllib import parse

from tuf.api import exceptions
from tuf.api.metadata import Root, Snapshot, Targets, Timestamp
from tuf.api.serialization import DeserializationError
from tuf.ngclient import Updater, UpdaterConfig
from tuf.ngclient.fetcher import FetcherInterface

from edge_infer.errors import TrustError, first_line
from edge_infer.updates.trust.roles import ROLLOUT, at

MOST_TARGETS_BYTES = 4_000_000
"""Of targets: a thousand packages of 5 MB."""
MOST_OTHER_BYTES = 64_000
"""Of any other file of metadata."""
HIGHEST_VERSION = (1 << 32) - 1
"""Versions are 32 bits wide on the wire."""
_LIMITS = UpdaterConfig(
    root_max_length=MOST_OTHER_BYTES,
    timestamp_max_length=16_000,
    snapshot_max_length=MOST_OTHER_BYTES,
    targets_max_length=MOST_TARGETS_BYTES,
)
_SHOWN = 160
"""Characters of what a library says about a file from anybody."""


@dataclass(frozen=True)
class SignedSet:
    """Metadata that belongs together and whose signatures hold.

    Attributes:
        rollout: None where the targets name nobody who decides.
    """

    root: Root
    timestamp: Timestamp
    snapshot: Snapshot
    targets: Targets
    rollout: Targets | None

    @property
    def versions(self) -> tuple[int, ...]:
        """Of root, timestamp, snapshot, targets and rollout."""
        rollout = self.rollout.version if self.rollout else 0
        four = (self.root, self.timestamp, self.snapshot, self.targets)
        return (*(each.version for each in four), rollout)

    @property
    def expires_s(self) -> float:
        """When the first of them expires."""
        four = (self.root, self.timestamp, self.snapshot, self.targets)
        all_of_them = (*four, self.rollout) if self.rollout else four
        return min(each.expires.timestamp() for each in all_of_them)


class SetUpdater(Updater):
    """One attempt to go on from what is known.

    Args:
        known: what was trusted before: ``N.root.json``, and ``timestamp.json``, ``snapshot.json``,
            ``targets.json`` and ``rollout.json`` without their versions.
        anchor: the root metadata that all trust begins with.
        files: as received, by name.
        now_s: against which expiry is judged.

    Attributes:
        kept: as ``known``, with what is verified now.

    Raises:
        TrustError: the anchor cannot be used.
    """

    def __init__(
        self, known: Mapping[str, bytes], anchor: bytes, files: Mapping[str, bytes], now_s: float
    ) -> None:
        self.kept = dict(known)
        roots = {name: content for name, content in known.items() if name.endswith(".root.json")}
        fetcher = _Received(roots, files)
        try:
            # Whatever it looked for on the disk in spite of what is below would not be there.
            super().__init__(
                os.devnull, "received:", fetcher=fetcher, config=_LIMITS, bootstrap=anchor
            )
        except Exception as error:  # what it raises depends on the bytes
            raise _refusal(error) from error
        self._trusted_set.reference_time = at(now_s)

    @property
    def root(self) -> Root:
        """The newest one that is verified."""
        return self._trusted_set.root

    def verify_roots(self) -> None:
        """Go on to the newest root; raises TrustError, and those before the bad one hold."""
        try:
            self._load_root()
        except Exception as error:  # a stranger's bytes must not end the process
            raise _refusal(error) from error

    def verify(self) -> SignedSet:
        """Go on to the newest of everything; raises TrustError."""
        try:
            self.refresh()
            # Delegated metadata is loaded by who asks for a path of it.
            self.get_targetinfo(f"{ROLLOUT}/any")
        except Exception as error:  # a stranger's bytes must not end the process
            raise _refusal(error) from error
        known = self._trusted_set
        # Who signs the targets may have named it for other paths: then it was not looked at.
        found = known.get(ROLLOUT) if ROLLOUT in _names(known.targets) else None
        rollout = cast("Targets | None", found)
        signed = SignedSet(known.root, known.timestamp, known.snapshot, known.targets, rollout)
        if max(signed.versions) > HIGHEST_VERSION:
            raise TrustError(
                f"the signed metadata has a version above {HIGHEST_VERSION}",
                "replace the key that signed it",
            )
        return signed

    # --- instead of python-tuf's folder ----------------------------------------------

    def _load_local_metadata(self, rolename: str) -> bytes:
        try:
            return self.kept[_file_name(rolename)]
        except KeyError:
            raise FileNotFoundError(rolename) from None

    def _persist_metadata(self, rolename: str, data: bytes) -> None:
        self.kept[_file_name(rolename)] = data

    def _persist_root(self, version: int, data: bytes) -> None:
        self.kept[f"{version}.root.json"] = data

    def _update_root_symlink(self) -> None:
        """The newest root is found by its number."""


class _Received(FetcherInterface):
    """Serves what is there already."""

    def __init__(self, *files: Mapping[str, bytes]) -> None:
        self._files = files

    def _fetch(self, url: str) -> Iterator[bytes]:
        name = url.rpartition("/")[2]
        for files in self._files:
            if name in files:
                yield files[name]
                return
        raise exceptions.DownloadHTTPError(f"{name} is not among them", 404)

    def download_bytes(self, url: str, max_length: int) -> bytes:
        content = b"".join(self._fetch(url))
        if len(content) > max_length:
            name = url.rpartition("/")[2]
            raise exceptions.DownloadLengthMismatchError(
                f"{name} has {len(content)} bytes, {max_length} at most"
            )
        return content


def _file_name(role: str) -> str:
    """Of a role that somebody may have named ``../up`` or ``1.root``."""
    return f"{parse.quote(role, '').replace('.', '%2E')}.json"


def _names(targets: Targets) -> Mapping[str, object]:
    return (targets.delegations.roles if targets.delegations else None) or {}


_REFUSALS: tuple[tuple[type[Exception], str, str], ...] = (
    (
        exceptions.ExpiredMetadataError,
        "is out of date",
        "let its signer sign anew, and see that this machine's clock is right",
    ),
    (
        exceptions.UnsignedMetadataError,
        "lacks signatures of keys that count",
        "take it only from a publisher and a gateway that this machine's root names",
    ),
    (
        exceptions.BadVersionNumberError,
        "has another version than it must have, as when old files are sent again",
        "ask somebody who holds the newest",
    ),
    (
        exceptions.LengthOrHashMismatchError,
        "is not the file that was signed for",
        "ask somebody else for it",
    ),
    (exceptions.DownloadLengthMismatchError, "is too long", "ask somebody else for it"),
    (exceptions.DownloadHTTPError, "is not complete", "ask for all of it"),
    (DeserializationError, "cannot be read", "ask somebody else for it"),
    (Exception, "is refused", "ask somebody else for it"),
)


def _refusal(error: Exception) -> TrustError:
    """One sentence for what python-tuf says."""
    problem, remedy = next(
        (problem, remedy) for kind, problem, remedy in _REFUSALS if isinstance(error, kind)
    )
    return TrustError(f"the signed metadata {problem} ({first_line(error)[:_SHOWN]})", remedy)
