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

"""The keys of a fleet, and the root metadata that says which of them count.

A folder of keys::

    offline/root-<id>.pem      of those who may name other keys; several, kept apart
    offline/targets-<id>.pem   of who publishes models
    online/online-<id>.pem     of the gateway: timestamp, snapshot, rollout
    root.json                  the newest root: what drones and gateway begin with
    metadata/N.root.json       every root so far; and what the publisher signed last

Private keys are PKCS #8 in PEM, readable by their owner only. A ceremony (rotate, revoke,
renew) signs with the private keys that are there. When those are too few the new root waits
as ``metadata/draft.root.json`` for the holders of the others and their ``sign``.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from securesystemslib.signer import CryptoSigner, Key
from tuf.api.exceptions import RepositoryError
from tuf.api.metadata import Metadata, Root

from edge_infer.errors import UpdateError, first_line
from edge_infer.updates.disk import write_durably
from edge_infer.updates.trust.roles import ROOT, SNAPSHOT, TARGETS, TIMESTAMP, renew

ONLINE = "online"
SCHEMES: dict[str, Callable[[], CryptoSigner]] = {
    "ecdsa": CryptoSigner.generate_ecdsa,
    "ed25519": CryptoSigner.generate_ed25519,
}
"""ECDSA is over P-256: its signatures can be checked by any OpenSSL."""
ROLES = {ROOT: (ROOT,), TARGETS: (TARGETS,), ONLINE: (TIMESTAMP, SNAPSHOT)}
"""What a ceremony changes -> the roles of the root metadata that have these keys."""
_ID_LENGTH = 16


@dataclass(frozen=True)
class Ceremony:
    """What came of one.

    Attributes:
        version: of the root.
        lacking: signatures that it still lacks; with 0 it counts.
    """

    version: int
    lacking: int


class KeyFolder:
    """Where things are in a folder of keys; reads them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.metadata = folder / "metadata"
        self.draft = self.metadata / "draft.root.json"

    def file_of(self, role: str, key: Key) -> Path:
        """Of a private key, there or not."""
        place = ONLINE if role == ONLINE else "offline"
        return self.folder / place / f"{role}-{key.keyid[:_ID_LENGTH]}.pem"

    def roots(self) -> list[bytes]:
        """Every root, from the first; raises UpdateError where there is none."""
        with _files(self.folder):
            found: list[bytes] = []
            while (file := self.metadata / f"{len(found) + 1}.root.json").is_file():
                found.append(file.read_bytes())
        if not found:
            raise UpdateError(
                f"{self.folder} holds no keys", "make them with edge-infer keys init DIR"
            )
        return found

    def root(self) -> Metadata[Root]:
        """The newest."""
        return _parsed(self.roots()[-1], self.metadata)

    def waiting(self) -> tuple[Root, int]:
        """The root that waits for signatures, and how many; else the newest, and 0."""
        newest = self.root().signed
        if not self.draft.is_file():
            return newest, 0
        with _files(self.draft):
            draft = _parsed(self.draft.read_bytes(), self.draft)
        return draft.signed, _lacking(newest, draft)

    def signers(self, role: str, root: Root) -> list[CryptoSigner]:
        """Of the keys of a role those whose private half is here."""
        files = [(self.file_of(role, key), key) for key in keys_of(root, role)]
        return [load_signer(file, key) for file, key in files if file.is_file()]


def keys_of(root: Root, role: str) -> list[Key]:
    """The keys of a role, ``root``, ``targets`` or ``online``."""
    return [root.keys[keyid] for keyid in root.roles[ROLES[role][0]].keyids]


def load_signer(file: Path, key: Key | None = None) -> CryptoSigner:
    """Read a private key; raises UpdateError when it is none, or not that one."""
    try:
        private = load_pem_private_key(file.read_bytes(), None)
        signer = CryptoSigner(private)
    except (OSError, ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise UpdateError(
            f"{file} is not a private key that can be used ({first_line(error)})",
            "name a .pem file that edge-infer keys made",
        ) from error
    if key is not None and signer.public_key.keyval != key.keyval:
        raise UpdateError(f"{file} is not the key that its name says", "put the right file there")
    return signer if key is None else CryptoSigner(private, signer.public_key)


# --- ceremonies ------------------------------------------------------------------------


def init_keys(
    folder: Path,
    *,
    scheme: str = "ecdsa",
    root_keys: int = 3,
    threshold: int = 2,
    wall_s: Callable[[], float] = time.time,
) -> Ceremony:
    """Make all keys and the first root.

    Args:
        folder: new or empty.
        scheme: ``ecdsa`` or ``ed25519``.
        root_keys: how many there are.
        threshold: how many of them a new root takes.
        wall_s: the clock.

    Raises:
        UpdateError: there are keys already, or the numbers make no sense.
    """
    if not 1 <= threshold <= root_keys <= 20:
        raise UpdateError(
            f"{threshold} of {root_keys} root keys is no threshold",
            "take at most 20 keys, and a threshold between 1 and their number",
        )
    keys = KeyFolder(folder)
    with _files(folder):
        if folder.exists() and any(folder.iterdir()):
            raise UpdateError(f"{folder} is not empty", "name a new folder for the keys")
        for place in (keys.metadata, folder / "offline", folder / ONLINE):
            place.mkdir(parents=True)
    root = Root(version=1, consistent_snapshot=True)
    for role, number in ((ROOT, root_keys), (TARGETS, 1), (ONLINE, 1)):
        for _ in range(number):
            _add(keys, root, role, scheme)
    root.roles[ROOT].threshold = threshold
    return _issue(keys, root, wall_s())


def rotate(folder: Path, role: str, wall_s: Callable[[], float] = time.time) -> Ceremony:
    """Replace every key of a role, ``root``, ``targets`` or ``online``; raises UpdateError."""
    if role not in ROLES:
        raise UpdateError(f"{role!r} is no role", f"name one of {', '.join(ROLES)}")
    root = KeyFolder(folder).root().signed
    return _replace(folder, [key.keyid for key in keys_of(root, role)], wall_s())


def revoke(folder: Path, keyid: str, wall_s: Callable[[], float] = time.time) -> Ceremony:
    """Replace one key, named by the beginning of its identifier; raises UpdateError."""
    root = KeyFolder(folder).root().signed
    found = [each for each in root.keys if keyid and each.startswith(keyid)]
    if len(found) != 1:
        raise UpdateError(
            f"{len(found)} keys begin with {keyid!r}",
            f"see them with edge-infer keys show {folder}",
        )
    return _replace(folder, found, wall_s())


def renew_root(folder: Path, wall_s: Callable[[], float] = time.time) -> Ceremony:
    """Sign the root anew, before it expires; raises UpdateError."""
    return _replace(folder, [], wall_s())


def sign(folder: Path) -> Ceremony:
    """Add this folder's signatures to the root that waits for them; raises UpdateError."""
    keys = KeyFolder(folder)
    with _files(folder):
        if not keys.draft.is_file():
            raise UpdateError(f"no root waits in {keys.metadata}", "copy draft.root.json there")
        draft = _parsed(keys.draft.read_bytes(), keys.draft)
    return _sign(keys, draft)


def _replace(folder: Path, keyids: Iterable[str], now_s: float) -> Ceremony:
    keys = KeyFolder(folder)
    if keys.draft.exists():
        raise UpdateError(
            f"{keys.draft} waits for signatures",
            f"sign it with edge-infer keys sign {folder}, or delete it",
        )
    root = keys.root().signed
    for keyid in keyids:
        scheme = next(name for name in SCHEMES if root.keys[keyid].keytype == name)
        for role in [each for each in ROLES if keyid in root.roles[ROLES[each][0]].keyids]:
            _add(keys, root, role, scheme)
            for part in ROLES[role]:
                root.revoke_key(keyid, part)
    root.version += 1
    return _issue(keys, root, now_s)


def _add(keys: KeyFolder, root: Root, role: str, scheme: str) -> None:
    """Make a key, keep its private half, and give it to a role."""
    if scheme not in SCHEMES:
        raise UpdateError(f"{scheme!r} is no scheme", f"name one of {', '.join(SCHEMES)}")
    signer = SCHEMES[scheme]()
    file = keys.file_of(role, signer.public_key)
    with _files(file):
        file.parent.mkdir(parents=True, exist_ok=True)
        write_durably(file, signer.private_bytes, mode=0o600)
    for part in ROLES[role]:
        root.add_key(signer.public_key, part)


def _issue(keys: KeyFolder, root: Root, now_s: float) -> Ceremony:
    renew(root, ROOT, now_s)
    return _sign(keys, Metadata(root))


def _sign(keys: KeyFolder, draft: Metadata[Root]) -> Ceremony:
    """Sign with what is here; the root counts when old and new keys are enough."""
    root = draft.signed
    is_first = root.version == 1
    previous = None if is_first else keys.root().signed
    if previous is not None and root.version != previous.version + 1:
        raise UpdateError(
            f"root {root.version} does not follow root {previous.version}", "delete the draft"
        )
    for version in filter(None, (previous, root)):
        for signer in keys.signers(ROOT, version):
            draft.sign(signer, append=True)
    lacking = _lacking(previous, draft)
    content = draft.to_bytes()
    with _files(keys.folder):
        if lacking:
            write_durably(keys.draft, content)
        else:
            write_durably(keys.metadata / f"{root.version}.root.json", content)
            write_durably(keys.folder / "root.json", content)
            keys.draft.unlink(missing_ok=True)
    return Ceremony(root.version, lacking)


def _lacking(previous: Root | None, draft: Metadata[Root]) -> int:
    """How many signatures of old keys or of new ones, whichever is more."""
    result = draft.signed.get_root_verification_result(
        previous, draft.signed_bytes, draft.signatures
    )
    return max(result.first.missing, result.second.missing)


def _parsed(content: bytes, file: Path) -> Metadata[Root]:
    try:
        parsed = Metadata[Root].from_bytes(content)
    except RepositoryError as error:
        raise UpdateError(
            f"{file} holds no root metadata ({first_line(error)})", "bring back the right file"
        ) from error
    if not isinstance(parsed.signed, Root):
        raise UpdateError(f"{file} holds no root metadata", "bring back the right file")
    return parsed


@contextlib.contextmanager
def _files(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise UpdateError(
            f"{path} cannot be used ({first_line(error)})",
            "make room on the disk, and let this user read and write there",
        ) from error
