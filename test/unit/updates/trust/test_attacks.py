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

"""Every attack that the specification of The Update Framework names (1.5.2), and some more.

Each goes through the set as received. It is refused with its reason, and what was trusted
before is there as before: in memory, on the disk, and after a restart.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from securesystemslib.signer import CryptoSigner
from trust_scene import (
    MODEL,
    START_S,
    Clock,
    Fleet,
    decision,
    forge,
    next_version,
    package,
    read,
    started,
    tree,
    with_target,
)
from tuf.api.metadata import Metadata, Root

from edge_infer.errors import TrustError, UpdateError
from edge_infer.updates.planning import Holdings, package_to_fetch
from edge_infer.updates.trust.client import TrustClient
from edge_infer.updates.trust.keys import KeyFolder, revoke, rotate
from edge_infer.updates.trust.roles import DAY_S, at

EVIL_PACKAGE, EVIL_CONTENT = package(666)
ONLINE = ("rollout", "snapshot", "timestamp")


def told(client: TrustClient) -> tuple[Any, ...]:
    return (
        client.versions,
        client.packages(MODEL),
        client.decision(MODEL),
        client.metadata(),
        client.remarks,
    )


def refused(fleet: Fleet, drone: TrustClient, files: Mapping[str, bytes], reason: str) -> None:
    """A set is refused for this reason, and leaves everything as it was."""
    before, disk = told(drone), tree(fleet.folder / "drone")
    assert before[1]
    with pytest.raises(TrustError, match=reason) as caught:
        drone.update(files)
    assert "\n" not in str(caught.value)
    assert told(drone) == before
    assert tree(fleet.folder / "drone") == disk
    assert told(fleet.drone()) == before
    drone.check(*package(2))


def news(fleet: Fleet) -> dict[str, bytes]:
    """The genuine set with release 3, and that it is decided upon."""
    fleet.publish(3)
    gateway = fleet.gateway()
    gateway.refresh()
    gateway.decide(decision(3, "drone_1"))
    return gateway.metadata(since_root=1)


def online(fleet: Fleet) -> dict[str, list[CryptoSigner]]:
    """What a thief of the gateway's key can sign."""
    return dict.fromkeys(ONLINE, fleet.signers("online"))


def evil_targets(files: Mapping[str, bytes], keys: Mapping[str, list[CryptoSigner]]) -> Any:
    return forge(
        files, {"targets": with_target(EVIL_PACKAGE.path, EVIL_PACKAGE.to_custom(), b"e")}, keys
    )


# --- arbitrary software -----------------------------------------------------------------


def test_arbitrary_software_signed_by_nobody(tmp_path: Path) -> None:
    fleet, _, drone = started(tmp_path)
    refused(
        fleet,
        drone,
        evil_targets(news(fleet), online(fleet)),
        r"lacks signatures of keys that count \(targets was signed by 0/1 keys",
    )


@pytest.mark.parametrize("role", ["targets", *ONLINE])
def test_an_unknown_key(tmp_path: Path, role: str) -> None:
    fleet, _, drone = started(tmp_path)
    keys = {**online(fleet), role: [CryptoSigner.generate_ed25519()]}
    refused(fleet, drone, forge(news(fleet), {}, keys), f"{role} was signed by 0/1 keys")


@pytest.mark.parametrize("role", ["targets", *ONLINE])
def test_an_unknown_key_under_the_name_of_a_known_one(tmp_path: Path, role: str) -> None:
    fleet, _, drone = started(tmp_path)
    genuine = fleet.signers("targets" if role == "targets" else "online")[0]
    liar = CryptoSigner.generate_ed25519(genuine.public_key.keyid)
    refused(
        fleet,
        drone,
        forge(news(fleet), {}, {**online(fleet), role: [liar]}),
        f"{role} was signed by 0/1 keys",
    )


@pytest.mark.parametrize(
    ("role", "signer"),
    [("targets", "online"), ("timestamp", "targets"), ("snapshot", "root"), ("rollout", "targets")],
)
def test_a_signature_of_a_wrong_role(tmp_path: Path, role: str, signer: str) -> None:
    fleet, _, drone = started(tmp_path)
    keys = {**online(fleet), role: fleet.signers(signer)}
    refused(fleet, drone, forge(news(fleet), {}, keys), f"{role} was signed by 0/1 keys")


@pytest.mark.parametrize("role", ["targets", *ONLINE])
def test_swapped_bytes(tmp_path: Path, role: str) -> None:
    fleet, _, drone = started(tmp_path)
    files = news(fleet)
    name, _ = read(files, role)
    files[name] = files[name].replace(b'"version":', b'"version":1', 1)
    reason = "signed by 0/1 keys" if role == "timestamp" else "is too long"
    refused(fleet, drone, files, reason)


def test_swapped_bytes_of_the_same_length(tmp_path: Path) -> None:
    fleet, _, drone = started(tmp_path)
    files = news(fleet)
    files["2.targets.json"] = files["2.targets.json"].replace(b"0.3.0", b"6.6.6")
    refused(fleet, drone, files, "is not the file that was signed for")


# --- roots --------------------------------------------------------------------------------


def next_root(fleet: Fleet) -> Metadata[Root]:
    root = KeyFolder(fleet.keys).root()
    root.signed.version += 1
    root.signatures.clear()
    return root


@pytest.mark.parametrize("number", [0, 1])
def test_a_threshold_that_is_not_met(tmp_path: Path, number: int) -> None:
    fleet, _, drone = started(tmp_path)
    root = next_root(fleet)
    for signer in fleet.signers("root")[:number]:
        root.sign(signer, append=True)
    files = {"2.root.json": root.to_bytes(), **news(fleet)}
    refused(fleet, drone, files, rf"root was signed by {number}/2 keys")


def test_a_threshold_met_by_one_key_twice(tmp_path: Path) -> None:
    fleet, _, drone = started(tmp_path)
    root = next_root(fleet)
    root.sign(fleet.signers("root")[0])
    content = root.to_dict()
    content["signatures"] *= 2
    refused(fleet, drone, {"2.root.json": json.dumps(content).encode()}, "cannot be read")


def test_a_root_of_new_keys_that_the_old_ones_do_not_know(tmp_path: Path) -> None:
    fleet, _, drone = started(tmp_path)
    root = next_root(fleet)
    strangers = [CryptoSigner.generate_ed25519() for _ in range(3)]
    for old in list(root.signed.roles["root"].keyids):
        root.signed.revoke_key(old, "root")
    for stranger in strangers:
        root.signed.add_key(stranger.public_key, "root")
        root.sign(stranger, append=True)
    refused(fleet, drone, {"2.root.json": root.to_bytes()}, "root was signed by 0/2 keys")


def test_a_root_that_only_targets_signed(tmp_path: Path) -> None:
    fleet, _, drone = started(tmp_path)
    root = next_root(fleet)
    root.sign(fleet.signers("targets")[0])
    refused(fleet, drone, {"2.root.json": root.to_bytes()}, "root was signed by 0/2 keys")


def test_a_root_that_skips_a_version(tmp_path: Path) -> None:
    fleet, _, drone = started(tmp_path)
    root = next_root(fleet)
    root.signed.version = 3
    for signer in fleet.signers("root"):
        root.sign(signer, append=True)
    refused(fleet, drone, {"2.root.json": root.to_bytes()}, "has another version")


def test_a_root_that_revokes_is_kept_whatever_came_with_it(tmp_path: Path) -> None:
    """The one change that a refused set makes: what it revokes is not trusted any more."""
    fleet, _, drone = started(tmp_path)
    stolen = online(fleet)
    rotate(fleet.keys, "online", fleet.clock)
    spoilt = forge(drone.metadata(), {}, stolen)
    with pytest.raises(TrustError, match="timestamp was signed by 0/1 keys"):
        drone.update({**spoilt, "2.root.json": (fleet.keys / "root.json").read_bytes()})
    for each in (drone, fleet.drone()):
        assert each.versions == (2, 0)
        assert each.decision(MODEL) is None
        assert "what was trusted before is so no more" in each.remarks[0]


# --- going back ---------------------------------------------------------------------------


def test_rollback_to_an_old_set(tmp_path: Path) -> None:
    fleet, gateway, drone = started(tmp_path)
    old = gateway.metadata()
    drone.update(news(fleet))
    refused(fleet, drone, old, "has another version than it must have, as when old files")


def test_a_replay_after_a_restart(tmp_path: Path) -> None:
    fleet, gateway, drone = started(tmp_path)
    old = gateway.metadata()
    drone.update(news(fleet))
    refused(fleet, fleet.drone(), old, "as when old files are sent again")


def test_rollback_of_the_packages_with_the_online_key(tmp_path: Path) -> None:
    fleet, gateway, drone = started(tmp_path)
    old = gateway.metadata()
    genuine = news(fleet)
    drone.update(genuine)
    older = {**genuine, "1.targets.json": old["1.targets.json"]}
    del older["2.targets.json"]

    def back(snapshot: Any) -> None:
        next_version(snapshot)
        snapshot.meta["targets.json"] = read(old, "snapshot")[1].signed.meta["targets.json"]

    files = forge(older, {"snapshot": back}, online(fleet))
    refused(fleet, drone, files, r"Expected targets.json version 1, got 2")


@pytest.mark.parametrize("role", ["targets", "rollout"])
def test_the_online_key_cannot_drop_a_role(tmp_path: Path, role: str) -> None:
    fleet, _, drone = started(tmp_path)

    def drop(snapshot: Any) -> None:
        next_version(snapshot)
        del snapshot.meta[f"{role}.json"]

    keys = {each: fleet.signers("online") for each in ("snapshot", "timestamp")}
    files = forge(drone.metadata(), {"snapshot": drop}, keys)
    refused(fleet, drone, files, f"missing info for '{role}.json'")


# --- fast-forward -------------------------------------------------------------------------


def fast_forward(signed: Any) -> None:
    signed.version = 2**32 - 1


def test_fast_forward_past_what_the_wire_can_tell(tmp_path: Path) -> None:
    fleet, gateway, drone = started(tmp_path)

    def beyond(signed: Any) -> None:
        signed.version = 2**32

    for changes in ({"timestamp": beyond}, dict.fromkeys(ONLINE, beyond)):
        files = forge(gateway.metadata(), changes, online(fleet))
        refused(fleet, drone, files, "has a version above 4294967295")


def test_fast_forward_and_recovery(tmp_path: Path) -> None:
    """A thief raises every online version so far that honest sets look old; a root heals it."""
    fleet, gateway, drone = started(tmp_path)
    keys = online(fleet)
    assert drone.update(forge(gateway.metadata(), dict.fromkeys(ONLINE, fast_forward), keys))
    refused(fleet, drone, news(fleet), "has another version than it must have")
    rotate(fleet.keys, "online", fleet.clock)
    fleet.publish()
    healed = fleet.gateway("another gateway")
    healed.refresh()
    healed.decide(decision(3, "drone_2"))
    assert drone.update(healed.metadata(since_root=1))
    assert drone.versions == (2, 2)
    assert drone.decision(MODEL) == decision(3, "drone_2")
    assert told(fleet.drone()) == told(drone)
    refused(fleet, drone, forge(healed.metadata(), {}, keys), "timestamp was signed by 0/1 keys")


# --- freeze -------------------------------------------------------------------------------


def test_indefinite_freeze(tmp_path: Path) -> None:
    """The same old set for ever: nothing is installed by it once it is out of date."""
    fleet, gateway, drone = started(tmp_path)
    frozen = gateway.metadata()
    fleet.clock.pass_days(89)
    assert not drone.update(frozen)
    assert drone.packages(MODEL)
    fleet.clock.pass_days(2)
    with pytest.raises(TrustError, match=r"is out of date \(timestamp.json is expired\)"):
        drone.update(frozen)
    for each in (drone, fleet.drone()):
        assert each.packages(MODEL) == []
        assert each.decision(MODEL) is None
        assert each.remarks == (
            "the signed metadata is out of date since 2027-04-15: no update until newer",
        )
    gateway.refresh()
    assert drone.update(gateway.metadata())
    assert drone.packages(MODEL)


@pytest.mark.parametrize(("role", "days"), [("targets", 366), ("root", 731)])
def test_a_freeze_of_what_is_signed_offline(tmp_path: Path, role: str, days: int) -> None:
    """A thief of the online key who withholds new targets has a year, not for ever."""
    fleet, gateway, drone = started(tmp_path)
    files = gateway.metadata()
    fleet.clock.pass_days(days)

    def fresh(signed: Any) -> None:
        next_version(signed)
        signed.expires = at(fleet.clock() + DAY_S)

    with pytest.raises(TrustError, match=f"is out of date .*{role}.* is expired"):
        drone.update(forge(files, dict.fromkeys(ONLINE, fresh), online(fleet)))


@pytest.mark.parametrize("wall_s", [0.0, START_S - 5 * DAY_S], ids=["1970", "turned back"])
def test_what_is_out_of_date_after_the_clock_was_reset(tmp_path: Path, wall_s: float) -> None:
    """A set that was made, withheld, and is out of date now, is not taken with a clock reset."""
    fleet, _, drone = started(tmp_path)
    late = Clock(START_S)

    def short(signed: Any) -> None:
        next_version(signed)
        signed.expires = at(START_S + 10 * DAY_S)

    withheld = forge(drone.metadata(), dict.fromkeys(ONLINE, short), online(fleet))
    late.pass_days(20)
    drone = fleet.drone(clock=late)
    assert drone.packages(MODEL)
    late.now_s = wall_s
    with pytest.raises(TrustError, match="is out of date"):
        drone.update(withheld)
    again = fleet.drone(clock=late)
    with pytest.raises(TrustError, match="is out of date"):
        again.update(withheld)
    assert again.packages(MODEL)


# --- endless data -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "length"),
    [
        ("2.root.json", 64_001),
        ("timestamp.json", 16_001),
        ("4.snapshot.json", 1_000_000),
        ("2.targets.json", 4_000_001),
        ("4.rollout.json", 1_000_000),
    ],
)
def test_endless_metadata(tmp_path: Path, name: str, length: int) -> None:
    fleet, _, drone = started(tmp_path)
    files = news(fleet)
    assert name in files or "root" in name
    files[name] = files.get(name, b"").ljust(length)
    refused(fleet, drone, files, rf"is too long \({name} has {length} bytes")


def test_an_endless_package(tmp_path: Path) -> None:
    signed, content = package(2)
    drone = started(tmp_path)[2]
    with pytest.raises(TrustError, match="not the one that was signed"):
        drone.check(signed, content + b"\0" * 10_000_000)


# --- sets that do not belong together -------------------------------------------------------


def test_extraneous_dependencies(tmp_path: Path) -> None:
    """What comes along is not looked at, and nothing that the targets do not name is a package."""
    fleet, _, drone = started(tmp_path)
    files = {
        **news(fleet),
        "1.extra.json": b"{}",
        "../../etc/passwd": b"root",
        EVIL_PACKAGE.path: EVIL_CONTENT,
    }
    assert drone.update(files)
    assert [each.release.number for each in drone.packages(MODEL)] == [3, 2, 1]
    assert set(files) - set(drone.metadata()) == {
        "1.extra.json", "../../etc/passwd", EVIL_PACKAGE.path,
    }  # fmt: skip
    with pytest.raises(TrustError, match="nobody signed the package"):
        drone.check(EVIL_PACKAGE, EVIL_CONTENT)


@pytest.mark.parametrize("role", ["snapshot", "targets", "rollout"])
def test_mix_and_match(tmp_path: Path, role: str) -> None:
    """One file of an older set among the newer ones, under the name of the newer."""
    fleet, gateway, drone = started(tmp_path)
    old, files = gateway.metadata(), news(fleet)
    files[read(files, role)[0]] = old[read(old, role)[0]]
    refused(fleet, drone, files, "is not the file that was signed for")


@pytest.mark.parametrize("role", ["snapshot", "targets", "rollout"])
def test_a_set_with_a_hole(tmp_path: Path, role: str) -> None:
    fleet, _, drone = started(tmp_path)
    files = news(fleet)
    name, _ = read(files, role)
    del files[name]
    refused(fleet, drone, files, rf"is not complete \({name} is not among them\)")


def test_wrong_software(tmp_path: Path) -> None:
    """Bytes that are signed, but as another package."""
    drone = started(tmp_path)[2]
    (signed, _), (_, other) = package(2), package(1)
    with pytest.raises(TrustError, match="not the one that was signed"):
        drone.check(signed, other)


# --- mirrors ------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["bytes", "old", "stranger", "nothing"])
def test_a_malicious_mirror_of_the_publisher(tmp_path: Path, how: str) -> None:
    """The gateway refuses what the store made of it; the fleet goes on with what it has."""
    fleet, gateway, drone = started(tmp_path)
    newest = tmp_path / "store" / "metadata" / "targets.json"
    old = newest.read_bytes()
    fleet.publish(3)
    gateway.refresh()
    drone.update(gateway.metadata())
    before = told(gateway.client)
    if how == "nothing":
        newest.unlink()
    elif how == "stranger":
        targets = Metadata.from_bytes(newest.read_bytes())
        targets.signed.version += 1
        targets.sign(CryptoSigner.generate_ed25519())
        newest.write_bytes(targets.to_bytes())
    else:
        newest.write_bytes(old if how == "old" else newest.read_bytes()[:-50])
    reason = {
        "bytes": "cannot be read",
        "old": "Expected targets.json version 1, got 2",
        "stranger": "targets was signed by 0/1 keys",
        "nothing": "nothing is published in",
    }[how]
    with pytest.raises(UpdateError, match=reason):
        gateway.refresh()
    assert told(gateway.client) == before
    gateway.decide(decision(3, "drone_1"))
    assert drone.update(gateway.metadata())
    assert drone.decision(MODEL) == decision(3, "drone_1")


def test_a_malicious_mirror_of_packages(tmp_path: Path) -> None:
    _, gateway, _ = started(tmp_path)
    signed, content = package(2)
    assert gateway.blob(signed.blob.sha256) == content
    (file,) = (tmp_path / "store").rglob(f"{signed.blob.sha256}.*")
    file.write_bytes(content[:-1] + b"?")
    with pytest.raises(TrustError, match="not the one that was signed"):
        gateway.blob(signed.blob.sha256)
    file.write_bytes(content + content)
    with pytest.raises(UpdateError, match="is longer than 800 bytes"):
        gateway.blob(signed.blob.sha256)


def test_the_publisher_does_not_sign_what_the_store_made_up(tmp_path: Path) -> None:
    fleet, _, _ = started(tmp_path)
    newest = tmp_path / "store" / "metadata" / "targets.json"
    targets = Metadata.from_bytes(newest.read_bytes())
    with_target(EVIL_PACKAGE.path, EVIL_PACKAGE.to_custom())(targets.signed)
    newest.write_bytes(targets.to_bytes())
    with pytest.raises(UpdateError, match="not signed by the targets key of this folder"):
        fleet.publish(3)


# --- a stolen online key ------------------------------------------------------------------


def test_a_stolen_online_key_ships_no_software(tmp_path: Path) -> None:
    """Its role may name what it likes: packages come from the targets, decisions are one kind."""
    fleet, gateway, drone = started(tmp_path)
    evil = with_target(EVIL_PACKAGE.path, EVIL_PACKAGE.to_custom(), EVIL_CONTENT)
    assert drone.update(forge(gateway.metadata(), {"rollout": evil}, online(fleet)))
    assert [each.release.number for each in drone.packages(MODEL)] == [2, 1]
    assert drone.decision(MODEL) == decision(2, "drone_1")
    with pytest.raises(TrustError, match="nobody signed the package"):
        drone.check(EVIL_PACKAGE, EVIL_CONTENT)


def test_decisions_of_the_targets_role_do_not_count(tmp_path: Path) -> None:
    fleet, gateway, drone = started(tmp_path)
    own = decision(1, "drone_7")
    keys = {**online(fleet), "targets": fleet.signers("targets")}
    change = {"targets": with_target(own.path, own.to_custom(), b"")}
    assert drone.update(forge(gateway.metadata(), change, keys))
    assert drone.decision(MODEL) == decision(2, "drone_1")


@pytest.mark.parametrize("running", [1, 2])
def test_a_stolen_online_key_goes_below_no_release(tmp_path: Path, running: int) -> None:
    """It may decide for an old release; a drone that runs a newer one does not look back."""
    fleet, gateway, drone = started(tmp_path)
    back = decision(1, "drone_1")
    change = {"rollout": with_target(back.path, back.to_custom(), b"")}
    assert drone.update(forge(gateway.metadata(), change, online(fleet)))
    assert drone.decision(MODEL) == back
    have = Holdings("drone_1", "x86_64", running, 0, frozenset())
    wanted = package_to_fetch(drone.packages(MODEL), drone.decision(MODEL), have)
    assert wanted == (package(2)[0] if running == 1 else None)


def test_root_takes_a_stolen_online_key_away(tmp_path: Path) -> None:
    fleet, gateway, drone = started(tmp_path)
    stolen = online(fleet)
    key = stolen["timestamp"][0].public_key.keyid
    revoke(fleet.keys, key[:12], fleet.clock)
    fleet.publish(3)
    with pytest.raises(UpdateError, match="root 2 names another online key than this gateway's"):
        gateway.refresh()
    healed = fleet.gateway("another gateway")
    healed.refresh()
    healed.decide(decision(3, "drone_1"))
    assert drone.update(healed.metadata(since_root=1))
    evil = forge(
        healed.metadata(),
        {"rollout": with_target("rollout/solar_thermal", decision(3, "all").to_custom(), b"")},
        stolen,
    )
    refused(fleet, drone, evil, "timestamp was signed by 0/1 keys")


@pytest.mark.parametrize("name", ["../../up", "/tmp/up", "2.root", "..", "a" * 200])
def test_a_role_whose_name_is_a_path_stays_in_the_folder(tmp_path: Path, name: str) -> None:
    """Who has the targets key may name another role for the decisions, not a file of the drone."""
    fleet, gateway, drone = started(tmp_path)
    files = gateway.metadata()

    def rename(signed: Any) -> None:
        next_version(signed)
        role = signed.delegations.roles.pop("rollout")
        signed.delegations.roles[name] = type(role)(
            name, role.keyids, role.threshold, role.terminating, paths=role.paths
        )

    def move(snapshot: Any) -> None:
        next_version(snapshot)
        snapshot.meta[f"{name}.json"] = snapshot.meta["rollout.json"]

    keys = {**online(fleet), "targets": fleet.signers("targets")}
    del keys["rollout"]
    forged = forge(files, {"targets": rename, "snapshot": move}, keys)
    content = forged.pop(read(forged, "rollout")[0])
    outside = tree(tmp_path.parent)
    forged[f"2.{quote(name, '')}.json"] = content
    assert drone.update(forged)
    grown = set(tree(tmp_path.parent)) - set(outside)
    assert grown
    assert all("/drone/set-" in each for each in grown)
    assert drone.decision(MODEL) is None
    assert fleet.drone().versions == drone.versions == (1, 3)


def test_a_stolen_targets_key_is_taken_away(tmp_path: Path) -> None:
    fleet, gateway, drone = started(tmp_path)
    stolen = fleet.signers("targets")
    rotate(fleet.keys, "targets", fleet.clock)
    fleet.publish(3)
    gateway.refresh()
    assert drone.update(gateway.metadata(since_root=1))
    assert drone.decision(MODEL) == decision(2, "drone_1")
    evil = evil_targets(gateway.metadata(), {**online(fleet), "targets": stolen})
    refused(fleet, drone, evil, "targets was signed by 0/1 keys")
