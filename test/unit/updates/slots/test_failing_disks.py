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

"""A disk that refuses: a sentence that says why, and the old model flies on."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from failing_disk import FailingDisk
from slot_scene import Drone, bundle, number_in, package

from edge_infer.errors import UpdateError
from edge_infer.updates.slots.slots import Slots
from edge_infer.updates.transfer.partial import PartialBlob


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Of a drone that flies release 1."""
    Drone(tmp_path / "drone").install(1)
    return tmp_path / "drone"


# --- one operation ---------------------------------------------------------------------


def kept(drone: Drone) -> None:
    drone.install(2)


def sent_back(drone: Drone) -> None:
    drone.try_out(2)
    drone.roll_back(2)


@pytest.mark.parametrize(("story", "end"), [(kept, 2), (sent_back, 1)])
@pytest.mark.parametrize("lasts", [True, False], ids=["from then on", "once"])
def test_whichever_operation_fails_the_story_can_be_ended(
    folder: Path, tmp_path: Path, story: Callable[[Drone], None], end: int, lasts: bool
) -> None:
    count = FailingDisk(lambda _: False)
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    story(Drone(copy, count))
    assert count.operations > 30
    for at in range(count.operations):
        shutil.rmtree(copy)
        shutil.copytree(folder, copy)
        drone = Drone(copy, FailingDisk(lambda n, at=at: n >= at if lasts else n == at))
        try:
            story(drone)
        except UpdateError as error:
            assert "Input/output error" in str(error)  # noqa: PT017
        assert drone.running in (1, 2)
        started = Drone(copy)
        assert started.boot() in (1, 2)
        started.check()
        story(started)
        assert started.running == end


@pytest.mark.parametrize("at", range(4))
def test_a_trial_that_cannot_be_counted_is_not_flown(folder: Path, at: int) -> None:
    Drone(folder).try_out(2)
    drone = Drone(folder, FailingDisk(lambda n: n >= at))
    assert drone.boot() == 1
    assert drone.slots.remarks
    assert drone.slots.state.staged.release == bundle(2)[0]
    assert drone.slots.state.refused == ()


def test_going_back_needs_no_disk(folder: Path) -> None:
    """It flies the old one; after a restart it is on trial still, and counted."""
    Drone(folder).try_out(2)
    drone = Drone(folder, FailingDisk(lambda n: True))
    assert number_in(drone.slots.roll_back("it sees nothing")) == 1
    assert "cannot hold which model" in drone.slots.remarks[0]
    assert [Drone(folder, most_boots=2).boot() for _ in range(3)] == [2, 2, 1]


# --- full ------------------------------------------------------------------------------


def fill(folder: Path) -> None:
    """Take all the room that is left on a disk."""
    with (folder / "ballast").open("wb", buffering=0) as stream:
        for size in (65536, 4096, 1):
            with contextlib.suppress(OSError):
                while stream.write(bytes(size)):
                    pass
    assert shutil.disk_usage(folder).free == 0


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """One of 400 kB, where this user may mount one."""
    mount = tmp_path / "small"
    mount.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=400k", "tmpfs", str(mount)]
    try:
        done = subprocess.run(command, capture_output=True, check=False, text=True)
    except FileNotFoundError:
        pytest.skip("there is no mount")
    if done.returncode:
        pytest.skip(f"no disk can be mounted here ({done.stderr.strip()})")
    yield mount
    subprocess.run(["umount", str(mount)], check=True)


def test_a_full_disk_takes_no_package_and_no_model(small_disk: Path) -> None:
    drone = Drone(small_disk)
    drone.install(1)
    fill(small_disk)
    with pytest.raises(UpdateError, match=r"No space left.*make room"):
        drone.fetch(2)
    with pytest.raises(UpdateError, match=r"No space left.*make room"):
        drone.slots.stage(*bundle(2))
    assert drone.running == Drone(small_disk).boot() == 1
    (small_disk / "ballast").unlink()
    drone.install(2)
    assert Drone(small_disk).boot() == 2


@pytest.mark.parametrize("step", ["commit", "roll back", "boot"])
def test_on_a_full_disk_a_trial_comes_to_its_end(small_disk: Path, step: str) -> None:
    drone = Drone(small_disk)
    drone.install(1)
    drone.try_out(2)
    fill(small_disk)
    if step == "boot":
        assert Drone(small_disk).boot() == 2
        assert Drone(small_disk).slots.state.boots == 1
    elif step == "commit":
        drone.slots.commit()
        assert Drone(small_disk).boot() == 2
    else:
        drone.slots.roll_back("it sees nothing")
        assert drone.slots.remarks == ()
        assert Drone(small_disk).boot() == 1


def test_what_is_held_of_a_package_stays_when_the_disk_is_full(tmp_path: Path) -> None:
    blob, chunks = package(1)
    PartialBlob(tmp_path, blob).add(0, chunks[0])
    partial = PartialBlob(tmp_path, blob, FailingDisk(lambda n: True, errno.ENOSPC))
    with pytest.raises(UpdateError, match=r"No space left.*make room"):
        partial.add(1, chunks[1])
    assert partial.held == PartialBlob(tmp_path, blob).held == {0}


# --- somebody else's, or read-only -----------------------------------------------------

AS_SOMEBODY_ELSE = """
import os, sys
from pathlib import Path
from edge_infer.errors import UpdateError
from slot_scene import Drone
folder = Path(sys.argv[1])
if os.geteuid() == 0:
    os.setgroups([]); os.setgid(65534); os.setuid(65534)
try:
    drone = Drone(folder)
    print(drone.boot())
    drone.install(2)
except UpdateError as error:
    print(error)
"""


def as_somebody_else(folder: Path) -> list[str]:
    """What happens to a user who owns nothing here: the release that boots, and a sentence."""
    paths = os.pathsep.join([str(Path(__file__).parent), *sys.path])
    done = subprocess.run(
        [sys.executable, "-c", AS_SOMEBODY_ELSE, str(folder)],
        env={**os.environ, "PYTHONPATH": paths}, capture_output=True, text=True, check=False,
        timeout=120,
    )  # fmt: skip
    assert "Traceback" not in done.stderr, done.stderr
    return done.stdout.splitlines()


@pytest.fixture
def open_folder(folder: Path) -> Iterator[Path]:
    """The same, in a place to which everybody finds the way."""
    for parent in folder.parents:
        if parent.stat().st_mode & 0o001 == 0 and parent.owner() == "root":
            parent.chmod(parent.stat().st_mode | 0o011)
    yield folder
    for each in [folder, *folder.rglob("*")]:
        each.chmod(0o755)


def test_somebody_else_flies_the_model_but_changes_nothing(open_folder: Path) -> None:
    before = {f: f.read_bytes() for f in open_folder.rglob("*") if f.is_file()}
    for each in [open_folder, *open_folder.rglob("*")]:
        each.chmod(0o555 if each.is_dir() else 0o444)
    booted, sentence = as_somebody_else(open_folder)
    assert booted == "1"
    assert "Permission denied" in sentence
    assert "let this user read and write there" in sentence
    assert before == {f: f.read_bytes() for f in open_folder.rglob("*") if f.is_file()}


def test_a_state_that_may_not_be_read_is_an_error_not_a_new_drone(open_folder: Path) -> None:
    (open_folder / "slots" / "state.json").chmod(0o000)
    (sentence,) = as_somebody_else(open_folder)
    assert "state.json cannot be read (Permission denied)" in sentence


def test_on_a_disk_that_cannot_be_written_the_model_flies(small_disk: Path) -> None:
    Drone(small_disk).install(1)
    Drone(small_disk).try_out(2)
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    drone = Drone(small_disk)
    assert drone.boot() == 1
    assert "Read-only file system" in drone.slots.remarks[0]
    with pytest.raises(UpdateError, match="mount that disk so that it can be written"):
        drone.slots.begin_trial()


def test_a_file_in_the_place_of_the_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "slots").write_text("a file")
    with pytest.raises(UpdateError, match="slots"):
        Slots(tmp_path / "slots").stage(*bundle(1))
