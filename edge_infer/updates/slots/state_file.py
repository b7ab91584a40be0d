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

"""The file that says what the slots hold, and the room that is kept for the next one.

Going back must not fail for want of disk space, so a file of no use holds some: it is
given up for the state when the disk is full, and made again when there is room.
"""

from __future__ import annotations

import contextlib
import hashlib
from pathlib import Path

from edge_infer.updates.disk import NO_ROOM, Disk, make_durably, told, write_durably
from edge_infer.updates.slots.state import SlotState, decode, encode

STATE_FILE = "state.json"
RESERVE_FILE = "reserve"
RESERVE_BYTES = 128 * 1024
"""More than the longest state takes."""


class StateFile:
    """Keeps a SlotState in a folder.

    Args:
        folder: made when something is written.
        disk: that it is on.
    """

    def __init__(self, folder: Path, disk: Disk) -> None:
        self._folder = folder
        self._file = folder / STATE_FILE
        self._disk = disk

    def read(self) -> SlotState | None:
        """The state; None when there is none, or none that makes sense.

        Raises:
            UpdateError: this user may not read it, or the disk does not give it.
        """
        with told(f"{self._file} cannot be read"):
            try:
                return decode(self._file.read_bytes())
            except (FileNotFoundError, IsADirectoryError):
                return None

    def is_there(self) -> bool:
        """Whether there is a state, of sense or not."""
        return self._file.exists()

    def write(self, state: SlotState) -> None:
        """Let this be the state after a power cut, too; raises UpdateError."""
        content = encode(state)
        with told(f"{self._folder} cannot hold which model is in which slot"):
            make_durably(self._disk, self._folder)
            try:
                write_durably(self._file, content, disk=self._disk)
            except OSError as error:
                if error.errno not in NO_ROOM or not self._give_up_reserve():
                    raise
                write_durably(self._file, content, disk=self._disk)
        self._keep_reserve()

    def _give_up_reserve(self) -> bool:
        try:
            self._disk.remove(self._folder / RESERVE_FILE)
        except OSError:
            return False
        return True

    def _keep_reserve(self) -> None:
        reserve = self._folder / RESERVE_FILE
        with contextlib.suppress(OSError):
            if not reserve.exists() or reserve.stat().st_size < RESERVE_BYTES:
                # What cannot be compressed: some file systems store zeros in no room at all.
                self._disk.write(reserve, hashlib.shake_256(b"reserve").digest(RESERVE_BYTES))
                self._disk.sync_file(reserve)
