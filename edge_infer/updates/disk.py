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

"""The operations by which updates change a disk, one by one, and what lasts a power cut.

Apart, so that a test can stop between any two of them, and lose what was not synced.
Reading is plain: what is read is checked by its digest.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from edge_infer.errors import UpdateError, first_line

NO_ROOM = {errno.ENOSPC, errno.EDQUOT}
_REMEDIES = {
    **dict.fromkeys(NO_ROOM, "make room on that disk"),
    errno.EROFS: "mount that disk so that it can be written",
    errno.EACCES: "let this user read and write there",
    errno.EPERM: "let this user read and write there",
}


class Disk(Protocol):
    """What is done to a disk; every operation may raise OSError."""

    def make_folder(self, folder: Path) -> None:
        """Make a folder whose parent is there."""

    def write(self, file: Path, content: bytes, mode: int = 0o644) -> None:
        """Let a file hold this and nothing else, with these rights if it is new; not synced."""

    def write_at(self, file: Path, start: int, content: bytes) -> None:
        """Write some bytes of a file, which is made where it is not there; not synced."""

    def sync_file(self, file: Path) -> None:
        """Wait until what a file holds is on the disk; its name may not be."""

    def sync_folder(self, folder: Path) -> None:
        """Wait until the names in a folder are on the disk."""

    def replace(self, file: Path, by: Path) -> None:
        """Give the file ``by`` the name of another one, which is lost."""

    def remove(self, file: Path) -> None:
        """Remove a file, or a folder with all that is in it."""


class OsDisk:
    """The disk of this machine."""

    def make_folder(self, folder: Path) -> None:
        folder.mkdir()

    def write(self, file: Path, content: bytes, mode: int = 0o644) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW
        with os.fdopen(os.open(file, flags, mode), "wb") as stream:
            stream.write(content)

    def write_at(self, file: Path, start: int, content: bytes) -> None:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT, 0o644)
        with os.fdopen(descriptor, "wb") as stream:
            stream.seek(start)
            stream.write(content)

    def sync_file(self, file: Path) -> None:
        _sync(file)

    def sync_folder(self, folder: Path) -> None:
        _sync(folder)

    def replace(self, file: Path, by: Path) -> None:
        by.replace(file)

    def remove(self, file: Path) -> None:
        if file.is_dir() and not file.is_symlink():
            shutil.rmtree(file)
        else:
            file.unlink()


THE_DISK = OsDisk()


# --- what is made of them ------------------------------------------------------------


def make_durably(disk: Disk, folder: Path) -> None:
    """Make a folder and those above it, and wait until they are on the disk."""
    missing = [folder, *folder.parents]
    missing = missing[: next(i for i, each in enumerate(missing) if each.is_dir())]
    for each in reversed(missing):
        disk.make_folder(each)
        disk.sync_folder(each.parent)
    if not missing:
        # Whoever made it may have been stopped before its name was on the disk.
        with contextlib.suppress(PermissionError):
            disk.sync_folder(folder.parent)


def write_durably(file: Path, content: bytes, mode: int = 0o644, disk: Disk = THE_DISK) -> None:
    """Write beside a file, sync, rename, sync the folder: after a power cut it is old or new.

    Raises:
        OSError: the disk does not take it; the old file stays.
    """
    fresh = file.with_name(f"{file.name}.new")
    try:
        if os.path.lexists(fresh):
            # Left by a power cut; a secret must not get the rights of what lies there.
            disk.remove(fresh)
        disk.write(fresh, content, mode)
        disk.sync_file(fresh)
        disk.replace(file, fresh)
    except OSError:
        with contextlib.suppress(OSError):
            disk.remove(fresh)
        raise
    disk.sync_folder(file.parent)


@contextlib.contextmanager
def told(what: str) -> Iterator[None]:
    """Say what cannot be done when the disk refuses: an OSError becomes an UpdateError."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or first_line(error)
        remedy = _REMEDIES.get(error.errno or 0, "see what the system's log says of that disk")
        raise UpdateError(f"{what} ({reason})", remedy) from error


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
