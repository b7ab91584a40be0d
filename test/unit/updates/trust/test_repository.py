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

"""Publisher, store and gateway: what is published reaches the gateway, and nothing else does."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import find_spec
from pathlib import Path
from threading import Thread

import fsspec
import pytest
from trust_scene import MODEL, START_S, Clock, Fleet, decision, package, started, tree
from tuf.api.exceptions import DownloadHTTPError
from tuf.ngclient import Updater
from tuf.ngclient.fetcher import FetcherInterface

from edge_infer.errors import TrustError, UpdateError
from edge_infer.updates.release import Package
from edge_infer.updates.store import Store
from edge_infer.updates.trust.gateway_roles import GatewayRoles
from edge_infer.updates.trust.keys import KeyFolder, keys_of, renew_root, rotate
from edge_infer.updates.trust.repository import Publisher
from edge_infer.updates.trust.roles import DAY_S, issued_s


def numbers(gateway: GatewayRoles) -> list[int]:
    return [each.release.number for each in gateway.packages(MODEL)]


# --- store ----------------------------------------------------------------------------------


@pytest.fixture(params=["folder", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    fsspec.filesystem("memory").store.clear()
    return Store(str(tmp_path / "store") if request.param == "folder" else "memory://fleet")


def test_a_store_gives_back_what_it_was_given(store: Store) -> None:
    assert store.read("metadata/a.json", 100) is None
    assert store.names("metadata") == []
    store.write("metadata/b.json", b"second")
    store.write("metadata/a.json", b"first")
    store.write("metadata/a.json", b"again")
    assert store.read("metadata/a.json", 5) == b"again"
    assert store.names("metadata") == ["metadata/a.json", "metadata/b.json"]
    with pytest.raises(UpdateError, match=r"metadata/b.json in .* is longer than 5 bytes"):
        store.read("metadata/b.json", 5)


@pytest.mark.parametrize(
    ("location", "reason"),
    [
        ("s3://bucket/fleet", "cannot be reached without another package .*s3fs"),
        ("https://example.org/fleet", "cannot be reached without another package .*aiohttp"),
        ("nosuch://bucket", "is no location .*nosuch"),
    ],
)
def test_a_location_that_cannot_be_used(location: str, reason: str) -> None:
    for name in ("s3fs", "aiohttp"):
        if name in reason and _has(name):
            pytest.skip(f"{name} is installed here")
    with pytest.raises(UpdateError, match=reason):
        Store(location)


def _has(name: str) -> bool:
    return find_spec(name) is not None


def test_a_store_that_does_not_answer(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    store = Store(str(tmp_path / "file"))
    with pytest.raises(UpdateError, match=r"metadata/a\.json cannot be read in"):
        store.read("metadata/a.json", 100)
    with pytest.raises(UpdateError, match=r"metadata/a\.json cannot be written in"):
        store.write("metadata/a.json", b"")


# --- publisher ------------------------------------------------------------------------------


def test_what_is_published(tmp_path: Path) -> None:
    fleet = Fleet(tmp_path)
    fleet.publish(1)
    fleet.publish(2)
    signed, content = package(2)
    assert sorted(tree(tmp_path / "store")) == [
        "metadata/1.root.json",
        "metadata/1.targets.json",
        "metadata/2.targets.json",
        "metadata/targets.json",
        f"targets/models/{MODEL}/1/{package(1)[0].blob.sha256}.whole.package",
        f"targets/models/{MODEL}/2/{signed.blob.sha256}.whole.package",
    ]
    gateway = fleet.gateway()
    assert gateway.refresh()
    assert numbers(gateway) == [2, 1]
    assert gateway.packages(MODEL)[0] == signed
    assert gateway.blob(signed.blob.sha256) == content


def test_through_any_store(store: Store, tmp_path: Path) -> None:
    fleet = Fleet(tmp_path)
    fleet.store = store
    fleet.publisher = Publisher(store, fleet.keys, fleet.clock)
    fleet.publish(1)
    gateway = fleet.gateway()
    gateway.refresh()
    assert gateway.blob(package(1)[0].blob.sha256) == package(1)[1]


def test_a_release_is_published_once(tmp_path: Path) -> None:
    fleet = Fleet(tmp_path)
    fleet.publish(1)
    fleet.publish(1)
    same, _ = package(1)
    other = package(1, size=600)
    with pytest.raises(UpdateError, match="release 1 of solar_thermal is published already"):
        fleet.publisher.publish([other])
    with pytest.raises(UpdateError, match="is not made of these bytes"):
        fleet.publisher.publish([(package(2)[0], b"other")])
    gateway = fleet.gateway()
    gateway.refresh()
    assert gateway.packages(MODEL) == [same]


def test_a_publisher_goes_on_from_the_store(tmp_path: Path) -> None:
    """The folder of keys was brought back from before the last release."""
    fleet = Fleet(tmp_path)
    fleet.publish(1)
    (fleet.keys / "metadata" / "targets.json").unlink()
    fleet.publish(2)
    gateway = fleet.gateway()
    gateway.refresh()
    assert numbers(gateway) == [2, 1]


def test_without_the_targets_key_nothing_is_published(tmp_path: Path) -> None:
    fleet = Fleet(tmp_path)
    (key,) = (fleet.keys / "offline").glob("targets-*.pem")
    key.unlink()
    with pytest.raises(UpdateError, match=f"the targets key {key} is not here"):
        fleet.publish(1)
    assert not (tmp_path / "store").exists()


def test_a_publisher_makes_no_patch_of_what_the_store_made_up(tmp_path: Path) -> None:
    fleet = Fleet(tmp_path)
    fleet.publish(1)
    signed, content = package(1)
    assert fleet.publisher.files_of("ab" * 32) is None
    (file,) = (tmp_path / "store").rglob(f"{signed.blob.sha256}.*")
    file.write_bytes(content[:-1] + b"?")
    with pytest.raises(UpdateError, match="is not what was signed"):
        fleet.publisher.files_of(signed.release.digest)


def test_a_signature_that_runs_out_is_renewed_by_publishing_nothing(tmp_path: Path) -> None:
    fleet, gateway, drone = started(tmp_path)
    fleet.clock.pass_days(360)
    fleet.publish()
    gateway.refresh()
    fleet.clock.pass_days(80)
    assert drone.update(gateway.metadata())
    assert drone.packages(MODEL)


# --- gateway --------------------------------------------------------------------------------


def test_a_gateway_needs_something_published(tmp_path: Path) -> None:
    gateway = Fleet(tmp_path).gateway()
    with pytest.raises(UpdateError, match="nothing is published in"):
        gateway.refresh()
    with pytest.raises(UpdateError, match="nothing that could be decided about is published"):
        gateway.decide(decision(1))
    with pytest.raises(UpdateError, match="no package abcd is signed"):
        gateway.blob("abcd")


def test_a_gateway_has_no_news_when_there_are_none(tmp_path: Path) -> None:
    _, gateway, _ = started(tmp_path)
    before = gateway.metadata()
    assert not gateway.refresh()
    assert gateway.metadata() == before


def test_decisions_are_kept_while_others_come(tmp_path: Path) -> None:
    fleet, gateway, drone = started(tmp_path)
    fleet.publisher.publish([package(1, "another")])
    assert gateway.refresh()
    gateway.decide(decision(1, "drone_2", model="another"))
    assert drone.update(gateway.metadata())
    assert drone.decision(MODEL) == gateway.decision(MODEL) == decision(2, "drone_1")
    assert drone.decision("another") == decision(1, "drone_2", model="another")


@pytest.mark.parametrize("is_there", [True, False], ids=["store", "no store"])
def test_signatures_are_renewed_in_time(tmp_path: Path, is_there: bool) -> None:
    fleet, gateway, drone = started(tmp_path)
    if not is_there:
        (tmp_path / "store").rename(tmp_path / "away")
    for _ in range(30):
        fleet.clock.pass_days(8)
        if is_there:
            assert gateway.refresh()
        else:
            with pytest.raises(UpdateError, match="nothing is published"):
                gateway.refresh()
    assert drone.update(gateway.metadata())
    assert issued_s(drone.signed.timestamp) == START_S + 240 * DAY_S
    assert drone.decision(MODEL) == decision(2, "drone_1")


def test_a_gateway_that_was_off_for_long_goes_on(tmp_path: Path) -> None:
    fleet, gateway, drone = started(tmp_path)
    fleet.clock.pass_days(200)
    gateway = fleet.gateway()
    assert gateway.packages(MODEL) == []
    assert gateway.refresh()
    assert drone.update(gateway.metadata())
    assert drone.decision(MODEL) == decision(2, "drone_1")


def test_a_gateway_that_lost_its_disk_learns_from_the_fleet(tmp_path: Path) -> None:
    fleet, _, drone = started(tmp_path)
    fresh = fleet.gateway("fresh")
    assert fresh.hear(drone.metadata())
    fresh.decide(decision(2, "drone_1", "drone_2"))
    assert drone.update(fresh.metadata())
    assert drone.decision(MODEL) == decision(2, "drone_1", "drone_2")


def test_new_online_keys_take_a_new_gateway_key(tmp_path: Path) -> None:
    fleet, gateway, drone = started(tmp_path)
    rotate(fleet.keys, "online", fleet.clock)
    fresh = fleet.gateway("fresh")
    with pytest.raises(UpdateError, match="root 1 names another online key"):
        fresh.refresh()
    fleet.publish()
    assert fresh.refresh()
    assert drone.update(fresh.metadata(since_root=1))
    with pytest.raises(UpdateError, match="root 2 names another online key"):
        gateway.refresh()


def test_a_root_reaches_the_fleet_by_publishing(tmp_path: Path) -> None:
    fleet, gateway, drone = started(tmp_path)
    renew_root(fleet.keys, wall_s=fleet.clock)
    fleet.publish()
    assert gateway.refresh()
    assert drone.update(gateway.metadata(since_root=1))
    assert drone.versions == (2, 3)
    assert drone.decision(MODEL) == decision(2, "drone_1")


def test_a_key_of_somebody_else_is_no_gateway_key(tmp_path: Path) -> None:
    fleet = Fleet(tmp_path)
    fleet.publish(1)
    root = KeyFolder(fleet.keys).root().signed
    file = KeyFolder(fleet.keys).file_of("targets", keys_of(root, "targets")[0])
    other = GatewayRoles(tmp_path / "g", file, fleet.store, fleet.first_root, Clock())
    with pytest.raises(UpdateError, match="names another online key than this gateway's"):
        other.refresh()


def test_a_package_that_is_gone_from_the_store(tmp_path: Path) -> None:
    _, gateway, _ = started(tmp_path)
    signed = package(2)[0]
    next((tmp_path / "store").rglob(f"{signed.blob.sha256}.*")).unlink()
    with pytest.raises(UpdateError, match=r"is not in .*: publish it again"):
        gateway.blob(signed.blob.sha256)


def test_deciding_hearing_and_refreshing_at_once(tmp_path: Path) -> None:
    """Three threads of one gateway; every set that a drone sees meanwhile belongs together."""
    fleet, gateway, drone = started(tmp_path)
    heard = gateway.metadata()
    failures: list[str] = []

    def attempt(act: Callable[[int], object], number: int) -> None:
        try:
            act(number)
        except UpdateError as error:
            if "as when old files are sent again" not in str(error):
                failures.append(str(error))

    def repeat(act: Callable[[int], object]) -> None:
        for number in range(10):
            attempt(act, number)

    acts: tuple[Callable[[int], object], ...] = (
        lambda number: gateway.decide(decision(2, f"drone_{number}")),
        lambda number: gateway.decide(decision(2, f"drone_{number}", model="another")),
        lambda _: gateway.hear(heard),
        lambda number: (fleet.publish(number + 3), gateway.refresh()),
    )
    threads = [Thread(target=repeat, args=(act,)) for act in acts]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        drone.update(gateway.metadata())
    drone.update(gateway.metadata())
    assert failures == []
    assert drone.decision(MODEL) == decision(2, "drone_9")
    assert drone.decision("another") == decision(2, "drone_9", model="another")
    assert drone.packages(MODEL)[0].release.number == 12
    assert drone.versions == (1, 32)


# --- others ---------------------------------------------------------------------------------


class _Folder(FetcherInterface):
    def __init__(self, metadata: dict[str, bytes], store: Path) -> None:
        self._metadata = metadata
        self._store = store

    def _fetch(self, url: str) -> Iterator[bytes]:
        name = url.partition("//")[2]
        if name.startswith("targets/"):
            yield (self._store / name).read_bytes()
        elif name in self._metadata:
            yield self._metadata[name]
        else:
            raise DownloadHTTPError(name, 404)


def test_a_plain_client_of_the_update_framework_reads_it(tmp_path: Path) -> None:
    """python-tuf as it is, with the real clock, finds a package by its path in the store."""
    fleet = Fleet(tmp_path)
    fleet.clock.now_s = time.time()
    renew_root(fleet.keys, wall_s=fleet.clock)
    fleet.publish(1)
    gateway = fleet.gateway()
    gateway.refresh()
    for folder in ("client", "downloads"):
        (tmp_path / folder).mkdir()
    updater = Updater(
        str(tmp_path / "client"),
        "x:///",
        str(tmp_path / "downloads"),
        "x://targets/",
        fetcher=_Folder({f"/{n}": c for n, c in gateway.metadata().items()}, tmp_path / "store"),
        bootstrap=fleet.first_root,
    )
    signed, content = package(1)
    info = updater.get_targetinfo(signed.path)
    assert info is not None
    assert Package.from_custom(info.path, info.length, signed.blob.sha256, info.custom) == signed
    assert Path(updater.download_target(info)).read_bytes() == content


def test_over_http(tmp_path: Path) -> None:
    pytest.importorskip("aiohttp", reason="fsspec reads https by aiohttp, which is not here")
    fleet = Fleet(tmp_path)
    fleet.publish(1)
    handler = partial(SimpleHTTPRequestHandler, directory=str(tmp_path / "store"))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        fleet.store = Store(f"http://127.0.0.1:{server.server_port}")
        gateway = fleet.gateway()
        assert gateway.refresh()
        assert gateway.blob(package(1)[0].blob.sha256) == package(1)[1]
        with pytest.raises(UpdateError, match="cannot be written"):
            fleet.store.write("metadata/a.json", b"")
        server.shutdown()
    with pytest.raises(UpdateError):
        gateway.refresh()


def test_a_gateway_starts_only_with_a_root(tmp_path: Path) -> None:
    fleet = Fleet(tmp_path)
    fleet.first_root = b"{}"
    with pytest.raises(TrustError, match="cannot be read"):
        fleet.gateway()
