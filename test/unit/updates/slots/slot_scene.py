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

"""Small bundles, and a drone's way with them: for tests of what is on its disk."""

from __future__ import annotations

import functools
import hashlib
import random
from pathlib import Path

from edge_infer.models.bundle import MANIFEST_FILE, describe
from edge_infer.models.manifest import InputSpec, Manifest
from edge_infer.updates.disk import Disk, OsDisk
from edge_infer.updates.release import Blob, Release
from edge_infer.updates.slots.slots import Slots
from edge_infer.updates.transfer.partial import PartialBlob

MODEL = "solar_thermal"
CHUNK_BYTES = 1500


@functools.cache
def bundle(number: int) -> tuple[Release, dict[str, bytes]]:
    """A release, and the files of its bundle."""
    weights = {f"net{i}.onnx": random.Random(10 * number + i).randbytes(1000) for i in range(2)}
    precisions = ("float32", "int8")
    manifest = Manifest(
        name=MODEL,
        version=f"0.{number}.0",
        release=number,
        labels=("hot",),
        head="yolo",
        input=InputSpec(name="x", width=8, height=8, channels=1, dtype="uint8"),
        score_threshold=0.5,
        nms_iou=0.5,
        weights=tuple(
            describe("onnx", name, content, precision)
            for (name, content), precision in zip(weights.items(), precisions, strict=True)
        ),
        training={},
        licence="Apache-2.0",
    )
    files = {**weights, MANIFEST_FILE: manifest.to_json().encode()}
    digest = hashlib.sha256(files[MANIFEST_FILE]).hexdigest()
    return Release(MODEL, manifest.version, number, digest), files


@functools.cache
def package(number: int) -> tuple[Blob, tuple[bytes, ...]]:
    """A stand-in for a release's package, and its chunks."""
    content = random.Random(number).randbytes(3 * CHUNK_BYTES + 700)
    blob = Blob.of(content, CHUNK_BYTES)
    return blob, tuple(content[slice(*blob.span(i))] for i in range(len(blob.chunks)))


def number_in(folder: Path | None, most: int = 12) -> int:
    """Which release lies whole in a folder, byte by byte; 0 for the shipped one."""
    if folder is None:
        return 0
    there = {file.name: file.read_bytes() for file in folder.iterdir()}
    for number in range(1, most + 1):
        files = bundle(number)[1]
        if there.get(MANIFEST_FILE) == files[MANIFEST_FILE]:
            assert {name: there.get(name) for name in files} == files, f"{folder} is torn"
            return number
    raise AssertionError(f"{folder} holds no release that was ever published")


class Drone:
    """What an updater does with its disk, one step after the other.

    Args:
        folder: of everything.
        disk: that it is on.

    Attributes:
        slots: booted only when ``boot`` is called.
        fetched: chunks that came over the air, as (release, index).
        promised: what was done for good, in order: each step once it has returned.
    """

    def __init__(self, folder: Path, disk: Disk | None = None, most_boots: int = 3) -> None:
        self.disk = disk or OsDisk()
        self.packages = folder / "packages"
        self.slots = Slots(folder / "slots", self.disk, most_boots)
        self.fetched: list[tuple[int, int]] = []
        self.promised: list[str] = []

    def boot(self) -> int:
        """The release that flies."""
        return number_in(self.slots.boot())

    def check(self) -> None:
        """All that the slots claim to hold lies there whole, and nothing was found damaged."""
        for each in self.slots.state.all:
            assert number_in(self.slots.folder_of(each)) == each.release.number
        assert self.slots.remarks == ()

    @property
    def running(self) -> int:
        return number_in(self.slots.running())

    def fetch(self, number: int) -> None:
        """Take the chunks that are missing."""
        blob, chunks = package(number)
        partial = PartialBlob(self.packages, blob, self.disk)
        for index, chunk in enumerate(chunks):
            if index not in partial.held:
                self.fetched.append((number, index))
                assert partial.add(index, chunk)
                self.promised.append(f"chunk {number} {index}")
        assert partial.content() == b"".join(chunks)

    def stage(self, number: int) -> None:
        """Fetch and stage a release, unless it is past that."""
        release, files = bundle(number)
        staged = self.slots.state.staged
        if not self._is_past(number) and (staged is None or staged.release != release):
            self.fetch(number)
            self.slots.stage(release, files)
            PartialBlob(self.packages, package(number)[0], self.disk).discard()
        self.promised.append(f"staged {number}")

    def try_out(self, number: int) -> None:
        """Let a release fly on trial, unless it is past that."""
        self.stage(number)
        if not self._is_past(number):
            self.slots.begin_trial()
        self.promised.append(f"tried {number}")

    def install(self, number: int) -> None:
        """Bring a release to where it is committed, unless it is past that."""
        self.try_out(number)
        trial = self.slots.state.trial
        if trial and trial.release.number == number:
            self.slots.commit()
        self.promised.append(f"committed {number}")

    def _is_past(self, number: int) -> bool:
        """Whether a release flies or was refused, or a newer one is on its way."""
        refused = self.slots.state.reason_against(bundle(number)[0].digest)
        newest = max((each.release.number for each in self.slots.state.all), default=0)
        return refused is not None or self.running >= number or newest > number

    def roll_back(self, number: int) -> None:
        """Go back from a release, unless that was done."""
        if self.slots.state.reason_against(bundle(number)[0].digest) is None:
            self.slots.roll_back("it sees nothing")
        self.promised.append(f"refused {number}")
