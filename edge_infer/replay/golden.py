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

"""What a replay found, frame by frame and target by target, kept to compare later ones with."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from edge_infer.errors import ReplayError, first_line

_Number = Annotated[float, Field(allow_inf_nan=False)]


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class Found(_Value):
    """One detection.

    Attributes:
        class_name: of its best hypothesis.
        score: 0 to 1.
        box: x1, y1, x2, y2 in pixels of the source image.
    """

    class_name: str = Field(alias="class")
    score: _Number
    box: tuple[_Number, _Number, _Number, _Number]


class Frame(_Value):
    """What was found in one image.

    Attributes:
        stamp_ns: capture time of the image.
        detections: in the detector's order.
    """

    stamp_ns: int
    detections: tuple[Found, ...]


class SeenTarget(_Value):
    """One real thing, as the coordinator knew it at the end.

    Attributes:
        id: of its earliest sighting, source/boot/sequence.
        class_name: the one with the most votes.
        score: 0 to 1, of its best sighting.
        position: x, y, z: metres east, north and up of the fleet's origin.
    """

    id: str
    class_name: str = Field(alias="class")
    score: _Number
    position: tuple[_Number, _Number, _Number]


class Golden(_Value):
    """The essentials of a replay.

    Attributes:
        version: of this form.
        bag: what was played, as it was named.
        model: name, version, digest and engine of what detected; empty without a detector.
        digest: of all outputs; equal digests mean that nothing changed at all.
        frames: in their order.
        targets: in the order of their ids.
    """

    version: Literal[1] = Field(1, alias="golden")
    bag: str
    model: dict[str, str]
    digest: str
    frames: tuple[Frame, ...]
    targets: tuple[SeenTarget, ...]


def read_golden(file: Path) -> Golden:
    """Read what ``write_golden`` wrote.

    Raises:
        ReplayError: there is no such file, or it is no golden.
    """
    try:
        return Golden.model_validate_json(file.read_bytes())
    except OSError as error:
        raise ReplayError(
            f"the golden {file} cannot be read ({error.strerror})",
            f"write one by a replay that is right, with --golden {file}",
        ) from error
    except ValidationError as error:
        fault = error.errors()[0]
        where = ".".join(str(part) for part in fault["loc"]) or "the file"
        raise ReplayError(
            f"{file} is no golden ({where}: {fault['msg']})",
            "write it again by a replay that is right, with --golden",
        ) from error


def write_golden(file: Path, golden: Golden) -> None:
    """Write a golden, a line for each frame and target, so that a diff of two can be read.

    Raises:
        ReplayError: the disk refuses it.
    """
    whole = golden.model_dump(by_alias=True)
    frames, targets = whole.pop("frames"), whole.pop("targets")
    head = "".join(f" {json.dumps(key)}: {json.dumps(value)},\n" for key, value in whole.items())
    text = f'{{\n{head} "frames": {_lines(frames)},\n "targets": {_lines(targets)}\n}}\n'
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    except OSError as error:
        raise ReplayError(
            f"the golden {file} cannot be written ({first_line(error)})", "name another file"
        ) from error


def _lines(items: Iterable[object]) -> str:
    return "[" + ",".join(f"\n  {json.dumps(item)}" for item in items) + "\n ]"
