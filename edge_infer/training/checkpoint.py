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

"""What a run leaves on disk: the last state to go on from, the best weights, the record."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from edge_infer.errors import TrainingError, first_line
from edge_infer.files import write_whole
from edge_infer.training.networks.parts import PARTS, Network, part_of

LAST, BEST, RECORD = "last.pt", "best.pt", "run.json"


@dataclass(frozen=True, eq=False)
class Trained:
    """A network that a step made, and how it came about.

    Attributes:
        network: in evaluation mode.
        labels: class names; index is the class id.
        record: command, seed, data, versions and figures of the last step; what it
            began with is its ``start``, a record of the same kind, or None.
    """

    network: Network
    labels: tuple[str, ...]
    record: dict[str, Any]


def save(folder: Path, name: str, state: dict[str, Any]) -> None:
    """Write a state; raises TrainingError when the disk does not take it."""
    content = io.BytesIO()
    torch.save(state, content)
    try:
        write_whole(folder / name, content.getvalue())
    except OSError as error:
        raise TrainingError(
            f"{folder / name} cannot be written ({error.strerror})",
            "make room there, then go on with --resume",
        ) from error


def load(folder: Path, name: str) -> dict[str, Any]:
    """Read a state; raises TrainingError when there is none, or none that is whole."""
    file = folder / name
    try:
        state: dict[str, Any] = torch.load(file, weights_only=True, map_location="cpu")
    except FileNotFoundError:
        raise TrainingError(f"{file} is not there", "name the folder of a run") from None
    except Exception as error:
        raise TrainingError(
            f"{file} is no checkpoint ({first_line(error)[:120]})", "run that step again"
        ) from error
    return state


def save_trained(folder: Path, trained: Trained) -> None:
    """Write the best network of a run with its record."""
    save(folder, BEST, {
        "labels": list(trained.labels),
        "part": part_of(trained.network).name,
        "size": json.dumps(trained.network.size),
        "weights": trained.network.state_dict(),
        "record": json.dumps(trained.record),
    })  # fmt: skip


def load_trained(folder: Path, part: str | None = None) -> Trained:
    """The best network of a run.

    Raises:
        TrainingError: it cannot be read, or is of another part than the one wanted.
    """
    state = load(folder, BEST)
    if part not in (None, state.get("part")):
        raise TrainingError(
            f"the run in {folder} trained no {part}", f"name the folder of a {part}'s run"
        )
    try:
        kind = PARTS[state["part"]]
        network = kind.build(len(state["labels"]), kind.size.from_json(json.loads(state["size"])))
        network.load_state_dict(state["weights"])
        return Trained(network.eval(), tuple(state["labels"]), json.loads(state["record"]))
    except (KeyError, ValueError, TypeError, RuntimeError) as error:
        raise TrainingError(
            f"{folder / BEST} is of another version ({first_line(error)[:120]})",
            "run that step again",
        ) from error


def history(record: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The records of all steps that led to a network, the first one first."""
    if record.get("start"):
        yield from history(record["start"])
    yield record
