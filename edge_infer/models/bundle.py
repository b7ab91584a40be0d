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

"""A model bundle on disk: a folder with manifest.json and the files that it names.

Loading checks every byte against the manifest before any engine sees it. Who
published a bundle, and whether to trust it, is decided elsewhere.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from edge_infer.errors import ModelError
from edge_infer.files import write_whole
from edge_infer.models.manifest import (
    FILE_NAME,
    BundleFile,
    Manifest,
    Precision,
    WeightFile,
)

MANIFEST_FILE = "manifest.json"

MODEL_CARD = "MODEL_CARD.md"
"""For people; the only file that travels along without being named in the manifest."""

_AGAIN = "copy the bundle again from where it was published"


@dataclass(frozen=True)
class ModelBundle:
    """A bundle whose files are all there and unchanged.

    Attributes:
        path: the folder.
        manifest: what manifest.json says.
        digest: SHA-256 of manifest.json, and through it of every file that it names.
    """

    path: Path
    manifest: Manifest
    digest: str

    @classmethod
    def load(cls, path: str | Path) -> ModelBundle:
        """Read and check a bundle; raises ModelError in one sentence."""
        folder = Path(path)
        text = _read(folder / MANIFEST_FILE, folder)
        manifest = Manifest.from_json(text, str(folder / MANIFEST_FILE))
        for each in manifest.files:
            _check(folder, each)
        return cls(folder, manifest, hashlib.sha256(text).hexdigest())

    def weights(self, format_: str, precision: str | None = None) -> Path:
        """The first network's file for an engine; raises ModelError when there is none.

        Args:
            format_: the engine's name.
            precision: of the weights; the first in the manifest when None.
        """
        return self.path / self._choose(format_, precision).file

    def classifier_weights(self, format_: str, precision: str | None = None) -> Path | None:
        """The same for the second network; None where the bundle has none."""
        if self.manifest.classifier is None:
            return None
        kind = self._choose(format_, precision).kind
        weights = self.manifest.classifier.weights
        return self.path / next(weight.file for weight in weights if weight.kind == kind)

    def bytes_of(self, weight: WeightFile) -> int:
        """Size of one of the first network's files and its counterpart of the second's."""
        return sum(file.bytes for file in self.manifest.all_weights if file.kind == weight.kind)

    def contents(self) -> dict[str, bytes]:
        """All that the bundle consists of, file by file; raises ModelError.

        The manifest, the files that it names, and the model card where there is one.
        """
        names = [MANIFEST_FILE, *(each.file for each in self.manifest.files)]
        if (self.path / MODEL_CARD).is_file():
            names.append(MODEL_CARD)
        return {name: _read(self.path / name, self.path) for name in names}

    def _choose(self, format_: str, precision: str | None) -> WeightFile:
        for weight in self.manifest.weights:
            if weight.format == format_ and precision in (None, weight.precision):
                return weight
        held = ", ".join(f"{weight.format} {weight.precision}" for weight in self.manifest.weights)
        wanted = f"{format_} {precision}" if precision else format_
        raise ModelError(
            f"model {self.manifest.name} {self.manifest.version} holds no {wanted} weights",
            f"choose one that it has: {held}",
        )


def shipped() -> Path:
    """The folder of the bundle that comes with this package."""
    return Path(__file__).parent / "shipped" / "solar_thermal"


def describe(
    format_: str, file: str, content: bytes, precision: Precision = "float32"
) -> WeightFile:
    """The manifest's line for a weight file."""
    named = describe_file(file, content).model_dump()
    return WeightFile(format=format_, precision=precision, **named)


def describe_file(file: str, content: bytes) -> BundleFile:
    """The manifest's line for any file."""
    return BundleFile(file=file, sha256=hashlib.sha256(content).hexdigest(), bytes=len(content))


def write(path: str | Path, manifest: Manifest, files: Mapping[str, bytes]) -> ModelBundle:
    """Write a bundle, the manifest last, and read it back as a check."""
    return write_contents(path, {**files, MANIFEST_FILE: manifest.to_json().encode()})


def write_contents(path: str | Path, contents: Mapping[str, bytes]) -> ModelBundle:
    """Write what ``ModelBundle.contents`` gave, the manifest last, and read it back as a check.

    Raises:
        ModelError: a name would lead out of the folder, or it is no whole bundle.
        OSError: the disk does not take it.
    """
    folder = Path(path)
    for name in contents:
        if not re.fullmatch(FILE_NAME, name):
            raise ModelError(f"{name!r} is no name of a file in a model bundle", _AGAIN)
    folder.mkdir(parents=True, exist_ok=True)
    for name in sorted(contents, key=lambda name: name == MANIFEST_FILE):
        write_whole(folder / name, contents[name])
    return ModelBundle.load(folder)


def _read(file: Path, folder: Path) -> bytes:
    try:
        return file.read_bytes()
    except FileNotFoundError:
        what = f"has no {file.name}" if folder.is_dir() else "is not there"
        raise ModelError(
            f"model bundle {folder} {what}", "name a folder that edge-infer model inspect can read"
        ) from None
    except OSError as error:
        raise ModelError(
            f"{file} cannot be read ({error.strerror})", "check its permissions"
        ) from None


def _check(folder: Path, named: BundleFile) -> None:
    file = folder / named.file
    what = "weight file" if isinstance(named, WeightFile) else "file"
    if not file.is_file():
        raise ModelError(f"{what} {file} is missing", _AGAIN)
    size = file.stat().st_size
    if size != named.bytes:
        kind = "truncated" if size < named.bytes else "too long"
        raise ModelError(f"{what} {file} is {kind} ({size} bytes instead of {named.bytes})", _AGAIN)
    if hashlib.sha256(_read(file, folder)).hexdigest() != named.sha256:
        raise ModelError(f"{what} {file} does not match its digest", _AGAIN)
