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

"""A package on its way, on the disk: what has arrived of it survives a restart.

The file is its own journal. What is in it is known by hashing every chunk against the digests
that were signed, so nothing has to be written about it, and nothing that was written wrongly
can be believed.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from pathlib import Path

from edge_infer.errors import UpdateError
from edge_infer.updates.disk import THE_DISK, Disk, make_durably, told
from edge_infer.updates.release import Blob

_SUFFIX = ".part"


class PartialBlob:
    """The chunks of one blob that have arrived.

    Args:
        folder: of the files of all blobs; made when the first chunk arrives.
        blob: that arrives.
        disk: that it is on.

    Attributes:
        held: indices of the chunks that are on the disk.

    Raises:
        UpdateError: this user may not read the file, or the disk does not give it.
    """

    def __init__(self, folder: Path, blob: Blob, disk: Disk = THE_DISK) -> None:
        self._folder = folder
        self._file = folder / f"{blob.sha256}{_SUFFIX}"
        self._disk = disk
        self._is_named = False
        self.blob = blob
        self.held = self._found()

    @property
    def is_complete(self) -> bool:
        """Whether all chunks are here."""
        return len(self.held) == len(self.blob.chunks)

    def add(self, index: int, content: bytes) -> bool:
        """Keep a chunk; it is on the disk before it counts as held.

        Returns:
            Whether it is held now; False when this is not that chunk.

        Raises:
            UpdateError: the disk does not take it. What was held stays.
        """
        if not self.blob.fits(index, content):
            return False
        if index not in self.held:
            with told(f"{self._folder} cannot hold more of the package {self.blob.sha256[:16]}"):
                self._write(index, content)
            self.held.add(index)
        return True

    def read(self, index: int) -> bytes:
        """A chunk that is held, checked again.

        Raises:
            UpdateError: it is not held, or no more.
        """
        if index in self.held:
            start, end = self.blob.span(index)
            content = self._read(start, end)
            if self.blob.fits(index, content):
                return content
            self.held.discard(index)
        raise UpdateError(
            f"chunk {index} of the package {self.blob.sha256[:16]} is not here", "fetch it again"
        )

    def content(self) -> bytes:
        """The whole, checked.

        Raises:
            UpdateError: a chunk is missing, or the disk has damaged one, which is then held no
                more; or the chunks are not those of the whole.
        """
        content = b"".join(self.read(index) for index in range(len(self.blob.chunks)))
        if hashlib.sha256(content).hexdigest() != self.blob.sha256:
            raise UpdateError(
                f"the chunks of the package {self.blob.sha256[:16]} do not make the whole",
                "publish it again",
            )
        return content

    def discard(self) -> None:
        """Give the room back; raises UpdateError."""
        self.held.clear()
        self._is_named = False
        _remove(self._disk, self._file)

    def _write(self, index: int, content: bytes) -> None:
        if not self._is_named:
            make_durably(self._disk, self._folder)
        self._disk.write_at(self._file, self.blob.span(index)[0], content)
        self._disk.sync_file(self._file)
        if not self._is_named:
            self._disk.sync_folder(self._folder)
            self._is_named = True

    def _found(self) -> set[int]:
        with told(f"{self._file} cannot be read"):
            if not self._file.exists():
                return set()
            with self._file.open("rb") as stream:
                chunks = (stream.read(self.blob.chunk_bytes) for _ in self.blob.chunks)
                return {i for i, chunk in enumerate(chunks) if self.blob.fits(i, chunk)}

    def _read(self, start: int, end: int) -> bytes:
        with told(f"{self._file} cannot be read"):
            try:
                with self._file.open("rb") as stream:
                    return os.pread(stream.fileno(), end - start, start)
            except FileNotFoundError:
                return b""


def clean(folder: Path, keep: Iterable[str] = (), disk: Disk = THE_DISK) -> None:
    """Remove what arrived of other blobs.

    Args:
        folder: of the files of all blobs.
        keep: SHA-256 of the blobs that are still wanted.
        disk: that it is on.

    Raises:
        UpdateError: the disk does not take it.
    """
    wanted = set(keep)
    for file in sorted(folder.glob(f"*{_SUFFIX}")):
        if file.stem not in wanted:
            _remove(disk, file)


def _remove(disk: Disk, file: Path) -> None:
    with told(f"{file} cannot be removed"):
        try:
            disk.remove(file)
        except FileNotFoundError:
            return
