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

"""Disks that refuse: at one operation, or when they are full."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from edge_infer.updates.disk import Disk, OsDisk


@dataclass
class FailingDisk(Disk):
    """The real disk, unsynced, but for operations that it refuses.

    Args:
        fails: told the number of an operation, from 0, whether it is refused.
        code: of the error.
    """

    fails: Callable[[int], bool]
    code: int = errno.EIO
    operations: int = 0

    def make_folder(self, folder: Path) -> None:
        self._begin()
        OsDisk().make_folder(folder)

    def write(self, file: Path, content: bytes, mode: int = 0o644) -> None:
        # Half of it gets there.
        file.write_bytes(content[: len(content) // 2])
        self._begin()
        OsDisk().write(file, content, mode)

    def write_at(self, file: Path, start: int, content: bytes) -> None:
        OsDisk().write_at(file, start, content[: len(content) // 2])
        self._begin()
        OsDisk().write_at(file, start, content)

    def sync_file(self, file: Path) -> None:
        self._begin()

    def sync_folder(self, folder: Path) -> None:
        self._begin()

    def replace(self, file: Path, by: Path) -> None:
        self._begin()
        OsDisk().replace(file, by)

    def remove(self, file: Path) -> None:
        self._begin()
        OsDisk().remove(file)

    def _begin(self) -> None:
        self.operations += 1
        if self.fails(self.operations - 1):
            raise OSError(self.code, os.strerror(self.code))
