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
