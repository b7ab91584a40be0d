"""CameraFrame in, Detections out, with the time of each stage.

The clock is handed in, so a replay can use its own. Use a pipeline from one
thread at a time: it reuses its input buffer.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from edge_infer.backends.base import InferenceBackend, TensorSpec
from edge_infer.domain import CameraFrame, Detections
from edge_infer.errors import InferenceError
from edge_infer.models.manifest import Manifest
from edge_infer.perception.decode import decode, decoder
from edge_infer.perception.preprocess import Preprocessor


class StageTimes(NamedTuple):
    """How long one frame took, milliseconds."""

    preprocess_ms: float
    infer_ms: float
    decode_ms: float

    @property
    def total_ms(self) -> float:
        """From the frame to its detections."""
        return sum(self)


class Pipeline:
    """One model, ready to look at frames.

    Args:
        manifest: of the model.
        backend: its weights, loaded.
        clock_ns: a monotonic clock, such as time.perf_counter_ns.

    Raises:
        InferenceError: the weights do not take what the manifest says.
        DecodeError: the manifest's head is not known.
    """

    def __init__(
        self, manifest: Manifest, backend: InferenceBackend, clock_ns: Callable[[], int]
    ) -> None:
        self.manifest = manifest
        self._backend = backend
        self._clock_ns = clock_ns
        self._preprocess = Preprocessor(manifest.input)
        decoder(manifest.head)
        _check_input(manifest, backend)

    def __call__(self, frame: CameraFrame) -> tuple[Detections, StageTimes]:
        """Detections in pixels of the frame, best first.

        Raises:
            InferenceError: the engine failed.
            DecodeError: its outputs do not have the head's shape.
        """
        start = self._clock_ns()
        tensor, box = self._preprocess(frame)
        prepared = self._clock_ns()
        outputs = self._backend.infer([tensor])
        inferred = self._clock_ns()
        found = decode(outputs, self.manifest)
        found = Detections(box.to_source(found.xyxy), found.confidence, found.class_id)
        decoded = self._clock_ns()
        return found, StageTimes(
            (prepared - start) / 1e6, (inferred - prepared) / 1e6, (decoded - inferred) / 1e6
        )


def _check_input(manifest: Manifest, backend: InferenceBackend) -> None:
    stated = TensorSpec(manifest.input.name, manifest.input.shape, manifest.input.dtype)
    if len(backend.inputs) != 1 or not stated.fits(backend.inputs[0]):
        raise InferenceError(
            f"the weights take {_words(backend.inputs)}, the manifest says {_words([stated])}",
            "use a bundle whose manifest belongs to its weights",
        )


def _words(specs: Sequence[TensorSpec]) -> str:
    return " and ".join(f"{spec.name!r} {spec.dtype} {list(spec.shape)}" for spec in specs)
