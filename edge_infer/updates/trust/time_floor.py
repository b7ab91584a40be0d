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

"""A time before which it cannot be: for a drone whose clock starts in 1970 or is turned back.

Out of date is judged against the later of the clock and this floor, which is on disk. It rises

- to the date at which the offline keys signed the newest root and targets: those were people
  with a calendar. What the online key dates does not count, so that who steals it cannot
  move the time of the fleet;
- with the drone's own clock, but never past the first expiry of the metadata that it
  trusts. So a clock that is years ahead stops updates only as long as it is wrong: whatever
  is signed later expires later, too, and is taken again.

It is forgotten with the timestamp key: when a root names another one, all that was learnt
under the old one is void, as the specification has it for versions (5.3.11).
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterable
from pathlib import Path

from edge_infer.updates.disk import write_durably

STEP_S = 3600.0
"""It is written when it rose by this much, to spare the flash memory."""


class TimeFloor:
    """The floor of one drone.

    Args:
        file: where it is kept. What cannot be read there counts as nothing.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._floor_s, self._keys = _read(file)
        self._written_s = self._floor_s

    @property
    def floor_s(self) -> float:
        """Seconds since 1970."""
        return self._floor_s

    def now_s(self, wall_s: float) -> float:
        """What time it is, as far as this drone can know."""
        return max(wall_s, self._floor_s)

    def follow(self, keys: Iterable[str], issued_s: float) -> None:
        """Begin anew if these are not the timestamp keys under which it rose.

        Args:
            keys: their identifiers.
            issued_s: when the root that names them was signed.
        """
        if sorted(keys) != self._keys:
            self._keys = sorted(keys)
            self._floor_s = issued_s
            self._write()
        self.rise(issued_s, issued_s)

    def rise(self, seen_s: float, most_s: float) -> None:
        """Rise to a time, but not past ``most_s``."""
        self._floor_s = max(self._floor_s, min(seen_s, most_s))
        if self._floor_s >= self._written_s + STEP_S:
            self._write()

    def _write(self) -> None:
        content = json.dumps({"floor_s": int(self._floor_s), "keys": self._keys})
        # A full disk must not stop a drone from judging: the floor holds until it stops.
        with contextlib.suppress(OSError):
            write_durably(self._file, content.encode())
            self._written_s = self._floor_s


def _read(file: Path) -> tuple[float, list[str]]:
    try:
        told = json.loads(file.read_bytes())
        return float(told["floor_s"]), sorted(str(key) for key in told["keys"])
    except (OSError, ValueError, KeyError, TypeError):
        return 0.0, []
