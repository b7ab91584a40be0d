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

"""A drone's trust: what it takes, keeps over a restart, passes on and says about itself."""

from __future__ import annotations

from pathlib import Path

import pytest
from trust_scene import MODEL, Clock, Fleet, decision, forge, package, started, tree, with_target
from tuf.api.metadata import Targets

from edge_infer.errors import TrustError, UpdateError
from edge_infer.updates.trust.client import TrustClient
from edge_infer.updates.trust.keys import renew_root, rotate


def numbers(client: TrustClient) -> list[int]:
    return [each.release.number for each in client.packages(MODEL)]


@pytest.mark.parametrize("scheme", ["ecdsa", "ed25519"])
def test_a_set_is_taken(tmp_path: Path, scheme: str) -> None:
    _, _, drone = started(tmp_path, scheme)
    assert drone.versions == (1, 2)
    assert numbers(drone) == [2, 1]
    assert drone.packages(MODEL)[0] == package(2)[0]
    assert drone.decision(MODEL) == decision(2, "drone_1")
    assert drone.packages("another") == []
    assert drone.decision("another") is None
    assert drone.remarks == ()


def test_a_drone_without_a_set_trusts_nothing_but_its_root(tmp_path: Path) -> None:
    drone = Fleet(tmp_path).drone()
    assert drone.versions == (1, 0)
    assert drone.packages(MODEL) == []
    assert drone.remarks == ()
    assert list(drone.metadata()) == ["1.root.json"]
    assert not drone.update({})
    with pytest.raises(TrustError, match="nobody signed the package models/solar_thermal/1"):
        drone.check(*package(1))


def test_the_same_set_again_is_nothing_new(tmp_path: Path) -> None:
    _, gateway, drone = started(tmp_path)
    before = tree(tmp_path / "drone")
    assert not drone.update(gateway.metadata())
    assert tree(tmp_path / "drone") == before


def test_all_is_there_after_a_restart(tmp_path: Path) -> None:
    fleet, _, drone = started(tmp_path)
    again = fleet.drone()
    assert again.versions == drone.versions
    assert again.packages(MODEL) == drone.packages(MODEL)
    assert again.decision(MODEL) == drone.decision(MODEL)
    assert again.metadata() == drone.metadata()
    again.check(*package(2))


def test_a_drone_passes_on_what_it_trusts(tmp_path: Path) -> None:
    fleet, gateway, first = started(tmp_path)
    assert first.metadata() == gateway.metadata()
    second = fleet.drone("second")
    assert second.update(first.metadata())
    assert second.decision(MODEL) == decision(2, "drone_1")
    assert sorted(second.metadata(since_root=1)) == [
        "1.targets.json", "2.rollout.json", "2.snapshot.json", "timestamp.json",
    ]  # fmt: skip


def test_what_a_drone_has_need_not_be_sent_again(tmp_path: Path) -> None:
    _, gateway, drone = started(tmp_path)
    gateway.decide(decision(2, "drone_1", "drone_2"))
    files = gateway.metadata(since_root=1)
    del files["1.targets.json"]
    assert drone.update(files)
    assert drone.decision(MODEL) == decision(2, "drone_1", "drone_2")


def test_the_bytes_of_a_package_are_checked(tmp_path: Path) -> None:
    drone = started(tmp_path)[2]
    signed, content = package(2)
    drone.check(signed, content)
    with pytest.raises(TrustError, match="not the one that was signed"):
        drone.check(signed, content[:-1] + b"?")
    with pytest.raises(TrustError, match="nobody signed the package"):
        drone.check(*package(3))


def test_one_package_that_makes_no_sense_leaves_the_others(tmp_path: Path) -> None:
    fleet, gateway, drone = started(tmp_path)
    keys = {"targets": fleet.signers("targets")}
    keys.update(dict.fromkeys(("snapshot", "timestamp"), fleet.signers("online")))
    odd = forge(gateway.metadata(), {"targets": with_target("models/odd", [1])}, keys)
    assert drone.update(odd)
    assert numbers(drone) == [2, 1]
    assert len(drone.remarks) == 1
    assert drone.remarks[0].startswith("the signed target models/odd has no usable")


def test_news_after_years_come_with_every_root_between(tmp_path: Path) -> None:
    fleet, _, drone = started(tmp_path)
    for ceremony in (renew_root, renew_root):
        fleet.clock.pass_days(500)
        ceremony(fleet.keys, wall_s=fleet.clock)
    rotate(fleet.keys, "online", fleet.clock)
    fleet.publish(3)
    gateway = fleet.gateway("another gateway")
    gateway.refresh()
    assert drone.update(gateway.metadata(since_root=1))
    assert drone.versions == (4, 1)
    assert numbers(drone) == [3, 2, 1]
    assert fleet.drone().metadata() == gateway.metadata()


def test_roots_may_come_alone(tmp_path: Path) -> None:
    fleet, _, drone = started(tmp_path)
    renew_root(fleet.keys, wall_s=fleet.clock)
    assert drone.update({"2.root.json": (fleet.keys / "root.json").read_bytes()})
    assert drone.versions == fleet.drone().versions == (2, 2)
    assert numbers(drone) == numbers(fleet.drone()) == [2, 1]


def test_a_newer_image_may_bring_a_newer_root(tmp_path: Path) -> None:
    fleet, _, drone = started(tmp_path)
    renew_root(fleet.keys, wall_s=fleet.clock)
    fleet.first_root = (fleet.keys / "root.json").read_bytes()
    again = fleet.drone()
    assert again.versions == (2, 2)
    assert numbers(again) == numbers(drone)
    assert "2.root.json" in again.metadata()


def test_a_root_of_another_fleet_trusts_nothing_of_this_one(tmp_path: Path) -> None:
    _, gateway, _ = started(tmp_path / "ours")
    theirs = Fleet(tmp_path / "theirs")
    moved = TrustClient(tmp_path / "ours" / "drone", theirs.first_root, theirs.clock)
    assert moved.versions == (1, 0)
    assert "what was trusted before is so no more" in moved.remarks[0]
    with pytest.raises(TrustError, match="lacks signatures"):
        moved.update(gateway.metadata())


@pytest.mark.parametrize("spoilt", [b"", b"\0" * 300, b"{}"])
def test_a_later_root_that_the_disk_lost_is_taken_again(tmp_path: Path, spoilt: bytes) -> None:
    fleet, _, drone = started(tmp_path)
    rotate(fleet.keys, "online", fleet.clock)
    fleet.publish(3)
    gateway = fleet.gateway("another gateway")
    gateway.refresh()
    drone.update(gateway.metadata())
    (file,) = (tmp_path / "drone").glob("set-*/2.root.json")
    file.write_bytes(spoilt)
    again = fleet.drone()
    assert again.versions == (1, 0)
    assert again.update(gateway.metadata(since_root=1))
    assert numbers(again) == [3, 2, 1]


@pytest.mark.parametrize("root", [b"", b"{}", b"no json", b"[" * 100_000])
def test_a_root_that_cannot_be_read_is_said(tmp_path: Path, root: bytes) -> None:
    with pytest.raises(TrustError, match="the signed metadata cannot be read"):
        TrustClient(tmp_path, root, Clock())


def test_a_folder_that_cannot_be_used_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UpdateError, match="cannot hold the signed metadata"):
        TrustClient(tmp_path / "file", Fleet(tmp_path).first_root, Clock())


# --- power cuts ---------------------------------------------------------------------------


@pytest.mark.parametrize("survives", range(12))
def test_a_power_cut_while_a_set_is_kept_leaves_the_old_or_the_new(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, survives: int
) -> None:
    """The disk fails at the n-th fsync and after; what is on it then is started from."""
    fleet, gateway, drone = started(tmp_path)
    gateway.decide(decision(2, "drone_1", "drone_2"))
    left = [survives]

    def cut(*_: object) -> None:
        left[0] -= 1
        if left[0] < 0:
            raise OSError("power cut")

    monkeypatch.setattr("edge_infer.updates.disk.os.fsync", cut)
    complaint = ""
    try:
        drone.update(gateway.metadata())
    except UpdateError as error:
        complaint = str(error)
    monkeypatch.undo()
    is_taken = not complaint
    assert is_taken or "power cut" in complaint
    told = [decision(2, "drone_1"), decision(2, "drone_1", "drone_2")]
    assert drone.decision(MODEL) == told[is_taken]
    again = fleet.drone()
    assert again.decision(MODEL) in told[is_taken:]
    again.update(gateway.metadata())
    assert again.decision(MODEL) == told[1]


@pytest.mark.parametrize(
    "left",
    ["set-9/1.root.json", "set-0/timestamp.json", "current.new"],
    ids=["next", "old", "name"],
)
def test_what_a_power_cut_left_is_cleared(tmp_path: Path, left: str) -> None:
    fleet, _, drone = started(tmp_path)
    file = tmp_path / "drone" / left
    file.parent.mkdir(exist_ok=True)
    file.write_text("set-9")
    assert fleet.drone().metadata() == drone.metadata()
    assert len(list((tmp_path / "drone").glob("set-*"))) == 1


@pytest.mark.parametrize("role", ["timestamp", "snapshot", "targets", "rollout"])
@pytest.mark.parametrize("content", [b"", b"\0" * 300])
def test_a_file_that_the_disk_lost_is_asked_for_again(
    tmp_path: Path, role: str, content: bytes
) -> None:
    fleet, gateway, _ = started(tmp_path)
    (file,) = (tmp_path / "drone").glob(f"set-*/{role}.json")
    file.write_bytes(content)
    again = fleet.drone()
    assert again.versions == (1, 0)
    assert "what was trusted before is so no more" in again.remarks[0]
    assert again.update(gateway.metadata())
    assert numbers(again) == [2, 1]
    assert again.remarks == ()


def test_targets_that_let_the_gateway_decide_nothing_are_taken(tmp_path: Path) -> None:
    """Their signer names the role for other paths: a mistake, which must not stop the drone."""
    fleet, gateway, drone = started(tmp_path)

    def change(signed: Targets) -> None:
        signed.version += 1
        assert signed.delegations is not None
        assert signed.delegations.roles is not None
        signed.delegations.roles["rollout"].paths = ["elsewhere/*"]

    keys = dict.fromkeys(("snapshot", "timestamp"), fleet.signers("online"))
    keys["targets"] = fleet.signers("targets")
    assert drone.update(forge(gateway.metadata(), {"targets": change}, keys))
    assert numbers(drone) == [2, 1]
    assert drone.decision(MODEL) is None
    assert fleet.drone().decision(MODEL) is None
