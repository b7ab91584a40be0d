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

"""A folder whose files change all together, power cut or not."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

from edge_infer.updates.disk import THE_DISK, write_durably

_CURRENT = "current"
"""The file that names the folder that counts."""


class ChangingFolder:
    """Files that change all together or not at all, power cut or not.

    Each state is a folder of its own, ``set-N``; the file ``current`` names the one that counts,
    and is replaced when the next is on the disk.

    Args:
        folder: to be made where it is not there.

    Raises:
        OSError: the disk cannot be used.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._name = self._current()
        for left in folder.glob("set-*"):
            if left.name != self._name:
                shutil.rmtree(left)

    def read(self) -> dict[str, bytes]:
        """The files that count, by name."""
        if not self._name:
            return {}
        files = (self._folder / self._name).iterdir()
        return {file.name: file.read_bytes() for file in files}

    def replace(self, files: Mapping[str, bytes]) -> None:
        """Let other files count; raises OSError, and then the old ones stay, or both."""
        fresh = self._folder / f"set-{int(self._name.removeprefix('set-') or 0) + 1}"
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir()
        for name, content in files.items():
            THE_DISK.write(fresh / name, content)
            THE_DISK.sync_file(fresh / name)
        THE_DISK.sync_folder(fresh)
        THE_DISK.sync_folder(self._folder)
        old = self._name
        try:
            write_durably(self._folder / _CURRENT, fresh.name.encode())
        finally:
            # It may be written, and only not known to be on the disk: then both must stay.
            self._name = self._current()
        if old:
            shutil.rmtree(self._folder / old, ignore_errors=True)

    def _current(self) -> str:
        try:
            name = (self._folder / _CURRENT).read_text("ascii", "replace")
        except FileNotFoundError:
            return ""
        is_usable = name.startswith("set-") and name[4:].isdecimal()
        return name if is_usable and (self._folder / name).is_dir() else ""
