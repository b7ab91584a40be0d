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

"""Signatures of the openssl program are checked as it made them."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from edge_infer.errors import TrustError, UpdateError
from edge_infer.updates.trust.openssl_signature import verify_openssl

CONTENT = b"weights" * 1000
pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="needs openssl")


def openssl(folder: Path, *arguments: str) -> None:
    subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)


@pytest.fixture(params=["prime256v1", "secp384r1"])
def signed(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[bytes, bytes]:
    """Public key and signature."""
    (tmp_path / "model").write_bytes(CONTENT)
    openssl(tmp_path, "ecparam", "-name", request.param, "-genkey", "-noout", "-out", "key.pem")
    openssl(tmp_path, "ec", "-in", "key.pem", "-pubout", "-out", "pub.pem")
    openssl(tmp_path, "dgst", "-sha256", "-sign", "key.pem", "-out", "model.sig", "model")
    return (tmp_path / "pub.pem").read_bytes(), (tmp_path / "model.sig").read_bytes()


def test_it_is_taken(signed: tuple[bytes, bytes]) -> None:
    verify_openssl(signed[0], CONTENT, signed[1])


def test_other_content_or_signature_is_refused(signed: tuple[bytes, bytes]) -> None:
    key, signature = signed
    spoilt = [signature[:-1], signature + b"\0", b"", signature[:20] + b"\0" + signature[21:]]
    for content, mark in [(CONTENT[:-1], signature), *((CONTENT, each) for each in spoilt)]:
        with pytest.raises(TrustError, match="not of this content by this key"):
            verify_openssl(key, content, mark)


def test_another_key_is_refused(signed: tuple[bytes, bytes], tmp_path: Path) -> None:
    openssl(tmp_path, "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", "other.pem")
    openssl(tmp_path, "ec", "-in", "other.pem", "-pubout", "-out", "other.pub")
    with pytest.raises(TrustError):
        verify_openssl((tmp_path / "other.pub").read_bytes(), CONTENT, signed[1])


@pytest.mark.parametrize("key", [b"", b"no key", b"-----BEGIN PUBLIC KEY-----\nAAAA\n"])
def test_what_is_no_key_is_said(key: bytes) -> None:
    with pytest.raises(UpdateError, match="the public key cannot be read"):
        verify_openssl(key, CONTENT, b"")


def test_a_key_of_another_kind_is_said(tmp_path: Path) -> None:
    openssl(tmp_path, "genpkey", "-algorithm", "ed25519", "-out", "key.pem")
    openssl(tmp_path, "pkey", "-in", "key.pem", "-pubout", "-out", "pub.pem")
    with pytest.raises(UpdateError, match="is not one for ECDSA"):
        verify_openssl((tmp_path / "pub.pem").read_bytes(), CONTENT, b"")
