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

"""Whether files of weights say what the networks say, on frames with known answers.

Compared are the finder's chances and corners at the places where it is surest, and the
classifier's chances on the regions there, because what follows would turn a tiny
difference into another box; and what both together make of the modules in the
pipeline itself, because that is what counts in the end.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from edge_infer.backends.base import Tensor, TensorSpec
from edge_infer.datasets.frames import LabelledFrames
from edge_infer.domain import CameraFrame
from edge_infer.evaluation.scores import ModuleScore, module_score
from edge_infer.models.manifest import Manifest
from edge_infer.perception.classify import RegionClassifier
from edge_infer.perception.heads.outlines import Found, decode_outlines, read_outlines
from edge_infer.perception.pipeline import Pipeline
from edge_infer.training.networks.parts import Network

PLACES = 100
"""Of each frame, those where a thing is likeliest."""

Answer = Callable[[NDArray[np.uint8]], Sequence[Tensor]]
"""What a network or a file of weights makes of a batch of images."""


class Both(NamedTuple):
    """The two networks of a detector, or files of them."""

    finder: Answer
    classifier: Answer


class Agreement(NamedTuple):
    """How far files are from the networks.

    Attributes:
        score_mean, score_max: difference of the chances that a thing is there.
        corner_mean_px, corner_max_px: difference of a coordinate of a corner.
        kind_mean, kind_max: difference of the chances of a kind.
        modules: what the files together take the modules for.
    """

    score_mean: float
    score_max: float
    corner_mean_px: float
    corner_max_px: float
    kind_mean: float
    kind_max: float
    modules: ModuleScore


class Reference:
    """The networks' answers on the check frames.

    Args:
        own: the networks.
        frames: with labels.
        manifest: how to decode.

    Attributes:
        modules: what the networks together take the modules for.
        regions_per_frame: how many things the finder finds in a frame, on average.
    """

    def __init__(self, own: Both, frames: LabelledFrames, manifest: Manifest) -> None:
        self._frames = frames
        self._manifest = manifest
        maps = [own.finder(image) for image in _images(frames)]
        self._places = [_best(one) for one in maps]
        self._found = self._read(maps)
        self._chances = self._kinds(own.classifier)
        self.regions_per_frame = float(
            np.mean([len(decode_outlines(one, manifest).score) for one in maps])
        )
        self.modules = self._judge(own)

    def compare(self, files: Both) -> Agreement:
        """Ask files the same."""
        maps = [files.finder(image) for image in _images(self._frames)]
        found = self._read(maps)
        score = np.abs(_joined(found, "score") - _joined(self._found, "score"))
        corner = np.abs(_joined(found, "outline") - _joined(self._found, "outline"))
        kind = np.abs(self._kinds(files.classifier) - self._chances)
        return Agreement(
            float(score.mean()), float(score.max()), float(corner.mean()), float(corner.max()),
            float(kind.mean()), float(kind.max()), self._judge(files),
        )  # fmt: skip

    def _read(self, maps: Sequence[Sequence[Tensor]]) -> list[Found]:
        """What maps say at the networks' own best places of each frame."""
        return [
            read_outlines(one, self._manifest, *places)
            for one, places in zip(maps, self._places, strict=True)
        ]

    def _kinds(self, classifier: Answer) -> NDArray[np.float32]:
        """(n, labels) chances at the networks' own outlines of all frames."""
        spec = self._manifest.classifier
        assert spec is not None
        labels = len(self._manifest.labels)
        classify = RegionClassifier(spec, labels, self._as_classifier(classifier))
        images = self._frames.images
        return np.concatenate(
            [classify(i, found.outline) for i, found in zip(images, self._found, strict=True)]
        )

    def _as_classifier(self, answer: Answer) -> _Asked:
        spec = self._manifest.classifier
        assert spec is not None
        return _Asked(answer, TensorSpec(spec.input, spec.shape, "uint8"))

    def _judge(self, both: Both) -> ModuleScore:
        """In the pipeline itself."""
        spec = self._manifest.input
        pipeline = Pipeline(
            self._manifest,
            [
                _Asked(both.finder, TensorSpec(spec.name, spec.shape, spec.dtype)),
                self._as_classifier(both.classifier),
            ],
            lambda: 0,
        )
        found = (pipeline(CameraFrame(i, "mono8", 0, "camera"))[0] for i in self._frames.images)
        return module_score(found, self._frames.boxes, len(self._manifest.labels))


class _Asked:
    """An answer as an engine, so that it can take one's place in the pipeline."""

    outputs: tuple[TensorSpec, ...] = ()
    metadata: Mapping[str, str] = MappingProxyType({})

    def __init__(self, answer: Answer, takes: TensorSpec) -> None:
        self.inputs: tuple[TensorSpec, ...] = (takes,)
        self._answer = answer

    @classmethod
    def check(cls) -> None:
        """It can always run."""

    @classmethod
    def load(cls, weights: object, *, threads: int = 1) -> _Asked:
        """It is not loaded from files."""
        raise NotImplementedError

    def infer(self, tensors: Sequence[Tensor]) -> list[Tensor]:
        """See InferenceBackend."""
        return list(self._answer(tensors[0]))

    def close(self) -> None:
        """Nothing to free."""


def of_torch(network: Network) -> Answer:
    """The answers of a network."""

    def answer(images: NDArray[np.uint8]) -> list[Tensor]:
        with torch.no_grad():
            outputs = network(torch.from_numpy(images))
        parts = [outputs] if isinstance(outputs, torch.Tensor) else outputs
        return [part.numpy() for part in parts]

    return answer


def _images(frames: LabelledFrames) -> Sequence[NDArray[np.uint8]]:
    return [np.ascontiguousarray(image[None, None]) for image in frames.images]


def _best(maps: Sequence[Tensor]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Rows and columns of the places where a thing is likeliest."""
    there = maps[1][0, 0]
    y, x = np.divmod(np.argsort(there.ravel())[-PLACES:], there.shape[1])
    return y, x


def _joined(found: Sequence[Found], name: str) -> NDArray[Any]:
    return np.concatenate([getattr(part, name) for part in found])
