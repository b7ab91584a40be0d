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

"""CameraFrame in, Detections out, with the time of each stage.

The clock is handed in, so a replay can use its own. Use a pipeline from one
thread at a time: it reuses its input buffers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import chain
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from edge_infer.backends import registry
from edge_infer.backends.base import Network, Options, Tell, TensorSpec, quiet
from edge_infer.backends.registry import Engine
from edge_infer.domain import CameraFrame, Detections
from edge_infer.errors import EdgeInferError, InferenceError, ModelError
from edge_infer.models.bundle import ModelBundle
from edge_infer.models.manifest import Manifest
from edge_infer.outlines import bounds
from edge_infer.perception.classify import RegionClassifier
from edge_infer.perception.decode import decode, decoder
from edge_infer.perception.heads.outlines import Found, decode_outlines
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
        networks: of the model, loaded: the one that looks at the frame and, where the manifest
            has a classifier, that one.
        clock_ns: a monotonic clock, such as time.perf_counter_ns.
        faulty_share: of the things in view, as RegionClassifier takes it.

    Raises:
        InferenceError: the weights do not take what the manifest says.
        DecodeError: the manifest's head is not known.
        ModelError: the model knows nothing that a share could change.
    """

    def __init__(
        self,
        manifest: Manifest,
        networks: Sequence[Network],
        clock_ns: Callable[[], int],
        faulty_share: float | None = None,
    ) -> None:
        self.manifest = manifest
        self._networks = tuple(networks)
        self._clock_ns = clock_ns
        self._preprocess = Preprocessor(manifest.input)
        size = [[manifest.input.width, manifest.input.height]]
        self._size = [np.array(size, np.int64)] if manifest.input.size_input else []
        _check_share(manifest, faulty_share)
        _check_inputs(manifest, networks)
        self._classify = None
        if manifest.classifier:
            self._classify = RegionClassifier(
                manifest.classifier, len(manifest.labels), networks[1], faulty_share
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
        tell: Tell = quiet,
    ) -> Pipeline:
        """Load all networks of a bundle into one engine, with nothing to stand in for it.

        Args:
            bundle: on disk, checked.
            engine: by its name in the registry.
            clock_ns: as above.
            precision: of the weights; the first in the manifest when None.
            threads: of the engine.
            score_threshold: instead of the manifest's.
            faulty_share: as above.
            tell: told how far a load is that takes its time.

        Raises:
            ModelError: the bundle holds no such weights, or nothing that a share could change.
            BackendError: the engine cannot run them.
        """
        manifest = bundle.manifest.with_threshold(score_threshold)
        _check_share(manifest, faulty_share)
        networks = engine_of(bundle, engine, precision, threads).load(tell)
        try:
            return cls(manifest, networks, clock_ns, faulty_share)
        except EdgeInferError:
            for network in networks:
                network.close()
            raise

    def __call__(self, frame: CameraFrame) -> tuple[Detections, StageTimes]:
        """Detections in pixels of the frame, best first.

        Raises:
            InferenceError: an engine failed.
            DecodeError: its outputs do not have the head's shape.
        """
        return self.batch([frame])[0]

    def batch(self, frames: Sequence[CameraFrame]) -> list[tuple[Detections, StageTimes]]:
        """The same for several frames, at most ``InputSpec.batch`` of them.

        What they have in common, the network, counts in equal shares.
        """
        start = self._clock_ns()
        tensor, boxes = self._preprocess.batch(frames)
        prepared = self._clock_ns()
        outputs = self._networks[0].infer([tensor, *self._size])
        inferred = self._clock_ns()
        shared = (prepared - start) / 1e6 / len(frames), (inferred - prepared) / 1e6 / len(frames)
        seen = []
        for index, box in enumerate(boxes):
            own = slice(index, index + 1)
            parts = outputs if len(frames) == 1 else [output[own] for output in outputs]
            found, took = self._read(tensor[own], parts)
            found = Detections(box.to_source(found.xyxy), found.confidence, found.class_id)
            seen.append((found, StageTimes(*shared, *took)))
        return seen

    def close(self) -> None:
        """Free the engines."""
        for network in self._networks:
            network.close()

    def _read(
        self, tensor: NDArray[Any], outputs: Sequence[NDArray[Any]]
    ) -> tuple[Detections, tuple[float, float]]:
        """What the outputs of one frame say, in input pixels, and what each look took, ms."""
        start = self._clock_ns()
        if self._classify is None:
            found = decode(outputs, self.manifest)
            return found, ((self._clock_ns() - start) / 1e6, 0.0)
        things = decode_outlines(outputs, self.manifest)
        decoded = self._clock_ns()
        found = self._named(things, tensor, self._classify)
        return found, ((decoded - start) / 1e6, (self._clock_ns() - decoded) / 1e6)

    def _named(self, things: Found, tensor: NDArray[Any], classify: RegionClassifier) -> Detections:
        """What is faulty of what was found, in input pixels, best first."""
        image = tensor.reshape(self.manifest.input.height, self.manifest.input.width)
        chances = classify(image, things.outline)
        score = chances.sum(axis=1) * things.score
        order = np.argsort(-score, kind="stable")
        order = order[score[order] >= self.manifest.score_threshold]
        class_id = chances[order].argmax(axis=1).astype(np.int32)
        return Detections(bounds(things.outline[order]), score[order], class_id)


def engine_of(
    bundle: ModelBundle, name: str, precision: str | None = None, threads: int = 1
) -> Engine:
    """An engine and the files of a bundle for it; raises ModelError when there are none."""
    format_, _ = registry.split(name)
    first = bundle.weights(format_, precision)
    second = bundle.classifier_weights(format_, precision)
    weights = (first, second) if second else (first,)
    return Engine(name, weights, Options(threads=threads), bundle.manifest.outputs)


def _check_share(manifest: Manifest, faulty_share: float | None) -> None:
    if faulty_share is not None and manifest.classifier is None:
        raise ModelError(
            f"model {manifest.name} {manifest.version} has no classifier that knows of healthy "
            "things",
            "leave faulty_share at 0, and raise the score threshold instead",
        )


def _check_inputs(manifest: Manifest, networks: Sequence[Network]) -> None:
    first = manifest.input
    stated = [[TensorSpec(first.name, first.shape, first.dtype)]]
    if first.size_input:
        stated[0].append(TensorSpec(first.size_input, (1, 2), "int64"))
    if manifest.classifier:
        spec = manifest.classifier
        stated.append([TensorSpec(spec.input, spec.shape, "uint8")])
    taken = [network.inputs for network in networks]
    fit = [len(specs) for specs in stated] == [len(specs) for specs in taken] and all(
        want.fits(have) for want, have in zip(chain(*stated), chain(*taken), strict=True)
    )
    if fit and first.batch > 1 and taken[0][0].shape[0] is not None:
        raise InferenceError(
            f"the weights take {taken[0][0].shape[0]} frame at once, the manifest says "
            f"{first.batch}",
            "export the weights with an open first dimension, or state a batch of 1",
        )
    if not fit:
        raise InferenceError(
            f"the weights take {_words(chain(*taken))}, the manifest says {_words(chain(*stated))}",
            "use a bundle whose manifest belongs to its weights",
        )


def _words(specs: Iterable[TensorSpec]) -> str:
    return " and ".join(f"{spec.name!r} {spec.dtype} {list(spec.shape)}" for spec in specs)
