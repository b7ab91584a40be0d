"""Where the nodes of updates keep what must survive a restart, and what they must be given."""

from __future__ import annotations

from pathlib import Path

from edge_infer.errors import UpdateError
from edge_infer.nodes.identity import state_folder
from edge_infer.runtime.api import Node

_MOST_ROOT_BYTES = 1_000_000


def updates_folder(node: Node, state_dir: str) -> Path:
    """The folder of one node, beside the boot counters."""
    name = node.get_fully_qualified_name().strip("/").replace("/", ".")
    return (Path(state_dir) if state_dir else state_folder()) / f"{name}.updates"


def first_root(path: str) -> bytes:
    """The root metadata that trust begins with; raises UpdateError when there is none."""
    if not path:
        raise UpdateError(
            "no root of trust is given",
            "set the parameter root to the root.json that edge-infer keys init made",
        )
    try:
        with Path(path).open("rb") as file:
            return file.read(_MOST_ROOT_BYTES)
    except OSError as error:
        raise UpdateError(
            f"the root of trust {path} cannot be read ({error.strerror})",
            "name the root.json that edge-infer keys init made",
        ) from error
