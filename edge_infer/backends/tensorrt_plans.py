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

"""Plans of TensorRT kept on disk: what they hang on, the file, when one is out of date.

A plan takes minutes to build and holds for one model, one GPU and one version only. So
its file begins with a key of all that and a digest of the rest, and one that is stale,
cut off or damaged is noticed before TensorRT sees it. A disk that takes nothing costs
the cache, not the flight. Building and running are not here.
"""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import NamedTuple

from edge_infer.backends.base import Tell
from edge_infer.errors import first_line
from edge_infer.files import write_whole

FOLDER_VARIABLE = "EDGE_INFER_CACHE"
"""Environment variable with the folder for all that can be made again."""

KEPT = 4
"""Plans of one model that stay; the oldest beyond them go."""

_MARK = b"EIPLAN1\n"
_HEAD = len(_MARK) + 2 * hashlib.sha256().digest_size
_NAME = 16


class Settings(NamedTuple):
    """How a plan is built.

    Attributes:
        flags: precisions that TensorRT may choose for a layer; () where it keeps the file's.
        workspace_bytes: of GPU memory that one layer may use on the side.
        max_batch: inputs that are looked at together, where the model leaves that open.
    """

    flags: tuple[str, ...] = ()
    workspace_bytes: int = 1 << 30
    max_batch: int = 16


class Machine(NamedTuple):
    """What builds and runs a plan, each as it calls itself.

    Attributes:
        tensorrt: version.
        gpu: its name.
        compute: its capability, as 8.7.
        driver: the CUDA version that the driver brings.
    """

    tensorrt: str
    gpu: str
    compute: str
    driver: str


class Origin(NamedTuple):
    """All that a plan hangs on."""

    model_sha256: str
    machine: Machine
    settings: Settings


class Plan(NamedTuple):
    """What TensorRT runs, and the order of the model's tensors, which it does not promise."""

    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    content: bytes

    def packed(self) -> bytes:
        """As bytes; ``unpacked`` is the way back."""
        return json.dumps([self.inputs, self.outputs]).encode() + b"\n" + self.content

    @classmethod
    def unpacked(cls, packed: bytes) -> Plan:
        """From what ``packed`` gave."""
        names, _, content = packed.partition(b"\n")
        inputs, outputs = json.loads(names)
        return cls(tuple(inputs), tuple(outputs), content)


def key(of: Origin | Machine) -> bytes:
    """Another one whenever anything in it is."""
    return hashlib.sha256(json.dumps(of).encode()).digest()


def sealed(key: bytes, content: bytes) -> bytes:
    """A file's bytes: mark, key, digest of the content, content."""
    return _head(key, content) + content


def opened(key: bytes, file: bytes) -> bytes | None:
    """The content; None unless the file is whole and was sealed with this key."""
    content = file[_HEAD:]
    return content if file[:_HEAD] == _head(key, content) else None


def _head(key: bytes, content: bytes) -> bytes:
    return _MARK + key + hashlib.sha256(content).digest()


def default_folder() -> Path:
    """Where plans are kept unless one is told otherwise."""
    chosen = os.environ.get(FOLDER_VARIABLE)
    if chosen:
        return Path(chosen) / "plans"
    try:
        return Path.home() / ".cache" / "edge_infer" / "plans"
    except RuntimeError:
        # Without a home nothing can be kept, which the first attempt says.
        return Path(os.devnull) / "plans"


class PlanStore:
    """A folder of plans, with what TensorRT remembers of timing its kernels beside them."""

    def __init__(self, folder: Path, tell: Tell) -> None:
        self._folder = folder
        self._tell = tell

    def plan(self, origin: Origin) -> Plan | None:
        """The plan that was kept for this; None when there is none that can be trusted."""
        packed = self._read(self._plan_file(origin), key(origin), "its stored plan")
        return None if packed is None else Plan.unpacked(packed)

    def keep_plan(self, origin: Origin, plan: Plan) -> None:
        """Write a plan, and drop the oldest of the same model."""
        file = self._plan_file(origin)
        if self._write(file, key(origin), plan.packed(), "the plan"):
            self._prune(origin.model_sha256, file)

    def timings(self, machine: Machine) -> bytes:
        """What TensorRT timed here before; empty when there is nothing to be trusted."""
        file = self._timings_file(machine)
        return self._read(file, key(machine), "what was timed before") or b""

    def keep_timings(self, machine: Machine, content: bytes) -> None:
        """Write what TensorRT timed, for the next plan."""
        self._write(self._timings_file(machine), key(machine), content, "what was timed")

    def _plan_file(self, origin: Origin) -> Path:
        name = f"{origin.model_sha256[:_NAME]}-{key(origin).hex()[:_NAME]}.plan"
        return self._folder / name

    def _timings_file(self, machine: Machine) -> Path:
        return self._folder / f"{key(machine).hex()[:_NAME]}.timings"

    def _read(self, file: Path, key: bytes, what: str) -> bytes | None:
        try:
            stored = file.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            self._tell(f"{what} cannot be read ({first_line(error)})")
            return None
        content = opened(key, stored)
        if content is None:
            self._tell(f"{what} is damaged or of another machine")
        return content

    def _write(self, file: Path, key: bytes, content: bytes, what: str) -> bool:
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            write_whole(file, sealed(key, content))
        except OSError as error:
            self._tell(f"{what} cannot be kept for the next start ({first_line(error)})")
            return False
        return True

    def _prune(self, model_sha256: str, fresh: Path) -> None:
        others = [
            file for file in self._folder.glob(f"{model_sha256[:_NAME]}-*.plan") if file != fresh
        ]
        for file in sorted(others, key=_written, reverse=True)[KEPT - 1 :]:
            self._delete(file)

    def _delete(self, file: Path) -> None:
        try:
            file.unlink(missing_ok=True)
        except OSError as error:
            self._tell(f"an old plan cannot be deleted ({first_line(error)})")


def _written(file: Path) -> int:
    """When, in nanoseconds; 0 for one that another process just deleted."""
    try:
        return file.stat().st_mtime_ns
    except OSError:
        return 0
