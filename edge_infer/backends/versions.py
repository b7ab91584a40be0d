"""Which version of an engine is installed, as far as its package says so; nothing is loaded."""

from __future__ import annotations

from importlib import metadata

DISTRIBUTIONS = {
    "onnx": ("onnxruntime", "onnxruntime-gpu", "onnxruntime-openvino"),
    "tflite": ("ai-edge-litert", "tflite-runtime", "tensorflow"),
    "tensorrt": ("tensorrt",),
}
"""Engine -> the packages that may bring it, the preferred one first."""


def version_of(engine: str) -> str | None:
    """Of an engine without its device; None where no package that is known here brings it."""
    return next(filter(None, map(_version, DISTRIBUTIONS.get(engine, ()))), None)


def _version(distribution: str) -> str | None:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None
