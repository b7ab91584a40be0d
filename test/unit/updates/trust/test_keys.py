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

"""Ceremonies: what they make, who must be there, and what a key on its own is worth."""

from __future__ import annotations

import shutil
import stat
from pathlib import Path

import pytest
from trust_scene import START_S, Clock
from tuf.api.metadata import Metadata, Root

from edge_infer.errors import UpdateError
from edge_infer.updates.trust.keys import (
    KeyFolder,
    init_keys,
    keys_of,
    load_signer,
    renew_root,
    revoke,
    rotate,
    sign,
)
from edge_infer.updates.trust.roles import LIFETIME_S, issued_s

CLOCK = Clock()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    init_keys(tmp_path / "keys", scheme="ed25519", wall_s=CLOCK)
    return tmp_path / "keys"


def newest(folder: Path) -> Root:
    """The newest root, once every step from the first one is verified."""
    roots = [Metadata[Root].from_bytes(content) for content in KeyFolder(folder).roots()]
    for before, after in zip([roots[0], *roots], roots, strict=False):
        for keys in (before, after):
            keys.signed.verify_delegate("root", after.signed_bytes, after.signatures)
    assert (folder / "root.json").read_bytes() == KeyFolder(folder).roots()[-1]
    return roots[-1].signed


def ids(root: Root, role: str) -> set[str]:
    return {key.keyid for key in keys_of(root, role)}


@pytest.mark.parametrize(
    ("scheme", "told"), [("ecdsa", "ecdsa-sha2-nistp256"), ("ed25519", "ed25519")]
)
def test_the_first_keys(tmp_path: Path, scheme: str, told: str) -> None:
    folder = tmp_path / "keys"
    ceremony = init_keys(folder, scheme=scheme, root_keys=4, threshold=3, wall_s=CLOCK)
    assert (ceremony.version, ceremony.lacking) == (1, 0)
    root = newest(folder)
    assert [len(ids(root, role)) for role in ("root", "targets", "online")] == [4, 1, 1]
    assert root.roles["root"].threshold == 3
    assert {key.scheme for key in root.keys.values()} == {told}
    assert root.roles["timestamp"].keyids == root.roles["snapshot"].keyids
    assert root.consistent_snapshot
    assert issued_s(root) == START_S
    assert root.expires.timestamp() == START_S + LIFETIME_S["root"]


def test_private_keys_are_for_their_owner_only(folder: Path) -> None:
    files = list(folder.rglob("*.pem"))
    assert len(files) == 5
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
    assert all(b"PRIVATE KEY" in file.read_bytes() for file in files)
    assert not any(b"PRIVATE" in file.read_bytes() for file in folder.rglob("*.json"))


@pytest.mark.parametrize("role", ["root", "targets", "online"])
def test_every_key_of_a_role_is_replaced(folder: Path, role: str) -> None:
    before = newest(folder)
    assert rotate(folder, role, CLOCK).lacking == 0
    after = newest(folder)
    assert after.version == 2
    for each in ("root", "targets", "online"):
        assert len(ids(after, each)) == len(ids(before, each))
        common = ids(after, each) & ids(before, each)
        assert common == (set() if each == role else ids(before, each))
    named = [ids(after, each) for each in ("root", "targets", "online")]
    assert set(after.keys) == set.union(*named)
    rotate(folder, role, CLOCK)
    assert newest(folder).version == 3


@pytest.mark.parametrize("role", ["root", "targets", "online"])
def test_one_key_is_replaced(folder: Path, role: str) -> None:
    before = newest(folder)
    lost = sorted(ids(before, role))[0]
    KeyFolder(folder).file_of(role, before.keys[lost]).unlink()
    assert revoke(folder, lost[:10], CLOCK).lacking == 0
    after = newest(folder)
    assert len(ids(before, role) - ids(after, role)) == 1
    assert lost not in after.keys
    assert after.roles["root"].threshold == 2


def test_a_root_is_renewed(folder: Path) -> None:
    before = newest(folder)
    later = Clock(START_S + 1e7)
    renew_root(folder, later)
    after = newest(folder)
    assert after.keys == before.keys
    assert after.expires.timestamp() == later() + LIFETIME_S["root"]


def test_root_keys_in_two_places_sign_one_after_the_other(folder: Path) -> None:
    """One folder holds one root key, the other the rest; the draft travels between them."""
    other = shutil.copytree(folder, folder.parent / "other")
    here, *there = keys_of(newest(folder), "root")
    for key in there:
        KeyFolder(folder).file_of("root", key).unlink()
    KeyFolder(other).file_of("root", here).unlink()
    assert rotate(folder, "online", CLOCK).lacking == 1
    assert newest(folder).version == 1
    with pytest.raises(UpdateError, match="waits for signatures"):
        rotate(folder, "targets", CLOCK)
    assert KeyFolder(folder).waiting()[1] == 1
    shutil.copy(KeyFolder(folder).draft, KeyFolder(other).draft)
    assert sign(other).lacking == 0
    assert newest(other).version == 2
    assert not KeyFolder(other).draft.exists()


def test_new_root_keys_take_enough_of_the_old(folder: Path) -> None:
    for key in keys_of(newest(folder), "root")[:2]:
        KeyFolder(folder).file_of("root", key).unlink()
    assert rotate(folder, "root", CLOCK).lacking == 1
    assert newest(folder).version == 1


@pytest.mark.parametrize(("keys", "threshold"), [(1, 2), (3, 0), (21, 2), (0, 0)])
def test_a_threshold_that_cannot_be_is_refused(tmp_path: Path, keys: int, threshold: int) -> None:
    with pytest.raises(UpdateError, match="is no threshold"):
        init_keys(tmp_path / "keys", root_keys=keys, threshold=threshold)
    assert not (tmp_path / "keys").exists()


def test_what_cannot_be_done_is_said(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(UpdateError, match="is not empty"):
        init_keys(folder)
    with pytest.raises(UpdateError, match="no role: name one of root, targets, online"):
        rotate(folder, "timestamp")
    with pytest.raises(UpdateError, match="0 keys begin with 'zz'"):
        revoke(folder, "zz")
    with pytest.raises(UpdateError, match="0 keys begin with ''"):
        revoke(folder, "")
    with pytest.raises(UpdateError, match="holds no keys"):
        renew_root(tmp_path / "nowhere")
    with pytest.raises(UpdateError, match="no root waits"):
        sign(folder)
    with pytest.raises(UpdateError, match="is no scheme"):
        init_keys(tmp_path / "rsa", scheme="rsa")


@pytest.mark.parametrize("content", [b"", b"no key", b"-----BEGIN PRIVATE KEY-----\nAAAA\n"])
def test_a_file_that_is_no_private_key(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "key.pem").write_bytes(content)
    with pytest.raises(UpdateError, match="is not a private key that can be used"):
        load_signer(tmp_path / "key.pem")


def test_a_key_under_the_name_of_another(folder: Path) -> None:
    keys = KeyFolder(folder)
    first, second, _ = keys_of(newest(folder), "root")
    shutil.copy(keys.file_of("root", first), keys.file_of("root", second))
    with pytest.raises(UpdateError, match="is not the key that its name says"):
        renew_root(folder)
