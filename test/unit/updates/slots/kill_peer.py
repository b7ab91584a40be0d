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

"""Drones that install one release after the other until they are killed.

Forks one for each folder that is named on standard input. To standard output it writes the
number of the process, a dot before each operation on the disk, ``end`` when all is installed,
and, when another line comes, ``dead`` once the process is gone: until then nobody else has its
number.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from slot_scene import Drone, bundle, package

from edge_infer.updates.disk import OsDisk

RELEASES = 12


class DottedDisk(OsDisk):
    """The real disk; a dot before each operation."""

    def __getattribute__(self, name: str) -> object:
        os.write(1, b".")
        return super().__getattribute__(name)


def install_all(drone: Drone) -> None:
    """Every third one is bad."""
    for number in range(1, RELEASES + 1):
        drone.try_out(number)
        trial = drone.slots.state.trial
        if trial is None or trial.release.number != number:
            continue
        if number % 3 == 0:
            drone.slots.roll_back("every third one")
        else:
            drone.slots.commit()


def main() -> None:
    for number in range(1, RELEASES + 1):
        bundle(number), package(number)
    while line := sys.stdin.readline():
        if (pid := os.fork()) == 0:
            os.write(1, f"{os.getpid()}\n".encode())
            drone = Drone(Path(line.strip()), DottedDisk(), most_boots=1_000_000)
            drone.boot()
            install_all(drone)
            os.write(1, b"end")
            os._exit(0)
        sys.stdin.readline()
        os.waitpid(pid, 0)
        os.write(1, b"dead\n")


if __name__ == "__main__":
    main()
