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

"""Who a node is on the fleet's topics: its drone's name, and the number of this start.

The boot counter is on disk, file and folder fsynced, before anything is sent,
so that an identity (source, boot, sequence) is never used twice, whatever is
switched off when. Where there is none, on a new machine or a new disk, it begins at
the seconds since 2020: a drone starts less often than once a second, so that is
above all that it counted on a disk that is lost.

That takes a clock that is right at this moment. Where it was not, the others know
a start of this drone with a higher number: ``Identity.outnumbered`` raises the counter
above it. Until then replicas refuse a sighting whose identity they know with
another payload, and count it.
"""

from __future__ import annotations

import os
import socket
import time
from dataclasses import dataclass, replace
from pathlib import Path

from edge_infer.errors import FleetError
from edge_infer.runtime.api import Node

EPOCH_S = 1_577_836_800
"""2020-01-01 UTC. Boot numbers are 32 bits wide on the wire, so seconds since then last to 2156."""
HIGHEST_BOOT = (1 << 32) - 1


@dataclass(frozen=True)
class Identity:
    """A drone's name and the number of this start.

    Attributes:
        source: the name.
        boot: higher than that of every start before.
        counter: the file that the number is from; None when somebody else gave it.
    """

    source: str
    boot: int
    counter: Path | None = None

    def again(self) -> Identity:
        """The identity of another start under this name; raises FleetError."""
        if self.counter is None:
            return replace(self, boot=self.boot + 1)
        return replace(self, boot=next_boot(self.counter, time.time()))

    def outnumbered(self, boot: int) -> FleetError:
        """Raise the counter to a higher number that the fleet knows; the next start is above it.

        What this start has sent may have been said before, and all its nodes use its
        number, so it is not changed in flight.

        Args:
            boot: the number that the fleet knows, below HIGHEST_BOOT.

        Returns:
            The error to end the node with.

        Raises:
            FleetError: the counter cannot be written.
        """
        problem = (
            f"this is start {self.boot} of {self.source!r}, but the fleet knows start {boot}: "
            "the disk was lost and the clock wrong"
        )
        if self.counter is None:
            return FleetError(problem, "start it again with a higher number")
        _write_counter(self.counter, boot)
        return FleetError(
            f"{problem}; the boot counter {self.counter} is raised", "start this node again"
        )


def state_folder() -> Path:
    """Where drones keep what must survive a restart (XDG base directories)."""
    base = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(base) / "edge_infer"


def identify(node: Node, state_dir: str = "") -> Identity:
    """The identity of the drone whose namespace the node is in; counts one start.

    Args:
        node: its namespace names the drone; in the root namespace the host does.
        state_dir: folder of the counter; empty for ``state_folder()``.
    """
    source = node.get_namespace().strip("/") or socket.gethostname()
    folder = Path(state_dir) if state_dir else state_folder()
    name = node.get_fully_qualified_name().strip("/").replace("/", ".")
    counter = folder / f"{name}.boot"
    return Identity(source, next_boot(counter, _wall_s(node)), counter)


def next_boot(path: Path, wall_s: float) -> int:
    """Raise the counter in a file by one, durably.

    Args:
        path: the file; where it is missing the counter begins at the clock.
        wall_s: seconds since 1970 by the wall clock.

    Returns:
        The number of this start, 1 to HIGHEST_BOOT.

    Raises:
        FleetError: the file holds no such number, or cannot be written.
    """
    boot = _first_boot(wall_s) if (last := _read(path)) is None else last + 1
    _write_counter(path, boot)
    return boot


def _first_boot(wall_s: float) -> int:
    """The seconds since 2020; 1 when the clock shows a time that no boot number can tell."""
    since_s = int(wall_s) - EPOCH_S
    return since_s if 1 <= since_s < HIGHEST_BOOT else 1


def _wall_s(node: Node) -> float:
    """The node's clock; simulated time begins at 0 with every simulation, so there the system's."""
    now_s = node.get_clock().now().nanoseconds / 1e9
    return now_s if now_s >= EPOCH_S else time.time()


def _read(path: Path) -> int | None:
    """The number of the last start; None where there is no file."""
    remedy = (
        f"write a number above any that this drone ever used, and below {HIGHEST_BOOT}, into it"
    )
    try:
        text = path.read_text(errors="replace").strip()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise FleetError(
            f"the boot counter {path} cannot be read ({error.strerror})",
            "let this user read it, or set state_dir to another folder",
        ) from error
    if not (text.isascii() and text.isdigit()):
        raise FleetError(f"the boot counter {path} does not hold a number", remedy)
    if len(text) > len(str(HIGHEST_BOOT)) or int(text) >= HIGHEST_BOOT:
        raise FleetError(f"the boot counter {path} holds a number that is too high", remedy)
    return int(text)


def _write_counter(path: Path, boot: int) -> None:
    try:
        _make_durably(path.parent)
        _write_durably(path, f"{boot}\n")
    except OSError as error:
        raise FleetError(
            f"the boot counter {path} cannot be written ({error.strerror})",
            "free the disk or set state_dir to a folder that this user may write",
        ) from error


def _write_durably(path: Path, text: str) -> None:
    temporary = path.with_suffix(".tmp")
    with temporary.open("w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
    _sync(path.parent)


def _make_durably(folder: Path) -> None:
    """A folder, and the entries that lead to it."""
    new = [folder, *folder.parents]
    new = new[: next((i for i, each in enumerate(new) if each.is_dir()), len(new))]
    folder.mkdir(parents=True, exist_ok=True)
    for each in new:
        _sync(each.parent)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
