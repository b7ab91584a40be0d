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

"""A drone's way with signed packages: the real trust, the real slots, real packages."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from slot_scene import MODEL, bundle
from trust_scene import Fleet

from edge_infer.errors import EdgeInferError, UpdateError
from edge_infer.models.bundle import write_contents
from edge_infer.updates.installer import Installer, SpoiltPackageError
from edge_infer.updates.planning import Move
from edge_infer.updates.publishing import packages_of
from edge_infer.updates.release import Decision, Package, RolloutState, UpdateState
from edge_infer.updates.slots.slots import Slots


class Scene:
    """One drone that flies release 1, and a gateway."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.first = write_contents(folder / "first", bundle(1)[1])
        self.fleet = Fleet(folder)
        self.fleet.publish()
        self.gateway = self.fleet.gateway()
        self.content: dict[str, bytes] = {}
        self.checked: list[Path] = []
        self.bad: set[Path] = set()
        self.start()

    def start(self) -> None:
        """The drone begins, or begins again."""
        self.trust = self.fleet.drone()
        self.slots = Slots(self.folder / "slots")
        self.slots.boot()
        self.installer = Installer(
            "drone_1", "x86_64", self.first, self.trust, self.slots, self.check
        )

    def check(self, folder: Path) -> None:
        self.checked.append(folder)
        if folder in self.bad:
            raise UpdateError("the new model crashed", "publish another one")

    def publish(self, number: int, *bases: int) -> None:
        content = write_contents(self.folder / f"new_{number}", bundle(number)[1])
        packages = packages_of(content, [bundle(base)[1] for base in bases])
        self.content.update({package.path: packed for package, packed in packages})
        self.fleet.publisher.publish(packages)
        self.hear()

    def decide(self, number: int, state: RolloutState, *drones: str) -> None:
        self.gateway.decide(Decision(MODEL, number, state, 1, 3, drones))
        self.hear()

    def hear(self) -> None:
        self.gateway.refresh()
        self.trust.update(self.gateway.metadata())

    def install(self, change: Callable[[bytes], bytes] = lambda content: content) -> Package:
        """Fetch and install what is next."""
        package = self.installer.package_to_fetch()
        assert package is not None
        self.installer.begin()
        error: EdgeInferError | None = None
        try:
            self.installer.install(package, change(self.content[package.path]))
        except EdgeInferError as raised:
            error = raised
        self.installer.installed(package, error)
        return package


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(tmp_path)


def test_a_release_is_fetched_tried_and_kept(scene: Scene) -> None:
    assert scene.installer.package_to_fetch() is None
    scene.publish(2)
    scene.install()
    assert scene.installer.state is UpdateState.STAGED
    assert scene.installer.running.number == 1
    assert scene.installer.next_move() is Move.STAY
    scene.decide(2, RolloutState.RUNNING, "drone_1")
    assert scene.installer.next_move() is Move.TRY
    scene.installer.begin_trial()
    assert (scene.installer.running.number, scene.installer.is_on_trial) == (2, True)
    assert scene.installer.folder == scene.checked[0]
    scene.installer.commit()
    assert scene.installer.state is UpdateState.COMMITTED
    scene.start()
    assert scene.installer.running.number == 2
    assert scene.installer.package_to_fetch() is None


def test_three_releases_in_a_row_each_from_the_one_before(scene: Scene) -> None:
    for number in (2, 3, 4):
        scene.publish(number, number - 1)
        package = scene.install()
        assert package.release.number == number
        scene.decide(number, RolloutState.DONE)
        assert scene.installer.next_move() is Move.TRY
        scene.installer.begin_trial()
        scene.installer.commit()
    assert scene.installer.running.number == 4
    assert scene.installer.installs == 3


def test_a_bundle_that_fails_its_check_is_never_tried_or_fetched_again(scene: Scene) -> None:
    scene.publish(2)
    scene.bad = {scene.folder / "slots" / slot for slot in "ab"}
    scene.install()
    assert scene.installer.state is UpdateState.FAILED
    assert "crashed" in scene.installer.message
    scene.decide(2, RolloutState.DONE)
    assert scene.installer.next_move() is Move.STAY
    assert scene.installer.package_to_fetch() is None
    scene.start()
    assert scene.installer.package_to_fetch() is None
    scene.bad = set()
    scene.publish(3)
    assert scene.install().release.number == 3


def test_a_package_of_other_bytes_is_refused_and_another_one_is_taken(scene: Scene) -> None:
    scene.publish(2)
    scene.install(lambda content: content[:-1] + b"?")
    assert scene.installer.state is UpdateState.FAILED
    assert "not the one that was signed" in scene.installer.message
    assert scene.installer.package_to_fetch() is None
    assert scene.checked == []


def test_a_package_that_is_not_the_release_it_claims_is_spoilt(scene: Scene) -> None:
    """Signed by the publisher, so his mistake; the drone flies on."""
    wrong = write_contents(scene.folder / "wrong", bundle(3)[1])
    ((package, content),) = packages_of(wrong, [])
    claimed = Package(bundle(2)[0], package.base, package.unpacked, package.blob)
    scene.fleet.publisher.publish([(claimed, content)])
    scene.hear()
    with pytest.raises(SpoiltPackageError, match="holds"):
        scene.installer.install(claimed, content)
    assert scene.installer.running.number == 1


def test_an_aborted_trial_goes_back_and_stays_back(scene: Scene) -> None:
    scene.publish(2)
    scene.install()
    scene.decide(2, RolloutState.RUNNING, "drone_1")
    scene.installer.begin_trial()
    scene.decide(2, RolloutState.ABORTED)
    assert scene.installer.next_move() is Move.GO_BACK
    scene.installer.roll_back("it sees nothing")
    assert scene.installer.running.number == 1
    assert scene.installer.folder == scene.first.path
    assert scene.installer.next_move() is Move.STAY
    assert scene.installer.package_to_fetch() is None


def test_an_aborted_release_goes_back_even_when_it_was_kept(scene: Scene) -> None:
    scene.publish(2)
    scene.install()
    scene.decide(2, RolloutState.DONE)
    scene.installer.begin_trial()
    scene.installer.commit()
    scene.decide(2, RolloutState.ABORTED)
    assert scene.installer.next_move() is Move.GO_BACK
    scene.installer.roll_back("aborted")
    assert scene.installer.running.number == 1


def test_what_lay_ready_before_a_restart_is_checked_again(scene: Scene) -> None:
    scene.publish(2)
    scene.install()
    scene.decide(2, RolloutState.DONE)
    scene.start()
    assert scene.installer.staged is not None
    assert scene.installer.next_move() is Move.STAY
    scene.installer.begin()
    scene.installer.check_staged()
    scene.installer.installed(None, None)
    assert len(scene.checked) == 2
    assert scene.installer.next_move() is Move.TRY


def test_nothing_else_happens_while_it_installs(scene: Scene) -> None:
    scene.publish(2)
    scene.install()
    scene.decide(2, RolloutState.DONE)
    scene.installer.begin()
    assert scene.installer.state is UpdateState.VERIFYING
    assert scene.installer.next_move() is Move.STAY
    assert scene.installer.package_to_fetch() is None
