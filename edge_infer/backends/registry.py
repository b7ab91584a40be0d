"""The engines by name, imported on first use.

The name is also the ``format`` of the weight file in a bundle that the engine
reads.
"""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import cast

from edge_infer.backends.base import InferenceBackend
from edge_infer.errors import BackendUnavailableError

BACKENDS = {
    "onnx": "edge_infer.backends.onnx:OnnxBackend",
    "tflite": "edge_infer.backends.tflite:TfliteBackend",
}
"""Engine name -> module:class."""


def backend_class(name: str) -> type[InferenceBackend]:
    """The class of an engine; raises BackendUnavailableError for an unknown name."""
    if name not in BACKENDS:
        raise BackendUnavailableError(
            f"there is no engine called {name!r}", f"choose one of {', '.join(BACKENDS)}"
        )
    module, _, attribute = BACKENDS[name].partition(":")
    return cast("type[InferenceBackend]", getattr(importlib.import_module(module), attribute))


def load(name: str, weights: Path, *, threads: int = 1) -> InferenceBackend:
    """Load weights into an engine; raises BackendError."""
    return backend_class(name).load(weights, threads=threads)


def available() -> dict[str, str | None]:
    """Engine name -> None when it can run here, else the reason why not."""
    return {name: _absence(name) for name in BACKENDS}


def _absence(name: str) -> str | None:
    try:
        backend_class(name).check()
    except BackendUnavailableError as error:
        return str(error)
    return None
