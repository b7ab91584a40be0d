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

"""What replicas compare instead of their states: hashes of entries, and of their sum.

The digest of a set hashes the sum of its entries' hashes modulo 2^256, as
Bellare and Micciancio's AdHash does (EUROCRYPT 1997), so that one entry more or
less costs one hash. It tells replicas apart that differ by loss, delay or a
fault; it does not defend against somebody who searches for entries whose hashes
add up. Nothing here knows what the entries are.
"""

from __future__ import annotations

import json
from functools import lru_cache
from hashlib import sha256

_MODULUS = 1 << 256

quoted = lru_cache(maxsize=4096)(json.dumps)
"""A string as JSON in ASCII. Names come again and again, so the last ones are kept."""


def fingerprint(entry: bytes) -> int:
    """An entry's SHA-256 as a whole number."""
    return int.from_bytes(sha256(entry).digest(), "big")


def digest_of(count: int, total: int) -> str:
    """64 hexadecimal digits of a set: how many entries, and the sum of their fingerprints."""
    return sha256(count.to_bytes(8, "big") + (total % _MODULUS).to_bytes(32, "big")).hexdigest()
