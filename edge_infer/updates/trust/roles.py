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

"""The roles of The Update Framework as this project uses them, and how long each signature lasts.

======== ======================== ======================================================
role     key                      says
======== ======================== ======================================================
root     offline, threshold       which keys count
targets  offline                  which packages there are (``models/``), and who decides
rollout  online, at the gateway   who may run a release now (``rollout/``)
snapshot online                   which versions of targets and rollout belong together
timestamp online                  which snapshot is the newest
======== ======================== ======================================================
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta, timezone

from securesystemslib.signer import Signer
from tuf.api.metadata import Metadata, Root, Signed, Snapshot, T, Targets, Timestamp

ROOT, TARGETS, SNAPSHOT, TIMESTAMP = Root.type, Targets.type, Snapshot.type, Timestamp.type
ROLLOUT = "rollout"
DAY_S = 86_400.0

LIFETIME_S = {
    ROOT: 730 * DAY_S,
    TARGETS: 365 * DAY_S,
    SNAPSHOT: 90 * DAY_S,
    TIMESTAMP: 90 * DAY_S,
    ROLLOUT: 90 * DAY_S,
}
"""How long a signature lasts. Root: its keys lie in safes, so once in two years is often enough.
Targets: a year, so that a fleet without new models needs its publisher once a year. The online
roles: a robot that was off for a month still finds its own metadata and its neighbours' valid; a
mirror that withholds news is noticed after this long."""
RENEW_S = 7 * DAY_S
"""The gateway signs anew when its signatures are this old: then all have 83 days left at least."""

_ISSUED = "issued"
_FORMAT = "%Y-%m-%dT%H:%M:%SZ"
_LATEST_S = datetime(9999, 1, 1, tzinfo=timezone.utc).timestamp()


def at(now_s: float) -> datetime:
    """Seconds since 1970 as a date that the metadata can hold."""
    return datetime.fromtimestamp(min(max(now_s, 0.0), _LATEST_S), timezone.utc)


def renew(signed: Signed, role: str, now_s: float) -> None:
    """Date something that is about to be signed.

    When it was signed stands in a field of its own, ``issued``: the specification has only the
    date of expiry, from which it cannot be told once somebody chooses another lifetime.
    """
    signed.expires = at(now_s) + timedelta(seconds=LIFETIME_S[role])
    signed.unrecognized_fields[_ISSUED] = at(now_s).strftime(_FORMAT)


def issued_s(signed: Signed) -> float:
    """When it was signed; 0 where that is not said."""
    try:
        told = datetime.strptime(signed.unrecognized_fields[_ISSUED], _FORMAT)  # noqa: DTZ007
    except (KeyError, TypeError, ValueError):
        return 0.0
    return min(told.replace(tzinfo=timezone.utc).timestamp(), signed.expires.timestamp())


def sign(signed: T, signers: Iterable[Signer]) -> bytes:
    """Sign metadata, as the bytes of its file."""
    metadata = Metadata(signed)
    for signer in signers:
        metadata.sign(signer, append=True)
    return metadata.to_bytes()
