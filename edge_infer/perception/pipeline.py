"""CameraFrame in, Detections out, with the time of each stage.

The clock is handed in, so a replay can use its own. Use a pipeline from one
thread at a time: it reuses its input buffers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from edge_infer.backends import registry
from edge_infer.backends.base import InferenceBackend, TensorSpec
from edge_infer.domain import CameraFrame, Detections
from edge_infer.errors import InferenceError, ModelError
from edge_infer.models.bundle import ModelBundle
from edge_infer.models.manifest import Manifest
from edge_infer.outlines import bounds
from edge_infer.perception.classify import RegionClassifier
from edge_infer.perception.decode import Found, decode, decode_outlines, decoder
from edge_infer.perception.preprocess import Preprocessor


class StageTimes(NamedTuple):
    """How long one frame took, milliseconds.

    Attributes:
        preprocess_ms: from the frame to the network's input.
        infer_ms: the network that looks at the frame.
        decode_ms: from its outputs to boxes or outlines.
        classify_ms: cutting out what was found, and the second network; 0 without one.
    """

    preprocess_ms: float
    infer_ms: float
    decode_ms: float
    classify_ms: float

    @property
    def total_ms(self) -> float:
        """From the frame to its detections."""
        return sum(self)


class Pipeline:
    """One model, ready to look at frames.

    Args:
        manifest: of the model.
        backend: the weights of the network that looks at the frame, loaded.
        clock_ns: a monotonic clock, such as time.perf_counter_ns.
        classifier: the weights of the second network, where the manifest has one.
        faulty_share: of the things in view, as RegionClassifier takes it.

    Raises:
        InferenceError: the weights do not take what the manifest says.
        DecodeError: the manifest's head is not known.
    """

    def __init__(
        self,
        manifest: Manifest,
        backend: InferenceBackend,
        clock_ns: Callable[[], int],
        classifier: InferenceBackend | None = None,
        faulty_share: float | None = None,
    ) -> None:
        self.manifest = manifest
        self._backends = [backend] + ([classifier] if classifier else [])
        self._clock_ns = clock_ns
        self._preprocess = Preprocessor(manifest.input)
        _check_inputs(manifest, self._backends)
        self._classify = None
        if manifest.classifier and classifier:
            self._classify = RegionClassifier(
                manifest.classifier, len(manifest.labels), classifier, faulty_share
            )
        else:
            decoder(manifest.head)

    @classmethod
    def open(
        cls,
        bundle: ModelBundle,
        engine: str,
        clock_ns: Callable[[], int],
        *,
        precision: str | None = None,
        threads: int = 1,
        score_threshold: float | None = None,
        faulty_share: float | None = None,
    ) -> Pipeline:
        """Load all networks of a bundle into an engine.

        Args:
            bundle: on disk, checked.
            engine: by its name in the registry.
            clock_ns: as above.
            precision: of the weights; the first in the manifest when None.
            threads: of the engine.
            score_threshold: instead of the manifest's.
            faulty_share: as above.

        Raises:
            ModelError: the bundle holds no such weights, or nothing that a share could change.
            BackendError: the engine cannot run them.
        """
        manifest = bundle.manifest
        if faulty_share is not None and manifest.classifier is None:
            raise ModelError(
                f"model {manifest.name} {manifest.version} has no classifier that knows of healthy "
                "things",
                "leave faulty_share at 0, and raise the score threshold instead",
            )
        if score_threshold is not None:
            manifest = manifest.model_copy(update={"score_threshold": score_threshold})
        with ExitStack() as loaded:
            backend = registry.load(engine, bundle.weights(engine, precision), threads=threads)
            loaded.callback(backend.close)
            second = bundle.classifier_weights(engine, precision)
            classifier = registry.load(engine, second, threads=threads) if second else None
            if classifier:
                loaded.callback(classifier.close)
            pipeline = cls(manifest, backend, clock_ns, classifier, faulty_share)
            loaded.pop_all()
        return pipeline

    def __call__(self, frame: CameraFrame) -> tuple[Detections, StageTimes]:
        """Detections in pixels of the frame, best first.

        Raises:
            InferenceError: an engine failed.
            DecodeError: its outputs do not have the head's shape.
        """
        start = self._clock_ns()
        tensor, box = self._preprocess(frame)
        prepared = self._clock_ns()
        outputs = self._backends[0].infer([tensor])
        inferred = self._clock_ns()
        if self._classify is None:
            found = decode(outputs, self.manifest)
            decoded = classified = self._clock_ns()
        else:
            things = decode_outlines(outputs, self.manifest)
            decoded = self._clock_ns()
            found = self._named(things, tensor, self._classify)
            classified = self._clock_ns()
        found = Detections(box.to_source(found.xyxy), found.confidence, found.class_id)
        return found, StageTimes(
            (prepared - start) / 1e6, (inferred - prepared) / 1e6,
            (decoded - inferred) / 1e6, (classified - decoded) / 1e6,
        )  # fmt: skip

    def close(self) -> None:
        """Free the engines."""
        for backend in self._backends:
            backend.close()

    def _named(self, things: Found, tensor: NDArray[Any], classify: RegionClassifier) -> Detections:
        """What is faulty of what was found, in input pixels, best first."""
        image = tensor.reshape(self.manifest.input.height, self.manifest.input.width)
        chances = classify(image, things.outline)
        score = chances.sum(axis=1) * things.score
        order = np.argsort(-score, kind="stable")
        order = order[score[order] >= self.manifest.score_threshold]
        class_id = chances[order].argmax(axis=1).astype(np.int32)
        return Detections(bounds(things.outline[order]), score[order], class_id)


def _check_inputs(manifest: Manifest, backends: Sequence[InferenceBackend]) -> None:
    stated = [TensorSpec(manifest.input.name, manifest.input.shape, manifest.input.dtype)]
    if manifest.classifier:
        spec = manifest.classifier
        stated.append(TensorSpec(spec.input, spec.shape, "uint8"))
    taken = [backend.inputs for backend in backends]
    fit = len(taken) == len(stated) and all(
        len(inputs) == 1 and spec.fits(inputs[0])
        for spec, inputs in zip(stated, taken, strict=True)
    )
    if not fit:
        raise InferenceError(
            f"the weights take {_words([spec for inputs in taken for spec in inputs])}, "
            f"the manifest says {_words(stated)}",
            "use a bundle whose manifest belongs to its weights",
        )


def _words(specs: Sequence[TensorSpec]) -> str:
    return " and ".join(f"{spec.name!r} {spec.dtype} {list(spec.shape)}" for spec in specs)
