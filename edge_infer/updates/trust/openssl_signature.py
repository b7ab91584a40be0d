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

"""Plain signatures as ``openssl dgst -sha256 -sign`` makes them: for a file outside a fleet's keys.

A fleet's models come through The Update Framework. This is for the other ways in, such as a
weight file that a supplier signed with his own key::

    openssl dgst -sha256 -sign key.pem -out model.onnx.sig model.onnx
"""

from __future__ import annotations

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from edge_infer.errors import TrustError, UpdateError, first_line


def verify_openssl(public_key_pem: bytes, content: bytes, signature: bytes) -> None:
    """Check an ECDSA signature over the SHA-256 of a file.

    Args:
        public_key_pem: as ``openssl ec -pubout`` writes it; a P-256 key or another elliptic curve.
        content: what was signed.
        signature: in DER, as openssl writes it.

    Raises:
        TrustError: the signature is not of this content by this key.
        UpdateError: that is no such key.
    """
    try:
        key = load_pem_public_key(public_key_pem)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise UpdateError(
            f"the public key cannot be read ({first_line(error)})",
            "write it with: openssl ec -in key.pem -pubout -out key.pub.pem",
        ) from error
    if not isinstance(key, EllipticCurvePublicKey):
        raise UpdateError(
            "the public key is not one for ECDSA",
            "make one with: openssl ecparam -name prime256v1 -genkey -noout -out key.pem",
        )
    try:
        key.verify(signature, content, ECDSA(SHA256()))
    except InvalidSignature as error:
        raise TrustError(
            "the signature is not of this content by this key",
            "get the file, its signature and the key from whoever signed it",
        ) from error
