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

"""A bundle becomes one that can be published: with a golden input and a bill of materials."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from edge_infer.errors import ModelError
from edge_infer.models.bundle import MODEL_CARD, ModelBundle, describe_file, write
from edge_infer.models.golden import GOLDEN_FILE, Golden
from edge_infer.models.manifest import Manifest
from edge_infer.models.sbom import SBOM_FILE, write_sbom
from edge_infer.perception.golden_making import drawn_picture, make


def seal(
    bundle: ModelBundle,
    out: Path,
    pictures: Sequence[bytes] = (),
    engines: Mapping[str, str] | None = None,
) -> ModelBundle:
    """Write a bundle with a golden input and a bill of materials; ``out`` may be its own folder.

    Args:
        bundle: on disk, checked.
        out: folder.
        pictures: image files for the golden input. Without any, those of the golden input
            that there is; without that, one that is drawn.
        engines: versions that can run it, instead of what the manifest says.

    Raises:
        ModelError: its weights do not agree on the pictures, or versions make no sense.
        BackendError: no engine runs it here.
        OSError: the disk does not take it.
    """
    changes: dict[str, Any] = {} if engines is None else {"engines": dict(engines)}
    return _sealed(bundle, out, changes, pictures or _pictures(bundle))


def derive(
    bundle: ModelBundle,
    out: Path,
    *,
    version: str,
    release: int,
    score_threshold: float | None = None,
) -> ModelBundle:
    """Write the same networks as another release.

    A golden input is made again where another threshold changes what is seen; a bundle
    without one stays without.

    Args:
        bundle: on disk, checked.
        out: folder.
        version: as in the manifest.
        release: as in the manifest.
        score_threshold: as in the manifest; the bundle's when None.

    Raises:
        As ``seal``.
    """
    changes: dict[str, Any] = {"version": version, "release": release}
    again = score_threshold not in (None, bundle.manifest.score_threshold)
    if again:
        changes["score_threshold"] = score_threshold
    pictures = _pictures(bundle) if again and bundle.manifest.golden else ()
    return _sealed(bundle, out, changes, pictures)


def _sealed(
    bundle: ModelBundle, out: Path, changes: Mapping[str, Any], pictures: Sequence[bytes]
) -> ModelBundle:
    """Write a bundle with changes of its manifest, a new bill and, of pictures, a new golden."""
    files = bundle.contents()
    manifest = _changed(bundle.manifest, changes)
    if MODEL_CARD in files:
        files[MODEL_CARD] = files[MODEL_CARD].replace(_title(bundle.manifest), _title(manifest), 1)
    if pictures:
        content = make(replace(bundle, manifest=manifest), pictures).to_json()
        files[GOLDEN_FILE] = content
        manifest = _changed(manifest, {"golden": describe_file(GOLDEN_FILE, content)})
    files[SBOM_FILE] = write_sbom(manifest)
    manifest = _changed(manifest, {"sbom": describe_file(SBOM_FILE, files[SBOM_FILE])})
    kept = {MODEL_CARD, *(each.file for each in manifest.files)}
    return write(out, manifest, {name: files[name] for name in files if name in kept})


def _title(manifest: Manifest) -> bytes:
    """First line of a model card."""
    return f"# {manifest.name} {manifest.version}\n".encode()


def _pictures(bundle: ModelBundle) -> tuple[bytes, ...]:
    golden = Golden.of(bundle)
    if golden is None:
        return (drawn_picture(bundle.manifest.input),)
    return tuple(frame.encoded for frame in golden.frames)


def _changed(manifest: Manifest, changes: Mapping[str, Any]) -> Manifest:
    """The same manifest with changes, checked."""
    try:
        return Manifest.model_validate({**dict(manifest), **changes})
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        key = ".".join(str(part) for part in first["loc"])
        raise ModelError(
            f"model {manifest.name} cannot be changed like that "
            f"({f'{key}: ' if key else ''}{first['msg']})",
            "change the option that says so",
        ) from None
