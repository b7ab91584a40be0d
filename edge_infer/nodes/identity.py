"""Who a node is on the fleet's topics: its drone's name, and how often it has started.

The boot counter is on disk, file and folder fsynced, before anything is sent,
so that an identity (source, boot, sequence) is never used twice, whatever is
switched off when.
"""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass
from pathlib import Path

from edge_infer.errors import FleetError
from edge_infer.runtime.api import Node


@dataclass(frozen=True)
class Identity:
    """A drone's name and the number of this start."""

    source: str
    boot: int


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
    return Identity(source, next_boot(folder / f"{name}.boot"))


def next_boot(path: Path) -> int:
    """Raise the counter in a file by one, durably; raises FleetError."""
    try:
        _make_durably(path.parent)
        boot = _read(path) + 1
        _write_durably(path, f"{boot}\n")
    except OSError as error:
        raise FleetError(
            f"the boot counter {path} cannot be written ({error.strerror})",
            "free the disk or set state_dir to a folder that this user may write",
        ) from error
    return boot


def _read(path: Path) -> int:
    try:
        return int(path.read_text())
    except FileNotFoundError:
        return 0
    except ValueError as error:
        raise FleetError(
            f"the boot counter {path} does not hold a number",
            "write a number above any that this drone ever used into it",
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
