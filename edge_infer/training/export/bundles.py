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

"""Two trained networks become a bundle: files for every engine, each pair checked against them.

Files that do not do what the networks do are never written. How far each pair is off,
and what it was made of, stands in the manifest.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from edge_infer.backends import registry
from edge_infer.datasets.frames import LabelledFrames
from edge_infer.domain import CameraFrame
from edge_infer.errors import BackendError, ModelError, TrainingError, first_line
from edge_infer.models import bundle
from edge_infer.models.bundle import ModelBundle
from edge_infer.models.manifest import Manifest, Precision, WeightFile
from edge_infer.perception.golden_making import encode
from edge_infer.perception.sealing import seal
from edge_infer.training.export import onnx_files, tflite_files
from edge_infer.training.export.agreement import Agreement, Answer, Both, Reference, of_torch
from edge_infer.training.export.onnx_files import Batches
from edge_infer.training.export.provenance import (
    Calibration,
    Figures,
    Pair,
    agreement_figures,
    provenance,
    tool_versions,
)
from edge_infer.training.manifests import manifest_of
from edge_infer.training.networks.finder import COARSE_STRIDE
from edge_infer.training.networks.parts import Network, part_of


class Tolerance(NamedTuple):
    """How far a pair of files may be off and still do what the networks do.

    Attributes:
        score: mean difference of the chances that a thing is there.
        corner_px: mean difference of a coordinate of a corner, pixels.
        kind: mean difference of the chances of a kind.
        accuracy: share of the modules that it may take for the wrong thing and the
            networks do not.
    """

    score: float
    corner_px: float
    kind: float
    accuracy: float


TOLERANCES: Mapping[Precision, Tolerance] = {
    "float32": Tolerance(0.0005, 0.01, 0.0005, 0.002),
    "float16": Tolerance(0.003, 0.05, 0.003, 0.005),
    "int8": Tolerance(0.03, 1.0, 0.03, 0.02),
}


@dataclass(frozen=True, eq=False)
class _Source:
    """What all files of a network are made from."""

    network: Network
    calibration: Batches

    @cached_property
    def tflite(self) -> bytes:
        """Made once: the conversion takes some seconds, and the other precisions start there."""
        return tflite_files.to_tflite(self.network, self.calibration.shape[1:])


class _Kind(NamedTuple):
    """A file of each network."""

    format: str
    precision: Precision
    suffix: str
    make: Callable[[_Source], bytes]


_KINDS = (
    _Kind("onnx", "int8", "int8.onnx",
          lambda s: onnx_files.to_onnx_int8(s.network, s.calibration)),
    _Kind("onnx", "float32", "float32.onnx",
          lambda s: onnx_files.to_onnx(s.network, s.calibration.shape[1:])),
    _Kind("tflite", "int8", "int8.tflite",
          lambda s: tflite_files.to_int8(s.tflite, s.network.INPUT, s.calibration)),
    _Kind("tflite", "float16", "float16.tflite",
          lambda s: tflite_files.to_float16(s.tflite)),
    _Kind("tflite", "float32", "float32.tflite",
          lambda s: s.tflite),
    _Kind("tensorrt", "int8", "tensorrt.int8.onnx",
          lambda s: onnx_files.to_onnx_for_tensorrt(s.network, s.calibration)),
)  # fmt: skip
"""In the manifest's order: of each engine, first what it flies with."""

FORMATS = tuple(dict.fromkeys(kind.format for kind in _KINDS))


ENGINES = {"onnx": ">=1.17", "tflite": ">=1.2", "tensorrt": ">=10.3"}
"""Versions that run the files; as setup.py asks for."""


class _Needs(NamedTuple):
    """The packages that write a format, and the extra that brings them."""

    packages: tuple[str, ...]
    extra: str


_NEEDS = {
    "onnx": _Needs(("onnx",), "train"),
    "tflite": _Needs(("litert_torch", "ai_edge_quantizer"), "train-tflite"),
    "tensorrt": _Needs(("onnx",), "train"),
}


def export(
    pair: Pair,
    calibration: Calibration,
    checks: LabelledFrames,
    out: Path,
    *,
    name: str,
    version: str,
    release: int,
    score_threshold: float,
    formats: Iterable[str] | None = None,
) -> ModelBundle:
    """Write the files of both networks, check each pair, and write the bundle.

    Args:
        pair: with equal labels.
        calibration: whose values set the scales of eight bits.
        checks: labelled frames of the size that the bundle is for; some hundred modules.
        out: folder of the bundle.
        name: as in the manifest.
        version: as in the manifest.
        release: as in the manifest.
        score_threshold: as in the manifest.
        formats: of FORMATS; all that can be written here when None.

    Raises:
        TrainingError: the arguments do not fit, a tool is missing, files do not do
            what the networks do, or the folder cannot be written.
    """
    kinds = _chosen(formats)
    height, width = _fitting(checks)
    manifest = _manifest(
        pair, height, width,
        name=name, version=version, release=release, score_threshold=score_threshold,
    )  # fmt: skip
    sources = _sources(pair, calibration, manifest)
    reference = Reference(Both(*(of_torch(s.network) for s in sources)), checks, manifest)
    figures = {**provenance(pair, calibration, reference), **tool_versions()}
    contents: dict[str, bytes] = {}
    weights: list[list[WeightFile]] = [[], []]
    for kind in kinds:
        made = [_made(kind, source) for source in sources]
        figures |= agreement_figures(
            f"{kind.format}_{kind.precision}", _checked(kind, made, reference)
        )
        for source, content, listed in zip(sources, made, weights, strict=True):
            file = f"{part_of(source.network).name}.{kind.suffix}"
            contents[file] = content
            listed.append(bundle.describe(kind.format, file, content, kind.precision))
    return _write(out, _completed(manifest, weights, figures), contents, checks)


def _completed(manifest: Manifest, weights: list[list[WeightFile]], figures: Figures) -> Manifest:
    assert manifest.classifier is not None
    first, second = (tuple(listed) for listed in weights)
    classifier = manifest.classifier.model_copy(update={"weights": second})
    engines = {name: ENGINES[name] for name in dict.fromkeys(weight.format for weight in first)}
    return manifest.model_copy(update={
        "weights": first, "classifier": classifier, "training": figures, "engines": engines,
    })  # fmt: skip


def _fitting(checks: LabelledFrames) -> tuple[int, int]:
    """Height and width of the frames, if the finder can take them."""
    height, width = checks.images.shape[1:]
    if height % COARSE_STRIDE or width % COARSE_STRIDE:
        raise TrainingError(
            f"frames of {width}x{height} pixels do not fit the network",
            f"use a width and a height that are multiples of {COARSE_STRIDE}",
        )
    return height, width


def _sources(pair: Pair, calibration: Calibration, manifest: Manifest) -> tuple[_Source, _Source]:
    """Of the finder and the classifier."""
    assert manifest.classifier is not None
    batch = manifest.classifier.batch
    whole = len(calibration.regions) // batch
    if not whole or not len(calibration.frames):
        raise TrainingError(
            f"{len(calibration.regions)} regions of {len(calibration.frames)} frames are too few "
            "to calibrate with",
            f"give at least one frame and {batch} labelled things",
        )
    frames = calibration.frames[:, None, None]
    regions = calibration.regions[: whole * batch]
    batches = regions.reshape(whole, batch, 1, *regions.shape[1:])
    return _Source(pair.finder.network.twin(), frames), _Source(
        pair.classifier.network.twin(), batches
    )


def tiled(frames: NDArray[np.uint8], height: int, width: int) -> NDArray[np.uint8]:
    """Frames of a wanted size, smaller ones laid side by side.

    Raises:
        TrainingError: they do not fill one.
    """
    count, down, across = len(frames), height // frames.shape[1], width // frames.shape[2]
    whole = count // max(down * across, 1)
    if (down * frames.shape[1], across * frames.shape[2]) != (height, width) or not whole:
        raise TrainingError(
            f"{count} calibration frames of {frames.shape[2]}x{frames.shape[1]} pixels do not fill "
            f"one of {width}x{height}",
            "give more of them, or frames of the size of the check frames",
        )
    grid = frames[: whole * down * across].reshape(whole, down, across, *frames.shape[1:])
    return np.ascontiguousarray(grid.swapaxes(2, 3).reshape(whole, height, width))


def _chosen(formats: Iterable[str] | None) -> list[_Kind]:
    wanted = [name for name in FORMATS if not _missing(name)] if formats is None else list(formats)
    unknown = [name for name in wanted if name not in FORMATS]
    if unknown or not wanted:
        raise TrainingError(
            f"no file can be written for {', '.join(unknown) or 'any engine'}",
            f"choose from {', '.join(FORMATS)}, with their tools installed",
        )
    for name in wanted:
        missing = _missing(name)
        if missing:
            raise TrainingError(
                f"files for {name} need the Python package {missing}",
                f"install the extra: pip install 'edge_infer[{_NEEDS[name].extra}]'",
            )
    return [kind for kind in _KINDS if kind.format in wanted]


def _missing(format_: str) -> str | None:
    """The first package that a format needs and that is not installed."""
    return next((name for name in _NEEDS[format_].packages if find_spec(name) is None), None)


def _manifest(pair: Pair, height: int, width: int, **given: Any) -> Manifest:
    """The manifest without weights and figures; raises TrainingError for a value it cannot hold."""
    if pair.finder.labels != pair.classifier.labels:
        raise TrainingError(
            "finder and classifier were trained with different classes", "train both on one data"
        )
    try:
        return Manifest.model_validate(
            {**manifest_of(pair.finder.labels, height, width).model_dump(), **given}
        )
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        key = ".".join(str(part) for part in first["loc"])
        raise TrainingError(
            f"no model can have {first['input']!r} as its {key} ({first['msg']})",
            f"give another {key}",
        ) from None


def _made(kind: _Kind, source: _Source) -> bytes:
    try:
        return kind.make(source)
    # The tools' exceptions share no base class but Exception.
    except Exception as error:
        raise TrainingError(
            f"the {kind.precision} file for {kind.format} cannot be made "
            f"({first_line(error)[:120]})",
            f"install the versions of the extra {_NEEDS[kind.format].extra}, or leave it out",
        ) from error


def _checked(kind: _Kind, contents: list[bytes], reference: Reference) -> Agreement:
    """How well a pair of files agrees; raises TrainingError when that is not well enough."""
    with ExitStack() as stack:
        answers = [stack.enter_context(_opened(kind, content)) for content in contents]
        found = reference.compare(Both(*answers))
    allowed, own = TOLERANCES[kind.precision], reference.modules
    lost = max(
        own.accuracy - found.modules.accuracy,
        own.binary_accuracy - found.modules.binary_accuracy,
    )
    # Written so that NaN is refused, too.
    if not (
        found.score_mean <= allowed.score
        and found.corner_mean_px <= allowed.corner_px
        and found.kind_mean <= allowed.kind
        and lost <= allowed.accuracy
    ):
        raise TrainingError(
            f"the {kind.precision} files for {kind.format} do not do what the networks do (scores "
            f"differ by {found.score_mean:.4f}, corners by {found.corner_mean_px:.2f} pixels, "
            f"kinds by {found.kind_mean:.4f}, {lost:.1%} of the modules are lost)",
            "calibrate and check with more frames, train on with edge-infer train qat, or "
            "leave the format out",
        )
    return found


@contextmanager
def _opened(kind: _Kind, content: bytes) -> Iterator[Answer]:
    """A file in the engine that reads it, or for TensorRT in one that follows it to the letter."""
    if kind.format == "tensorrt":
        yield onnx_files.as_written(content)
        return
    with TemporaryDirectory(prefix="edge_infer_") as folder:
        file = Path(folder) / kind.suffix
        file.write_bytes(content)
        backend = registry.load(kind.format, file)
        try:
            # The engine writes into the same buffers each time; who compares keeps all.
            yield lambda image: [result.copy() for result in backend.infer([image])]
        finally:
            backend.close()


def _write(
    out: Path, manifest: Manifest, files: Mapping[str, bytes], checks: LabelledFrames
) -> ModelBundle:
    """The bundle, with the first check frame as its golden input."""
    frame = CameraFrame(checks.images[0], "mono8", 0, "check")
    try:
        with TemporaryDirectory(prefix="edge_infer_") as folder:
            written = bundle.write(folder, manifest, files)
            sealed = seal(written, Path(folder), [encode(frame, manifest.input)])
            return bundle.write_contents(out, sealed.contents())
    except (ModelError, BackendError) as error:
        raise TrainingError(error.problem, error.remedy) from error
    except OSError as error:
        raise TrainingError(
            f"{out} cannot be written ({error.strerror})", "make room there, or name another folder"
        ) from error
