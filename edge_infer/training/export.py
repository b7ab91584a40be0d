"""A trained network becomes a bundle: a file for every engine, each checked against it.

A file that does not do what the network does is never written. How far each one is
off, and what it was made of, stands in the manifest.
"""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from edge_infer.backends import registry
from edge_infer.datasets.frames import LabelledFrames
from edge_infer.errors import TrainingError, first_line
from edge_infer.evaluation.scores import ModuleScore
from edge_infer.models import bundle
from edge_infer.models.bundle import ModelBundle
from edge_infer.models.manifest import Manifest, Precision
from edge_infer.training import onnx_files, tflite_files
from edge_infer.training.agreement import Agreement, Answer, Reference
from edge_infer.training.checkpoint import Trained, history, network_like
from edge_infer.training.judge import manifest_of
from edge_infer.training.network import COARSE_STRIDE, Network


class Tolerance(NamedTuple):
    """How far a file may be off and still do what the network does.

    Attributes:
        score: mean difference of the chances of a fault.
        box_px: mean difference of a side of a box, pixels.
        accuracy: share of the modules that it may take for the wrong thing and the
            network does not.
    """

    score: float
    box_px: float
    accuracy: float


TOLERANCES: Mapping[Precision, Tolerance] = {
    "float32": Tolerance(0.0005, 0.01, 0.002),
    "float16": Tolerance(0.003, 0.05, 0.005),
    "int8": Tolerance(0.03, 1.0, 0.02),
}


@dataclass(frozen=True, eq=False)
class _Source:
    """What all files are made from."""

    network: Network
    calibration: NDArray[np.uint8]

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the image."""
        height, width = self.calibration.shape[1:]
        return height, width

    @cached_property
    def tflite(self) -> bytes:
        """Made once: the conversion takes some seconds, and the other precisions start there."""
        return tflite_files.to_tflite(self.network, *self.size)


class _Kind(NamedTuple):
    """One file of a bundle."""

    format: str
    precision: Precision
    file: str
    make: Callable[[_Source], bytes]


_KINDS = (
    _Kind("onnx", "int8", "model.int8.onnx",
          lambda s: onnx_files.to_onnx_int8(s.network, s.calibration)),
    _Kind("onnx", "float32", "model.float32.onnx",
          lambda s: onnx_files.to_onnx(s.network, *s.size)),
    _Kind("tflite", "int8", "model.int8.tflite",
          lambda s: tflite_files.to_int8(s.tflite, s.calibration)),
    _Kind("tflite", "float16", "model.float16.tflite",
          lambda s: tflite_files.to_float16(s.tflite)),
    _Kind("tflite", "float32", "model.float32.tflite",
          lambda s: s.tflite),
    _Kind("tensorrt", "int8", "model.tensorrt.int8.onnx",
          lambda s: onnx_files.to_onnx_for_tensorrt(s.network, s.calibration)),
)  # fmt: skip
"""In the manifest's order: of each engine, first what it flies with."""

FORMATS = tuple(dict.fromkeys(kind.format for kind in _KINDS))


class _Needs(NamedTuple):
    """The packages that write a format, and the extra that brings them."""

    packages: tuple[str, ...]
    extra: str


_NEEDS = {
    "onnx": _Needs(("onnx",), "train"),
    "tflite": _Needs(("litert_torch", "ai_edge_quantizer"), "train-tflite"),
    "tensorrt": _Needs(("onnx",), "train"),
}

_NAMED_VERSIONS = ("torch", "onnx", "onnxruntime", "litert-torch", "ai-edge-quantizer", "numpy")
"""Distributions that decide the bytes of the files."""


def export(
    trained: Trained,
    calibration: NDArray[np.uint8],
    checks: LabelledFrames,
    out: Path,
    *,
    name: str,
    version: str,
    release: int,
    score_threshold: float,
    formats: Iterable[str] | None = None,
) -> ModelBundle:
    """Write the files of a network, check each, and write the bundle.

    Args:
        trained: the network and how it came about.
        calibration: (n, h, w) frames whose values set the scales of eight bits; of the
            checks' size, or so many times smaller that they fill it side by side.
        checks: labelled frames of the size that the bundle is for; some hundred modules.
        out: folder of the bundle.
        name: as in the manifest.
        version: as in the manifest.
        release: as in the manifest.
        score_threshold: as in the manifest.
        formats: of FORMATS; all that can be written here when None.

    Raises:
        TrainingError: the arguments do not fit, a tool is missing, a file does not do
            what the network does, or the folder cannot be written.
    """
    kinds = _chosen(formats)
    height, width = checks.images.shape[1:]
    manifest = _manifest(
        trained, height, width,
        name=name, version=version, release=release, score_threshold=score_threshold,
    )  # fmt: skip
    source = _Source(network_like(trained.network), tiled(calibration, height, width))
    reference = Reference(source.network, checks, manifest)
    figures = {**_provenance(trained.record, source, reference), **_versions()}
    files = {}
    for kind in kinds:
        content = _made(kind, source)
        figures |= _figures(kind, _checked(kind, content, reference))
        files[kind] = content
    weights = tuple(bundle.describe(k.format, k.file, c, k.precision) for k, c in files.items())
    manifest = manifest.model_copy(update={"weights": weights, "training": figures})
    return _write(out, manifest, {kind.file: content for kind, content in files.items()})


def tiled(frames: NDArray[np.uint8], height: int, width: int) -> NDArray[np.uint8]:
    """Frames of a wanted size, smaller ones laid side by side.

    Raises:
        TrainingError: they do not fill it, or the network cannot take that size.
    """
    if height % COARSE_STRIDE or width % COARSE_STRIDE:
        raise TrainingError(
            f"frames of {width}x{height} pixels do not fit the network",
            f"use a width and a height that are multiples of {COARSE_STRIDE}",
        )
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


def _manifest(trained: Trained, height: int, width: int, **given: Any) -> Manifest:
    """The manifest without weights and figures; raises TrainingError for a value it cannot hold."""
    try:
        return Manifest.model_validate(
            {**manifest_of(trained.labels, height, width).model_dump(), **given}
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


def _checked(kind: _Kind, content: bytes, reference: Reference) -> Agreement:
    """How well a file agrees; raises TrainingError when that is not well enough."""
    with _opened(kind, content) as answer:
        found = reference.compare(answer)
    allowed, own = TOLERANCES[kind.precision], reference.modules
    lost = max(
        own.accuracy - found.modules.accuracy,
        own.binary_accuracy - found.modules.binary_accuracy,
    )
    # Written so that NaN is refused, too.
    if not (
        found.score_mean <= allowed.score
        and found.box_mean_px <= allowed.box_px
        and lost <= allowed.accuracy
    ):
        raise TrainingError(
            f"the {kind.precision} file for {kind.format} does not do what the network does "
            f"(scores differ by {found.score_mean:.4f}, boxes by {found.box_mean_px:.2f} pixels, "
            f"{lost:.1%} of the modules are lost)",
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
        file = Path(folder) / kind.file
        file.write_bytes(content)
        backend = registry.load(kind.format, file)
        try:
            yield lambda image: backend.infer([image])
        finally:
            backend.close()


Figures = dict[str, str | int | float]


def _provenance(record: Mapping[str, Any], source: _Source, reference: Reference) -> Figures:
    """What the network was made of and is worth, as far as the record of its run says."""
    keys = ("parameters", "multiplications")
    return {
        **{f"step_{n}": step["command"] for n, step in enumerate(history(record), 1)},
        **{key: record[key] for key in keys if key in record},
        "seed": record.get("config", {}).get("seed", 0),
        "data_sha256": record.get("data", {}).get("sha256", "drawn"),
        "calibration_frames": len(source.calibration),
        "check_modules": int(reference.modules.confusion.sum()),
        **_accuracies("", reference.modules),
    }


def _versions() -> Figures:
    versions: Figures = {"python": platform.python_version()}
    for name in _NAMED_VERSIONS:
        if find_spec(name.replace("-", "_")):
            versions[name.replace("-", "_")] = metadata.version(name)
    return versions


def _figures(kind: _Kind, found: Agreement) -> Figures:
    key = f"{kind.format}_{kind.precision}_"
    return {
        **_accuracies(key, found.modules),
        f"{key}score_difference": round(found.score_mean, 5),
        f"{key}score_difference_max": round(found.score_max, 5),
        f"{key}box_difference_px": round(found.box_mean_px, 4),
        f"{key}box_difference_max_px": round(found.box_max_px, 3),
    }


def _accuracies(key: str, modules: ModuleScore) -> Figures:
    return {
        f"{key}binary_accuracy": round(modules.binary_accuracy, 4),
        f"{key}class_accuracy": round(modules.accuracy, 4),
    }


def _write(out: Path, manifest: Manifest, files: Mapping[str, bytes]) -> ModelBundle:
    try:
        return bundle.write(out, manifest, files)
    except OSError as error:
        raise TrainingError(
            f"{out} cannot be written ({error.strerror})", "make room there, or name another folder"
        ) from error
