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

"""A fleet's keys, store, publisher, gateway and drones in a folder, with a clock to turn.

And what an attacker can make: sets of metadata changed at will, and signed with whatever
keys he has.
"""

from __future__ import annotations

import functools
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from securesystemslib.signer import CryptoSigner
from tuf.api.metadata import Metadata, MetaFile, TargetFile, Targets

from edge_infer.updates.release import Blob, Decision, Package, Release, RolloutState
from edge_infer.updates.store import Store
from edge_infer.updates.trust.client import TrustClient
from edge_infer.updates.trust.gateway_roles import GatewayRoles
from edge_infer.updates.trust.keys import KeyFolder, init_keys
from edge_infer.updates.trust.repository import Publisher
from edge_infer.updates.trust.roles import DAY_S

MODEL = "solar_thermal"
START_S = 1_800_000_000.0
"""A day in 2027."""


class Clock:
    """Shows what it is told."""

    def __init__(self, now_s: float = START_S) -> None:
        self.now_s = now_s

    def __call__(self) -> float:
        return self.now_s

    def pass_days(self, days: float) -> None:
        self.now_s += days * DAY_S


def package(number: int, model: str = MODEL, size: int = 500) -> tuple[Package, bytes]:
    """A release as one whole package, with its bytes."""
    content = f"{model} {number} ".encode() * (size // 10)
    release = Release(model, f"0.{number}.0", number, f"{number:064x}")
    return Package(release, "", 1000, Blob.of(content, 200)), content


def decision(number: int, *drones: str, model: str = MODEL) -> Decision:
    """A canary of a release."""
    return Decision(model, number, RolloutState.RUNNING, 1, 3, drones, "canary")


class Fleet:
    """All of it."""

    def __init__(self, folder: Path, scheme: str = "ed25519") -> None:
        self.folder = folder
        self.clock = Clock()
        self.keys = folder / "keys"
        if not self.keys.exists():
            init_keys(self.keys, scheme=scheme, wall_s=self.clock)
        self.first_root = (self.keys / "root.json").read_bytes()
        self.store = Store(str(folder / "store"))
        self.publisher = Publisher(self.store, self.keys, self.clock)

    def publish(self, *numbers: int) -> None:
        self.publisher.publish([package(number) for number in numbers])

    def gateway(self, name: str = "gateway", clock: Clock | None = None) -> GatewayRoles:
        key = KeyFolder(self.keys).root().signed.roles["timestamp"].keyids[0]
        file = self.keys / "online" / f"online-{key[:16]}.pem"
        clock = clock or self.clock
        return GatewayRoles(self.folder / name, file, self.store, self.first_root, clock)

    def drone(self, name: str = "drone", clock: Clock | None = None) -> TrustClient:
        return TrustClient(self.folder / name, self.first_root, clock or self.clock)

    def signers(self, role: str) -> list[CryptoSigner]:
        """The private keys of a role; ``online`` stands for timestamp, snapshot and rollout."""
        keys = KeyFolder(self.keys)
        return keys.signers(role, keys.root().signed)


def started(folder: Path, scheme: str = "ed25519") -> tuple[Fleet, GatewayRoles, TrustClient]:
    """A fleet with releases 1 and 2, of which 2 is on its way, and a drone that knows."""
    shutil.copytree(_template(scheme).name, folder, symlinks=True, dirs_exist_ok=True)
    fleet = Fleet(folder)
    return fleet, fleet.gateway(), fleet.drone()


@functools.cache
def _template(scheme: str) -> tempfile.TemporaryDirectory[str]:
    """Such a fleet, made once."""
    place = tempfile.TemporaryDirectory()
    fleet = Fleet(Path(place.name), scheme)
    fleet.publish(1, 2)
    gateway = fleet.gateway()
    gateway.refresh()
    gateway.decide(decision(2, "drone_1"))
    assert fleet.drone().update(gateway.metadata())
    return place


# --- what an attacker makes ---------------------------------------------------------------

Change = Callable[[Any], None]


def read(files: Mapping[str, bytes], role: str) -> tuple[str, Any]:
    """Name and metadata of a role's file in a set."""
    name = max(each for each in files if each.split(".")[-2] == role)
    return name, Metadata.from_bytes(files[name])


def forge(
    files: Mapping[str, bytes],
    changes: Mapping[str, Change],
    signers: Mapping[str, Sequence[CryptoSigner]],
) -> dict[str, bytes]:
    """A set that is changed, with all that depends on the change.

    Args:
        files: a genuine set.
        changes: by role; each gets what is signed, and may change its version.
        signers: by role; who signs it anew. What nobody signs anew keeps its signatures.
    """
    forged = dict(files)
    fresh: dict[str, tuple[int, bytes]] = {}
    for role in ("rollout", "targets", "snapshot", "timestamp"):
        name, metadata = read(files, role)
        signed = metadata.signed
        if role == "snapshot":
            for child, (version, content) in fresh.items():
                signed.meta[f"{child}.json"] = MetaFile.from_data(version, content, ["sha256"])
        if role == "timestamp" and "snapshot" in fresh:
            signed.snapshot_meta = MetaFile.from_data(*fresh["snapshot"], ["sha256"])
        if role not in changes and role not in signers:
            continue
        changes.get(role, next_version)(signed)
        metadata.signatures = metadata.signatures if role not in signers else {}
        for signer in signers.get(role, ()):
            metadata.sign(signer, append=True)
        content = metadata.to_bytes()
        fresh[role] = signed.version, content
        del forged[name]
        forged[name if role == "timestamp" else f"{signed.version}.{role}.json"] = content
    return forged


def next_version(signed: Any) -> None:
    signed.version += 1


def with_target(path: str, custom: Any, content: bytes = b"evil") -> Change:
    """Adds a target."""

    def change(signed: Targets) -> None:
        signed.version += 1
        target = TargetFile.from_data(path, content, ["sha256"])
        target.unrecognized_fields["custom"] = custom
        signed.targets[path] = target

    return change


def tree(folder: Path) -> dict[str, bytes]:
    """Every file below a folder."""
    return {
        file.relative_to(folder).as_posix(): file.read_bytes()
        for file in sorted(folder.rglob("*"))
        if file.is_file()
    }
