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

"""Mutated signed metadata, fed to a drone's client.

What is mutated after it was signed must be refused, or say the same. What is signed again by
the stolen or clumsy hands of those who may sign it can be taken; then what the client tells
must be what stands in it, and nothing else.
"""

from __future__ import annotations

import copy
import json
import shutil
from collections.abc import Callable, Mapping, Set
from pathlib import Path
from random import Random
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from fuzzing import AcceptedWronglyError, Attempt
from mutations import mutated, mutated_json, mutated_set
from securesystemslib.signer import CryptoSigner
from trust_scene import MODEL, Fleet, decision, forge, package, read, started, tree
from tuf.api.metadata import Metadata, MetaFile

from edge_infer.errors import MessageError, UpdateError
from edge_infer.nodes.conversions.transfers import metadata_files_from_msgs, metadata_files_to_msgs
from edge_infer.runtime.messages import message_types
from edge_infer.updates.release import MOST_BYTES, Decision, Package
from edge_infer.updates.trust.client import TrustClient
from edge_infer.updates.trust.keys import SCHEMES, renew_root

Files = Mapping[str, bytes]
_MESSAGE = "edge_infer_msgs/msg/ModelMetadata"
_DRAWN = "drawn"
_KEYS = Random(1)


def _drawn_key() -> CryptoSigner:
    """The keys are the same in each process, so that a seed is the same mutation there."""
    return CryptoSigner(Ed25519PrivateKey.from_private_bytes(_KEYS.randbytes(32)))


SCHEMES[_DRAWN] = _drawn_key


class Drone:
    """A client that is as new before each attempt.

    Args:
        fleet: that it belongs to.
    """

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet
        self._folder = fleet.folder / "drone"
        self._pristine = shutil.copytree(self._folder, fleet.folder / "pristine")
        self._disk = tree(self._pristine)
        self.client = fleet.drone()
        self._before = self._told()

    def takes(self, files: Files) -> bool:
        """Whether the client takes something of a set; ``renew`` must follow then."""
        try:
            is_new = self.client.update(files)
        except UpdateError:
            is_new = False
        except Exception:
            self.renew()
            raise
        if not is_new and (self._told() != self._before or tree(self._folder) != self._disk):
            self.renew()
            raise AcceptedWronglyError("a set that was refused has changed what is known")
        return is_new

    def renew(self) -> None:
        """Forget what was taken."""
        shutil.rmtree(self._folder)
        shutil.copytree(self._pristine, self._folder)
        self.client = self._fleet.drone()

    def _told(self) -> tuple[Any, ...]:
        client = self.client
        return client.versions, client.packages(MODEL), client.decision(MODEL), client.remarks


def signed(files: Files) -> dict[str, Any]:
    """What is signed in each file: beside it there may be a space, or a spare signature."""
    return {name: Metadata.from_bytes(content).signed for name, content in files.items()}


def _attempts(drone: Drone, genuine: Files, mutate: Callable[[Random], Files]) -> Attempt:
    """Sets that nobody signed anew."""
    known = signed(genuine)

    def attempt(seed: int) -> bool:
        if not drone.takes(mutate(Random(seed))):
            return True
        try:
            held = signed(drone.client.metadata(since_root=1))
            if any(held[name] != known.get(name) for name in held):
                raise AcceptedWronglyError("metadata that nobody signed is trusted")
        finally:
            drone.renew()
        return False

    return attempt


def _next_set(fleet: Fleet) -> dict[str, bytes]:
    """What the drone has not heard yet: release 3, and who may try it."""
    fleet.publish(3)
    gateway = fleet.gateway()
    gateway.refresh()
    gateway.decide(decision(3, "drone_1"))
    return gateway.metadata(since_root=1)


def sets(folder: Path) -> Attempt:
    """Sets of which a file is mutated, missing or another one; a third as their message."""
    fleet, _, _ = started(folder, _DRAWN)
    genuine = _next_set(fleet)
    types = message_types()
    message: Any = types[_MESSAGE]
    files = metadata_files_to_msgs(types, genuine)
    wire = bytes(types.encode(message(source="gateway", files=files)))

    def mutate(rng: Random) -> Files:
        if rng.random() < 0.7:
            return mutated_set(genuine, rng)
        try:
            came: Any = types.decode(memoryview(mutated(wire, rng)), message)
        except MessageError:
            return {}
        return metadata_files_from_msgs(came.files)

    return _attempts(Drone(fleet), genuine, mutate)


def roots(folder: Path) -> Attempt:
    """Roots that were mutated after their ceremony."""
    fleet, _, drone = started(folder, _DRAWN)
    renew_root(fleet.keys, wall_s=fleet.clock)
    root = (fleet.keys / "root.json").read_bytes()
    genuine = {"2.root.json": root, **drone.metadata(since_root=1)}
    return _attempts(Drone(fleet), genuine, lambda rng: {"2.root.json": mutated(root, rng)})


# --- signed by those who may -------------------------------------------------------------


def resigned(folder: Path) -> Attempt:
    """Mutated content under valid signatures, of a thief or of a clumsy publisher."""
    fleet, _, _ = started(folder, _DRAWN)
    genuine = _next_set(fleet)
    online = fleet.signers("online")
    signers = {"timestamp": online, "snapshot": online, "rollout": online}
    signers |= {"targets": fleet.signers("targets")}
    drone = Drone(fleet)
    before = frozenset(drone.client.metadata().values())

    def attempt(seed: int) -> bool:
        forged = _forged(genuine, signers, Random(seed))
        if not drone.takes(forged):
            return True
        try:
            _check_told(drone.client, {*forged.values(), *before})
        finally:
            drone.renew()
        return False

    return attempt


def _forged(genuine: Files, signers: Mapping[str, list[CryptoSigner]], rng: Random) -> Files:
    """A set in which one role says something else, vouched for by those who may."""
    role = rng.choice(sorted(signers))
    name, metadata = read(genuine, role)
    if rng.random() < 0.2:
        return _vouched(genuine, role, mutated(genuine[name], rng), signers)
    file = json.loads(genuine[name])
    file["signed"] = mutated_json(file["signed"], rng)
    try:
        fresh = type(metadata.signed).from_dict(copy.deepcopy(file["signed"]))
        changes = {role: lambda signed: signed.__dict__.update(vars(fresh))}
        return forge(genuine, changes, signers)
    except Exception:  # python-tuf does not write everything that can be thought of
        return _vouched(genuine, role, json.dumps(file).encode(), signers)


def _vouched(
    genuine: Files, role: str, content: bytes, signers: Mapping[str, list[CryptoSigner]]
) -> Files:
    """A set with other bytes as the file of a role, named by those who name it."""
    name, metadata = read(genuine, role)
    told = MetaFile.from_data(metadata.signed.version, content, ["sha256"])

    def name_it(signed: Any) -> None:
        signed.version += 1
        if role == "snapshot":
            signed.snapshot_meta = told
        else:
            signed.meta[f"{role}.json"] = told

    chain = {"timestamp": (), "snapshot": ("timestamp",)}.get(role, ("snapshot", "timestamp"))
    if not chain:
        return {**genuine, name: content}
    named = forge(genuine, {chain[0]: name_it}, {each: signers[each] for each in chain})
    return {**named, name: content}


def _check_told(client: TrustClient, signed_files: Set[bytes]) -> None:
    """Whether what a client tells stands in what was signed, read once more in another way."""
    held = client.metadata(since_root=1)
    if not signed_files >= set(held.values()):
        raise AcceptedWronglyError("a file is kept that did not come")
    said: dict[str, Any] = {}
    for role in ("targets", "rollout"):
        names = [name for name in held if name.endswith(f".{role}.json")]
        for name in names:
            said |= json.loads(held[name])["signed"]["targets"]
    for model in client.models():
        for each in client.packages(model):
            _check_package(each, said[each.path])
    decided = client.decision(MODEL)
    if decided and not _stands_in(decided.to_custom(), said[decided.path]["custom"]):
        raise AcceptedWronglyError("a decision that nobody took is believed")


def _check_package(came: Package, target: Mapping[str, Any]) -> None:
    blob = came.blob
    is_whole = 0 < blob.size <= MOST_BYTES and (
        (len(blob.chunks) - 1) * blob.chunk_bytes < blob.size <= len(blob.chunks) * blob.chunk_bytes
    )
    is_told = (blob.size, blob.sha256) == (target["length"], target["hashes"].get("sha256", ""))
    if not is_whole or not is_told or not _stands_in(came.to_custom(), target["custom"]):
        raise AcceptedWronglyError("a package that nobody signed is believed")


def _stands_in(custom: Mapping[str, Any], said: Mapping[str, Any]) -> bool:
    return all(key in said and _same(value, said[key]) for key, value in custom.items())


def _same(one: Any, other: Any) -> bool:
    return type(one) is type(other) and one == other


def customs(_: Path) -> Attempt:
    """What is signed about a package or a decision, mutated as JSON."""

    def attempt(seed: int) -> bool:
        rng = Random(seed)
        read_one = rng.choice((_read_package, _read_decision))
        try:
            read_one(rng)
        except UpdateError:
            return True
        return False

    return attempt


def _read_package(rng: Random) -> None:
    known = package(3)[0]
    path, blob = known.path, known.blob
    if rng.random() < 0.1:
        path = mutated(path.encode(), rng).decode(errors="replace")
    size = blob.size + rng.choice((0, 0, 0, -1, 1, 1 << 40, -(1 << 40)))
    custom = mutated_json(known.to_custom(), rng)
    came = Package.from_custom(path, size, blob.sha256, custom)
    _check_package(came, {"length": size, "hashes": {"sha256": blob.sha256}, "custom": custom})


def _read_decision(rng: Random) -> None:
    known = decision(3, "drone_1", "drone_2")
    custom = mutated_json(known.to_custom(), rng)
    if not _stands_in(Decision.from_custom(known.path, custom).to_custom(), custom):
        raise AcceptedWronglyError("a decision is read that is not there")
